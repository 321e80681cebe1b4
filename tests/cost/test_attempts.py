"""What several attempts tell of retries: figures by hand, intervals by simulation."""

import math

import numpy as np
import pytest

from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.retries import RetryResult
from tailqa.cost.attempts import measure_retries
from tailqa.cost.redrawn import AttemptCounts
from tailqa.cost.retry import BetaBinomial, fit_many, unbiased_pass_at

R1 = (1, 1, 3, 2, 8)
DISTILLED = (3, 1, 4, 1, 6)


def counts(right, made: int = 5, **changes) -> AttemptCounts:
    right = [int(c) for c in right]
    values = {"name": "s", "weight": 1.0, "right": right, "made": [made] * len(right)}
    return AttemptCounts(**(values | changes))


def drawn(truth: BetaBinomial, n: int, made: int, rng: np.random.Generator) -> list[int]:
    return rng.binomial(made, rng.beta(truth.a, truth.b, n)).tolist()


def measured(*strata: AttemptCounts, seed: int = 0, **options) -> tuple[RetryResult, ...]:
    rng = np.random.default_rng(seed)
    return measure_retries(strata, side="student", rng=rng, **options)


def value(figure) -> float:
    assert isinstance(figure, Estimate), figure
    assert figure.low <= figure.value <= figure.high
    assert figure.low < figure.high
    return figure.value


@pytest.mark.parametrize(
    ("queries", "icc", "observed", "fitted", "independent", "attempts", "alone"),
    [
        (R1, 0.40, 0.933, 0.932, 0.996, 1.47, 1.33),
        (DISTILLED, 0.52, 0.800, 0.805, 0.974, 1.91, 1.62),
    ],
)
def test_aime_ii_of_two_models(
    queries: tuple, icc: float, observed: float, fitted: float, independent: float,
    attempts: float, alone: float,
) -> None:  # fmt: skip
    """15 questions × 4 attempts, by how many questions had 0…4 right (the published sums)."""
    right = [c for c, n in enumerate(queries) for _ in range(n)]
    found, _ = measured(counts(right, made=4))
    at = found.pass_at[3]
    assert abs(value(found.icc) - icc) < 0.005
    assert abs(value(at.unbiased) - observed) < 0.0005
    assert abs(value(at.fitted) - fitted) < 0.0005
    assert abs(value(at.independent) - independent) < 0.0005
    assert math.isclose(value(at.optimism), at.independent.value - at.unbiased.value)
    assert found.cap == 4
    assert abs(value(found.attempts_fitted) - attempts) < 0.006
    assert abs(value(found.attempts_independent) - alone) < 0.006


def test_every_figure_by_its_formula_and_the_fit_beyond_what_was_counted() -> None:
    right, made = [0, 1, 3, 2, 5, 5, 4, 1, 0, 5, 2, 3], [5] * 11 + [3]
    found, _ = measured(AttemptCounts(name="s", weight=1.0, right=right, made=made))
    fit = BetaBinomial.fit(right, made)
    assert math.isclose(found.a, fit.a, rel_tol=1e-6)
    assert math.isclose(value(found.icc), fit.icc, rel_tol=1e-6)
    assert (found.n_queries, found.attempts, len(found.pass_at)) == (12, 5, 10)
    for at in found.pass_at:
        assert math.isclose(value(at.fitted), fit.pass_at(at.k), rel_tol=1e-6)
        known = [
            unbiased_pass_at(n, c, at.k) for c, n in zip(right, made, strict=True) if n >= at.k
        ]
        if at.k <= 5:
            assert math.isclose(value(at.unbiased), np.mean(known), rel_tol=1e-9)
        else:
            assert at.unbiased == TooFew(reason="5 attempts were made", n=12)
    assert found.pass_at[0].optimism == TooFew(reason="one attempt is no retry", n=12)
    assert math.isclose(value(found.attempts_fitted), fit.expected_attempts(4), rel_tol=1e-6)
    beyond = found.pass_at[9]
    gap = value(beyond.independent) - value(beyond.fitted)
    assert math.isclose(value(beyond.optimism), gap, rel_tol=1e-9)


def test_all_traffic_is_the_mixture_of_the_strata() -> None:
    rng = np.random.default_rng(5)
    strong, weak = BetaBinomial(4, 1), BetaBinomial(0.5, 1)
    head = counts(drawn(strong, 4000, 5, rng), name="head", weight=0.75)
    tail = counts(drawn(weak, 4000, 5, rng), name="tail", weight=0.25)
    first, second, whole = measured(head, tail, resamples=200)
    assert (first.name, second.name, whole.scope) == ("head", "tail", "all")
    assert (whole.a, whole.n_queries) == (None, 8000)
    for one, two, both in zip(first.pass_at, second.pass_at, whole.pass_at, strict=True):
        mixed = 0.75 * value(one.fitted) + 0.25 * value(two.fitted)
        assert math.isclose(value(both.fitted), mixed, rel_tol=1e-9)
    p = np.concatenate([rng.beta(4, 1, 300_000), rng.beta(0.5, 1, 100_000)])
    assert abs(value(whole.icc) - p.var() / (p.mean() * (1 - p.mean()))) < 0.02
    assert value(whole.icc) > max(value(first.icc), 0.2)
    alone = 1 - (1 - value(whole.pass_at[0].unbiased)) ** 5
    assert math.isclose(value(whole.pass_at[4].independent), alone)


@pytest.mark.parametrize(
    ("right", "reason"),
    [
        ([5] * 40, "all 200 attempts are right"),
        ([0] * 40, "all 200 attempts are wrong"),
        ([5, 0] * 20, "right and wrong attempts at one query in 0 queries, 5 needed"),
        ([5] * 36 + [4] * 4, "right and wrong attempts at one query in 4 queries, 5 needed"),
    ],
)
def test_where_there_is_no_fit_the_counts_stay(right: list[int], reason: str) -> None:
    found, whole = measured(counts(right))
    for result in (found, whole):
        assert result.icc == TooFew(reason=reason, n=40)
        assert (result.a, result.b) == (None, None)
        assert result.attempts_fitted == result.pass_at[9].fitted == result.icc
        counted = result.pass_at[4].unbiased
        assert 0.02 < counted.high - counted.low < 0.4
        value(counted)


def test_attempts_that_never_differ_show_what_independent_ones_would_have_promised() -> None:
    found, _ = measured(counts([5, 0] * 20))
    optimism = found.pass_at[4].optimism
    assert math.isclose(value(optimism), 1 - 0.5**5 - 0.5)
    assert optimism.low > 0.3


def test_a_stratum_without_failures_widens_the_traffic() -> None:
    rng = np.random.default_rng(1)
    tail = counts(drawn(BetaBinomial(1, 1), 400, 5, rng), name="tail", weight=0.2)
    few, many = (measured(counts([5] * n, name="head", weight=0.8), tail)[-1] for n in (20, 2000))
    for at in ("unbiased", "fitted"):
        narrow, wide = getattr(many.pass_at[4], at), getattr(few.pass_at[4], at)
        assert wide.value - wide.low > 0.8 * (1 - 0.025 ** (1 / 20)) > narrow.value - narrow.low


def test_clusters_stay_together_also_over_strata() -> None:
    rng = np.random.default_rng(3)
    p = np.repeat(rng.beta(1, 1, 30), 10)
    right = rng.binomial(5, p)
    names = [f"c{i // 10}" for i in range(300)]
    alone, _ = measured(counts(right))
    kept, _ = measured(counts(right, clusters=names))
    assert alone.icc.value == kept.icc.value
    width = [r.pass_at[0].unbiased.high - r.pass_at[0].unbiased.low for r in (alone, kept)]
    assert width[1] > 2 * width[0]
    even, odd = (counts(right[i::2], clusters=names[i::2], name=str(i), weight=0.5) for i in (0, 1))
    whole = measured(even, odd)[-1].pass_at[0].unbiased
    assert abs((whole.high - whole.low) / width[1] - 1) < 0.25


def test_too_few_queries_or_clusters() -> None:
    found, _ = measured(counts([0, 1, 2, 3, 4, 5, 1, 2, 3]))
    assert found.pass_at[0].unbiased == TooFew(reason="9 queries, 10 needed", n=9)
    found, _ = measured(counts([1, 2, 3] * 9, clusters=["a", "b", "c"] * 9))
    assert found.icc == TooFew(reason="3 clusters, 10 needed", n=27)
    with_gap = measured(counts([1, 2, 3] * 9), counts([], name="empty"))
    assert [result.name for result in with_gap] == ["s", "by traffic"]
    assert with_gap[1].icc == TooFew(reason="1 of 2 strata have no graded query", n=27)


def test_the_same_seed_gives_the_same_figures() -> None:
    table = counts([0, 1, 3, 2, 5, 5, 4, 1, 0, 5])
    assert measured(table, seed=4) == measured(table, seed=4)
    assert measured(table, seed=4) != measured(table, seed=5)


@pytest.mark.parametrize(
    ("strata", "options", "message"),
    [
        ([counts([6] * 10)], {}, "0 ≤ right ≤ made"),
        ([counts([1], made=1)], {}, "no query has two attempts"),
        ([counts([1], clusters=["a", "b"])], {}, "equally long"),
        ([counts([1], weight=0.0)], {}, "weight must be positive"),
        ([counts([1])], {"level": 1.0}, "level must lie"),
        ([counts([1])], {"resamples": 99}, "at least 100"),
    ],
)
def test_what_is_refused(strata: list, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measured(*strata, **options)


@pytest.mark.parametrize("queries", [R1, DISTILLED])
def test_two_of_four_aime_like_attempts_predict_pass_at_4(queries: tuple) -> None:
    """Fits to 2 attempts at each of 15 questions, whose chances are as those of the two models."""
    truth = BetaBinomial.fit([c for c, n in enumerate(queries) for _ in range(n)], [4] * 15)
    rng = np.random.default_rng(8)
    right = rng.binomial(2, rng.beta(truth.a, truth.b, (5000, 15)))
    table = np.stack([(right == c).sum(axis=1) for c in range(3)], axis=1)
    fits = fit_many([(0, 2), (1, 2), (2, 2)], table)
    fits = fits[~np.isnan(fits[:, 0])]
    assert len(fits) > 4980
    errors = [BetaBinomial(a, b).pass_at(4) - truth.pass_at(4) for a, b in fits]
    assert abs(np.mean(errors)) <= 0.03
    independent = 1 - (1 - right.mean(axis=1) / 2) ** 4
    assert independent.mean() - truth.pass_at(4) > 0.05


def test_intervals_hold_what_they_promise() -> None:
    rng = np.random.default_rng(12)
    truth, hits, runs = BetaBinomial.of(0.85, 0.45), np.zeros(5), 100
    for _ in range(runs):
        table = counts(drawn(truth, 60, 4, rng), made=4)
        found, _ = measure_retries([table], side="student", rng=rng, resamples=200)
        pairs = [
            (found.icc, truth.icc),
            (found.pass_at[0].unbiased, truth.mean),
            (found.pass_at[3].unbiased, truth.pass_at(4)),
            (found.pass_at[9].fitted, truth.pass_at(10)),
            (found.attempts_fitted, truth.expected_attempts(4)),
        ]
        hits += [figure.low <= true <= figure.high for figure, true in pairs]
    assert (hits / runs >= 0.88).all(), hits / runs

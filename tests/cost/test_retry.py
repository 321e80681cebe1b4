"""Retries: against published values, a second implementation and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from tailqa.cost.retry import MOST_EVEN, BetaBinomial, fit_many, unbiased_pass_at

shapes = st.floats(0.05, 40)


@pytest.mark.parametrize(
    ("queries", "icc", "pass_at_4", "attempts", "independent"),
    [((1, 1, 3, 2, 8), 0.40, 0.932, 1.47, 0.996), ((3, 1, 4, 1, 6), 0.52, 0.805, 1.91, 0.974)],
)
def test_aime_15_questions_4_attempts(
    queries: tuple, icc: float, pass_at_4: float, attempts: float, independent: float
) -> None:
    """Counts of questions with 0…4 right attempts that have the published sums."""
    successes = [c for c, n in enumerate(queries) for _ in range(n)]
    model = BetaBinomial.fit(successes, [4] * 15)
    assert abs(model.icc - icc) < 0.005
    assert abs(model.pass_at(4) - pass_at_4) < 0.0005
    assert abs(model.expected_attempts(4) - attempts) < 0.006
    assert abs(1 - (1 - sum(successes) / 60) ** 4 - independent) < 0.0005


def test_independent_retries_promise_too_much() -> None:
    lite = BetaBinomial(0.1246, 0.6591)
    assert 1 - (1 - lite.mean) ** 250 > 0.9999
    assert round(lite.pass_at(250), 3) == 0.565


@given(shapes, shapes, st.integers(1, 12))
def test_against_the_distribution_and_the_integral(a: float, b: float, k: int) -> None:
    model = BetaBinomial(a, b)
    assert math.isclose(1 - model.pass_at(k), stats.betabinom.pmf(0, k, a, b), abs_tol=1e-12)
    perfect = model.retried(k)
    assert math.isclose(perfect.resolved, model.pass_at(k), rel_tol=1e-6)
    assert math.isclose(perfect.attempts, model.expected_attempts(k), rel_tol=1e-6)
    assert perfect.wrong == 0


@settings(max_examples=25, deadline=None)
@given(st.floats(0.6, 20), st.floats(0.6, 20), st.floats(0, 1), st.floats(0, 1))
def test_a_verifier_against_adaptive_integration(
    a: float, b: float, sensitivity: float, false_accepts: float
) -> None:
    found = BetaBinomial(a, b).retried(5, sensitivity=sensitivity, false_accepts=false_accepts)

    def attempts(p: float) -> float:
        q = p * sensitivity + (1 - p) * false_accepts
        return sum((1 - q) ** j for j in range(5))

    def expected(of) -> float:
        return integrate.quad(
            lambda p: of(p) * attempts(p) * stats.beta.pdf(p, a, b), 0, 1, limit=200
        )[0]

    assert math.isclose(found.attempts, expected(lambda _: 1), rel_tol=1e-5)
    assert math.isclose(found.resolved, expected(lambda p: p * sensitivity), abs_tol=1e-5)
    assert math.isclose(found.wrong, expected(lambda p: (1 - p) * false_accepts), abs_tol=1e-5)
    assert 0 <= found.given_up <= 1


def test_a_verifier_by_simulation() -> None:
    rng = np.random.default_rng(3)
    p = rng.beta(0.8, 1.4, 200_000)
    tries = rng.random((3, p.size)) < p
    accepted = rng.random((3, p.size)) < np.where(tries, 0.9, 0.15)
    first = np.where(accepted.any(axis=0), accepted.argmax(axis=0), 3)
    right = np.take_along_axis(tries, np.minimum(first, 2)[None], 0)[0]
    found = BetaBinomial(0.8, 1.4).retried(3, sensitivity=0.9, false_accepts=0.15)
    assert math.isclose(found.attempts, np.minimum(first + 1, 3).mean(), abs_tol=0.006)
    assert math.isclose(found.resolved, ((first < 3) & right).mean(), abs_tol=0.004)
    assert math.isclose(found.wrong, ((first < 3) & ~right).mean(), abs_tol=0.004)


def test_the_fit_is_the_maximum_that_another_optimiser_finds() -> None:
    rng = np.random.default_rng(11)
    for a, b in ((0.3, 0.9), (2.0, 1.0), (9.0, 4.0)):
        n = rng.integers(1, 9, 300)
        c = rng.binomial(n, rng.beta(a, b, 300))
        fitted = BetaBinomial.fit(c.tolist(), n.tolist())

        def cost(x: np.ndarray, c=c, n=n) -> float:
            return -stats.betabinom.logpmf(c, n, *np.exp(x)).sum()

        other = optimize.minimize(cost, [0, 0], method="Nelder-Mead", options={"xatol": 1e-8})
        assert cost(np.log([fitted.a, fitted.b])) <= other.fun + 1e-6


def test_many_fits_are_the_single_ones() -> None:
    table = [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    weights = np.array([[5, 3, 2, 4, 9], [9, 1, 1, 1, 9], [0, 0, 0, 0, 7], [7, 0, 0, 0, 0]])
    found = fit_many(table, weights)
    assert np.isnan(found[2:]).all()
    for row, w in zip(found[:2], weights, strict=False):
        c = np.repeat([c for c, _ in table], w)
        single = BetaBinomial.fit(c.tolist(), [4] * len(c))
        assert np.allclose(row, [single.a, single.b], rtol=1e-5)


def test_attempts_no_more_alike_than_chance_are_taken_as_independent() -> None:
    fitted = BetaBinomial.fit([2] * 50, [4] * 50)
    assert fitted.icc < 2 / MOST_EVEN * 1.5
    assert math.isclose(fitted.pass_at(4), 1 - 0.5**4, abs_tol=1e-3)


@pytest.mark.slow
def test_two_of_four_attempts_predict_pass_at_4() -> None:
    rng = np.random.default_rng(2)
    truth = BetaBinomial.of(0.7, 0.45)
    errors = []
    for _ in range(300):
        c = rng.binomial(2, rng.beta(truth.a, truth.b, 150))
        errors.append(BetaBinomial.fit(c.tolist(), [2] * 150).pass_at(4) - truth.pass_at(4))
    assert abs(np.mean(errors)) <= 0.03


@given(st.integers(1, 40), st.data())
def test_unbiased_pass_at_is_a_hypergeometric_chance(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    expected = 1 - stats.hypergeom.pmf(0, n, c, k)
    assert math.isclose(unbiased_pass_at(n, c, k), expected, abs_tol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BetaBinomial(0, 1), "a must be positive"),
        (lambda: BetaBinomial.of(0.5, 1), "icc must lie strictly"),
        (lambda: BetaBinomial.fit([1], [1]), "no query has two attempts"),
        (lambda: BetaBinomial.fit([2, 2], [2, 2]), "all 4 attempts succeed"),
        (lambda: BetaBinomial.fit([0, 0], [2, 2]), "all 4 attempts fail"),
        (lambda: BetaBinomial.fit([3], [2]), "0 ≤ successes ≤ attempts"),
        (lambda: BetaBinomial.fit([], []), "one count per query"),
        (lambda: BetaBinomial(0.5, 1).expected_attempts(), "infinite for a ≤ 1"),
        (lambda: BetaBinomial(1, 1).pass_at(0), "k must be a whole number"),
        (lambda: BetaBinomial(1, 1).retried(2, sensitivity=1.2), "sensitivity must lie in"),
        (lambda: unbiased_pass_at(4, 5, 1), "correct must lie"),
        (lambda: unbiased_pass_at(4, 1, 5), "k must lie"),
    ],
)
def test_what_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()

"""Graded answers: scipy's bootstrap, hand calculation, limits and seeded coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from tailqa.core.estimate import Estimate, TooFew
from tailqa.stats import paired_gap, pooled_scores, score_gap, score_retention, tail_interaction


def answers(rng, shape):
    """Marks as token F1 gives them: many exact, the student's often the teacher's."""
    teacher = np.where(rng.random(shape) < 0.5, 1.0, rng.beta(2, 2, shape))
    student = np.where(rng.random(shape) < 0.6, teacher, rng.beta(2, 2, shape))
    return teacher, student


def seeded():
    return np.random.default_rng(12)


@pytest.mark.parametrize(
    ("ours", "figure"),
    [
        (score_gap, lambda teacher, student, axis=-1: (student - teacher).mean(axis=axis)),
        (score_retention, lambda t, s, axis=-1: s.sum(axis=axis) / t.sum(axis=axis)),
    ],
)
@pytest.mark.parametrize("n", [50, 333])
def test_against_scipy(ours, figure, n):
    teacher, student = answers(np.random.default_rng(n), n)
    # The expanded level (Hesterberg 2015), which scipy leaves to its caller.
    end = scipy_stats.norm.cdf(math.sqrt(n / (n - 1)) * scipy_stats.t.ppf(0.975, n - 1))
    theirs = scipy_stats.bootstrap(
        (teacher, student),
        figure,
        paired=True,
        confidence_level=2 * end - 1,
        n_resamples=3000,
        method="BCa",
        rng=seeded(),
    ).confidence_interval
    found = ours(teacher, student, rng=seeded(), n_resamples=3000)
    assert found.value == pytest.approx(figure(teacher, student))
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
    assert (found.method, found.n, found.level) == ("bca", n, 0.95)


def test_many_symmetric_differences_have_students_limits():
    rng = np.random.default_rng(1)
    teacher, student = rng.random((2, 4000))
    found = score_gap(teacher, student, rng=rng, n_resamples=20_000)
    low, high = scipy_stats.t.interval(
        0.95, 3999, loc=found.value, scale=scipy_stats.sem(student - teacher)
    )
    assert (found.low, found.high) == pytest.approx((low, high), abs=3e-4)


def test_the_same_seed_gives_the_same_limits():
    teacher, student = answers(np.random.default_rng(2), 80)
    for figure in (score_gap, score_retention):
        first, again = (figure(teacher, student, rng=seeded()) for _ in range(2))
        assert first == again
        assert figure(teacher, student, rng=np.random.default_rng(13)) != first


def test_whole_scores_are_near_tango():
    cells = (700, 60, 30, 210)
    teacher, student = (np.repeat(side, cells) for side in ([1, 1, 0, 0], [1, 0, 1, 0]))
    found, exact = score_gap(teacher, student, rng=seeded()), paired_gap(cells)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=2e-3)


def test_equal_scores_are_bounded_as_if_any_flip_were_whole():
    teacher = np.random.default_rng(3).random(200)
    found, kept = (
        figure(teacher, teacher, rng=seeded()) for figure in (score_gap, score_retention)
    )
    alone = paired_gap((200, 0, 0, 0))
    assert (found.low, found.value, found.high) == pytest.approx((alone.low, 0, alone.high))
    scale = teacher.mean()
    assert (kept.low, kept.high) == pytest.approx((1 + alone.low / scale, 1 + alone.high / scale))
    student = teacher.copy()
    student[:4] *= 0.5
    found = score_gap(teacher, student, rng=seeded())
    assert found.low == pytest.approx(paired_gap((196, 4, 0, 0)).low)
    assert found.high == pytest.approx(alone.high)
    student[4] = 0
    assert score_gap(teacher, student, rng=seeded()).method == "bca"


@pytest.mark.parametrize("figure", [score_gap, score_retention])
def test_too_few(figure):
    rng = np.random.default_rng(4)
    teacher, student = answers(rng, 49)
    reason = "a bootstrap of scores needs 50 queries"
    assert figure(teacher, student, rng=rng) == TooFew(reason=reason, n=49)
    assert isinstance(figure(*answers(rng, 50), rng=rng), Estimate)
    constant = np.full(60, 0.5)
    found = figure(constant, constant + 0.25, rng=rng)
    assert found.reason == "all but 0 differences are equal: too few to know their spread"


def test_a_retention_needs_a_teacher_that_scores():
    teacher = np.zeros(100)
    teacher[:9] = 0.5
    found = score_retention(teacher, np.linspace(0, 1, 100), rng=seeded())
    reason = "a retention needs 10 queries on which the teacher scores, got 9"
    assert found == TooFew(reason=reason, n=100)


@pytest.mark.parametrize(
    ("teacher", "student", "options", "message"),
    [
        ([0.5, 1.2], [0.5, 0.5], {}, r"teacher must hold scores in \[0, 1\], got 1.2"),
        ([0.5, 0.5], [0.5, -0.1], {}, r"student must hold scores in \[0, 1\], got -0.1"),
        ([0.5, math.nan], [0.5, 0.5], {}, r"teacher must hold scores in \[0, 1\], got nan"),
        ([0.5], [0.5, 0.5], {}, "one score per query, got 1 and 2"),
        ([0.5], [0.5], {"level": 1}, "level must lie strictly between 0 and 1"),
    ],
)
def test_bad_arguments(teacher, student, options, message):
    for figure in (score_gap, score_retention):
        with pytest.raises(ValueError, match=message):
            figure(teacher, student, rng=seeded(), **options)


def test_fewer_resamples_than_a_limit_takes():
    teacher, student = answers(seeded(), 60)
    with pytest.raises(ValueError, match="n_resamples must be at least 1000, got 999"):
        score_gap(teacher, student, rng=seeded(), n_resamples=999)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=50, max_size=60),
    st.floats(0.5, 0.99),
)
def test_limits_hold_the_value_and_stay_in_range(pairs, level):
    teacher, student = np.array(pairs).T / 4
    options = {"level": level, "rng": seeded(), "n_resamples": 1000}
    gap = score_gap(teacher, student, **options)
    kept = score_retention(teacher, student, **options)
    if isinstance(gap, Estimate):
        assert -1 <= gap.low <= gap.value <= gap.high <= 1
        assert gap.low < gap.high
    if isinstance(kept, Estimate):
        assert 0 <= kept.low <= kept.value <= kept.high
        assert kept.low < kept.high


def test_strata_put_together():
    rng = np.random.default_rng(6)
    head, tail = (score_gap(*answers(rng, n), rng=rng) for n in (300, 80))
    found = pooled_scores([head, tail], [0.9, 0.1])
    below = math.hypot(0.9 * (head.value - head.low), 0.1 * (tail.value - tail.low))
    assert found.value == pytest.approx(0.9 * head.value + 0.1 * tail.value)
    assert found.low == pytest.approx(found.value - below)
    assert (found.n, found.method) == (380, "mover-bca")
    assert tail_interaction(head, tail).value == tail.value - head.value


def test_strata_that_cannot_be_put_together():
    rng = np.random.default_rng(7)
    gap, other = (score_gap(*answers(rng, 60), level=level, rng=rng) for level in (0.95, 0.9))
    few = TooFew(reason="too few", n=3)
    assert pooled_scores([gap, few], [0.5, 0.5]).reason == "1 of 2 strata have no interval"
    assert pooled_scores([gap, few], [1.0, 0.0]).value == gap.value
    with pytest.raises(ValueError, match=r"gaps must be at one level, got 0.9, 0.95"):
        pooled_scores([gap, other], [0.5, 0.5])
    with pytest.raises(ValueError, match="weights must sum to 1"):
        pooled_scores([gap], [0.5])


# The student keeps 0.6 of the teacher's marks, and scores ½ on average elsewhere.
TRUTH = {score_gap: 0.4 * (0.5 - 0.75), score_retention: (0.6 * 0.75 + 0.4 * 0.5) / 0.75}


@pytest.mark.slow
@pytest.mark.parametrize(("figure", "n"), [(score_gap, 60), (score_retention, 60)])
def test_coverage(figure, n):
    rng = np.random.default_rng(n)
    drawn = zip(*answers(rng, (5000, n)), strict=True)
    found = [figure(*pair, rng=rng, n_resamples=1000) for pair in drawn]
    held = np.mean([one.low <= TRUTH[figure] <= one.high for one in found])
    assert held == pytest.approx(0.95, abs=0.012)

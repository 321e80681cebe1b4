import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from tailqa.core.estimate import Estimate, TooFew
from tailqa.stats import mean_estimate, quantile_estimate

VALUES = st.lists(st.floats(-1e6, 1e6), max_size=120)


@pytest.mark.parametrize(("q", "needed"), [(0.5, 6), (0.05, 72), (0.95, 72), (0.99, 368)])
def test_refused_below_the_least_number_and_not_at_it(q, needed):
    values = np.arange(needed, dtype=float)
    short = quantile_estimate(values[1:], q)
    assert short == TooFew(
        reason=f"a p{100 * q:g} at level 0.95 needs {needed} values", n=needed - 1
    )
    assert isinstance(quantile_estimate(values, q), Estimate)


@given(st.integers(6, 400), st.floats(0.02, 0.98), st.floats(0.5, 0.99))
def test_ranks_are_the_tightest_that_hold_the_level(n, q, level):
    estimate = quantile_estimate(range(n), q, level=level)
    if isinstance(estimate, TooFew):
        return
    low, high, tail = int(estimate.low), int(estimate.high), (1 - level) / 2
    under = scipy_stats.binom(n, q)
    slack = 1e-9
    assert under.cdf(low) <= tail + slack or estimate.low == estimate.value
    assert under.cdf(low + 1) >= tail - slack
    assert under.sf(high) <= tail + slack or estimate.high == estimate.value
    assert under.sf(high - 1) >= tail - slack or estimate.high == estimate.value


def test_against_scipy():
    values = np.random.default_rng(0).lognormal(size=150)
    reference = scipy_stats.quantile_test(values, q=1, p=0.5)
    for side in ("less", "greater"):
        bound = scipy_stats.quantile_test(values, q=1, p=0.5, alternative=side)
        interval = bound.confidence_interval(0.975)
        ours = quantile_estimate(values, 0.5)
        assert (ours.high == interval.high) if side == "less" else (ours.low == interval.low)
    assert reference.pvalue > 0


@given(VALUES, st.floats(0.01, 0.99), st.floats(0.05, 0.99))
def test_quantile_invariants(values, q, level):
    estimate = quantile_estimate(values, q, level=level)
    if isinstance(estimate, Estimate):
        assert min(values) <= estimate.low <= estimate.value <= estimate.high <= max(values)


@given(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=60, unique=True))
def test_mean_against_scipy(values):
    mean, error = np.mean(values), scipy_stats.sem(values)
    low, high = scipy_stats.t.interval(0.95, len(values) - 1, loc=mean, scale=error)
    estimate = mean_estimate(values)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((mean, low, high))


def test_equal_values():
    assert isinstance(mean_estimate([9] * 29), TooFew)
    known = mean_estimate([9] * 30)
    assert (known.low, known.value, known.high) == (9, 9, 9)


@pytest.mark.parametrize("values", [[], [3.0]])
def test_too_few_for_a_mean(values):
    assert mean_estimate(values) == TooFew(
        reason="a mean needs 2 values for an interval", n=len(values)
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_bad_arguments(bad):
    for call in (mean_estimate, lambda values: quantile_estimate(values, 0.5)):
        with pytest.raises(ValueError, match="values must all be finite"):
            call([1.0, bad])
    with pytest.raises(ValueError, match="q must lie strictly between 0 and 1, got 1"):
        quantile_estimate([1.0], 1)

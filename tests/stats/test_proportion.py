import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from tailqa.core.estimate import TooFew
from tailqa.stats import accuracy, flip_rate


@given(st.integers(1, 5000), st.floats(0, 1), st.floats(0.5, 0.999))
def test_wilson_against_statsmodels(n, share, level):
    correct = round(share * n)
    low, high = proportion_confint(correct, n, alpha=1 - level, method="wilson")
    estimate = accuracy(correct, n, level=level)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-12)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low < estimate.high


def test_flips_count_both_directions(mmlu):
    totals = tuple(map(sum, zip(*mmlu.values(), strict=True)))
    assert round(flip_rate(totals).value, 6) == 0.230676
    assert flip_rate((5, 3, 2, 0)) == accuracy(5, 10)


def test_nothing_graded_is_too_few():
    assert accuracy(0, 0) == TooFew(reason="no graded answers", n=0)
    assert isinstance(flip_rate((0, 0, 0, 0)), TooFew)


def test_bad_arguments():
    with pytest.raises(ValueError, match="correct must be at most n, got 3 of 2"):
        accuracy(3, 2)
    with pytest.raises(ValueError, match="n must be a whole number"):
        accuracy(0, 2.5)

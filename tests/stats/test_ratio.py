import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from statsmodels.stats import proportion

from tailqa.core.estimate import TooFew
from tailqa.stats import mcnemar, paired_gap, retention

CELLS = st.tuples(*[st.integers(0, 400)] * 4)


def numerical_limit(cells, z):
    """The score limit with the restricted likelihood maximised by search."""
    both, down, up, _ = cells
    solved = both + down + up

    def score(ratio):
        k = solved * (1 - ratio)

        def loss(flips):
            return -(
                (both * math.log(solved - flips) if both else 0)
                + (down * math.log(k + ratio * flips) if down else 0)
                + (up * math.log(flips - k) if up else 0)
            )

        bounds = (max(k, -k / ratio) + 1e-11, solved - 1e-11)
        flips = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
        return (both + up - ratio * (both + down)) / math.sqrt(ratio * flips)

    value = (both + up) / (both + down)
    bracket = (value / 50, value * 0.9999) if z > 0 else (value * 1.0001, value * 50)
    return brentq(lambda ratio: score(ratio) - z, *bracket)


@pytest.mark.parametrize("cells", [(59, 16, 6, 80), (30, 5, 9, 2), (7, 3, 2, 1), (200, 90, 1, 0)])
def test_against_a_numerical_likelihood(cells):
    kept = retention(cells)
    assert kept.low == pytest.approx(numerical_limit(cells, 1.959964), rel=1e-5)
    assert kept.high == pytest.approx(numerical_limit(cells, -1.959964), rel=1e-5)


@pytest.mark.parametrize("cells", [(59, 16, 6, 80), (30, 5, 9, 2), (200, 90, 1, 0)])
def test_against_statsmodels_quartic(cells):
    quartic = getattr(proportion, "_confint_riskratio_paired_nam", None)
    if quartic is None:
        pytest.skip("this statsmodels has no paired ratio")
    both, teacher_only, student_only, neither = cells
    low, high = quartic([[both, student_only], [teacher_only, neither]]).confint
    kept = retention(cells)
    assert (kept.low, kept.high) == pytest.approx((low.real, high.real), rel=1e-5)


def test_near_the_other_published_intervals_of_the_same_table():
    # Bonett-Price hybrid (.7579, .9910) and MOVER Wilson (.7592, .9866), R contingencytables.
    kept = retention((59, 16, 6, 80))
    assert round(kept.value, 4) == 0.8667
    assert kept.low == pytest.approx(0.7585, abs=0.012)
    assert kept.high == pytest.approx(0.9888, abs=0.003)


@given(CELLS, st.floats(0.05, 0.999))
def test_invariants(cells, level):
    both, teacher_only, student_only, neither = cells
    kept = retention(cells, level=level)
    if both + teacher_only == 0:
        assert isinstance(kept, TooFew)
        return
    assert 0 <= kept.low <= kept.value <= kept.high < math.inf
    assert kept.low < kept.high
    assert retention((both, teacher_only, student_only, neither + 50), level=level).low == kept.low


@given(CELLS.filter(lambda cells: cells[0] > 0))
def test_swapping_the_sides_inverts_the_ratio(cells):
    both, teacher_only, student_only, neither = cells
    kept, inverse = retention(cells), retention((both, student_only, teacher_only, neither))
    assert inverse.low == pytest.approx(1 / kept.high, rel=1e-6)
    assert inverse.high == pytest.approx(1 / kept.low, rel=1e-6)


@given(CELLS.filter(lambda cells: cells[1] != cells[2]))
def test_at_one_it_is_mcnemars_test(cells):
    if cells[0] + cells[1] == 0:
        return
    p = mcnemar(cells[1], cells[2], method="asymptotic")
    kept = retention(cells)
    if abs(p - 0.05) > 1e-6:
        assert (p > 0.05) == (kept.low <= 1 <= kept.high)
        assert (p > 0.05) == (paired_gap(cells).low <= 0 <= paired_gap(cells).high)


@pytest.mark.parametrize(
    "cells",
    [
        (1, 0, 0, 0),
        (0, 5, 0, 0),
        (0, 1, 5, 0),
        (10**9, 0, 0, 0),
        (10**8, 10, 10, 0),
        (1, 99_999, 0, 0),
    ],
)
def test_extreme_tables(cells):
    kept = retention(cells)
    assert 0 <= kept.low < kept.high < math.inf


def test_a_student_without_right_answers():
    assert (retention((0, 40, 0, 10)).value, retention((0, 40, 0, 10)).low) == (0.0, 0.0)


def test_a_teacher_without_right_answers_is_too_few():
    reason = "the teacher has no right answer to keep"
    assert retention((0, 0, 5, 20)) == TooFew(reason=reason, n=25)
    assert retention((0, 0, 0, 0)) == TooFew(reason=reason, n=0)

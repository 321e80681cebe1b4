import math
import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar

from tailqa.core.estimate import Estimate, TooFew
from tailqa.stats import noninferiority_p, paired_gap
from tailqa.stats.paired import GapMethod

METHODS = get_args(GapMethod)
TABLE = (59, 6, 16, 80)  # b = teacher_only here, so the published signs are swapped
CELLS = st.tuples(*[st.integers(0, 300)] * 4)
LEVELS = st.floats(0.01, 0.999)


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [
        ("wald", -0.1184, -0.0058),
        ("agresti-min", -0.1182, -0.0045),
        ("bonett-price", -0.1195, -0.0032),
        ("newcombe", -0.1186, -0.0046),
        ("tango", -0.1240, -0.0054),
    ],
)
def test_published_limits(method, low, high):
    gap = paired_gap(TABLE, method=method)
    assert (round(gap.value, 4), gap.level, gap.n, gap.method) == (0.0621, 0.95, 161, method)
    assert (round(-gap.high, 4), round(-gap.low, 4)) == (low, high)


def test_real_totals(mmlu):
    totals = tuple(map(sum, zip(*mmlu.values(), strict=True)))
    assert totals == (8816, 2496, 742, 1983)
    gap = paired_gap(totals)
    assert round(gap.value, 6) == -0.124955
    assert (round(gap.low, 4), round(gap.high, 4)) == (-0.1327, -0.1173)
    wald = paired_gap(totals, method="wald")
    assert round((wald.high - wald.low) / 2 / 1.959964, 6) == 0.003914


def test_real_domains_against_the_margin(mmlu):
    gaps = [paired_gap(cells, level=0.95) for cells in mmlu.values()]
    inside = sum(gap.low > -0.05 for gap in gaps)
    outside = sum(gap.high < -0.05 for gap in gaps)
    assert (inside, outside, len(gaps) - inside - outside) == (3, 27, 27)


@pytest.mark.parametrize("n", [1, 2, 5, 20, 200])
def test_tango_without_flips_has_its_closed_form(n):
    gap = paired_gap((n, 0, 0, 0))
    limit = 1.959964**2 / (n + 1.959964**2)
    assert gap.value == 0
    assert gap.high == pytest.approx(limit, rel=1e-6)
    assert gap.low == -gap.high


def test_tango_when_every_query_flips_one_way():
    gap = paired_gap((0, 0, 20, 0))
    z_squared = 1.959964**2
    assert (gap.value, gap.high) == (1.0, 1.0)
    assert gap.low == pytest.approx((20 - z_squared) / (20 + z_squared), rel=1e-6)


@pytest.mark.parametrize("cells", [(50, 9, 4, 20), (10, 3, 0, 7), (0, 1, 1, 0), (5, 30, 2, 1)])
def test_tango_against_a_numerical_likelihood(cells):
    def score(delta):
        _, down, up, _ = cells
        n = sum(cells)

        def loss(q):
            rest = 1 - 2 * q - delta
            return -(
                up * math.log(q + delta)
                + (down * math.log(q) if down else 0)
                + ((n - up - down) * math.log(rest) if n > up + down else 0)
            )

        tiny = 1e-13
        bounds = (max(0, -delta) + tiny, (1 - delta) / 2 - tiny)
        q = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
        return (up - down - n * delta) / math.sqrt(n * (2 * q + delta - delta**2))

    gap = paired_gap(cells)
    edge = 1 - 1e-6
    low = brentq(lambda delta: score(delta) - 1.959964, -edge, gap.value - 1e-6)
    high = brentq(lambda delta: score(delta) + 1.959964, gap.value + 1e-6, edge)
    assert (gap.low, gap.high) == pytest.approx((low, high), abs=1e-5)


@given(CELLS, LEVELS, st.sampled_from(METHODS))
def test_limits_hold_the_value_and_stay_in_range(cells, level, method):
    gap = paired_gap(cells, level=level, method=method)
    if isinstance(gap, TooFew):
        assert sum(cells) == 0 or method == "wald"
        return
    assert -1 <= gap.low <= gap.value <= gap.high <= 1
    assert gap.low < gap.high
    assert gap.value == (cells[2] - cells[1]) / sum(cells)


@given(CELLS, LEVELS, st.sampled_from(METHODS))
def test_swapping_the_sides_flips_the_signs(cells, level, method):
    both, teacher_only, student_only, neither = cells
    gap = paired_gap(cells, level=level, method=method)
    swapped = paired_gap((both, student_only, teacher_only, neither), level=level, method=method)
    if isinstance(gap, Estimate):
        assert (swapped.low, swapped.high) == pytest.approx((-gap.high, -gap.low), abs=1e-12)


@given(CELLS, st.floats(0.5, 0.9))
def test_a_higher_level_is_wider(cells, level):
    narrow, wide = paired_gap(cells, level=level), paired_gap(cells, level=level + 0.09)
    if isinstance(narrow, Estimate):
        assert wide.low <= narrow.low + 1e-12
        assert wide.high >= narrow.high - 1e-12


@given(CELLS, st.floats(0.001, 0.999), st.floats(0.001, 0.49))
def test_noninferiority_agrees_with_the_interval(cells, margin, alpha):
    p, gap = noninferiority_p(cells, margin), paired_gap(cells, level=1 - 2 * alpha)
    assert 0 <= p <= 1
    if isinstance(gap, TooFew):
        assert p == 1
    elif abs(p - alpha) > 1e-9:
        assert (p < alpha) == (gap.low > -margin)


@pytest.mark.parametrize(("n", "margin"), [(100, 0.05), (30, 0.2)])
def test_noninferiority_without_flips_has_its_closed_form(n, margin):
    # The restricted estimate puts all of the margin on teacher_only.
    z = margin * n / math.sqrt(n * margin * (1 - margin))
    assert noninferiority_p((n, 0, 0, 0), margin) == pytest.approx(math.erfc(z / math.sqrt(2)) / 2)


@pytest.mark.parametrize("margin", [0, 1, -0.1, math.nan])
def test_noninferiority_takes_a_margin_between_0_and_1(margin):
    with pytest.raises(ValueError, match="margin must lie strictly between 0 and 1"):
        noninferiority_p(TABLE, margin)


def test_no_pairs_is_too_few():
    assert paired_gap((0, 0, 0, 0)) == TooFew(reason="no graded pairs", n=0)


@pytest.mark.parametrize("cells", [(9, 0, 0, 3), (0, 12, 0, 0)])
def test_wald_refuses_a_zero_width(cells):
    assert isinstance(paired_gap(cells, method="wald"), TooFew)


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        ((1, 2, 3), {}, r"cells must be the four counts"),
        ((1, -2, 3, 4), {}, r"cells.teacher_only must be a whole number of at least 0, got -2"),
        ((1, 2, 3.0, 4), {}, r"cells.student_only must be a whole number"),
        ((True, 2, 3, 4), {}, r"cells.both must be a whole number"),
        (TABLE, {"level": 1.0}, r"level must lie strictly between 0 and 1, got 1.0"),
        (TABLE, {"level": math.nan}, r"level must lie strictly between 0 and 1"),
        (TABLE, {"method": "exact"}, r"method must be one of tango, wald"),
    ],
)
def test_bad_arguments(cells, options, message):
    with pytest.raises(ValueError, match=message):
        paired_gap(cells, **options)


def test_large_strata_take_no_time_by_their_queries():
    paired_gap(TABLE)
    start = time.process_time()
    for i in range(100):
        paired_gap((80_000, 9_000 + i, 6_000, 5_000))
    # Ten million queries one by one would take minutes.
    assert time.process_time() - start < 10

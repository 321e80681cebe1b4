import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailqa.core.estimate import Estimate, TooFew
from tailqa.stats import accuracy, paired_gap, pooled_accuracy, pooled_gap, tail_interaction

LARGE = [(170, 12, 10, 8), (60, 40, 5, 45)]
SMALL = [(170, 12, 10, 8), (20, 9, 1, 10)]


def test_real_counts(mmlu):
    tables = list(mmlu.values())
    n = sum(map(sum, tables))
    gap = pooled_gap([*tables], [sum(table) / n for table in tables])
    assert round(gap.value, 6) == -0.124955
    assert gap.method == "stratified"
    assert round((gap.high - gap.low) / 2 / 1.959964, 6) == 0.003822


def test_stratified_standard_error_by_hand():
    gap = pooled_gap(LARGE, [0.8, 0.2])
    first = (22 / 200 - (2 / 200) ** 2) / 199
    second = (45 / 150 - (35 / 150) ** 2) / 149
    half = 1.959964 * math.sqrt(0.64 * first + 0.04 * second)
    assert gap.value == pytest.approx(-0.8 * 0.01 - 0.2 * 35 / 150)
    assert (gap.low, gap.high) == pytest.approx((gap.value - half, gap.value + half), rel=1e-6)


@pytest.mark.parametrize("few", [(20, 9, 1, 10), (100, 3, 1, 60)], ids=["n < 50", "flips < 5"])
def test_small_strata_take_mover_over_tango(few):
    gap = pooled_gap([LARGE[0], few], [0.6, 0.4])
    parts = [paired_gap(LARGE[0]), paired_gap(few)]
    below = math.hypot(0.6 * (parts[0].value - parts[0].low), 0.4 * (parts[1].value - parts[1].low))
    above = math.hypot(
        0.6 * (parts[0].high - parts[0].value), 0.4 * (parts[1].high - parts[1].value)
    )
    assert gap.method == "mover-tango"
    assert (gap.low, gap.high) == pytest.approx((gap.value - below, gap.value + above))


def test_one_stratum_is_that_stratum():
    assert pooled_gap([SMALL[1]], [1.0]).low == pytest.approx(paired_gap(SMALL[1]).low)
    assert pooled_accuracy([(9, 12)], [1.0]).high == pytest.approx(accuracy(9, 12).high)


def test_a_stratum_without_traffic_does_not_count():
    assert pooled_gap([*LARGE, (0, 0, 0, 0)], [0.8, 0.2, 0.0]) == pooled_gap(LARGE, [0.8, 0.2])


def test_an_empty_stratum_with_traffic_is_too_few():
    expected = TooFew(reason="1 of 2 strata have no graded pairs", n=200)
    assert pooled_gap([LARGE[0], (0, 0, 0, 0)], [0.5, 0.5]) == expected
    assert isinstance(pooled_accuracy([(3, 4), (0, 0)], [0.5, 0.5]), TooFew)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.8, 0.3], r"weights must sum to 1 \(within 1e-06\), got 1.1"),
        ([0.8], r"weights must hold one weight per stratum and at least one, got 1 for 2 strata"),
        ([1.2, -0.2], r"weights must be finite and not negative"),
        ([math.nan, 0.5], r"weights must be finite and not negative"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        pooled_gap(LARGE, weights)
    with pytest.raises(ValueError, match=message):
        pooled_accuracy([(3, 4), (5, 6)], weights)


def test_bad_tables_are_named():
    with pytest.raises(ValueError, match=r"tables\[1\].both must be a whole number"):
        pooled_gap([LARGE[0], (-1, 0, 0, 0)], [0.5, 0.5])
    with pytest.raises(ValueError, match=r"weights must hold one weight per stratum"):
        pooled_gap([], [])
    with pytest.raises(ValueError, match="correct must be at most n, got 5 of 4"):
        pooled_accuracy([(5, 4)], [1.0])


@given(
    st.lists(st.tuples(*[st.integers(0, 200)] * 4), min_size=1, max_size=6),
    st.lists(st.integers(1, 100), min_size=6, max_size=6),
)
@example([(0, 0, 50, 0)], [1] * 6)
@example([(0, 3000, 0, 2)], [1] * 6)
def test_limits_hold_the_value_and_stay_in_range(tables, raw):
    total = sum(raw[: len(tables)])
    gap = pooled_gap(tables, [weight / total for weight in raw[: len(tables)]])
    if isinstance(gap, Estimate):
        assert -1 <= gap.low < gap.high <= 1
        assert gap.low <= gap.value <= gap.high


def test_interaction_is_tail_minus_head():
    head, tail = (190, 4, 3, 3), (110, 50, 8, 32)
    difference = tail_interaction(head, tail)
    a, b = paired_gap(head), paired_gap(tail)
    assert difference.value == b.value - a.value < 0
    assert difference.low == difference.value - math.hypot(b.value - b.low, a.high - a.value)
    assert difference.n == a.n + b.n
    mirrored = tail_interaction(tail, head)
    assert (mirrored.low, mirrored.high) == pytest.approx((-difference.high, -difference.low))


def test_interaction_takes_pooled_sides():
    head, tail = pooled_gap(LARGE, [0.8, 0.2]), pooled_gap(SMALL, [0.5, 0.5])
    assert tail_interaction(head, tail).value == tail.value - head.value
    assert tail_interaction(head, SMALL[1]).n == head.n + 40


def test_interaction_without_a_side():
    assert tail_interaction((0, 0, 0, 0), SMALL[0]) == TooFew(reason="head: no graded pairs", n=200)
    missing = TooFew(reason="no tail stratum", n=0)
    assert tail_interaction(SMALL[0], missing).reason == "tail: no tail stratum"


def test_interaction_refuses_mixed_levels():
    with pytest.raises(ValueError, match=r"tail must be an estimate at level 0.95, got level 0.9"):
        tail_interaction(LARGE[0], paired_gap(LARGE[1], level=0.9))

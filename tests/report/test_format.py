import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.estimate import Estimate, TooFew
from tailqa.report import format as shown


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (shown.POINTS, -0.0831, "−8.3"),
        (shown.POINTS, 0.5, "+50.0"),
        (shown.POINTS, 0.0, "0.0"),
        (shown.POINTS, -0.0004, "−0.04"),
        (shown.PERCENT, 0.9996, "99.96"),
        (shown.PERCENT, 0.9999, "99.99"),
        (shown.PERCENT, 0.99999, ">99.99"),
        (shown.TOKENS, 99.9999, "99.9999"),
        (shown.PERCENT, 1.0, "100.0"),
        (shown.PERCENT, 0.00001, "0.001"),
        (shown.TOKENS, 9, "9.00"),
        (shown.TOKENS, 91.66, "91.7"),
        (shown.TOKENS, 12345.6, "12,346"),
        (shown.MILLISECONDS, 0.002051, "2.05"),
        (shown.SECONDS, 83.46, "83.5"),
        (shown.SECONDS, 2.0**60, f"{2**60:,}"),
        (shown.SECONDS, math.inf, "inf"),
    ],
)
def test_number(unit: shown.Unit, value: float, text: str) -> None:
    assert unit.number(value) == text


@given(st.floats(-1, 1))
def test_a_gap_is_never_rounded_to_no_gap(gap: float) -> None:
    text = shown.POINTS.number(gap)
    if abs(gap) > 1e-6:
        assert text.startswith("−" if gap < 0 else "+")
    assert abs(float(text.replace("−", "-")) / 100 - gap) <= 0.0005000001


def test_every_figure_says_its_unit_interval_and_n() -> None:
    gap = Estimate(value=-0.08, low=-0.11, high=-0.05, level=0.9, method="tango", n=1200)
    assert shown.figure(gap, shown.POINTS) == (
        "−8.0 points (90 % interval −11.0 to −5.0, n = 1,200)"
    )
    assert shown.figure(TooFew(reason="no graded pair", n=0), shown.POINTS) == (
        "not measured (no graded pair, n = 0)"
    )


def test_times_of_a_column_share_their_unit() -> None:
    def seconds(value: float) -> Estimate:
        return Estimate(value=value, low=value, high=value, level=0.95, method="", n=9)

    assert shown.time_unit(seconds(0.02), seconds(0.9)) is shown.MILLISECONDS
    assert shown.time_unit(seconds(0.02), seconds(1.9)) is shown.SECONDS
    assert shown.time_unit(TooFew(reason="", n=0)) is shown.SECONDS


def test_at_least_is_rounded_down() -> None:
    assert [shown.times(x) for x in (1.99, 9.999, 10.99, 1234.5)] == ["1.9", "9.9", "10", "1,234"]

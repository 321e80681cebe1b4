"""Bins between quantiles, against the definition and numpy's inverse distribution function."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tailqa.records.bins import quantile_bins

numbers = st.lists(
    st.integers(-20, 20).map(float) | st.floats(-1e6, 1e6, allow_nan=False),
    min_size=2,
    max_size=40,
)
shares = st.lists(st.sampled_from([0.05, 0.1, 0.25, 0.5, 0.7, 0.8, 0.9]), min_size=1, max_size=4)


@given(numbers, shares)
def test_bins_end_at_the_quantiles_of_numpy(values: list[float], quantiles: list[float]) -> None:
    ends = np.quantile(values, quantiles, method="inverted_cdf")
    ends = sorted({float(end) for end in ends} - {max(values)})
    assume(ends)
    names, bins = quantile_bins("x", values, quantiles)
    assert bins == [sum(value > end for end in ends) for value in values]
    assert len(names) == len(set(names)) == len(ends) + 1
    assert set(bins) == set(range(len(names)))  # none is empty


@given(st.integers(1, 200), st.integers(1, 19))
def test_a_share_is_exact_whatever_floating_point_says(n: int, twentieths: int) -> None:
    """The bin up to q of 1…n holds the fewest numbers that make the share q: ⌈q·n⌉."""
    exact = -(-Fraction(twentieths, 20) * n // 1)
    assume(exact < n)
    _, bins = quantile_bins("x", list(range(1, n + 1)), [twentieths / 20])
    assert bins.count(0) == exact


@pytest.mark.parametrize(
    ("values", "quantiles", "names"),
    [
        ([1, 2, 3, 4, 5, 6], [0.5], ("x ≤ 3", "x > 3")),
        ([1, 2, 3, 4, 5, 6], [0.5, 0.8], ("x ≤ 3", "x 4–5", "x > 5")),
        ([1, 2, 3, 4], [0.5, 0.75], ("x ≤ 2", "x 3", "x > 3")),
        ([-9, -7, -5, -1], [0.25, 0.75], ("x ≤ -9", "x -8 to -5", "x > -5")),
        ([0.5, 1.25, 2.5, 9.0], [0.25, 0.75], ("x ≤ 0.5", "x 0.5–2.5", "x > 2.5")),
        ([1, 1, 1, 1, 9], [0.2, 0.5, 0.8], ("x ≤ 1", "x > 1")),
        ([1e-9, 2e-9, 3e-9], [0.3], ("x ≤ 1e-09", "x > 1e-09")),
        (
            [1.00000001, 1.00000002, 3.0],
            [0.3, 0.6],
            ("x ≤ 1.00000001", "x 1.00000001–1.00000002", "x > 1.00000002"),
        ),
    ],
)
def test_names_show_the_range(
    values: list[float], quantiles: list[float], names: tuple[str, ...]
) -> None:
    assert quantile_bins("x", values, quantiles)[0] == names


def test_values_that_no_quantile_parts() -> None:
    with pytest.raises(ValueError, match="all fall on its greatest value"):
        quantile_bins("x", [1, 9, 9, 9], [0.5])

"""Numbers → bins between quantiles, named by their range."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise


def quantile_bins(
    name: str, values: Sequence[float], quantiles: Sequence[float]
) -> tuple[tuple[str, ...], list[int]]:
    """The names of the bins from low to high, and the bin of each value.

    A bin ends with the smallest value that at least the share q of the values do not exceed
    (the inverse of the empirical distribution); equal values share a bin, and a bin that would be
    empty is none. Of `name a–b` the end b belongs to it; a does where all values are whole
    numbers. Raises ValueError where all values fall into one bin.

    >>> quantile_bins("steps", [2, 3, 3, 4, 5, 8], [0.5, 0.8])
    (('steps ≤ 3', 'steps 4–5', 'steps > 5'), [0, 0, 0, 1, 1, 2])
    """
    ordered = sorted(values)
    # The small amount keeps a share such as 0.7 of 10, which is above 7 in floating point, at 7.
    ranks = [max(math.ceil(q * len(ordered) - 1e-9), 1) for q in quantiles]
    cuts = sorted({ordered[rank - 1] for rank in ranks} - {ordered[-1]})
    if not cuts:
        raise ValueError("is not parted by these quantiles: they all fall on its greatest value")
    return _names(name, cuts, ordered), [bisect_left(cuts, value) for value in values]


def _names(name: str, cuts: Sequence[float], ordered: Sequence[float]) -> tuple[str, ...]:
    whole = all(float(value).is_integer() for value in ordered)
    shown = _shown(cuts)
    middle = []
    for (low, high), (low_text, high_text) in zip(pairwise(cuts), pairwise(shown), strict=True):
        first = str(int(low) + 1) if whole else low_text
        joint = "–" if low >= 0 else " to "
        middle.append(high_text if whole and low + 1 == high else f"{first}{joint}{high_text}")
    return (
        f"{name} ≤ {shown[0]}",
        *(f"{name} {text}" for text in middle),
        f"{name} > {shown[-1]}",
    )


def _shown(cuts: Sequence[float]) -> list[str]:
    """Whole numbers in full, others in as few digits, at least 6, as tell all cuts apart."""
    for digits in range(6, 18):
        texts = [str(int(cut)) if float(cut).is_integer() else f"{cut:.{digits}g}" for cut in cuts]
        if len(set(texts)) == len(texts):
            break
    return texts

"""What the functions of this room demand of their arguments, said once."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import cast

from tailqa.core.estimate import Cells

CELL_NAMES = ("both", "teacher_only", "student_only", "neither")
WEIGHT_TOLERANCE = 1e-6


def check_count(name: str, value: object) -> int:
    """`value` as a count; raises ValueError unless it is a whole number that is not negative."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 0:
        raise ValueError(f"{name} must be a whole number of at least 0, got {value!r}")
    return int(value.__index__())


def check_cells(name: str, cells: Sequence[object]) -> Cells:
    """`cells` as four counts; raises ValueError naming the cell that is none."""
    if len(cells) != 4:
        raise ValueError(f"{name} must be the four counts {CELL_NAMES}, got {len(cells)} values")
    if not all(type(value) is int and value >= 0 for value in cells):
        cells = [
            check_count(f"{name}.{cell}", value)
            for cell, value in zip(CELL_NAMES, cells, strict=True)
        ]
    both, teacher_only, student_only, neither = cast(Cells, cells)
    return both, teacher_only, student_only, neither


def check_share(name: str, value: float) -> float:
    """`value` as a float; raises ValueError unless it lies strictly between 0 and 1."""
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {value!r}")
    return float(value)


def check_weights(weights: Sequence[float], n_strata: int) -> tuple[float, ...]:
    """`weights`, one per stratum, scaled to sum to exactly 1.

    Raises ValueError when there is not one per stratum, one is negative or not finite, or their
    sum is further than 1e-6 from 1.
    """
    if n_strata == 0 or len(weights) != n_strata:
        raise ValueError(
            f"weights must hold one weight per stratum and at least one, "
            f"got {len(weights)} for {n_strata} strata"
        )
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights):
        raise ValueError(f"weights must be finite and not negative, got {tuple(weights)}")
    total = math.fsum(weights)
    if abs(total - 1) > WEIGHT_TOLERANCE:
        raise ValueError(f"weights must sum to 1 (within {WEIGHT_TOLERANCE:g}), got {total:.9g}")
    return tuple(weight / total for weight in weights)


def two_sided_z(level: float) -> float:
    """The standard normal quantile that leaves (1 − level)/2 above it.

    >>> round(two_sided_z(0.95), 6)
    1.959964
    """
    return NormalDist().inv_cdf((1 + check_share("level", level)) / 2)

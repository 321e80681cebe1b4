"""One proportion: Wilson's score interval."""

import math
from collections.abc import Sequence

from tailqa.core.estimate import Cells, Estimate, Measured, TooFew
from tailqa.stats.checks import check_cells, check_count, two_sided_z


def wilson_limits(successes: int, n: int, z: float) -> tuple[float, float]:
    """Limits of a proportion, in [0, 1]; n ≥ 1 (Wilson, JASA 1927, 22: 209–212).

    >>> [round(limit, 4) for limit in wilson_limits(0, 10, 1.96)]
    [0.0, 0.2775]
    """
    centre = successes + z**2 / 2
    half = z * math.sqrt(successes * (n - successes) / n + z**2 / 4)
    # At 0 and n the limit is exactly 0 or 1, which the subtraction would miss by a rounding.
    low = 0.0 if successes == 0 else (centre - half) / (n + z**2)
    high = 1.0 if successes == n else (centre + half) / (n + z**2)
    return low, high


def accuracy(correct: int, n: int, *, level: float = 0.95) -> Measured:
    """Share of right answers among `n`, with Wilson's interval; TooFew when `n` is 0.

    Raises ValueError unless 0 ≤ correct ≤ n are whole numbers and 0 < level < 1.

    >>> estimate = accuracy(45, 50)
    >>> estimate.value, round(estimate.low, 4), round(estimate.high, 4)
    (0.9, 0.7864, 0.9565)
    """
    correct, n, z = check_count("correct", correct), check_count("n", n), two_sided_z(level)
    if correct > n:
        raise ValueError(f"correct must be at most n, got {correct} of {n}")
    if n == 0:
        return TooFew(reason="no graded answers", n=0)
    low, high = wilson_limits(correct, n, z)
    return Estimate(value=correct / n, low=low, high=high, level=level, method="wilson", n=n)


def flip_rate(cells: Cells | Sequence[int], *, level: float = 0.95) -> Measured:
    """Share of queries where exactly one side is right, with Wilson's interval.

    `cells` = (both, teacher_only, student_only, neither). TooFew for an empty table; ValueError
    for cells that are no counts.

    >>> flip_rate((80, 6, 4, 10)).value
    0.1
    """
    _, teacher_only, student_only, _ = counts = check_cells("cells", cells)
    return accuracy(teacher_only + student_only, sum(counts), level=level)

"""Retention: student accuracy / teacher accuracy, a ratio of two paired proportions."""

import math
from collections.abc import Sequence

from tailqa.core.estimate import Cells, Estimate, Measured, TooFew
from tailqa.stats.checks import check_cells, two_sided_z

# The limits lie far inside exp(±LOG_REACH) times the estimate for any count a computer can hold.
LOG_REACH = 60.0
# Where the variance vanishes at the estimate itself, the estimate is a second, false root.
ROOT_GUARD = 1e-9


def retention(cells: Cells | Sequence[int], *, level: float = 0.95) -> Measured:
    """Student accuracy / teacher accuracy on the same queries; in [0, ∞), 1 means kept.

    `cells` = (both, teacher_only, student_only, neither). The interval inverts the score test of
    the ratio (Nam & Blackwelder, Stat Med 2002, 21: 689–699; Tang, Tang & Chan, Stat Med 2003,
    22: 1217–1233). Queries that neither side solves carry no information about it. TooFew when
    the teacher has no right answer: the ratio has no meaning then. Raises ValueError for cells
    that are no counts or a level outside (0, 1).

    >>> kept = retention((59, 16, 6, 80))
    >>> round(kept.value, 4), round(kept.low, 4), round(kept.high, 4)
    (0.8667, 0.7476, 0.9876)
    """
    counts, z = check_cells("cells", cells), two_sided_z(level)
    both, teacher_only, student_only, _ = counts
    n, teacher, student = sum(counts), both + teacher_only, both + student_only
    if teacher == 0:
        return TooFew(reason="the teacher has no right answer to keep", n=n)
    low, high = ratio_limits(counts, z)
    value = student / teacher
    return Estimate(value=value, low=low, high=high, level=level, method="tang", n=n)


def ratio_limits(cells: Sequence[float], z: float) -> tuple[float, float]:
    """Limits of student / teacher; counts need not be whole, the teacher's is positive.

    >>> [round(limit, 4) for limit in ratio_limits((59, 16, 6, 80), 1.96)]
    [0.7476, 0.9876]
    """
    both, teacher_only, student_only, _ = cells
    low = _limit(both, teacher_only, student_only, z) if both + student_only > 0 else 0.0
    return low, _limit(both, teacher_only, student_only, -z)


def _limit(both: float, teacher_only: float, student_only: float, signed_z: float) -> float:
    from scipy.optimize import brentq

    teacher, student = both + teacher_only, both + student_only

    def excess(log_ratio: float) -> float:
        # Score statistic − z, times its standard error.
        ratio = math.exp(log_ratio)
        variance = _restricted_variance(both, teacher_only, student_only, ratio)
        return student - teacher * ratio - signed_z * math.sqrt(variance)

    centre = math.log(student / teacher) if student else -LOG_REACH
    if signed_z < 0:
        limit = brentq(excess, centre + ROOT_GUARD, max(centre, 0.0) + LOG_REACH)
    else:
        limit = brentq(excess, min(centre, 0.0) - LOG_REACH, centre - ROOT_GUARD)
    return math.exp(limit)


def _restricted_variance(
    both: float, teacher_only: float, student_only: float, ratio: float
) -> float:
    """Variance of student − ratio·teacher (counts) where accuracies have exactly that ratio.

    It is ratio times the expected flips; these maximise the likelihood under the restriction,
    which makes the variance the positive root of solved·v² − b·v − ratio·c = 0.
    """
    solved = both + teacher_only + student_only
    k = solved * (1 - ratio)
    b = (
        teacher_only * ratio * (solved + k)
        + student_only * (solved * ratio - k)
        - both * k * (1 - ratio)
    )
    c = k * (both * k + solved * (student_only - teacher_only * ratio))
    root = math.sqrt(max(0.0, b * b + 4 * solved * ratio * c))
    # Two forms of the same root; each is free of cancellation for its sign of b.
    variance = (b + root) / (2 * solved) if b >= 0 else 2 * ratio * c / (root - b)
    return max(0.0, variance)

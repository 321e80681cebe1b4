"""The gap of one stratum: difference of two paired proportions, student − teacher.

In the formulas b = student_only, c = teacher_only, so that (b − c)/n is the gap.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from tailqa.core.estimate import Cells, Estimate, Measured, TooFew
from tailqa.stats.checks import check_cells, check_share, two_sided_z
from tailqa.stats.proportion import wilson_limits

GapMethod = Literal["tango", "wald", "agresti-min", "bonett-price", "newcombe"]

# Where the variance vanishes at the estimate itself, the estimate is a second, false root.
ROOT_GUARD = 1e-12


def paired_gap(
    cells: Cells | Sequence[int], *, level: float = 0.95, method: GapMethod = "tango"
) -> Measured:
    """Student accuracy − teacher accuracy on the same queries; value and limits in [−1, 1].

    `cells` = (both, teacher_only, student_only, neither). The default inverts the score test
    (Tango, Stat Med 1998, 17: 891–908); the others are there for comparison: Wald, Agresti & Min
    (Stat Med 2005), Bonett & Price (J Educ Behav Stat 2012) and Newcombe's square-and-add (Stat
    Med 1998, method 10). TooFew for an empty table, and for Wald where its standard error is 0.
    Raises ValueError for cells that are no counts, a level outside (0, 1), an unknown method.

    >>> gap = paired_gap((59, 6, 16, 80))
    >>> round(gap.value, 4), round(gap.low, 4), round(gap.high, 4)
    (0.0621, 0.0054, 0.124)
    """
    counts, z = check_cells("cells", cells), two_sided_z(level)
    if method not in get_args(GapMethod):
        raise ValueError(f"method must be one of {', '.join(get_args(GapMethod))}, got {method!r}")
    n = sum(counts)
    if n == 0:
        return TooFew(reason="no graded pairs", n=0)
    value = (counts[2] - counts[1]) / n
    low, high = _LIMITS[method](counts, z)
    if low == high:
        return TooFew(reason=f"{method}: the standard error of {n} equal differences is 0", n=n)
    # Shrunken centres can leave the estimate outside at low levels; widening only adds coverage.
    low, high = max(-1.0, min(low, value)), min(1.0, max(high, value))
    return Estimate(value=value, low=low, high=high, level=level, method=method, n=n)


def noninferiority_p(cells: Cells | Sequence[int], margin: float) -> float:
    """One-sided p-value, in [0, 1], of "the student is worse by at least `margin`".

    Tango's score test of gap ≤ −margin (Stat Med 1998, 17: 891–908). It is below α exactly where
    the lower limit of `paired_gap` at level 1 − 2α lies above −margin. 1 for an empty table.
    Raises ValueError for cells that are no counts and a margin outside (0, 1).

    >>> round(noninferiority_p((150, 10, 10, 30), 0.05), 4)
    0.0191
    """
    _, teacher_only, student_only, _ = counts = check_cells("cells", cells)
    margin, n = check_share("margin", margin), sum(counts)
    return tango_p(student_only, teacher_only, n, margin) if n else 1.0


def tango_p(b: float, c: float, n: float, margin: float) -> float:
    """The p-value of `noninferiority_p`; counts need not be whole, n > 0.

    >>> round(tango_p(0, 0, 100, 0.05), 4)
    0.0109
    """
    distance, error = _tango_score(b, c, n, -margin)
    return math.erfc(distance / (error * math.sqrt(2))) / 2


def tango_limits(b: float, c: float, n: float, z: float) -> tuple[float, float]:
    """Tango's limits of (b − c)/n, in [−1, 1]; counts need not be whole, n > 0.

    >>> [round(limit, 4) for limit in tango_limits(16, 6, 161, 1.96)]
    [0.0054, 0.124]
    """
    # Swapping the sides turns the upper limit into a lower one, so symmetry is exact.
    return _tango_low(b, c, n, z), -_tango_low(c, b, n, z)


def _tango(cells: Cells, z: float) -> tuple[float, float]:
    return tango_limits(cells[2], cells[1], sum(cells), z)


def _tango_low(b: float, c: float, n: float, z: float) -> float:
    from scipy.optimize import brentq

    if b - c == -n:
        return -1.0

    def excess(delta: float) -> float:
        distance, error = _tango_score(b, c, n, delta)
        return distance - z * error

    return float(brentq(excess, -1.0, (b - c) / n - ROOT_GUARD, xtol=1e-14, rtol=1e-14))


def _tango_score(b: float, c: float, n: float, delta: float) -> tuple[float, float]:
    """Distance of b − c from its mean at gap `delta`, and the standard error there."""
    # q is the restricted estimate of P(c).
    big_b = -b - c + (2 * n - b + c) * delta
    root = math.sqrt(max(0.0, big_b**2 + 8 * n * c * delta * (1 - delta)))
    q = (root - big_b) / (4 * n)
    variance = n * (2 * q + delta * (1 - delta))
    return b - c - n * delta, math.sqrt(max(0.0, variance))


def _around(b: float, c: float, n: float, z: float) -> tuple[float, float]:
    gap = (b - c) / n
    half = z * math.sqrt(max(0.0, (b + c) / n - gap**2) / n)
    return gap - half, gap + half


def _wald(cells: Cells, z: float) -> tuple[float, float]:
    return _around(cells[2], cells[1], sum(cells), z)


def _agresti_min(cells: Cells, z: float) -> tuple[float, float]:
    return _around(cells[2] + 0.5, cells[1] + 0.5, sum(cells) + 2, z)


def _bonett_price(cells: Cells, z: float) -> tuple[float, float]:
    return _around(cells[2] + 1, cells[1] + 1, sum(cells) + 2, z)


def _newcombe(cells: Cells, z: float) -> tuple[float, float]:
    both, teacher_only, student_only, _ = cells
    n = sum(cells)
    teacher, student = both + teacher_only, both + student_only
    teacher_low, teacher_high = wilson_limits(teacher, n, z)
    student_low, student_high = wilson_limits(student, n, z)
    phi = _corrected_phi(cells)
    p_teacher, p_student = teacher / n, student / n

    def distance(student_part: float, teacher_part: float) -> float:
        square = student_part**2 + teacher_part**2 - 2 * phi * student_part * teacher_part
        return math.sqrt(max(0.0, square))

    gap = p_student - p_teacher
    return (
        gap - distance(p_student - student_low, teacher_high - p_teacher),
        gap + distance(student_high - p_student, p_teacher - teacher_low),
    )


def _corrected_phi(cells: Cells) -> float:
    both, teacher_only, student_only, neither = cells
    n = sum(cells)
    teacher, student = both + teacher_only, both + student_only
    margins = teacher * (n - teacher) * student * (n - student)
    if margins == 0:
        return 0.0
    excess = both * neither - teacher_only * student_only
    corrected = max(excess - n / 2, 0.0) if excess > 0 else float(excess)
    return corrected / math.sqrt(margins)


_LIMITS: dict[str, Callable[[Cells, float], tuple[float, float]]] = {
    "tango": _tango,
    "wald": _wald,
    "agresti-min": _agresti_min,
    "bonett-price": _bonett_price,
    "newcombe": _newcombe,
}

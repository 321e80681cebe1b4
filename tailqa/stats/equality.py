"""McNemar's test of equal accuracy on the same queries."""

import math
from typing import Literal, get_args

from tailqa.stats.checks import check_count

McNemarMethod = Literal["mid-p", "exact", "asymptotic", "corrected"]


def mcnemar(teacher_only: int, student_only: int, *, method: McNemarMethod = "mid-p") -> float:
    """Two-sided p-value in [0, 1] of "both are right equally often", from the two flip counts.

    "mid-p" is the exact conditional test less half of the observed outcome's probability: its
    size stays near the nominal one, where "exact" is conservative and "asymptotic" may exceed it
    (Fagerland, Lydersen & Laake, BMC Med Res Methodol 2013, 13: 91). "corrected" is Edwards'
    continuity correction. Without flips nothing speaks against equality: 1. Raises ValueError
    for a count that is none or an unknown method.

    >>> round(mcnemar(6, 16), 6)
    0.03469
    """
    b = check_count("teacher_only", teacher_only)
    c = check_count("student_only", student_only)
    if method not in get_args(McNemarMethod):
        known = ", ".join(get_args(McNemarMethod))
        raise ValueError(f"method must be one of {known}, got {method!r}")
    if b == c:
        # The data sit at the null itself. Mid-p alone does not charge the whole observed point.
        return 1.0 if method != "mid-p" or b == 0 else 1.0 - 0.5 * _point(b, 2 * b)
    if method in {"asymptotic", "corrected"}:
        distance = abs(b - c) - (1 if method == "corrected" else 0)
        return math.erfc(distance / math.sqrt(2 * (b + c)))
    return _conditional(min(b, c), b + c, mid=method == "mid-p")


def _conditional(smaller: int, flips: int, *, mid: bool) -> float:
    from scipy.special import bdtr

    exact = min(1.0, 2 * float(bdtr(smaller, flips, 0.5)))
    return exact - _point(smaller, flips) if mid else exact


def _point(k: int, n: int) -> float:
    log_choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(log_choose - n * math.log(2))

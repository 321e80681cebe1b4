"""How many queries a decision takes."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from tailqa.core.estimate import Cells, Estimate
from tailqa.stats.checks import check_cells, check_share, two_sided_z


def noninferiority_n(
    flip_rate: float, margin: float, *, alpha: float = 0.05, power: float = 0.80
) -> int:
    """Queries for a one-sided non-inferiority test of two equally good models.

    n = (z_α + z_β)² · flips / margin², to the nearest query (Tango 1998; Var = flips at gap 0).
    Raises ValueError unless flip_rate lies in (0, 1] and margin, alpha and power in (0, 1).

    >>> noninferiority_n(0.10, 0.03)
    687
    """
    if not 0 < flip_rate <= 1:
        raise ValueError(f"flip_rate must lie in (0, 1], got {flip_rate!r}")
    margin = check_share("margin", margin)
    return max(1, round(_squared_z(alpha, power) * flip_rate / margin**2))


def queries_to_settle(
    cells: Cells | Sequence[int], margin: float, *, alpha: float = 0.05, power: float = 0.80
) -> int | None:
    """Queries in all that would settle "gap > −margin" if the observed rates are the true ones.

    `cells` = (both, teacher_only, student_only, neither) as observed so far. The same formula
    with the distance |gap + margin| and the variance flips − gap² of the table, ½ added to each
    cell so that a table without flips is not taken for one without variance. The side on which
    it settles is that of the observed gap. None for an empty table, and where the gap lies on
    the margin, which no number of queries settles. Raises ValueError for cells that are no
    counts and for margin, alpha or power outside (0, 1).

    >>> queries_to_settle((150, 14, 10, 26), 0.05)
    848
    """
    counts = check_cells("cells", cells)
    margin, squared_z = check_share("margin", margin), _squared_z(alpha, power)
    if sum(counts) == 0:
        return None
    n = sum(counts) + 2
    teacher_only, student_only = counts[1] + 0.5, counts[2] + 0.5
    gap = (student_only - teacher_only) / n
    variance = (teacher_only + student_only) / n - gap**2
    distance = abs((counts[2] - counts[1]) / sum(counts) + margin)
    if distance < 1e-9:
        return None
    return max(1, math.ceil(squared_z * variance / distance**2))


def queries_to_settle_estimate(
    found: Estimate, limit: float, *, alpha: float = 0.05, power: float = 0.80
) -> int | None:
    """Queries in all that would settle on which side of `limit` an estimate lies.

    For any figure whose interval narrows as 1/√n: the standard error is read off the side of the
    interval that looks towards the limit, and n is scaled by ((z_α + z_β)·SE / distance)². None
    where the estimate lies on the limit. Raises ValueError for alpha or power outside (0, 1).

    >>> found = Estimate(value=-0.02, low=-0.06, high=0.02, level=0.9, method="mover", n=400)
    >>> queries_to_settle_estimate(found, -0.05)
    1625
    """
    squared_z = _squared_z(alpha, power)
    distance = abs(found.value - limit)
    if distance < 1e-9:
        return None
    half = found.value - found.low if found.value > limit else found.high - found.value
    squared_error = (half / two_sided_z(found.level)) ** 2
    return max(1, math.ceil(found.n * squared_z * squared_error / distance**2))


def _squared_z(alpha: float, power: float) -> float:
    quantile = NormalDist().inv_cdf
    return (quantile(1 - check_share("alpha", alpha)) + quantile(check_share("power", power))) ** 2

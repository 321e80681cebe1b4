"""Strata put together: the traffic-weighted figures and the tail against the head.

MOVER (method of variance estimates recovery; Zou & Donner, Stat Med 2008, 27: 1693–1702) adds the
squared distances from estimate to limit instead of variances, and so keeps the shape of each
part's own interval.
"""

import math
from collections.abc import Sequence
from typing import cast

from tailqa.core.estimate import Cells, Estimate, Measured, TooFew
from tailqa.stats.checks import check_cells, check_count, check_weights, two_sided_z
from tailqa.stats.paired import paired_gap
from tailqa.stats.proportion import accuracy

MIN_QUERIES = 50
MIN_FLIPS = 5


def pooled_gap(
    tables: Sequence[Cells | Sequence[int]], weights: Sequence[float], *, level: float = 0.95
) -> Measured:
    """Traffic-weighted gap Σ w·gap over strata, in [−1, 1], post-stratified.

    `tables` holds one (both, teacher_only, student_only, neither) per stratum, `weights` the
    strata's shares of the traffic. Stratified normal interval (variance
    over n − 1 within strata); where any stratum has fewer than
    50 pairs or 5 flips, or nearly all of its pairs flip one way, MOVER over the strata's Tango
    limits. TooFew when a stratum of positive
    weight is empty. Raises ValueError for cells that are no counts and for weights that are
    negative, not one per stratum, or do not sum to 1 (within 1e-6).

    >>> gap = pooled_gap([(170, 12, 10, 8), (60, 40, 5, 45)], [0.8, 0.2])
    >>> round(gap.value, 4), gap.method
    (-0.0547, 'stratified')
    """
    z = two_sided_z(level)
    counts = [check_cells(f"tables[{i}]", table) for i, table in enumerate(tables)]
    shares = check_weights(weights, len(counts))
    used = [(cells, share) for cells, share in zip(counts, shares, strict=True) if share > 0]
    n = sum(sum(cells) for cells, _ in used)
    empty = sum(sum(cells) == 0 for cells, _ in used)
    if empty:
        return TooFew(reason=f"{empty} of {len(used)} strata have no graded pairs", n=n)
    if any(is_sparse(cells) for cells, _ in used):
        # No table is empty, so Tango always has limits.
        parts = [cast(Estimate, paired_gap(cells, level=level)) for cells, _ in used]
        return weighted(parts, [share for _, share in used], "mover-tango", -1.0)
    value = math.fsum(share * (cells[2] - cells[1]) / sum(cells) for cells, share in used)
    half = z * math.sqrt(math.fsum(share**2 * _variance(cells) for cells, share in used))
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return Estimate(value=value, low=low, high=high, level=level, method="stratified", n=n)


def pooled_accuracy(
    counts: Sequence[tuple[int, int]], weights: Sequence[float], *, level: float = 0.95
) -> Measured:
    """Traffic-weighted accuracy Σ w·correct/n, in [0, 1], MOVER over Wilson limits.

    `counts` holds one (correct, n) per stratum. TooFew and ValueError as in `pooled_gap`.

    >>> round(pooled_accuracy([(95, 100), (30, 60)], [0.9, 0.1]).value, 3)
    0.905
    """
    parts = [
        accuracy(
            check_count(f"counts[{i}].correct", right),
            check_count(f"counts[{i}].n", n),
            level=level,
        )
        for i, (right, n) in enumerate(counts)
    ]
    used = [
        (part, share)
        for part, share in zip(parts, check_weights(weights, len(parts)), strict=True)
        if share > 0
    ]
    known = [part for part, _ in used if isinstance(part, Estimate)]
    if len(known) < len(used):
        reason = f"{len(used) - len(known)} of {len(used)} strata have no graded answers"
        return TooFew(reason=reason, n=sum(part.n for part in known))
    return weighted(known, [share for _, share in used], "mover-wilson", 0.0)


def tail_interaction(
    head: Cells | Sequence[int] | Measured,
    tail: Cells | Sequence[int] | Measured,
    *,
    level: float = 0.95,
) -> Measured:
    """gap(tail) − gap(head), in [−2, 2]; below 0 the student lost more in the tail.

    Each side is a cells tuple or an Estimate of a gap at the same level (say, of `pooled_gap`
    over the tail's strata); head and tail must hold different queries. MOVER difference over the
    two intervals. TooFew when a side is. Raises ValueError for cells that are no counts or an
    Estimate at another level.

    >>> difference = tail_interaction((190, 4, 3, 3), (110, 50, 8, 32))
    >>> round(difference.value, 3), round(difference.low, 3), round(difference.high, 3)
    (-0.205, -0.282, -0.13)
    """
    two_sided_z(level)
    head_gap, tail_gap = _side("head", head, level), _side("tail", tail, level)
    for name, side in (("head", head_gap), ("tail", tail_gap)):
        if isinstance(side, TooFew):
            return TooFew(reason=f"{name}: {side.reason}", n=head_gap.n + tail_gap.n)
    head_gap, tail_gap = cast(Estimate, head_gap), cast(Estimate, tail_gap)
    value = tail_gap.value - head_gap.value
    return Estimate(
        value=value,
        low=value - math.hypot(tail_gap.value - tail_gap.low, head_gap.high - head_gap.value),
        high=value + math.hypot(tail_gap.high - tail_gap.value, head_gap.value - head_gap.low),
        level=level,
        method="mover",
        n=head_gap.n + tail_gap.n,
    )


def _side(name: str, side: Cells | Sequence[int] | Measured, level: float) -> Measured:
    if isinstance(side, TooFew):
        return side
    if not isinstance(side, Estimate):
        return paired_gap(check_cells(name, side), level=level)
    if not math.isclose(side.level, level, abs_tol=1e-9):
        raise ValueError(f"{name} must be an estimate at level {level}, got level {side.level}")
    return side


def is_sparse(cells: Cells) -> bool:
    """Whether a normal interval would be too short, in the end of no width."""
    both, teacher_only, student_only, neither = cells
    most = max(both + neither, teacher_only, student_only)
    return sum(cells) < MIN_QUERIES or sum(cells) - most < MIN_FLIPS


def _variance(cells: Cells) -> float:
    _, teacher_only, student_only, _ = cells
    n = sum(cells)
    flips, gap = (teacher_only + student_only) / n, (student_only - teacher_only) / n
    return (flips - gap**2) / (n - 1)


def weighted(
    parts: Sequence[Estimate], shares: Sequence[float], method: str, floor: float
) -> Estimate:
    """Σ share·value with the MOVER interval, limits within [`floor`, 1]."""
    pairs = list(zip(parts, shares, strict=True))
    value = math.fsum(share * part.value for part, share in pairs)
    below = math.hypot(*(share * (part.value - part.low) for part, share in pairs))
    above = math.hypot(*(share * (part.high - part.value) for part, share in pairs))
    return Estimate(
        value=value,
        low=max(floor, value - below),
        high=min(1.0, value + above),
        level=parts[0].level,
        method=method,
        n=sum(part.n for part in parts),
    )

"""Pairs that come in clusters, such as queries about one document: gap, retention, interaction.

A cluster is the unit of every interval here: the delete-one jackknife (jackknife.py) with
Student's t on as many degrees of freedom as there are clusters, less 1 for every group of strata
that shares none with the others.

An interval of a gap or a retention is never narrower than the one that takes the queries as
independent, which also keeps an honest width where hardly any query flips. Where the clusters
show no spread at all, each counts as a single observation.
"""

import math
from collections.abc import Sequence
from typing import cast

from tailqa.core.estimate import Cells, Estimate, Measured, TooFew
from tailqa.stats.checks import check_cells, check_share, check_weights, two_sided_z
from tailqa.stats.clustered import student_t
from tailqa.stats.jackknife import ClusterCells, Contrast, ErrorMethod, Part, contrast
from tailqa.stats.paired import noninferiority_p, tango_limits, tango_p
from tailqa.stats.pooled import is_sparse, pooled_gap, tail_interaction, weighted
from tailqa.stats.ratio import ratio_limits, retention

# The largest logarithm of a ratio of counts that a limit is given for.
LOG_REACH = 60.0


def clustered_gap(
    clusters: Sequence[Cells], *, level: float = 0.95, method: ErrorMethod = "jackknife"
) -> Measured:
    """The gap of one stratum whose queries come in clusters; value and limits in [−1, 1].

    `clusters` holds one (both, teacher_only, student_only, neither) per cluster. "sandwich" is
    the plain error √Σ(Σ residual)²/n, there for comparison: with few clusters or unequal ones
    it is too small. TooFew below two clusters with graded pairs. Raises ValueError for cells that
    are no counts, a level outside (0, 1), an unknown method.

    >>> gap = clustered_gap([(8, 2, 0, 0), (5, 1, 1, 3), (9, 0, 1, 0), (4, 5, 0, 1)])
    >>> round(gap.value, 3), round(gap.low, 3), round(gap.high, 3)
    (-0.15, -0.571, 0.271)
    """
    return clustered_pooled_gap([dict(enumerate(clusters))], (1.0,), level=level, method=method)


def clustered_pooled_gap(
    strata: Sequence[ClusterCells],
    weights: Sequence[float],
    *,
    level: float = 0.95,
    method: ErrorMethod = "jackknife",
) -> Measured:
    """Traffic-weighted gap Σ w·gap where queries come in clusters; limits in [−1, 1].

    `strata` holds cluster id → (both, teacher_only, student_only, neither) per stratum; a cluster
    that spans several has the same id in all. TooFew where a stratum of positive weight has fewer
    than two clusters with graded pairs. ValueError as in `clustered_gap` and `pooled_gap`.

    >>> gap = clustered_pooled_gap([{"a": (9, 1, 0, 0), "b": (6, 1, 2, 1)}] * 2, [0.7, 0.3])
    >>> gap.value, round(gap.low, 3), gap.method
    (0.0, -1.0, 'clustered-jackknife-t')
    """
    z = two_sided_z(level)
    found = contrast(strata, check_weights(weights, len(strata)), method)
    if isinstance(found, TooFew):
        return found
    shares = [part.coefficient for part in found.parts]
    if found.error == 0:
        parts = [_one_per_cluster(part, z, level) for part in found.parts]
        return weighted(parts, shares, "tango-per-cluster", -1.0)
    # No stratum is empty, so there always is an interval.
    independent = cast(
        Estimate, pooled_gap([part.cells for part in found.parts], shares, level=level)
    )
    clustered = _student(found, level, method)
    return Estimate(
        value=found.value,
        low=max(-1.0, min(clustered.low, independent.low)),
        high=min(1.0, max(clustered.high, independent.high)),
        level=level,
        method=clustered.method,
        n=found.n,
    )


def clustered_interaction(
    head: Sequence[ClusterCells],
    tail: Sequence[ClusterCells],
    head_weights: Sequence[float] = (1.0,),
    tail_weights: Sequence[float] = (1.0,),
    *,
    level: float = 0.95,
) -> Measured:
    """gap(tail) − gap(head), in [−2, 2], where clusters may span both; below 0 the tail lost more.

    Either side is as in `clustered_pooled_gap`, its weights summing to 1. Where a stratum is too
    small for t (as in `pooled_gap`) or the clusters show no spread, the MOVER difference of the
    two sides. TooFew and ValueError as there.

    >>> head = {"a": (40, 2, 3, 5), "b": (41, 4, 1, 4), "c": (30, 3, 3, 4)}
    >>> tail = {"a": (20, 9, 3, 8), "b": (22, 13, 1, 4), "d": (9, 6, 2, 3)}
    >>> difference = clustered_interaction([head], [tail])
    >>> round(difference.value, 3), round(difference.low, 3), round(difference.high, 3)
    (-0.206, -0.31, -0.102)
    """
    sides = (
        clustered_pooled_gap(head, head_weights, level=level),
        clustered_pooled_gap(tail, tail_weights, level=level),
    )
    mover = tail_interaction(*sides, level=level)
    shares = [-share for share in check_weights(head_weights, len(head))]
    shares += check_weights(tail_weights, len(tail))
    found = contrast([*head, *tail], shares, "jackknife")
    if isinstance(found, TooFew) or isinstance(mover, TooFew):
        return mover
    if found.error == 0 or any(is_sparse(part.cells) for part in found.parts):
        return mover
    return _student(found, level)


def clustered_retention(clusters: Sequence[Cells], *, level: float = 0.95) -> Measured:
    """Student accuracy / teacher accuracy of one stratum in clusters; in [0, ∞), 1 means kept.

    The linearised ratio on the log scale. TooFew when the teacher has no right answer or has them
    all in one cluster. ValueError as in `clustered_gap`.

    >>> kept = clustered_retention([(8, 2, 0, 0), (5, 1, 1, 3), (9, 0, 1, 0), (4, 5, 0, 1)])
    >>> round(kept.value, 3), round(kept.low, 3), round(kept.high, 3)
    (0.824, 0.457, 1.483)
    """
    tables = [check_cells(f"clusters[{i}]", cells) for i, cells in enumerate(clusters)]
    total = cast(Cells, tuple(map(sum, zip(*tables, strict=True)))) if tables else (0, 0, 0, 0)
    independent = retention(total, level=level)
    if isinstance(independent, TooFew):
        return independent
    right = [(both + down, both + up) for both, down, up, _ in tables if both + down + up > 0]
    teacher, student = (sum(side) for side in zip(*right, strict=True))
    if any(t == teacher for t, _ in right):
        reason = "all right answers of the teacher lie in one cluster"
        return TooFew(reason=reason, n=independent.n)
    g = len(right)
    squares = math.fsum(((s * teacher - student * t) / (teacher - t)) ** 2 for t, s in right)
    if squares == 0:
        scaled = tuple(count * g / sum(total[:3]) for count in total[:3])
        low, high = ratio_limits((*scaled, 0.0), two_sided_z(level))
        method = "tang-per-cluster"
    else:
        error = math.sqrt(squares * (g - 1) / g) / student
        factor = math.exp(min(student_t(g - 1, level) * error, LOG_REACH))
        low, high = independent.value / factor, independent.value * factor
        method = "clustered-log-t"
    return Estimate(
        value=independent.value,
        low=min(low, independent.low),
        high=max(high, independent.high),
        level=level,
        method=method,
        n=independent.n,
    )


def clustered_noninferiority_p(clusters: Sequence[Cells], margin: float) -> float:
    """One-sided p-value, in [0, 1], of "the student is worse by at least `margin`" in clusters.

    It is below α exactly where the lower limit of `clustered_gap` at level 1 − 2α lies above
    −margin. 1 below two clusters with graded pairs. Raises ValueError for cells that are no
    counts and a margin outside (0, 1).

    >>> round(clustered_noninferiority_p([(18, 1, 1, 0), (9, 1, 0, 0), (19, 0, 1, 0)], 0.1), 3)
    0.049
    """
    from scipy.special import stdtr

    margin = check_share("margin", margin)
    found = contrast([dict(enumerate(clusters))], (1.0,), "jackknife")
    if isinstance(found, TooFew):
        return 1.0
    if found.error == 0:
        return tango_p(*found.parts[0].per_cluster(), margin)
    clustered = float(stdtr(found.df, -(found.value + margin) / found.error))
    return max(clustered, noninferiority_p(found.parts[0].cells, margin))


def design_effect(clusters: Sequence[Cells]) -> float:
    """How many times the queries that clusters make a gap cost, at least 1.

    The variance of the gap with clusters (the plain sandwich) over that of independent queries;
    multiply `queries_to_settle` by it. 1 where nothing flips. Raises ValueError for cells that
    are no counts.

    >>> round(design_effect([(8, 2, 0, 0), (5, 1, 1, 3), (9, 0, 1, 0), (4, 5, 0, 1)]), 2)
    2.31
    """
    found = contrast([dict(enumerate(clusters))], (1.0,), "sandwich")
    if isinstance(found, TooFew) or found.error == 0:
        return 1.0
    _, teacher_only, student_only, _ = found.parts[0].cells
    flips = (teacher_only + student_only) / found.n
    return max(1.0, found.error**2 * found.n / (flips - found.value**2))


def _student(found: Contrast, level: float, method: ErrorMethod = "jackknife") -> Estimate:
    half = student_t(found.df, level) * found.error
    return Estimate(
        value=found.value,
        low=found.value - half,
        high=found.value + half,
        level=level,
        method=f"clustered-{method}-t",
        n=found.n,
    )


def _one_per_cluster(part: Part, z: float, level: float) -> Estimate:
    b, c, n = part.per_cluster()
    low, high = tango_limits(b, c, n, z)
    value = (b - c) / n
    return Estimate(value=value, low=low, high=high, level=level, method="tango", n=sum(part.cells))

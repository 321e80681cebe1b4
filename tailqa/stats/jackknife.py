"""The clustered error of a sum of gaps over strata, Σ coefficient·gap.

A cluster's residuals are added over all strata that it spans. The delete-one jackknife divides a
residual by its stratum's other queries, so that a large cluster does not hide itself (Bell &
McCaffrey, Surv Methodol 2002, 28: 169–181; with clusters of equal size it is the plain sandwich
times √(G/(G − 1))).
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from tailqa.core.estimate import Cells, TooFew
from tailqa.stats.checks import check_cells

ClusterCells = Mapping[Hashable, Cells]
"""Of one stratum: cluster id → (both, teacher_only, student_only, neither)."""

ErrorMethod = Literal["jackknife", "sandwich"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One stratum: its coefficient, its clusters with graded pairs, and their total."""

    coefficient: float
    clusters: dict[Hashable, Cells]
    cells: Cells

    def per_cluster(self) -> tuple[float, float, float]:
        """student_only, teacher_only and n were every cluster a single observation."""
        scale = len(self.clusters) / sum(self.cells)
        return self.cells[2] * scale, self.cells[1] * scale, float(len(self.clusters))


@dataclass(frozen=True, kw_only=True, slots=True)
class Contrast:
    """Σ coefficient·gap with its standard error, over `n` queries."""

    parts: list[Part]
    value: float
    error: float
    df: int
    n: int


def contrast(
    strata: Sequence[ClusterCells],
    coefficients: Sequence[float],
    method: ErrorMethod = "jackknife",
) -> Contrast | TooFew:
    """TooFew where a stratum whose coefficient is not 0 has fewer than two clusters."""
    if method not in get_args(ErrorMethod):
        known = ", ".join(get_args(ErrorMethod))
        raise ValueError(f"method must be one of {known}, got {method!r}")
    checked = [
        _part(f"strata[{i}]", clusters, share)
        for i, (clusters, share) in enumerate(zip(strata, coefficients, strict=True))
    ]
    parts = [part for part in checked if part.coefficient != 0]
    n = sum(sum(part.cells) for part in parts)
    short = sum(len(part.clusters) < 2 for part in parts)
    if short:
        reason = f"{short} of {len(parts)} strata have fewer than 2 clusters with graded pairs"
        if len(parts) == 1:
            reason = "an interval needs 2 clusters with graded pairs"
        return TooFew(reason=reason, n=n)
    sums: defaultdict[Hashable, float] = defaultdict(float)
    for part in parts:
        _add_residuals(sums, part, method)
    error = math.hypot(*sums.values())
    return Contrast(
        parts=parts,
        value=math.fsum(p.coefficient * (p.cells[2] - p.cells[1]) / sum(p.cells) for p in parts),
        # What is left of residuals that cancel is rounding, no spread.
        error=error if error > 1e-12 else 0.0,
        df=len(sums) - _separate_groups(parts),
        n=n,
    )


def _part(name: str, clusters: ClusterCells, coefficient: float) -> Part:
    checked = {
        cluster: check_cells(f"{name}[{cluster!r}]", cells) for cluster, cells in clusters.items()
    }
    graded = {cluster: cells for cluster, cells in checked.items() if sum(cells) > 0}
    both, teacher_only, student_only, neither = (
        sum(cells[i] for cells in graded.values()) for i in range(4)
    )
    total = (both, teacher_only, student_only, neither)
    return Part(coefficient=coefficient, clusters=graded, cells=total)


def _add_residuals(sums: defaultdict[Hashable, float], part: Part, method: ErrorMethod) -> None:
    n, total, n_clusters = sum(part.cells), part.cells[2] - part.cells[1], len(part.clusters)
    shrink = math.sqrt((n_clusters - 1) / n_clusters) if method == "jackknife" else 1.0
    for cluster, cells in part.clusters.items():
        size = sum(cells)
        # Whole numbers up to here, so that equal clusters leave exactly nothing.
        residual = ((cells[2] - cells[1]) * n - total * size) / n
        divisor = n - size if method == "jackknife" else n
        sums[cluster] += part.coefficient * shrink * residual / divisor


def _separate_groups(parts: Sequence[Part]) -> int:
    """How many groups of strata there are that share no cluster."""
    groups: list[set[Hashable]] = []
    for part in parts:
        joined = set(part.clusters)
        apart = [group for group in groups if group.isdisjoint(joined)]
        groups = [*apart, joined.union(*(group for group in groups if group not in apart))]
    return len(groups)

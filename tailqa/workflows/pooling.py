"""The gap over several strata, by traffic, at any level; queries in clusters are kept together."""

from collections.abc import Hashable, Sequence

from tailqa import stats
from tailqa.core.estimate import Cells, Measured, TooFew
from tailqa.core.query import Kind
from tailqa.core.report import StratumResult

_CELLS: tuple[Cells, ...] = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))


def overall_gap(results: Sequence[StratumResult], *, level: float = 0.95) -> Measured:
    """Traffic-weighted gap; TooFew where a stratum has no graded pair."""
    if not results:
        return TooFew(reason="the run has no stratum", n=0)
    weights = [result.weight for result in results]
    if any(result.clusters for result in results):
        return stats.clustered_pooled_gap(_clusters(results), weights, level=level)
    return stats.pooled_gap([result.cells for result in results], weights, level=level)


def pooled_estimates(results: Sequence[StratumResult]) -> Measured:
    """Σ w·gap from the intervals that the strata have, weights scaled to sum to 1."""
    return stats.pooled_scores([result.gap for result in results], _shares(results))


def interaction(results: Sequence[StratumResult], *, level: float = 0.95) -> Measured:
    """gap(tail) − gap(head), each weighted by the traffic within its kind."""
    head, tail = _kind(results, "head"), _kind(results, "tail")
    for name, side in (("head", head), ("tail", tail)):
        if not side:
            return TooFew(reason=f"the suite has no {name} stratum", n=0)
    if any(result.clusters for result in results):
        return stats.clustered_interaction(
            _clusters(head), _clusters(tail), _shares(head), _shares(tail), level=level
        )
    return stats.tail_interaction(_gap(head, level), _gap(tail, level), level=level)


def _kind(results: Sequence[StratumResult], kind: Kind) -> list[StratumResult]:
    return [result for result in results if result.kind == kind]


def _gap(side: Sequence[StratumResult], level: float) -> Cells | Measured:
    if len(side) == 1:
        return side[0].cells
    return stats.pooled_gap([result.cells for result in side], _shares(side), level=level)


def _shares(side: Sequence[StratumResult]) -> list[float]:
    total = sum(result.weight for result in side)
    return [result.weight / total for result in side]


def _clusters(results: Sequence[StratumResult]) -> list[dict[Hashable, Cells]]:
    return [_clusters_of(result) for result in results]


def _clusters_of(result: StratumResult) -> dict[Hashable, Cells]:
    """Cluster id → cells; a query without a cluster is one of its own."""
    if result.clusters:
        return dict(result.clusters.items())
    one_each = [cell for cell, n in zip(_CELLS, result.cells, strict=True) for _ in range(n)]
    return {(result.name, index): cell for index, cell in enumerate(one_each)}

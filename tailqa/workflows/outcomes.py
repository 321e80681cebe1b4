"""Graded pairs → the result of each stratum, of all traffic, and of the tail against the head."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from tailqa import stats
from tailqa.core.answer import Failed, Pair, Scored
from tailqa.core.estimate import Cells, Measured, TooFew
from tailqa.core.query import Query, Stratum
from tailqa.core.report import GradedScores, OverallResult, StratumResult
from tailqa.workflows.pooling import overall_gap

_NO_CLUSTERED_SCORES = TooFew(
    reason="queries come in clusters, for which scores have no interval", n=0
)
_CELLS = ("both", "teacher_only", "student_only", "neither")


def stratum_results(
    strata: Sequence[Stratum], pairs: Sequence[Pair], *, seed: int = 0
) -> tuple[StratumResult, ...]:
    """One result per stratum, in the order of the suite.

    Where queries share clusters, every interval takes the cluster as its unit.
    """
    kinds = {id(pair): _kind_of(pair) for pair in pairs}
    members: dict[str, list[Pair]] = {stratum.name: [] for stratum in strata}
    for pair in pairs:
        members[pair.query.stratum].append(pair)
    named = Counter(p.query.cluster for p in pairs if p.query.cluster and kinds[id(p)] in _CELLS)
    shares_clusters = any(n > 1 for n in named.values())
    results = []
    for stratum in strata:
        counted = Counter(kinds[id(pair)] for pair in members[stratum.name])
        graded = [pair for pair in members[stratum.name] if kinds[id(pair)] in _CELLS]
        clusters: dict[str, Counter[str]] = {}
        for pair in graded if shares_clusters else ():
            cluster = pair.query.cluster or f"query {pair.query.id}"
            clusters.setdefault(cluster, Counter())[kinds[id(pair)]] += 1
        tables = {name: _cells(counts) for name, counts in clusters.items()}
        results.append(_result(stratum, counted, tables, _scores(graded, seed)))
    return _adjusted(
        [
            replace(result, chance=_chance([pair.query for pair in members[result.name]]))
            for result in results
        ]
    )


def cluster_findings(results: Sequence[StratumResult]) -> tuple[str, ...]:
    """That intervals rest on clusters, where they do."""
    counts = sorted(len(result.clusters) for result in results if result.clusters)
    if not counts:
        return ()
    many = f"{counts[0]:,}" if counts[0] == counts[-1] else f"{counts[0]:,} to {counts[-1]:,}"
    return (
        f"Queries come in clusters, {many} per stratum, and those of one cluster are not "
        "independent: intervals take the cluster as their unit, and McNemar's test is left out.",
    )


def overall_result(results: Sequence[StratumResult]) -> OverallResult:
    """The traffic-weighted figures; TooFew when a stratum has no graded pair."""
    return OverallResult(
        gap=overall_gap(results),
        teacher_accuracy=_accuracy(results, 1),
        student_accuracy=_accuracy(results, 2),
    )


def _accuracy(results: Sequence[StratumResult], second: int) -> Measured:
    """The share of `both` and of the cell `second`, by traffic."""
    weights = [result.weight for result in results]
    if not any(result.clusters for result in results):
        counts = [(result.cells[0] + result.cells[second], result.n) for result in results]
        return stats.pooled_accuracy(counts, weights)
    tables = [tuple(result.clusters.values()) for result in results]
    return stats.clustered_share(
        [([t[0] + t[second] for t in table], [sum(t) for t in table]) for table in tables], weights
    )


def _kind_of(pair: Pair) -> str:
    if isinstance(pair.teacher, Failed) or isinstance(pair.student, Failed):
        return "failed"
    if not (isinstance(pair.teacher_grade, Scored) and isinstance(pair.student_grade, Scored)):
        return "ungraded"
    teacher, student = pair.teacher_grade.correct, pair.student_grade.correct
    if teacher:
        return "both" if student else "teacher_only"
    return "student_only" if student else "neither"


def _cells(counts: Mapping[str, int]) -> Cells:
    both, teacher_only, student_only, neither = (counts.get(kind, 0) for kind in _CELLS)
    return both, teacher_only, student_only, neither


def _result(
    stratum: Stratum,
    counts: Mapping[str, int],
    clusters: Mapping[str, Cells],
    graded: GradedScores | None,
) -> StratumResult:
    cells = _cells(counts)
    both, teacher_only, student_only, neither = cells
    tables = tuple(clusters.values())
    return StratumResult(
        name=stratum.name,
        kind=stratum.kind,
        tier=stratum.tier,
        weight=stratum.weight,
        both=both,
        teacher_only=teacher_only,
        student_only=student_only,
        neither=neither,
        failed=counts.get("failed", 0),
        ungraded=counts.get("ungraded", 0),
        gap=stats.clustered_gap(tables) if tables else stats.paired_gap(cells),
        retention=stats.clustered_retention(tables) if tables else stats.retention(cells),
        flips=_share(cells, tables, 1, 2),
        teacher_accuracy=_share(cells, tables, 0, 1),
        student_accuracy=_share(cells, tables, 0, 2),
        # McNemar's test takes queries as independent.
        mcnemar_p=stats.mcnemar(teacher_only, student_only) if sum(cells) and not tables else None,
        clusters=clusters,
        graded=graded
        if graded is None or not tables
        else replace(graded, gap=_NO_CLUSTERED_SCORES),
    )


def _share(cells: Cells, clusters: Sequence[Cells], first: int, second: int) -> Measured:
    """The share of two of the four cells."""
    if not clusters:
        return stats.accuracy(cells[first] + cells[second], sum(cells))
    sums = [table[first] + table[second] for table in clusters]
    return stats.clustered_share([(sums, [sum(table) for table in clusters])])


def _scores(pairs: Sequence[Pair], seed: int) -> GradedScores | None:
    """The scores of a stratum; None where every score is 0 or 1, which the cells tell already."""
    scored = [
        (pair.teacher_grade.score, pair.student_grade.score)
        for pair in pairs
        if isinstance(pair.teacher_grade, Scored) and isinstance(pair.student_grade, Scored)
    ]
    if all(score in {0.0, 1.0} for both in scored for score in both):
        return None
    teacher, student = (tuple(row[side] for row in scored) for side in (0, 1))
    return GradedScores(
        teacher=teacher,
        student=student,
        gap=stats.score_gap(teacher, student, rng=np.random.default_rng(seed)),
        teacher_mean=stats.mean_estimate(teacher),
        student_mean=stats.mean_estimate(student),
    )


def _chance(queries: Sequence[Query]) -> float:
    """The accuracy of guessing among the choices; 0 where answers are written."""
    return (
        fmean(len(q.references) / len(q.choices) if q.choices else 0.0 for q in queries)
        if queries
        else 0.0
    )


def _adjusted(results: Sequence[StratumResult]) -> tuple[StratumResult, ...]:
    """With p-values for all strata together: advisory ones are there to explore."""
    adjusted: dict[str, float] = {}
    for exploring in (False, True):
        tested = {
            result.name: result.mcnemar_p
            for result in results
            if result.mcnemar_p is not None and (result.tier == "advisory") == exploring
        }
        adjust = stats.benjamini_hochberg if exploring else stats.holm
        adjusted |= dict(zip(tested, adjust(list(tested.values())), strict=True))
    return tuple(replace(result, adjusted_p=adjusted.get(result.name)) for result in results)

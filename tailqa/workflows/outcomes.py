"""Graded pairs → the result of each stratum, of all traffic, and of the tail against the head."""

from collections import Counter
from collections.abc import Sequence

from tailqa import stats
from tailqa.core.answer import Failed, Pair, Scored
from tailqa.core.estimate import Cells, Measured, TooFew
from tailqa.core.query import Kind, Stratum
from tailqa.core.report import OverallResult, StratumResult


def stratum_results(strata: Sequence[Stratum], pairs: Sequence[Pair]) -> tuple[StratumResult, ...]:
    """One result per stratum, in the order of the suite."""
    kinds = Counter((pair.query.stratum, _kind_of(pair)) for pair in pairs)
    return tuple(
        _result(stratum, {kind: kinds[stratum.name, kind] for kind in _KINDS}) for stratum in strata
    )


def overall_result(results: Sequence[StratumResult]) -> OverallResult:
    """The traffic-weighted figures; TooFew when a stratum has no graded pair."""
    weights = [result.weight for result in results]
    return OverallResult(
        gap=stats.pooled_gap([result.cells for result in results], weights),
        teacher_accuracy=stats.pooled_accuracy(
            [(r.both + r.teacher_only, r.n) for r in results], weights
        ),
        student_accuracy=stats.pooled_accuracy(
            [(r.both + r.student_only, r.n) for r in results], weights
        ),
    )


def interaction(results: Sequence[StratumResult]) -> Measured:
    """gap(tail) − gap(head), each weighted by the traffic within its kind."""
    return stats.tail_interaction(_side(results, "head"), _side(results, "tail"))


def _side(results: Sequence[StratumResult], kind: Kind) -> Cells | Measured:
    chosen = [result for result in results if result.kind == kind]
    if len(chosen) == 1:
        return chosen[0].cells
    if not chosen:
        return TooFew(reason=f"the suite has no {kind} stratum", n=0)
    total = sum(result.weight for result in chosen)
    return stats.pooled_gap(
        [result.cells for result in chosen], [result.weight / total for result in chosen]
    )


_KINDS = ("both", "teacher_only", "student_only", "neither", "failed", "ungraded")


def _kind_of(pair: Pair) -> str:
    if isinstance(pair.teacher, Failed) or isinstance(pair.student, Failed):
        return "failed"
    if not (isinstance(pair.teacher_grade, Scored) and isinstance(pair.student_grade, Scored)):
        return "ungraded"
    teacher, student = pair.teacher_grade.correct, pair.student_grade.correct
    if teacher:
        return "both" if student else "teacher_only"
    return "student_only" if student else "neither"


def _result(stratum: Stratum, counts: dict[str, int]) -> StratumResult:
    cells = (counts["both"], counts["teacher_only"], counts["student_only"], counts["neither"])
    n = sum(cells)
    return StratumResult(
        name=stratum.name,
        kind=stratum.kind,
        tier=stratum.tier,
        weight=stratum.weight,
        both=cells[0],
        teacher_only=cells[1],
        student_only=cells[2],
        neither=cells[3],
        failed=counts["failed"],
        ungraded=counts["ungraded"],
        gap=stats.paired_gap(cells),
        retention=stats.retention(cells),
        flips=stats.flip_rate(cells),
        teacher_accuracy=stats.accuracy(cells[0] + cells[1], n),
        student_accuracy=stats.accuracy(cells[0] + cells[2], n),
        mcnemar_p=stats.mcnemar(cells[1], cells[2]) if n else None,
    )

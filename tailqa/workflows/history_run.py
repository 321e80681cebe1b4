"""A run folder in memory → what the history keeps of it."""

from collections.abc import Iterator, Mapping, Sequence

from tailqa.core.answer import Side
from tailqa.core.estimate import Measured
from tailqa.core.history import (
    HistoryFigure,
    KeptAnswer,
    KeptFigure,
    KeptQuery,
    KeptRun,
    KeptStratum,
    Mark,
    NewRun,
)
from tailqa.core.operations import Figure
from tailqa.core.report import AnswerRow, Report, Run, StratumResult, Verdict
from tailqa.workflows.history_facets import base_name, build_name, facets

_MARKS: Mapping[str, Mark] = {"right": "1", "wrong": "0", "failed": "f", "ungraded": "u"}
_OF_OPTIONS: Mapping[Figure, HistoryFigure] = {
    "attempts": "attempts",
    "p95_s": "p95_s",
    "resolved": "resolved",
    "tokens_per_resolved": "tokens_per_resolved",
    "seconds_per_resolved": "seconds_per_resolved",
    "usd_per_resolved": "usd_per_resolved",
}

_First = Mapping[tuple[str, Side], AnswerRow]


def new_run(run: Run, folder: str, digest: str, student: str | None = None) -> NewRun:
    """A finished run on its way into the history.

    `folder` is the name of its folder, `digest` the SHA-256 of the bytes of its result.json;
    `student` the name its builds are followed under, by default the model's without its revision.
    Of several samples the first of each query is kept, which is the one that the paired table
    counts.
    """
    first = _first_samples(run.answers)
    ids = dict.fromkeys(row.query_id for row in run.answers)
    return NewRun(
        kept=_kept(run.report, folder, digest, student),
        queries=tuple(_query(query_id, first) for query_id in ids),
        answers=tuple(_answers(run.report, first)),
    )


def _kept(report: Report, folder: str, digest: str, student: str | None) -> KeptRun:
    verdict, suite = report.verdict, report.suite
    return KeptRun(
        run=digest,
        name=folder,
        date=report.created,
        student=student or base_name(report.student),
        build=build_name(report.student),
        teacher=base_name(report.teacher),
        suite=suite.name,
        suite_version=suite.version,
        suite_digest=suite.digest,
        facets=facets(report),
        verdict=verdict.outcome,
        policy=verdict.policy,
        policy_digest=verdict.policy_digest,
        n_queries=suite.n_queries,
        seed=report.seed,
        tailqa_version=report.fingerprint.versions.get("tailqa", "not recorded"),
        format_version=report.format_version,
        strata=tuple(_stratum(stratum, verdict) for stratum in report.strata),
        figures=tuple(_figures(report)),
        pipeline=report.operations.name if report.operations else None,
    )


def _stratum(found: StratumResult, verdict: Verdict) -> KeptStratum:
    return KeptStratum(
        name=found.name,
        kind=found.kind,
        tier=found.tier,
        weight=found.weight,
        both=found.both,
        teacher_only=found.teacher_only,
        student_only=found.student_only,
        neither=found.neither,
        failed=found.failed,
        ungraded=found.ungraded,
        margin=_margin(verdict, found.name),
    )


def _margin(verdict: Verdict, stratum: str) -> float | None:
    """The loss that the policy accepts there; its limit on a gap is negative."""
    for rule in verdict.requirements:
        if rule.quantity == "gap" and rule.stratum == stratum:
            return verdict.margin if rule.limit is None else -rule.limit
    return None


def _figures(report: Report) -> Iterator[KeptFigure]:
    for cost in report.cost:
        of_cost: Mapping[HistoryFigure, Measured] = {
            "tokens_per_query": cost.tokens_per_query,
            "tokens_per_correct": cost.tokens_per_correct,
            "seconds_per_correct": cost.seconds_per_correct,
        }
        for figure, measured in of_cost.items():
            yield KeptFigure(scope=cost.stratum, who=cost.side, figure=figure, measured=measured)
    for timed in report.latency:
        of_time: Mapping[HistoryFigure, Measured] = {
            "answer_s": timed.answer_s,
            "answer_p95_s": timed.answer_p95_s,
        }
        for figure, measured in of_time.items():
            yield KeptFigure(scope=timed.stratum, who=timed.side, figure=figure, measured=measured)
    for option in report.operations.options if report.operations else ():
        for key, name in _OF_OPTIONS.items():
            found = option.figures.get(key)
            if found is not None:
                yield KeptFigure(scope=option.scope, who=option.option, figure=name, measured=found)


def _first_samples(rows: Sequence[AnswerRow]) -> _First:
    first: dict[tuple[str, Side], AnswerRow] = {}
    for row in rows:
        first.setdefault((row.query_id, row.side), row)
    return first


def _query(query_id: str, first: _First) -> KeptQuery:
    """As the student was asked; a side that failed before it was asked has no whole prompt."""
    found = [first[query_id, side] for side in ("student", "teacher") if (query_id, side) in first]
    row = next((row for row in found if row.prompt_tokens is not None), found[0])
    return KeptQuery(
        query_id=query_id,
        stratum=row.stratum,
        cluster=row.cluster,
        prompt=row.prompt,
        references=row.references,
        choices=row.choices,
    )


def _answers(report: Report, first: _First) -> Iterator[KeptAnswer]:
    seconds = {
        (query_id, timed.side): answer_s
        for timed in report.latency
        for query_id, answer_s in zip(timed.raw_query_ids, timed.raw_answer_s, strict=False)
    }
    for (query_id, side), row in first.items():
        yield KeptAnswer(
            query_id=query_id,
            side=side,
            mark=_MARKS[row.status],
            text=row.text,
            prompt_tokens=row.prompt_tokens,
            completion_tokens=row.completion_tokens,
            answer_s=seconds.get((query_id, side)),
        )

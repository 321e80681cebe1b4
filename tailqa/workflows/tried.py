"""A run → the measured queries and times that the cost model starts from."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tailqa.core.answer import Side
from tailqa.core.errors import TailqaError
from tailqa.core.report import AnswerRow, Report, Run
from tailqa.cost.population import Population, Tried, TriedQuery, population
from tailqa.cost.speed import TimedQueries


def tried_population(run: Run) -> Population:
    """The queries of a run that both models answered, graded and with their tokens.

    Raises TailqaError where tokens were not recorded, or a stratum has no such query.
    """
    rows = _graded(run.answers)
    if not rows:
        raise TailqaError("no query of this run was graded on both sides, so nothing can be told")
    unknown = sum(row.prompt_tokens is None or row.completion_tokens is None for row in rows)
    if unknown:
        raise TailqaError(
            f"{unknown:,} of {len(rows):,} answers of this run come without their token counts, "
            "which retries and times rest on; run tailqa compare, or import a run that has them"
        )
    names = [stratum.name for stratum in run.report.strata]
    found: dict[str, dict[Side, list[AnswerRow]]] = defaultdict(
        lambda: {"teacher": [], "student": []}
    )
    for row in rows:
        found[row.query_id][row.side].append(row)
    clustered = any(stratum.clusters for stratum in run.report.strata)
    queries = []
    for query_id, sides in found.items():
        if not (sides["teacher"] and sides["student"]):
            continue
        first = sides["teacher"][0]
        unit = first.cluster if clustered and first.cluster else f"query {query_id}"
        queries.append(
            TriedQuery(
                id=query_id,
                stratum=names.index(first.stratum),
                unit=unit,
                teacher=_tried(sides["teacher"]),
                student=_tried(sides["student"]),
            )
        )
    try:
        return population(queries, names, [stratum.weight for stratum in run.report.strata])
    except ValueError as error:
        raise TailqaError(f"{error}; leave out strata that nothing was asked of") from None


def timed_queries(report: Report, people: Population, side: Side) -> TimedQueries | None:
    """The answers of one model that were timed alone; None where too few of them are known."""
    place = {query_id: index for index, query_id in enumerate(people.ids)}
    attempts = people.of(side)
    found = [
        (place[query_id], seconds, completion)
        for summary in report.latency
        if summary.side == side
        for query_id, seconds, completion in zip(
            summary.raw_query_ids,
            summary.raw_answer_s,
            summary.raw_completion_tokens,
            strict=False,
        )
        if query_id in place
    ]
    if not found:
        return None
    query = np.array([index for index, _, _ in found], dtype=np.int64)
    return TimedQueries(
        query=query,
        prompt_tokens=attempts.prompt_tokens[attempts.first[query]],
        completion_tokens=np.array([completion for _, _, completion in found], dtype=float),
        answer_s=np.array([seconds for _, seconds, _ in found], dtype=float),
    )


def _graded(rows: Sequence[AnswerRow]) -> list[AnswerRow]:
    return [row for row in rows if row.status in {"right", "wrong"}]


def _tried(rows: Sequence[AnswerRow]) -> tuple[Tried, ...]:
    return tuple(
        Tried(
            right=row.status == "right",
            prompt_tokens=float(row.prompt_tokens or 0),
            completion_tokens=float(row.completion_tokens or 0),
        )
        for row in rows
    )

"""The answers of a run as routing takes them: who was right, how sure the student was, the cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tailqa.core.answer import Side
from tailqa.core.errors import TailqaError
from tailqa.core.query import Query
from tailqa.core.report import AnswerRow, Report, Run
from tailqa.core.routing import Price
from tailqa.cost.route_choice import Spending
from tailqa.cost.routing import RoutedQueries
from tailqa.workflows.advice import confidence_advice
from tailqa.workflows.halves import halves

Floats = npt.NDArray[np.float64]

TEXT_CONFIDENCE = "the geometric mean of the probabilities of the answer's tokens"
CHOICE_CONFIDENCE = "the probability of the chosen choice among all of them"
NO_CONFIDENCE = "{lacking:,} of {n:,} answers of the student carry no log-probability: {why}"


@dataclass(frozen=True, kw_only=True)
class AskedQueries:
    """The queries of a run, the strata that they lie in, and what each model spent on them.

    `measure` says what the confidence is, `without_confidence` why there is none.
    """

    queries: RoutedQueries
    strata: tuple[str, ...]
    spent: Mapping[Spending, tuple[Floats, Floats]]
    measure: str | None
    without_confidence: str | None
    notes: tuple[str, ...]


def asked_queries(run: Run, prices: Mapping[Side, Price], *, seed: int) -> AskedQueries:
    """The queries that were graded on both sides, by their first answers.

    Raises TailqaError where there is none, or where a stratum is too small to be halved.
    """
    pairs = _pairs(run.answers)
    if not pairs:
        raise TailqaError("no query of this run was graded on both sides, so nothing can be told")
    students = [student for _, student in pairs]
    present = {row.stratum for row in students}
    strata = [stratum for stratum in run.report.strata if stratum.name in present]
    left_out = [stratum.name for stratum in run.report.strata if stratum.name not in present]
    names = [stratum.name for stratum in strata]
    weights = np.array([stratum.weight for stratum in strata])
    clustered = any(stratum.clusters for stratum in strata)
    units = [
        f"c {row.cluster}" if clustered and row.cluster else f"q {row.query_id}" for row in students
    ]
    split = halves(
        [
            Query(
                id=row.query_id,
                stratum=row.stratum,
                prompt="",
                references=(),
                cluster=row.cluster if clustered else None,
            )
            for row in students
        ],
        seed=seed,
    )
    confidence = [confidence_of(row) for row in students]
    lacking = sum(value is None for value in confidence)
    queries = RoutedQueries(
        weights=weights / weights.sum(),
        stratum=np.array([names.index(row.stratum) for row in students]),
        unit=np.unique(units, return_inverse=True)[1],
        first_half=np.array([row.query_id in split.fit for row in students]),
        teacher=np.array([float(teacher.status == "right") for teacher, _ in pairs]),
        student=np.array([float(row.status == "right") for row in students]),
        confidence=None if lacking else np.array(confidence, dtype=float),
    )
    return AskedQueries(
        queries=queries,
        strata=tuple(names),
        spent=_spent(run.report, pairs, prices),
        measure=CHOICE_CONFIDENCE if students[0].choice_logprobs else TEXT_CONFIDENCE,
        without_confidence=(
            NO_CONFIDENCE.format(
                lacking=lacking, n=len(students), why=confidence_advice(run.report)
            )
            if lacking
            else None
        ),
        notes=tuple(
            f"Left out, as no query of it was graded on both sides: {name}." for name in left_out
        ),
    )


def confidence_of(row: AnswerRow) -> float | None:
    """How sure the model was of an answer, in [0, 1]; None where that was not recorded.

    A text: exp of the mean log-probability of its tokens. A choice: the softmax over the
    log-probabilities of all choices, at the likeliest.
    """
    if row.choice_logprobs:
        best = max(row.choice_logprobs)
        if not math.isfinite(best):
            return None
        return 1 / math.fsum(math.exp(value - best) for value in row.choice_logprobs)
    return None if row.mean_logprob is None else min(1.0, math.exp(row.mean_logprob))


def _pairs(rows: Sequence[AnswerRow]) -> list[tuple[AnswerRow, AnswerRow]]:
    """Both sides' first answers to every query that was graded on both."""
    first: dict[str, dict[Side, AnswerRow]] = {}
    for row in rows:
        first.setdefault(row.query_id, {}).setdefault(row.side, row)
    graded = {"right", "wrong"}
    return [
        (sides["teacher"], sides["student"])
        for sides in first.values()
        if len(sides) == 2 and {row.status for row in sides.values()} <= graded
    ]


def _spent(
    report: Report,
    pairs: Sequence[tuple[AnswerRow, AnswerRow]],
    prices: Mapping[Side, Price],
) -> Mapping[Spending, tuple[Floats, Floats]]:
    """Per query (student, teacher), NaN where unknown; what is known of no query is left out."""
    sides: tuple[tuple[Side, list[AnswerRow]], ...] = (
        ("student", [student for _, student in pairs]),
        ("teacher", [teacher for teacher, _ in pairs]),
    )
    found: dict[Spending, tuple[Floats, Floats]] = {}
    prompt, completion = (
        tuple(np.array([_number(getattr(row, name)) for row in rows]) for _, rows in sides)
        for name in ("prompt_tokens", "completion_tokens")
    )
    found["tokens"] = (prompt[0] + completion[0], prompt[1] + completion[1])
    seconds = {
        (summary.side, query_id): value
        for summary in report.latency
        for query_id, value in zip(summary.raw_query_ids, summary.raw_answer_s, strict=False)
    }
    of_student, of_teacher = (
        np.array([seconds.get((side, row.query_id), math.nan) for row in rows])
        for side, rows in sides
    )
    found["seconds"] = (of_student, of_teacher)
    if prices:
        usd = [
            (prices[side].prompt_usd * p + prices[side].completion_usd * c) / 1e6
            for (side, _), p, c in zip(sides, prompt, completion, strict=True)
        ]
        found["usd"] = (usd[0], usd[1])
    return {name: both for name, both in found.items() if np.isfinite(both[0] + both[1]).any()}


def _number(value: int | None) -> float:
    return math.nan if value is None else float(value)

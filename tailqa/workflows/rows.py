"""Graded pairs → flat rows for answers.parquet and the answer browser."""

from collections.abc import Iterator, Sequence

from tailqa.core.answer import Answer, Answered, Attempt, Grade, Pair, Scored, Side, Ungraded
from tailqa.core.query import Query
from tailqa.core.report import AnswerRow


def answer_rows(pairs: Sequence[Pair]) -> tuple[AnswerRow, ...]:
    """One row per attempt and side; a side that failed without an attempt has one row."""
    return tuple(
        row
        for pair in pairs
        for row in (
            *_side(pair.query, "teacher", pair.teacher, pair.teacher_grade),
            *_side(pair.query, "student", pair.student, pair.student_grade),
        )
    )


def _side(query: Query, side: Side, answer: Answer, grade: Grade | None) -> Iterator[AnswerRow]:
    if not answer.attempts:
        yield _row(query, side, None, 0, (answer, grade))
    for index, attempt in enumerate(answer.attempts):
        yield _row(query, side, attempt, index, (answer, grade))


def _row(
    query: Query,
    side: Side,
    attempt: Attempt | None,
    index: int,
    given: tuple[Answer, Grade | None],
) -> AnswerRow:
    answer, grade = given
    scored = grade if isinstance(grade, Scored) else None
    reason = None if isinstance(answer, Answered) else answer.reason
    status = "failed"
    if scored is not None:
        status = "right" if scored.corrects[index] else "wrong"
    elif isinstance(grade, Ungraded):
        status, reason = "ungraded", grade.reason
    return AnswerRow(
        query_id=query.id,
        stratum=query.stratum,
        cluster=query.cluster,
        side=side,
        sample=attempt.sample if attempt else 0,
        status=status,  # type: ignore[arg-type]
        prompt=attempt.prompt if attempt else _plain(query),
        references=query.references,
        choices=query.choices,
        text=attempt.text if attempt else "",
        extracted=scored.extracted if scored and index == 0 else None,
        score=scored.scores[index] if scored else None,
        reason=reason,
        prompt_tokens=attempt.prompt_tokens if attempt else None,
        completion_tokens=attempt.completion_tokens if attempt else None,
        finish_reason=attempt.finish_reason if attempt else None,
        choice_logprobs=attempt.choice_logprobs if attempt else None,
        mean_logprob=attempt.mean_logprob if attempt else None,
    )


def _plain(query: Query) -> str:
    if isinstance(query.prompt, str):
        return query.prompt
    return "\n\n".join(f"{message.role}: {message.content}" for message in query.prompt)

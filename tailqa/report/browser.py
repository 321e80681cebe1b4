"""The answers as the page's browser gets them: grouped by query, made visible, and capped."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tailqa.core.report import AnswerRow
from tailqa.report.escape import visible

Outcome = Literal["teacher_only", "student_only", "failed", "ungraded", "neither", "both"]

OUTCOMES: dict[Outcome, str] = {
    "teacher_only": "only the teacher right",
    "student_only": "only the student right",
    "failed": "failed",
    "ungraded": "ungraded",
    "neither": "both wrong",
    "both": "both right",
}
"""In the order in which answers are shown, and kept when not all of them fit."""

MAX_QUERIES = 5_000
MAX_CHARACTERS = 20_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """The answers in a page: `data` is JSON that is safe inside a script element."""

    data: str
    n_shown: int
    n_queries: int


def embed(
    answers: Sequence[AnswerRow],
    *,
    max_queries: int = MAX_QUERIES,
    max_characters: int = MAX_CHARACTERS,
) -> Embedded:
    """The answers for the browser: flips first, and no more than both limits allow."""
    grouped: dict[str, list[AnswerRow]] = {}
    for row in answers:
        grouped.setdefault(row.query_id, []).append(row)
    order = list(OUTCOMES)
    judged = [(outcome_of(rows), rows) for rows in grouped.values()]
    judged.sort(key=lambda item: order.index(item[0]))
    kept: list[dict[str, Any]] = []
    used = 0
    for outcome, rows in judged:
        size = sum(len(row.text) + len(row.prompt) for row in rows)
        if len(kept) < max_queries and used + size <= max_characters:
            used += size
            kept.append(_query(outcome, rows))
    return Embedded(data=script_json(kept), n_shown=len(kept), n_queries=len(grouped))


def outcome_of(rows: Iterable[AnswerRow]) -> Outcome:
    """The cell of the paired table that a query falls in, by the first sample of both sides.

    A side without a row counts as failed.
    """
    first: dict[str, AnswerRow] = {}
    for row in rows:
        first.setdefault(row.side, row)
    marks = {row.status for row in first.values()}
    if "failed" in marks or len(first) < 2:
        return "failed"
    if "ungraded" in marks:
        return "ungraded"
    teacher, student = (first[side].status == "right" for side in ("teacher", "student"))
    if teacher:
        return "both" if student else "teacher_only"
    return "student_only" if student else "neither"


def _query(outcome: Outcome, rows: Sequence[AnswerRow]) -> dict[str, Any]:
    first = rows[0]
    return {
        "id": visible(first.query_id),
        "stratum": visible(first.stratum),
        "cluster": None if first.cluster is None else visible(first.cluster),
        "outcome": outcome,
        "references": [visible(text) for text in first.references],
        "choices": [visible(text) for text in first.choices],
        **{
            side: {
                "prompt": next((visible(row.prompt) for row in rows if row.side == side), ""),
                "samples": [_sample(row) for row in rows if row.side == side],
            }
            for side in ("teacher", "student")
        },
    }


def _sample(row: AnswerRow) -> dict[str, Any]:
    logprobs = row.choice_logprobs
    return {
        "status": row.status,
        "text": visible(row.text),
        "extracted": None if row.extracted is None else visible(row.extracted),
        "score": _finite(row.score),
        "reason": None if row.reason is None else visible(row.reason),
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "finish_reason": row.finish_reason,
        "logprobs": None if logprobs is None else [_finite(value) for value in logprobs],
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def script_json(values: object) -> str:
    """JSON without a `<`, so that no text in it can end the script element or open a comment."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")

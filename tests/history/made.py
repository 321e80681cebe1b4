"""Runs for the history, put together by hand, and all that a database holds."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tailqa.core.answer import Side
from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.history import (
    KeptAnswer,
    KeptFigure,
    KeptQuery,
    KeptRun,
    KeptStratum,
    NewRun,
)
from tailqa.history.address import address
from tailqa.history.tables import metadata

SIDES: tuple[Side, Side] = ("teacher", "student")
TODAY = "2026-11-26"

STRATA = tuple(
    KeptStratum(
        name=name,
        kind=kind,
        tier="critical",
        weight=weight,
        both=5,
        teacher_only=2,
        student_only=1,
        neither=0,
        failed=1,
        ungraded=0,
        margin=margin,
    )
    for name, kind, weight, margin in (("head", "head", 0.8, 0.05), ("tail/x", "tail", 0.2, None))
)
FIGURES = (
    KeptFigure(
        scope="head",
        who="student",
        figure="tokens_per_query",
        measured=Estimate(value=9.5, low=9.0, high=10.25, level=0.95, method="bootstrap", n=8),
    ),
    KeptFigure(
        scope="all traffic",
        who="escalated",
        figure="usd_per_resolved",
        measured=TooFew(reason="the pipeline has no prices", n=0),
    ),
)


def kept(number: int, date: str = "2026-11-02", **changes: Any) -> KeptRun:
    values: dict[str, Any] = {
        "run": f"{number:x}".ljust(64, "0"),
        "name": f"run-{number}",
        "date": date,
        "student": "student",
        "build": f"student (build {number})",
        "teacher": "teacher",
        "suite": "demo",
        "suite_version": "1",
        "suite_digest": "c0de" * 16,
        "facets": {
            "student": f"build {number}",
            "settings": "seed 0",
            "dtype": "float32",
            "pipeline": "name chat, digest c4a7",
        },
        "verdict": "pass",
        "policy": "default",
        "policy_digest": None,
        "n_queries": 4,
        "seed": 0,
        "tailqa_version": "0.1.0",
        "format_version": 1,
        "strata": STRATA,
        "figures": FIGURES,
        "pipeline": "chat",
    }
    return KeptRun(**(values | changes))


def query(query_id: str, **changes: Any) -> KeptQuery:
    values: dict[str, Any] = {
        "query_id": query_id,
        "stratum": "head",
        "cluster": None,
        "prompt": f"Q: what is {query_id}?\nA:",
        "references": ("42", "forty-two"),
    }
    return KeptQuery(**(values | changes))


def answer(query_id: str, side: Side, mark: str, **changes: Any) -> KeptAnswer:
    values: dict[str, Any] = {
        "query_id": query_id,
        "side": side,
        "mark": mark,
        "text": f"the {side} says {mark} to {query_id}",
        "prompt_tokens": 21,
        "completion_tokens": 9,
    }
    return KeptAnswer(**(values | changes))


def new(
    number: int,
    date: str = "2026-11-02",
    marks: Mapping[str, str] | None = None,
    **changes: Any,
) -> NewRun:
    """A run; `marks` holds the teacher's and the student's mark of each query, `.` for none."""
    marks = {"q1": "11", "q2": "10", "q3": "01", "q4": "0f"} if marks is None else marks
    return NewRun(
        kept=kept(number, date, **changes),
        queries=tuple(map(query, marks)),
        answers=tuple(
            answer(query_id, side, mark)
            for query_id, both in marks.items()
            for side, mark in zip(SIDES, both, strict=True)
            if mark != "."
        ),
    )


def dump(where: str) -> dict[str, Sequence[tuple[Any, ...]]]:
    """Every row of every table, read past the history."""
    engine = sa.create_engine(address(where).url)
    with engine.connect() as connection:
        found = {
            table.name: [
                tuple(row) for row in connection.execute(sa.select(table).order_by(*table.c))
            ]
            for table in metadata.sorted_tables
        }
    engine.dispose()
    return found

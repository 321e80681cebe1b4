"""Runs, queries, answers and marks out of the tables."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from tailqa.core.answer import Side
from tailqa.core.errors import HistoryError
from tailqa.core.history import KeptAnswer, KeptQuery, KeptRun, Marks
from tailqa.history import tables
from tailqa.history.rows import batches, kept_run, part_columns

_SIDES: tuple[Side, Side] = ("teacher", "student")
_UNASKED = b"."


def find_runs(
    connection: sa.Connection, *which: sa.ColumnElement[bool], figures_since: date = date.min
) -> tuple[KeptRun, ...]:
    """The runs for which all conditions hold, by date and then in the order of adding.

    Those before `figures_since` come without their figures, which are most of what is read.
    """
    table = tables.runs
    order = (table.c.date, table.c.id)
    rows = _rows(connection, sa.select(table).where(*which).order_by(*order))
    ids = [row["id"] for row in rows]
    late = [row["id"] for row in rows if row["date"] >= figures_since]
    parts = [
        _parts(
            connection, tables.metadata.tables[name], columns, late if name == "figures" else ids
        )
        for name, columns in part_columns().items()
    ]
    return tuple(kept_run(row, *(part.get(row["id"], ()) for part in parts)) for row in rows)


def read_queries(
    connection: sa.Connection, run: str, query_ids: Sequence[str]
) -> tuple[KeptQuery, ...]:
    """The queries of these ids in one run, in that order; ids it does not have are left out."""
    outcomes, queries, texts = tables.outcomes, tables.queries, tables.texts
    rows = _asked(
        connection,
        run,
        query_ids,
        sa.select(queries, texts.c.text.label("prompt")).select_from(
            outcomes.join(queries, queries.c.id == outcomes.c.query).join(
                texts, texts.c.id == outcomes.c.prompt
            )
        ),
    )
    return tuple(
        KeptQuery(
            query_id=row["name"],
            stratum=row["stratum"],
            cluster=row["cluster"],
            prompt=row["prompt"],
            references=tuple(json.loads(row["right_answers"])),
            choices=tuple(json.loads(row["choices"])),
        )
        for row in rows
    )


def read_answers(
    connection: sa.Connection, run: str, query_ids: Sequence[str]
) -> tuple[KeptAnswer, ...]:
    """Both sides' answers to these queries in one run, in the order of the ids, teacher first.

    A side that was not asked has none.
    """
    outcomes, queries = tables.outcomes, tables.queries
    joined = outcomes.join(queries, queries.c.id == outcomes.c.query)
    chosen: list[Any] = [queries.c.name, *outcomes.c]
    for side in _SIDES:
        texts = tables.texts.alias(f"of_{side}")
        joined = joined.join(texts, texts.c.id == outcomes.c[f"{side}_text"], isouter=True)
        chosen.append(texts.c.text.label(f"{side}_said"))
    rows = _asked(connection, run, query_ids, sa.select(*chosen).select_from(joined))
    return tuple(
        _answer(row, side) for row in rows for side in _SIDES if row[f"{side}_mark"] != "."
    )


def read_marks(connection: sa.Connection, runs: Sequence[str]) -> Marks:
    """What became of every query in these runs (whole digests), in their order.

    The database joins the marks of a run to one text, so that a few rows come over instead of
    millions. Raises HistoryError for a run that is not there.
    """
    import numpy as np

    ids = _run_ids(connection, runs)
    table = tables.outcomes
    # All four see the rows in one order, whichever that is.
    joined = sa.select(
        table.c.run,
        sa.func.aggregate_strings(sa.cast(table.c.query, sa.Text), ",").label("queries"),
        *(sa.func.aggregate_strings(table.c[f"{side}_mark"], "").label(side) for side in _SIDES),
    )
    found = {
        row.run: row
        for row in connection.execute(joined.where(table.c.run.in_(ids)).group_by(table.c.run))
    }
    numbers: dict[str, np.ndarray] = {}
    for row in found.values():
        if row.queries not in numbers:  # weeks that ask the same
            numbers[row.queries] = np.array(row.queries.split(","), dtype=np.int64)
    columns = np.unique(np.concatenate([*numbers.values(), np.empty(0, dtype=np.int64)]))
    places = {text: np.searchsorted(columns, asked) for text, asked in numbers.items()}

    def marks(side: Side, number: int) -> bytes:
        line = np.full(len(columns), ord(_UNASKED), dtype=np.uint8)
        if number in found:
            row = found[number]._mapping
            line[places[row["queries"]]] = np.frombuffer(row[side].encode(), dtype=np.uint8)
        return line.tobytes()

    about = _columns(connection, columns.tolist())
    return Marks(
        runs=tuple(runs),
        query_ids=tuple(row["name"] for row in about),
        strata=tuple(row["stratum"] for row in about),
        clusters=tuple(row["cluster"] for row in about),
        student=tuple(marks("student", number) for number in ids),
        teacher=tuple(marks("teacher", number) for number in ids),
    )


def texts_of(outcomes: sa.Table) -> tuple[str, ...]:
    """The columns of `outcomes` that refer to `texts`."""
    return tuple(name for name in ("prompt", "teacher_text", "student_text") if name in outcomes.c)


def _run_ids(connection: sa.Connection, runs: Sequence[str]) -> list[int]:
    """The ids of the runs of these whole digests; raises HistoryError where one is not there."""
    table = tables.runs
    found: dict[str, int] = {}
    for part in batches(runs):
        chosen = sa.select(table.c.digest, table.c.id).where(table.c.digest.in_(part))
        found |= {row.digest: row.id for row in connection.execute(chosen)}
    for run in runs:
        if run not in found:
            raise HistoryError(f"the history has no run {run[:12]}")
    return [found[run] for run in runs]


def _answer(row: Mapping[str, Any], side: Side) -> KeptAnswer:
    return KeptAnswer(
        query_id=row["name"],
        side=side,
        mark=row[f"{side}_mark"],
        text=row[f"{side}_said"] or "",
        prompt_tokens=row[f"{side}_prompt_tokens"],
        completion_tokens=row[f"{side}_completion_tokens"],
        answer_s=row[f"{side}_s"],
    )


def _asked(
    connection: sa.Connection, run: str, query_ids: Sequence[str], chosen: "sa.Select[Any]"
) -> list[Mapping[str, Any]]:
    of_run = chosen.where(tables.outcomes.c.run == _run_ids(connection, [run])[0])
    found: dict[str, Mapping[str, Any]] = {}
    for part in batches(query_ids):
        rows = _rows(connection, of_run.where(tables.queries.c.name.in_(part)))
        found |= {row["name"]: row for row in rows}
    return [found[name] for name in query_ids if name in found]


def _columns(connection: sa.Connection, ids: Sequence[int]) -> list[dict[str, Any]]:
    table = tables.queries
    chosen = sa.select(table.c.name, table.c.stratum, table.c.cluster).order_by(table.c.id)
    return [
        row
        for part in batches(ids)
        for row in _rows(connection, chosen.where(table.c.id.in_(part)))
    ]


def _parts(
    connection: sa.Connection, table: sa.Table, columns: Sequence[str], ids: Sequence[int]
) -> dict[int, list[tuple[Any, ...]]]:
    """Rows of `table` in their order, by run."""
    found: dict[int, list[tuple[Any, ...]]] = {number: [] for number in ids}
    order = (table.c.run, table.c.get("position", table.c.run))
    chosen = sa.select(table.c.run, *(table.c[name] for name in columns)).order_by(*order)
    for part in batches(ids):
        for row in connection.execute(chosen.where(table.c.run.in_(part))).all():
            found[row[0]].append(row[1:])
    return found


def _rows(connection: sa.Connection, chosen: "sa.Select[Any]") -> list[dict[str, Any]]:
    found = connection.execute(chosen)
    names = list(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found]

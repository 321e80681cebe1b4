"""A run into the tables: what is new of it, once."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import count

import sqlalchemy as sa

from tailqa.core.answer import Side
from tailqa.core.errors import HistoryError
from tailqa.core.history import Added, KeptAnswer, KeptQuery, KeptRun, NewRun
from tailqa.history import tables
from tailqa.history.content import settings_of_suite
from tailqa.history.reading import find_runs, texts_of
from tailqa.history.rows import Row, find_ids, insert_rows, part_rows, run_row, storable, stored

_DIGEST_BYTES = 16
_JSON = json.JSONEncoder(ensure_ascii=False)  # made once: `dumps` makes one for every value
_SIDES: tuple[Side, Side] = ("teacher", "student")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A run whose rows are worked out as far as that goes without the database.

    The rows of `queries` and `texts` stand by their digests, and so they are referred to in
    `outcomes`.
    """

    kept: KeptRun
    queries: Mapping[bytes, Row]
    texts: Mapping[bytes, Row]
    outcomes: Sequence[Row]


def prepare(new: NewRun, *, today: date) -> Prepared:
    """Checks the run and makes its rows.

    Raises HistoryError for a date that is none or lies after `today`, and for answers to queries
    that the run does not have.
    """
    kept = replace(new.kept, date=_day(new.kept, today).isoformat(), added_s=time.time())
    by_query: dict[str, dict[Side, KeptAnswer]] = {query.query_id: {} for query in new.queries}
    for answer in new.answers:
        if answer.query_id not in by_query:
            raise HistoryError(f"{kept.name}: an answer to {answer.query_id}, which it did not ask")
        by_query[answer.query_id][answer.side] = answer
    queries: dict[bytes, Row] = {}
    texts: dict[bytes, Row] = {}
    outcomes = []
    for query in new.queries:
        row = _query_row(query)
        key = _short(_JSON.encode(list(row.values())))
        queries[key] = row
        outcome = {"query": key, "prompt": _kept_text(query.prompt, texts)}
        for side in _SIDES:
            outcome |= _side_row(side, by_query[query.query_id].get(side), texts)
        outcomes.append(outcome)
    return Prepared(kept=kept, queries=queries, texts=texts, outcomes=outcomes)


def insert(connection: sa.Connection, run: Prepared, *, backfill: bool) -> Added:
    """Adds the run where it is not there yet, in the transaction of `connection`.

    Raises HistoryError for a suite that changed under its version and, without `backfill`, for a
    date before that of the newest run of its series.
    """
    there = find_runs(connection, tables.runs.c.digest == run.kept.run)
    if there:
        return Added(run=there[0], new=False)
    _check_suite(connection, run.kept)
    if not backfill:
        _check_order(connection, run.kept)
    key = _next_id(connection, tables.runs)
    connection.execute(sa.insert(tables.runs), [run_row(run.kept, key)])
    for name, rows in part_rows(run.kept, key).items():
        insert_rows(connection, tables.metadata.tables[name], rows)
    queries = _ids(connection, tables.queries, run.queries)
    texts = _ids(connection, tables.texts, run.texts)
    rows = [
        {
            **outcome,
            "run": key,
            "query": queries[outcome["query"]],
            **{name: texts.get(outcome[name]) for name in texts_of(tables.outcomes)},
        }
        for outcome in run.outcomes
    ]
    insert_rows(connection, tables.outcomes, rows)
    return Added(run=run.kept, new=True)


def _day(run: KeptRun, today: date) -> date:
    try:
        day = datetime.fromisoformat(run.date).date()
    except ValueError:
        raise HistoryError(
            f"{run.name}: its date is {run.date!r}, which is no day as in 2026-11-02"
        ) from None
    if day > today:
        raise HistoryError(
            f"{run.name}: its date, {day}, lies in the future (today is {today}); set the clock "
            "of the machine that made it right"
        )
    return day


def _query_row(query: KeptQuery) -> Row:
    return stored(
        {
            "name": query.query_id,
            "stratum": query.stratum,
            "cluster": query.cluster,
            "right_answers": _JSON.encode(query.references),
            "choices": _JSON.encode(query.choices),
        }
    )


def _side_row(side: Side, answer: KeptAnswer | None, texts: dict[bytes, Row]) -> Row:
    return {
        f"{side}_mark": answer.mark if answer else ".",
        f"{side}_text": _kept_text(answer.text, texts) if answer else None,
        f"{side}_prompt_tokens": answer.prompt_tokens if answer else None,
        f"{side}_completion_tokens": answer.completion_tokens if answer else None,
        f"{side}_s": answer.answer_s if answer else None,
    }


def _kept_text(text: str, texts: dict[bytes, Row]) -> bytes:
    text = storable(text)
    key = _short(text)
    texts[key] = {"text": text}
    return key


def _short(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:_DIGEST_BYTES]


def _ids(connection: sa.Connection, table: sa.Table, rows: Mapping[bytes, Row]) -> dict[bytes, int]:
    """The id of every row by its digest; rows that are not there yet are put there."""
    known = find_ids(connection, table, list(rows))
    fresh = dict(zip((key for key in rows if key not in known), count(_next_id(connection, table))))
    made = [{"id": number, "digest": key, **rows[key]} for key, number in fresh.items()]
    insert_rows(connection, table, made)
    return known | fresh


def _next_id(connection: sa.Connection, table: sa.Table) -> int:
    return 1 + (connection.scalar(sa.select(sa.func.max(table.c.id))) or 0)


def _check_suite(connection: sa.Connection, run: KeptRun) -> None:
    """Shots are part of a suite's digest, and no change of the suite: they are in the settings."""
    table, facets = tables.runs, tables.facets
    of_run = sa.and_(facets.c.run == table.c.id, facets.c.facet == "settings")
    others = connection.execute(
        sa.select(
            table.c.name, table.c.date, sa.func.coalesce(facets.c.value, "").label("settings")
        )
        .select_from(table.outerjoin(facets, of_run))
        .where(
            table.c.student == storable(run.student),
            table.c.suite == storable(run.suite),
            table.c.suite_version == storable(run.suite_version),
            table.c.suite_digest != run.suite_digest,
        )
        .order_by(table.c.id.desc())
    )
    own = settings_of_suite(storable(run.facets.get("settings", "")))
    earlier = next((row for row in others if settings_of_suite(row.settings) == own), None)
    if earlier:
        raise HistoryError(
            f"{run.name}: the suite {run.suite} {run.suite_version} is not what it was in "
            f"{earlier.name} of {earlier.date}; give the changed suite a new version"
        )


def _check_order(connection: sa.Connection, run: KeptRun) -> None:
    table = tables.runs
    newest = connection.scalar(
        sa.select(sa.func.max(table.c.date)).where(
            table.c.student == storable(run.student), table.c.suite == storable(run.suite)
        )
    )
    if newest is not None and date.fromisoformat(run.date) < newest:
        raise HistoryError(
            f"{run.name}: its date, {run.date}, lies before {newest}, that of the newest run of "
            f"{run.student} on {run.suite}; --backfill adds it all the same"
        )

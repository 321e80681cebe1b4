"""Old runs out of the tables, with the texts that only they had."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from tailqa.core.errors import HistoryError
from tailqa.core.history import KeptRun
from tailqa.history import tables
from tailqa.history.reading import find_runs, texts_of


def prunable(connection: sa.Connection, before: str, *, keep: int = 0) -> tuple[KeptRun, ...]:
    """The runs before that day but for the newest `keep` of each series, without their figures.

    Oldest first. Raises HistoryError for a `before` that is no day.
    """
    try:
        day = date.fromisoformat(before)
    except ValueError:
        raise HistoryError(f"{before!r} is no day, as in 2026-11-02") from None
    seen: Counter[tuple[str, str]] = Counter()
    chosen = []
    for run in reversed(find_runs(connection, figures_since=date.max)):
        seen[run.student, run.suite] += 1
        if seen[run.student, run.suite] > keep and run.date < day.isoformat():
            chosen.append(run)
    return tuple(reversed(chosen))


def remove(connection: sa.Connection, runs: Sequence[KeptRun]) -> None:
    """Removes the runs, and the queries and texts that no other run refers to."""
    digests = [run.run for run in runs]
    connection.execute(sa.delete(tables.runs).where(tables.runs.c.digest.in_(digests)))
    outcomes = tables.outcomes
    for table, names in (
        (tables.queries, ("query",)),
        (tables.texts, texts_of(outcomes)),
    ):
        used = [sa.select(outcomes.c[name]) for name in names]
        unused = sa.except_(sa.select(table.c.id), *used)
        connection.execute(sa.delete(table).where(table.c.id.in_(unused)))

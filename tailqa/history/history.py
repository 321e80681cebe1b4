"""The history: runs are added, read back by the week, and removed."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa

from tailqa.core.errors import HistoryError
from tailqa.core.history import Added, KeptAnswer, KeptQuery, KeptRun, Marks, NewRun
from tailqa.history import tables
from tailqa.history.adding import insert, prepare
from tailqa.history.database import Database
from tailqa.history.pruning import prunable, remove
from tailqa.history.reading import find_runs, read_answers, read_marks, read_queries
from tailqa.history.renaming import rename
from tailqa.history.rows import storable

_DIGEST = re.compile("[0-9a-f]{4,64}")
_SHORTER = re.compile("[0-9a-f]{1,3}")


def open_history(where: str | Path, *, create: bool = True) -> "History":
    """The history in a file (`outputs/history.db`, `sqlite:///…`) or on a server (`postgresql://…`).

    It is made where it is not there and `create` is true, and brought to the schema version of
    this tailqa. Without `create` a file that may not be written is read all the same; adding to it
    is refused. Raises HistoryError for whatever cannot be opened or is no history, and for one
    that a newer tailqa wrote; a password is never in the message.

    >>> import tempfile
    >>> with open_history(Path(tempfile.mkdtemp()) / "history.db") as history:
    ...     history.runs()
    ()
    """
    return History(Database(where, create=create))


class History:
    """Runs over the weeks. A context manager; all faults are HistoryError, in one sentence.

    Runs are named by the SHA-256 of their result.json.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.shown = database.shown

    def __enter__(self) -> "History":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, new: NewRun, *, backfill: bool = False, today: date | None = None) -> Added:
        """Adds a run, whole or not at all; one that is there already changes nothing.

        Raises HistoryError for a date that is none, lies after `today` or, without `backfill`,
        before the newest run of the same student and suite; and for a suite whose content is not
        that of an earlier run of the same version and shots.
        """
        prepared = prepare(new, today=today or date.today())
        with self._database.writing() as connection:
            return insert(connection, prepared, backfill=backfill)

    def runs(
        self,
        student: str | None = None,
        suite: str | None = None,
        since: str | None = None,
        until: str | None = None,
        *,
        figures_since: str | None = None,
    ) -> tuple[KeptRun, ...]:
        """The runs of a student, of a suite, from `since` to `until` (ISO dates, both included).

        Ordered by date, runs of one day in the order of adding. Runs before `figures_since` come
        with empty `figures`, which is faster for hundreds of them. Raises HistoryError for a date
        that is none.
        """
        table = tables.runs
        which: list[sa.ColumnElement[bool]] = []
        which += [] if student is None else [table.c.student == storable(student)]
        which += [] if suite is None else [table.c.suite == storable(suite)]
        which += [] if since is None else [table.c.date >= _day(since)]
        which += [] if until is None else [table.c.date <= _day(until)]
        first = date.min if figures_since is None else _day(figures_since)
        with self._database.reading() as connection:
            return find_runs(connection, *which, figures_since=first)

    def run(self, text: str) -> KeptRun:
        """The one run whose digest begins with `text` (4 characters or more) or whose folder it is.

        Raises HistoryError where there is none, or more than one.
        """
        table, text = tables.runs, storable(text)
        named = table.c.name == Path(text).name
        if _DIGEST.fullmatch(text):
            named |= table.c.digest.startswith(text)
        with self._database.reading() as connection:
            found = find_runs(connection, named)
        if not found:
            short = "; a digest needs four characters" if _SHORTER.fullmatch(text) else ""
            raise HistoryError(
                f"{self.shown} has no run {text}{short}; tailqa history list shows them"
            )
        if len(found) > 1:
            these = ", ".join(f"{run.run[:12]} of {run.date}" for run in found[:5])
            raise HistoryError(f"{text} is {len(found)} runs of {self.shown}: {these}; name one")
        return found[0]

    def series(self) -> tuple[tuple[str, str], ...]:
        """Every student with every suite it has runs on, by name."""
        names = (tables.runs.c.student, tables.runs.c.suite)
        with self._database.reading() as connection:
            found = connection.execute(sa.select(*names).distinct().order_by(*names))
            return tuple((student, suite) for student, suite in found)

    def marks(self, runs: Sequence[str]) -> Marks:
        """What became of every query in these runs (whole digests), a row per run in that order.

        A query whose cluster, references, choices or stratum changed is another column under the
        same id: in one series of an unchanged suite there is one column per id. Raises
        HistoryError for a run that is not there.
        """
        with self._database.reading() as connection:
            return read_marks(connection, runs)

    def queries(self, run: str, query_ids: Sequence[str]) -> tuple[KeptQuery, ...]:
        """The queries of these ids in one run (whole digest), in that order.

        Ids that the run does not have are left out.
        """
        with self._database.reading() as connection:
            return read_queries(connection, run, query_ids)

    def answers(self, run: str, query_ids: Sequence[str]) -> tuple[KeptAnswer, ...]:
        """Both sides' first answers to these queries in one run (whole digest).

        In the order of the ids, the teacher's first; what was not asked is left out.
        """
        with self._database.reading() as connection:
            return read_answers(connection, run, query_ids)

    def prunable(self, before: str, *, keep: int = 0) -> tuple[KeptRun, ...]:
        """The runs that `prune` would remove, oldest first and without their figures."""
        with self._database.reading() as connection:
            return prunable(connection, before, keep=keep)

    def prune(self, before: str, *, keep: int = 0) -> int:
        """Removes the runs before that day (ISO), and the texts that only they had; how many.

        The newest `keep` runs of each student on each suite stay. Raises HistoryError for a
        `before` that is no day, and where the runs are gone but the file could not be tidied; then
        the next call makes up for it.
        """
        with self._database.writing() as connection:
            found = prunable(connection, before, keep=keep)
            if found:
                remove(connection, found)
        if found or not self._database.is_tidy():
            self._database.tidy()
        return len(found)

    def rename(self, old: str, new: str) -> int:
        """Follows all runs of the student `old` under the name `new`; how many.

        Raises HistoryError for a name that nobody has, for an empty one, and where runs of both
        names are of one suite version with two contents.
        """
        with self._database.writing() as connection:
            return rename(connection, old, new)

    def close(self) -> None:
        """Closes the connections; the history cannot be used any more."""
        self._database.close()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise HistoryError(f"{text!r} is no day, as in 2026-11-02") from None

"""Runs under another name: two names whose runs are of one student become one."""

from datetime import date

import sqlalchemy as sa

from tailqa.core.errors import HistoryError
from tailqa.core.history import KeptRun
from tailqa.history import tables
from tailqa.history.content import settings_of_suite
from tailqa.history.reading import find_runs
from tailqa.history.rows import storable


def rename(connection: sa.Connection, old: str, new: str) -> int:
    """Follows all runs of the student `old` under the name `new`; how many.

    Raises HistoryError for a name that nobody has, for an empty one, and where runs of both names
    are of one suite version with two contents: adding them under one name would be refused too.
    """
    old, new = storable(old), storable(new)
    if not new.strip():
        raise HistoryError("the new name is empty; give the builds a name to be followed by")
    both = find_runs(connection, tables.runs.c.student.in_([old, new]), figures_since=date.max)
    moved = [run for run in both if run.student == old]
    if not moved:
        raise HistoryError(f"no run is followed as {old}; tailqa history list shows the names")
    there = {_suite(run): run for run in both if run.student == new}
    for run in moved:
        other = there.get(_suite(run), run)
        if other.suite_digest != run.suite_digest:
            raise HistoryError(
                f"{old} cannot become {new}: the suite {run.suite} {run.suite_version} in "
                f"{run.name} of {run.date} is not what it was in {other.name} of {other.date}"
            )
    owner = tables.runs.c.student == old
    connection.execute(sa.update(tables.runs).where(owner).values(student=new))
    return len(moved)


def _suite(run: KeptRun) -> tuple[str, str, str]:
    """What has one content: shots are part of a suite's digest, and are in the settings."""
    return run.suite, run.suite_version, settings_of_suite(run.facets.get("settings", ""))

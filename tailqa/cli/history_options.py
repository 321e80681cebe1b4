"""Options of all commands that use the history."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tailqa.cli import options
from tailqa.cli.gate import iso_date
from tailqa.core.errors import TailqaError
from tailqa.core.words import count_of

if TYPE_CHECKING:
    from tailqa.core.history import Added

BROKEN = 3
DEFAULT_DB = "outputs/history.db"

db = options.option(
    "--db",
    default=DEFAULT_DB,
    metavar="FILE|URL",
    help="The history: a file, or a PostgreSQL server as postgresql://USER:PASSWORD@HOST/DATABASE.",
)
student = options.option(
    "--student", metavar="NAME", help="The student, under the name its builds are followed by."
)
suite = options.option("--suite", metavar="NAME", help="The suite.")
_RECORDING = (
    options.option("--history", is_flag=True, help="Add the run to the history."),
    db,
    options.option(
        "--history-student",
        metavar="NAME",
        help="The name under which the student's builds are followed there.  [default: the "
        "model's, without its revision]",
    ),
)


def day(
    *names: str, text: str, required: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option that takes a day as YYYY-MM-DD."""
    return options.option(*names, type=iso_date, metavar="YYYY-MM-DD", help=text, required=required)


def recorded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command that makes runs; it gets them as `recorder`, a Recorder."""

    @wraps(command)
    def with_recorder(
        *arguments: Any, history: bool, db: str, history_student: str | None, **others: Any
    ) -> Any:
        recorder = Recorder(db=db if history else None, student=history_student)
        return command(*arguments, recorder=recorder, **others)

    added: Callable[..., Any] = with_recorder
    for option in reversed(_RECORDING):
        added = option(added)
    return added


class Recorder:
    """Adds runs to the history where that was asked for (`db` is not None).

    A fault is said at once and kept for the exit code: no run is lost for it.
    """

    def __init__(self, *, db: str | None, student: str | None) -> None:
        self._db, self._student = db, student
        self._failed = False

    def check(self) -> None:
        """Raises HistoryError where the history cannot be opened, before hours are spent."""
        if self._db is not None:
            from tailqa.workflows.history import check_history

            check_history(self._db)

    def add(self, folder: Path, *, say: Callable[[str], object]) -> None:
        """Adds the run that was just written, and says so."""
        if self._db is None:
            return
        from tailqa.workflows.history import add_finished

        try:
            added = add_finished(folder, self._db, student=self._student)
        except TailqaError as error:
            self._failed = True
            click.echo(f"Error: {error}", err=True)
        else:
            say(f"History: {added_line(added)}")

    def finish(self, code: int) -> int:
        """The exit code: 3 where a run could not be added."""
        return BROKEN if self._failed else code


def added_line(added: "Added") -> str:
    """What adding a run did, for the terminal."""
    from tailqa.report.escape import visible

    run = added.run
    if not added.new:
        said = f"{run.name}: the history has it already (run {run.run[:8]}, added as {run.student})"
        return visible("; ".join((said, *added.notes)))
    return visible(
        f"{run.name}: added as {run.student} on {run.suite} {run.suite_version} of {run.date}, "
        f"{count_of(run.n_queries, 'query', 'queries')} (run {run.run[:8]})"
    )

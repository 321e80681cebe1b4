"""Options of all commands that use the history."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tailqa.cli import options
from tailqa.cli.gate import iso_date

if TYPE_CHECKING:
    from tailqa.core.history import Added

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
history_student = options.option(
    "--history-student",
    metavar="NAME",
    help="The name under which the student's builds are followed in the history.  [default: the "
    "model's, without its revision]",
)


def day(
    *names: str, text: str, required: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option that takes a day as YYYY-MM-DD."""
    return options.option(*names, type=iso_date, metavar="YYYY-MM-DD", help=text, required=required)


def added_line(added: "Added") -> str:
    """What adding a run did, for the terminal."""
    run = added.run
    if not added.new:
        return f"{run.name}: the history has it already (run {run.run[:8]}, added as {run.student})"
    return (
        f"{run.name}: added as {run.student} on {run.suite} {run.suite_version} of {run.date}, "
        f"{run.n_queries:,} queries (run {run.run[:8]})"
    )

"""`tailqa import`, and of its kinds `table`."""

from pathlib import Path
from typing import Any

import click

from tailqa.cli import options
from tailqa.cli.import_logs import inspect, lighteval, lm_eval
from tailqa.cli.import_options import common, import_options, show


@click.group(name="import")
def import_() -> None:
    """Make a run folder from answers that were recorded elsewhere; nothing is run again.

    Teacher and student are paired by id, never by position. The run is an ordinary one: report
    and gate work on it.
    """


@import_.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("student_file", required=False, type=click.Path(path_type=Path))
@options.option("--teacher", metavar="COLUMN", help="Outcomes of the teacher.")
@options.option("--student", metavar="COLUMN", help="Outcomes of the student.")
@options.option("--score", metavar="COLUMN", help="Outcomes in both of two files.")
@options.option(
    "--id",
    multiple=True,
    metavar="COLUMN",
    help="What identifies a query; several columns make one id.  [default: the row of one file]",
)
@options.option("--epoch", metavar="COLUMN", help="Tells several answers to one query apart.")
@options.option("--prompt", metavar="COLUMN", help="What was asked.")
@options.option("--reference", metavar="COLUMN", help="What is right.")
@options.option("--teacher-answer", metavar="COLUMN", help="What the teacher wrote.")
@options.option("--student-answer", metavar="COLUMN", help="What the student wrote.")
@options.option("--teacher-prompt-tokens", metavar="COLUMN", help="Tokens of the teacher's prompt.")
@options.option("--student-prompt-tokens", metavar="COLUMN", help="Tokens of the student's prompt.")
@options.option(
    "--teacher-completion-tokens", metavar="COLUMN", help="Tokens of the teacher's answer."
)
@options.option(
    "--student-completion-tokens", metavar="COLUMN", help="Tokens of the student's answer."
)
@common
def table(
    file: Path,
    student_file: Path | None,
    *,
    teacher: str | None,
    student: str | None,
    score: str | None,
    form: str,
    quiet: bool,
    **settings: Any,
) -> None:
    """Import FILE with the outcomes of both models, or FILE and STUDENT_FILE with one each.

    Files are CSV, JSONL or Parquet. A COLUMN may be a path into one, such as result.score. An
    outcome is 0 or 1, true or false, right or wrong, or a score between 0 and 1.
    """
    from tailqa.records.table import SharedColumns, TableSide
    from tailqa.workflows.importing import import_table

    of_teacher, of_student = teacher or score, student or score
    if of_teacher is None or of_student is None:
        raise click.UsageError("name the columns of the outcomes with --teacher and --student")
    if student_file is None and of_teacher == of_student:
        raise click.UsageError("--teacher and --student must be two columns of one file")

    def side(name: str, path: Path, column: str) -> TableSide:
        found = {key: settings.pop(f"{name}_{key}") for key in ("answer", *_TOKENS)}
        return TableSide(
            path=path, name=column if student_file is None else path.stem, score=column, **found
        )

    sides = (side("teacher", file, of_teacher), side("student", student_file or file, of_student))
    shared = SharedColumns(
        **{key: settings.pop(key) for key in ("id", "epoch", "prompt", "reference")}
    )
    report, folder = import_table(*sides, shared, import_options(**settings))
    show(report, folder, form=form, quiet=quiet)


_TOKENS = ("prompt_tokens", "completion_tokens")

for _command in (inspect, lighteval, lm_eval):
    import_.add_command(_command)

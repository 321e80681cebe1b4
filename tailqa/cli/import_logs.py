"""`tailqa import lm-eval|inspect|lighteval`."""

from pathlib import Path
from typing import Any

import click

from tailqa.cli import options
from tailqa.cli.import_options import common, import_options, show

_task = options.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="NAME",
    help="A task, or a pattern such as 'mmlu_*'; may be repeated.  [default: all]",
)
_metric = options.option(
    "--metric", metavar="NAME", help="What is the score.  [default: acc, else exact_match, …]"
)


@click.command(name="lm-eval")
@click.argument("teacher", type=click.Path(path_type=Path))
@click.argument("student", type=click.Path(path_type=Path))
@_task
@options.option("--filter", "filter_name", metavar="NAME", help="Where a task has several.")
@_metric
@common
def lm_eval(
    teacher: Path,
    student: Path,
    *,
    tasks: tuple[str, ...],
    filter_name: str | None,
    metric: str | None,
    form: str,
    quiet: bool,
    **settings: Any,
) -> None:
    """Import runs of lm-evaluation-harness, made with --log_samples.

    TEACHER and STUDENT are the folders of --output_path. Columns for --stratum and --cluster are
    those of the documents, and task.
    """
    from tailqa.workflows.import_logs import import_lm_eval

    made = import_options(**settings)
    report, folder = import_lm_eval(
        teacher, student, made, tasks=tasks, filter_name=filter_name, metric=metric
    )
    show(report, folder, form=form, quiet=quiet)


@click.command()
@click.argument("teacher", type=click.Path(path_type=Path))
@click.argument("student", type=click.Path(path_type=Path))
@options.option("--scorer", metavar="NAME", help="Where a log has several.")
@common
def inspect(
    teacher: Path,
    student: Path,
    *,
    scorer: str | None,
    form: str,
    quiet: bool,
    **settings: Any,
) -> None:
    """Import logs of Inspect: TEACHER and STUDENT are .eval or .json files.

    Columns for --stratum and --cluster are those of the samples' metadata, and task.
    """
    from tailqa.workflows.import_logs import import_inspect

    report, folder = import_inspect(teacher, student, import_options(**settings), scorer=scorer)
    show(report, folder, form=form, quiet=quiet)


@click.command()
@click.argument("teacher", type=click.Path(path_type=Path))
@click.argument("student", type=click.Path(path_type=Path))
@_task
@_metric
@common
def lighteval(
    teacher: Path,
    student: Path,
    *,
    tasks: tuple[str, ...],
    metric: str | None,
    form: str,
    quiet: bool,
    **settings: Any,
) -> None:
    """Import runs of lighteval, made with --save-details.

    TEACHER and STUDENT are the folders of --output-dir. Columns for --stratum and --cluster are
    what the documents have in `specific`, and task.
    """
    from tailqa.workflows.import_logs import import_lighteval

    made = import_options(**settings)
    report, folder = import_lighteval(teacher, student, made, tasks=tasks, metric=metric)
    show(report, folder, form=form, quiet=quiet)

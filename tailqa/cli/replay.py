"""`tailqa replay`."""

from pathlib import Path

import click

from tailqa.cli import options
from tailqa.cli.progress import progress

INTERRUPTED = 3


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("teacher", required=False)
@click.argument("student", required=False)
@options.pipeline
@options.sets
@options.option(
    "--option",
    "chosen",
    type=click.Choice(["teacher", "student", "escalated"]),
    multiple=True,
    help="Who answers; may be repeated.  [default: all that the pipeline knows]",
)
@options.option("--requests", type=click.IntRange(min=1), default=600, help="Requests per option.")
@options.option(
    "--clients",
    type=click.IntRange(min=1),
    help="Clients at the same time.  [default: those of the pipeline, else 4]",
)
@options.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=10,
    help="Rounds in which the options take turns, each with its rehearsal.",
)
@options.option(
    "--speed",
    type=click.IntRange(min=10),
    default=20,
    help="Requests of the predicting half per rehearsal, which measures the models' speed; every "
    "other one is refused, for the speed of the teacher.",
)
@options.option("--suite", help="The suite of the run, where it was a file.")
@options.sources
@options.loading
@options.option("--seed", type=int, metavar="N", help="Seed of every draw.  [default: the run's]")
@options.option(
    "--trust-suite-code",
    is_flag=True,
    help="Run the code of the evaluate metric that a suite names.",
)
@options.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
@options.option("--quiet", is_flag=True, help="No progress and no table; the files are written.")
def replay(
    run: Path,
    teacher: str | None,
    student: str | None,
    sources: tuple[tuple[str, Path], ...],
    form: str,
    *,
    pipeline: str | None,
    sets: tuple[tuple[str, str], ...],
    chosen: tuple[str, ...],
    quiet: bool,
    **settings: object,
) -> int:
    """Really run a pipeline with the models of RUN, and hold the prediction against it.

    One half of the run's queries predicts, the other half is asked: real attempts, the grader as
    the verifier, retries and escalation, the other stages as waits. TEACHER and STUDENT are named
    again, save for the embedded pair.
    """
    if (teacher is None) != (student is None):
        raise click.UsageError("give both TEACHER and STUDENT, or neither for the embedded pair")
    from tailqa.report.replay_result import render_replay_json
    from tailqa.report.replay_table import render_replay
    from tailqa.workflows.replay import run_replay
    from tailqa.workflows.replay_run import ReplayOptions

    asked = ReplayOptions(
        sources=options.as_mapping(sources),
        options=chosen,  # type: ignore[arg-type]
        sets=dict(sets),
        **settings,  # type: ignore[arg-type]
    )
    with progress(quiet=quiet or form == "json", counted="queries") as bars:
        found = run_replay(run, pipeline, (teacher, student), asked, progress=bars)
    if form == "json":
        click.echo(render_replay_json(found.replayed))
    elif not quiet:
        click.echo(render_replay(found.replayed))
        click.echo(f"\nRequests: {found.requests}\nResult: {found.path}")
    return INTERRUPTED if found.replayed.interrupted else 0

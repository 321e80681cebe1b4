"""`tailqa compare`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tailqa.cli import options
from tailqa.cli.history_options import Recorder, recorded
from tailqa.cli.mlflow_options import Tracker, speaker, tracked
from tailqa.cli.progress import progress

if TYPE_CHECKING:
    from tailqa.workflows.reuse import Reuse


@click.command()
@click.argument("teacher", required=False)
@click.argument("student", required=False)
@options.option(
    "--suite",
    "suites",
    metavar="NAME|FILE",
    multiple=True,
    help="A suite file or the name of a shipped one; may be repeated.  [default: the embedded one]",
)
@options.sources
@options.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="At most this many queries per stratum, drawn by --seed.",
)
@options.num_fewshot
@options.option(
    "--samples",
    type=click.IntRange(min=1),
    metavar="N",
    help="Answers per query, instead of the suite's; the paired table counts the first of each.",
)
@options.option(
    "--temperature",
    type=click.FloatRange(min=0),
    metavar="T",
    help="Temperature of the answers, instead of the suite's; 0 is greedy.",
)
@options.option(
    "--batch-size",
    type=options.batch_size,
    metavar="auto|N",
    default="auto",
    help="Answers made at a time; auto follows the free memory.",
)
@options.loading
@options.seed
@options.option(
    "--speed",
    type=click.IntRange(min=0),
    default=30,
    metavar="N",
    help="Queries per stratum timed at batch 1; 0 measures no speed.",
)
@options.option(
    "--fidelity",
    is_flag=True,
    help="Read the teacher's answers with both models and measure how far the student's next-token "
    "distributions are from the teacher's.",
)
@options.option(
    "--fidelity-texts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Measure it over a text of yours (UTF-8) as well; implies --fidelity.",
)
@options.option(
    "--noise-floor",
    is_flag=True,
    help="Ask the teacher again in smaller batches and another order, and report how many of its "
    "own grades flip.",
)
@options.option(
    "--noise-floor-dtype",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    help="Ask the teacher again with its weights in this dtype; implies --noise-floor.",
)
@options.policy
@options.pipeline
@options.option(
    "--ignore-clusters",
    is_flag=True,
    help="Take queries as independent: the suite's clusters are all that the traffic has, not a "
    "sample of them.",
)
@options.option(
    "--until-decided",
    is_flag=True,
    help="Ask in random order, in rounds, and stop when the policy is decided; the verdict keeps "
    "its error rate.",
)
@options.out
@options.option(
    "--store",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The response store.  [default: responses.db in the folder of --out]",
)
@options.option(
    "--trust-suite-code",
    is_flag=True,
    help="Run the code of the evaluate metric that a suite names.",
)
@recorded
@tracked
@options.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
@options.option("--quiet", is_flag=True, help="No progress and no table; the files are written.")
def compare(
    teacher: str | None,
    student: str | None,
    suites: tuple[str, ...],
    sources: tuple[tuple[str, Path], ...],
    form: str,
    *,
    quiet: bool,
    recorder: Recorder,
    tracker: Tracker,
    **settings: object,
) -> int:
    """Run TEACHER and STUDENT on a suite, compare them and write a run folder.

    A model is a hub id, id@revision, a folder, a .gguf file, demo:teacher or demo:student. Without
    models the embedded pair runs. What was answered before is not asked again.

    With --policy the exit code is the verdict's: 0 pass, 1 fail, 2 inconclusive.
    """
    if (teacher is None) != (student is None):
        raise click.UsageError("give both TEACHER and STUDENT, or neither for the embedded pair")
    from tailqa.report.result import render_json
    from tailqa.report.table import render_terminal
    from tailqa.workflows.asking import Options
    from tailqa.workflows.compare import run_compare

    chosen = Options(sources=options.as_mapping(sources), **settings)  # type: ignore[arg-type]
    recorder.check()
    tracker.check(judges=bool(chosen.policy))
    say = speaker(form, quiet=quiet)
    outcomes = set()
    for suite in suites or ("demo",):
        with progress(quiet=quiet or form == "json") as bars:
            run = run_compare(
                teacher or "demo:teacher", student or "demo:student", suite, chosen, progress=bars
            )
        if form == "json":
            click.echo(render_json(run.report))
        elif not quiet:
            click.echo(render_terminal(run.report))
            click.echo("\nFrom the store: " + "; ".join(map(_reused, run.reuse)) + ".")
            click.echo(f"Page: {run.folder / 'report.html'}")
        outcomes.add(run.report.verdict.outcome)
        recorder.add(run.folder, say=say)
        tracker.log(run.folder, run.report.verdict, say=say)
    code = recorder.finish(options.exit_code(outcomes) if chosen.policy else 0)
    return tracker.finish(outcomes, code, say=say)


def _reused(found: "Reuse") -> str:
    return f"{found.reused:,} of {found.n:,} answers of the {found.side}"

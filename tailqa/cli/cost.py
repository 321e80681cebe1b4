"""`tailqa cost`."""

from pathlib import Path

import click

from tailqa.cli import options

BROKEN = 3
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@options.pipeline
@options.sets
@options.option(
    "--sweep",
    type=options.assignment,
    metavar="KEY=START:STOP[:COUNT]",
    help="The figures over several values of one key, as in arrivals.rate=1:20.",
)
@options.option(
    "--bench",
    type=_FOLDER,
    metavar="FOLDER",
    help="Take the models' speed, also with several requests at a time, from this bench.",
)
@options.option(
    "--resamples",
    type=click.IntRange(min=40),
    help="Resamples of the queries behind every interval.  [default: 200, with a trace 100]",
)
@options.seed
@options.option(
    "--out", type=_FOLDER, help="Folder for cost.html and cost.json.  [default: the run's]"
)
@options.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
def cost(
    run: Path,
    pipeline: str | None,
    form: str,
    *,
    sets: tuple[tuple[str, str], ...],
    sweep: tuple[str, str] | None,
    bench: Path | None,
    resamples: int | None,
    seed: int,
    out: Path | None,
) -> int:
    """What the models of RUN (a run folder) cost in a pipeline: retries, tokens, seconds, money.

    Teacher alone, student alone, and the student with what it cannot do escalated; per stratum
    and for all traffic, every figure with its interval. Nothing is asked again.
    """
    from tailqa.report.operations_format import nothing_steady
    from tailqa.report.operations_result import render_operations_json
    from tailqa.report.operations_table import render_operations
    from tailqa.workflows.costs import CostOptions, cost_run

    chosen = CostOptions(
        pipeline=pipeline, sets=dict(sets), sweep=sweep, bench=bench, resamples=resamples, seed=seed
    )
    costed = cost_run(run, chosen, out=out)
    if form == "json":
        click.echo(render_operations_json(costed.operations, costed.names))
    else:
        click.echo(render_operations(costed.operations, costed.names))
        click.echo(f"\nPage: {costed.page}")
    full = None if sweep else nothing_steady(costed.operations)
    if full is None:
        return 0
    click.echo(
        f"Error: no option has a steady state ({full}); set a lower arrivals.rate, or more servers "
        "or less time for that stage",
        err=True,
    )
    return BROKEN

"""`tailqa report`."""

from pathlib import Path

import click

from tailqa.cli import options


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@options.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
def report(run: Path, form: str) -> None:
    """Render RUN (a run folder) again: report.html from result.json and answers.parquet."""
    from tailqa.report import render_json, render_terminal
    from tailqa.workflows.runs import rerender

    loaded = rerender(run)
    if form == "json":
        click.echo(render_json(loaded.report))
    else:
        click.echo(render_terminal(loaded.report))
        click.echo(f"\nPage: {run / 'report.html'}")

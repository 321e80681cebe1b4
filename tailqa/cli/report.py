"""`tailqa report`."""

from pathlib import Path

import click

from tailqa.cli import options


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@options.option(
    "--without-answers",
    is_flag=True,
    help="Write summary.html, the page without any prompt or answer, to show to others.",
)
@options.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
def report(run: Path, form: str, *, without_answers: bool) -> None:
    """Render RUN (a run folder) again: report.html from result.json and answers.parquet."""
    from tailqa.report import render_json, render_terminal
    from tailqa.workflows.runs import rerender

    found, page = rerender(run, answers=not without_answers)
    if form == "json":
        click.echo(render_json(found))
    else:
        click.echo(render_terminal(found))
        click.echo(f"\nPage: {page}")

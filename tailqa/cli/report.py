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
    """Render RUN (a run folder) again: report.html from result.json and answers.parquet.

    Of a bench: bench.html from bench.json.
    """
    from tailqa.report.bench_result import BENCH, render_bench_json
    from tailqa.report.bench_table import render_bench
    from tailqa.report.result import render_json
    from tailqa.report.table import render_terminal
    from tailqa.workflows.bench import rerender_bench
    from tailqa.workflows.runs import rerender

    if (run / BENCH).is_file():
        bench, page = rerender_bench(run)
        text = render_bench_json(bench) if form == "json" else render_bench(bench)
    else:
        found, page = rerender(run, answers=not without_answers)
        text = render_json(found) if form == "json" else render_terminal(found)
    click.echo(text)
    if form == "table":
        click.echo(f"\nPage: {page}")

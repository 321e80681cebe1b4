"""`tailqa suite check|show`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tailqa.cli import options


@click.group()
def suite() -> None:
    """Check a suite file, or show what is in it.

    FILE is a suite file, or the name of a shipped suite.
    """


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("file")(options.sources(options.num_fewshot(command)))


@suite.command()
@_shared
def check(file: str, sources: tuple[tuple[str, Path], ...], num_fewshot: int | None) -> None:
    """Say every fault of FILE and of its rows at once; exit 3 if there is one."""
    from tailqa.workflows.suites import inspect_suite

    found = inspect_suite(file, sources=options.as_mapping(sources), num_fewshot=num_fewshot)
    chosen = found.suite
    click.echo(
        f"{chosen.name} {chosen.version}: no faults; {len(chosen.queries):,} queries in "
        f"{len(chosen.strata)} strata, digest {chosen.digest[:12]}"
    )


@suite.command()
@_shared
@options.option(
    "--tokenizer", help="Count tokens as this model does (hub id, folder, demo:teacher)."
)
def show(
    file: str,
    sources: tuple[tuple[str, Path], ...],
    num_fewshot: int | None,
    tokenizer: str | None,
) -> None:
    """Show counts, weights, prompt lengths and two examples of every stratum."""
    from tailqa.report import render_suite
    from tailqa.workflows.suites import inspect_suite

    found = inspect_suite(
        file,
        sources=options.as_mapping(sources),
        num_fewshot=num_fewshot,
        tokenizer=tokenizer,
    )
    click.echo(render_suite(found.suite, found.strata))

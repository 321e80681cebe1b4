"""`tailqa suite check|show|plan`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tailqa.cli import options
from tailqa.core.words import count_of


@click.group()
def suite() -> None:
    """Check a suite file, show what is in it, or size it for a policy.

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
    queries = count_of(len(chosen.queries), "query", "queries")
    strata = count_of(len(chosen.strata), "stratum", "strata")
    click.echo(
        f"{chosen.name} {chosen.version}: no faults; {queries} in {strata}, "
        f"digest {chosen.digest[:12]}"
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
    from tailqa.report.suite_table import render_suite
    from tailqa.workflows.suites import inspect_suite

    found = inspect_suite(
        file,
        sources=options.as_mapping(sources),
        num_fewshot=num_fewshot,
        tokenizer=tokenizer,
    )
    click.echo(render_suite(found.suite, found.strata))


@suite.command()
@_shared
@options.policy
@options.option(
    "--flips",
    type=options.Share(0, 1, min_open=True),
    metavar="SHARE",
    default=0.10,
    help="Share of queries expected to flip between two equally good models.",
)
@options.option(
    "--power",
    type=options.Share(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    default=0.80,
    help="Chance that a student as good as its teacher passes a stratum.",
)
def plan(
    file: str,
    sources: tuple[tuple[str, Path], ...],
    num_fewshot: int | None,
    policy: str | None,
    *,
    flips: float,
    power: float,
) -> None:
    """Say how many queries each stratum of FILE needs for the policy to be decided."""
    from tailqa.report.suite_table import render_plan
    from tailqa.workflows.gate import chosen_policy
    from tailqa.workflows.planning import plan as planned
    from tailqa.workflows.suites import load_suite

    found = load_suite(file, sources=options.as_mapping(sources), num_fewshot=num_fewshot)
    chosen = chosen_policy(policy, found.strata)
    click.echo(render_plan(planned(found, chosen, flip_rate=flips, power=power)))
    click.echo(
        f"\nPolicy {chosen.name}, one-sided level {100 * chosen.level:g} %; a student as good as "
        f"its teacher, {100 * flips:g} % of queries flipped, passes each stratum with a chance of "
        f"{100 * power:g} %. Queries in clusters take more."
    )

"""The options of every kind of import, and how one ends."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tailqa.cli import options

if TYPE_CHECKING:
    from tailqa.core.report import Report
    from tailqa.workflows.importing import ImportOptions


def _share(text: str) -> tuple[str, float]:
    """`NAME=SHARE`; the name may hold an equals sign, the share may not.

    >>> _share("level=3=0.25")
    ('level=3', 0.25)
    """
    name, equals, share = text.rpartition("=")
    try:
        return name, float(share if equals else "")
    except ValueError:
        raise click.BadParameter(f"{text!r} is not NAME=SHARE, as in head=0.8") from None


def _shares(text: str) -> tuple[float, ...]:
    """Numbers set apart by commas.

    >>> _shares("0.5, 0.8")
    (0.5, 0.8)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of numbers, as in 0.5,0.8") from None


_COMMON = (
    options.option("--stratum", metavar="COLUMN", help="Each value of this column is a stratum."),
    options.option(
        "--quantiles",
        type=_shares,
        metavar="Q,…",
        help="Part the numbers of --stratum at these quantiles instead, e.g. 0.5,0.8.",
    ),
    options.option(
        "--tail",
        multiple=True,
        metavar="NAME",
        help="A tail stratum, or a pattern such as 'law*'; may be repeated.",
    ),
    options.option(
        "--tail-end",
        type=click.Choice(["high", "low"]),
        default="high",
        help="Which end of the quantiles is the tail.",
    ),
    options.option(
        "--weight",
        "weights",
        type=_share,
        multiple=True,
        metavar="NAME=SHARE",
        help="Traffic of a stratum, for all of them, summing to 1.  [default: by queries]",
    ),
    options.option(
        "--cluster", metavar="COLUMN", help="Queries that share its value are not independent."
    ),
    options.option(
        "--threshold",
        type=float,
        help="From which score on an answer is right.  [default: 1, or 0.5 where scores lie "
        "between 0 and 1]",
    ),
    options.option(
        "--teacher-name", metavar="NAME", help="Name of the teacher, instead of the recorded one."
    ),
    options.option(
        "--student-name", metavar="NAME", help="Name of the student, instead of the recorded one."
    ),
    options.option(
        "--name", metavar="NAME", help="Name of the suite, instead of the recorded one."
    ),
    options.seed,
    options.out,
    options.option("--format", "form", type=click.Choice(["table", "json"]), default="table"),
    options.option("--quiet", is_flag=True, help="No table; the files are written."),
)


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every kind of import: strata, names, and where the run goes."""
    for added in reversed(_COMMON):
        command = added(command)
    return command


def import_options(
    *,
    stratum: str | None,
    quantiles: tuple[float, ...] | None,
    tail: tuple[str, ...],
    tail_end: str,
    weights: tuple[tuple[str, float], ...],
    cluster: str | None,
    **settings: Any,
) -> "ImportOptions":
    """What the options of `common` say, without `form` and `quiet`."""
    from tailqa.records.strata import StrataRule
    from tailqa.workflows.importing import ImportOptions

    rule = StrataRule(
        column=stratum,
        quantiles=quantiles or (),
        tail=tail,
        tail_end="low" if tail_end == "low" else "high",
        weights=dict(weights),
        cluster=cluster,
    )
    return ImportOptions(rule=rule, **settings)


def show(report: "Report", folder: Path, *, form: str, quiet: bool) -> None:
    """Prints what was found, and where its page is."""
    from tailqa.report.result import render_json
    from tailqa.report.table import render_terminal

    if form == "json":
        click.echo(render_json(report))
    elif not quiet:
        click.echo(render_terminal(report))
        click.echo(f"\nPage: {folder / 'report.html'}")

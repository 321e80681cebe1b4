"""`tailqa route`."""

from pathlib import Path

import click

from tailqa.cli import options
from tailqa.core.routing import Price, RouteBy


def price(text: str) -> Price:
    """Dollars per million tokens, in and out.

    >>> price("2.5,10")
    Price(prompt_usd=2.5, completion_usd=10.0)
    """
    try:
        prompt, completion = (float(part) for part in text.split(","))
    except ValueError:
        prompt = completion = -1.0
    if not (0 <= prompt < float("inf") and 0 <= completion < float("inf")):
        raise click.BadParameter(
            f"{text!r} is not IN,OUT in dollars per million tokens, as in 2.5,10"
        )
    return Price(prompt_usd=prompt, completion_usd=completion)


_SHARE = options.Share(0, 1)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@options.option(
    "--target-quality",
    type=options.Share(0, 1, min_open=True),
    metavar="SHARE",
    help="Share of the teacher's quality to keep, with the fewest calls to it.  [default: 0.95]",
)
@options.option(
    "--max-teacher-share",
    type=_SHARE,
    metavar="SHARE",
    help="Instead: the best quality with at most this share of calls to the teacher.",
)
@options.option(
    "--by",
    type=click.Choice(["stratum", "confidence"]),
    default="stratum",
    help="Which rule is chosen: strata that go to the teacher, or a least confidence of the "
    "student's, which answers first.",
)
@options.option("--teacher-price", type=price, metavar="IN,OUT", help="$ per million tokens.")
@options.option("--student-price", type=price, metavar="IN,OUT", help="$ per million tokens.")
@options.option(
    "--export",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the chosen rule for a gateway, as .json or .yaml.",
)
@options.option(
    "--resamples",
    type=click.IntRange(min=100),
    default=1000,
    help="Resamples of the queries behind every interval.",
)
@options.option(
    "--seed", type=int, default=0, metavar="N", help="Seed of the halves and of every draw."
)
@options.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
def route(
    run: Path,
    form: str,
    export: Path | None,
    by: RouteBy,
    *,
    target_quality: float | None,
    max_teacher_share: float | None,
    teacher_price: Price | None,
    student_price: Price | None,
    resamples: int,
    seed: int,
) -> None:
    """Which queries of RUN (a run folder) should go to the teacher, and what that costs.

    The frontier from the student everywhere to the teacher everywhere, by stratum and by the
    student's own confidence, against calls drawn at random. Writes route.html and route.json
    into the run folder. Nothing is asked again.
    """
    if target_quality is not None and max_teacher_share is not None:
        raise click.UsageError("aim for --target-quality or for --max-teacher-share, not for both")
    if (teacher_price is None) != (student_price is None):
        raise click.UsageError("give both --teacher-price and --student-price, or neither")
    from tailqa.report.routing_result import render_routing_json, write_rule
    from tailqa.report.routing_table import render_routing
    from tailqa.workflows.route import RouteOptions, route_run

    chosen = RouteOptions(
        target_quality=target_quality,
        max_teacher_share=max_teacher_share,
        by=by,
        teacher_price=teacher_price,
        student_price=student_price,
        resamples=resamples,
        seed=seed,
    )
    routed = route_run(run, chosen)
    if export is not None:
        write_rule(routed.routing, export)
    if form == "json":
        click.echo(render_routing_json(routed.routing))
        return
    click.echo(render_routing(routed.routing))
    click.echo(f"\nPage: {routed.page}")
    if export is not None:
        click.echo(f"Rule: {export}")

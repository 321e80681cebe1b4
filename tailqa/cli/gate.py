"""`tailqa gate`."""

from datetime import date as calendar
from pathlib import Path

import click

from tailqa.cli import options
from tailqa.cli.mlflow_options import Tracker, speaker, tracked


def iso_date(text: str) -> str:
    """A day as YYYY-MM-DD.

    >>> iso_date("2026-11-24")
    '2026-11-24'
    """
    try:
        return calendar.fromisoformat(text).isoformat()
    except ValueError:
        raise click.BadParameter(f"{text!r} is no day, as in 2026-11-24") from None


_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("run", type=click.Path(path_type=Path), required=False)
@options.policy
@options.pipeline
@options.sets
@options.option("--junit", type=_FILE, help="Write the verdict as JUnit XML.")
@options.option(
    "--summary", type=_FILE, help="Append the verdict as Markdown, say to $GITHUB_STEP_SUMMARY."
)
@options.option(
    "--record",
    type=_FILE,
    help="Write the decision record here.  [default: decision_<date>_<policy>_<digest>.json "
    "beside result.json]",
)
@options.option(
    "--date", type=iso_date, metavar="YYYY-MM-DD", help="Day of the decision.  [default: today]"
)
@options.option(
    "--show-policy",
    is_flag=True,
    help="Print the policy with every default written out, and judge nothing; with RUN, what "
    "holds for each of its strata.",
)
@tracked
@options.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
def gate(
    run: Path | None,
    policy: str | None,
    pipeline: str | None,
    form: str,
    *,
    sets: tuple[tuple[str, str], ...],
    date: str | None,
    junit: Path | None,
    summary: Path | None,
    record: Path | None,
    show_policy: bool,
    tracker: Tracker,
) -> int:
    """Judge RUN (a run folder or its result.json) by a policy.

    Exit codes: 0 pass, 1 fail, 2 inconclusive, 3 something broke. Without --policy it is the
    built-in one, which --show-policy prints. What it says of cost is judged by what `compare`
    found, or in the pipeline of --pipeline.
    """
    from tailqa.workflows.costs import LEFT_OUT, CostOptions
    from tailqa.workflows.decisions import gate_run, shown_policy, write_decision, write_outputs

    if show_policy:
        click.echo(shown_policy(policy, run), nl=False)
        return 0
    if run is None:
        raise click.UsageError("name the RUN to judge, or ask for --show-policy")
    from tailqa.report.gate_json import render_gate_json
    from tailqa.report.gate_table import render_gate

    named = pipeline not in {None, LEFT_OUT}
    costs = CostOptions(pipeline=pipeline, sets=dict(sets)) if named or sets else None
    decided = gate_run(run, policy, date=date or calendar.today().isoformat(), costs=costs)
    if form == "json":
        shown = render_gate_json(decided.record)
    else:
        shown = render_gate(decided.report, decided.verdict)
    write_outputs(decided, junit=junit, summary=summary)
    written = write_decision(decided, record)
    click.echo(shown)
    if form == "json":
        click.echo(f"Decision: {written}", err=True)
    else:
        click.echo(f"\nDecision: {written}")
    say = speaker(form)
    tracker.log(run, decided.verdict, judged=[written, junit], say=say)
    outcomes = {decided.verdict.outcome}
    return tracker.finish(outcomes, options.exit_code(outcomes), say=say)

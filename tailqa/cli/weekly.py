"""`tailqa weekly`."""

from datetime import date as calendar
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tailqa.cli import history_options, options
from tailqa.cli.gate import iso_date
from tailqa.core.history import FACETS, HARNESS

if TYPE_CHECKING:
    from tailqa.workflows.weekly_calendar import Ignored


@click.command()
@history_options.db
@options.option("--student", metavar="NAME", help="Whose weeks.  [default: the only one there is]")
@options.option("--suite", metavar="NAME", help="On which suite.  [default: the only one there is]")
@options.option(
    "--since",
    default="12w",
    metavar="TIME",
    help="From when on: 12w (so many weeks), 90d, or a day as in 2026-09-01.",
)
@options.option(
    "--base",
    metavar="DAY|RUN",
    help="The week of this day, or of this run, is the base line.  [default: the first week with "
    "today's harness]",
)
@options.option(
    "--traffic",
    type=click.FloatRange(min=0, min_open=True),
    metavar="QUERIES",
    help="Queries a week in production, to say what a change costs.",
)
@options.option(
    "--false-alarm-weeks",
    type=click.FloatRange(min=1),
    default=104,
    metavar="WEEKS",
    help="While nothing changes, the page alarms at most once in so many weeks on average.",
)
@options.option(
    "--level",
    type=options.Share(0, 1, min_open=True, max_open=True),
    default=0.95,
    metavar="SHARE",
    help="Confidence of the intervals of what changed.",
)
@options.option(
    "--min-queries",
    type=click.IntRange(min=1),
    default=30,
    metavar="N",
    help="Graded queries that a stratum needs in a week; with fewer it is missing there.",
)
@options.option(
    "--max-failed",
    type=options.Share(0, 1),
    default=0.05,
    metavar="SHARE",
    help="Failed and ungraded queries that a stratum may have in a week; above, it is missing.",
)
@options.option(
    "--ignore",
    type=click.Choice([*(facet for facet in FACETS if facet in HARNESS), "seed"]),
    multiple=True,
    help="A change of this starts no new series; may be repeated. seed: every week draws other "
    "queries of the suite (compare --limit N --seed WEEK).",
)
@options.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where the page and the summary go.  [default: outputs/weekly-<student>-<suite>, with "
    "--today that day behind it]",
)
@options.option("--fail-on-alarm", is_flag=True, help="Exit with 1 while an alarm is open.")
@options.option(
    "--today",
    type=iso_date,
    metavar="YYYY-MM-DD",
    help="The report as it was on that day, without what came after.  [default: today]",
)
def weekly(
    db: str,
    student: str | None,
    suite: str | None,
    since: str,
    base: str | None,
    *,
    traffic: float | None,
    false_alarm_weeks: float,
    level: float,
    min_queries: int,
    max_failed: float,
    ignore: tuple["Ignored", ...],
    out: Path | None,
    fail_on_alarm: bool,
    today: str | None,
) -> int:
    """Did the student get worse, since when, and is it the model or the harness?

    Reads the history (tailqa history add), pairs the weeks on the same queries and writes a page
    and a Markdown summary. A change of the harness starts a new series and is never an alarm.
    Exit codes: 0 finished, 1 an alarm is open (with --fail-on-alarm), 3 something broke.
    """
    from tailqa.report.weekly_table import render_weekly
    from tailqa.workflows.since import past_day
    from tailqa.workflows.weekly import write_weekly
    from tailqa.workflows.weekly_choice import WeeklyOptions

    now = calendar.today()
    chosen = WeeklyOptions(
        today=now if today is None else past_day("--today", today, now, "a day as in 2026-09-01"),
        student=student,
        suite=suite,
        since=since,
        base=base,
        traffic=traffic,
        false_alarm_weeks=false_alarm_weeks,
        level=level,
        min_queries=min_queries,
        max_failed=max_failed,
        ignored=ignore,
        as_of=today is not None,
    )
    written = write_weekly(db, chosen, out)
    click.echo(render_weekly(written.weekly))
    page, summary = written.paths
    click.echo(f"\nPage:    {page}\nSummary: {summary}")
    return int(fail_on_alarm and any(alarm.open for alarm in written.weekly.alarms))

"""Which weeks are shown, which are read, and which is the base line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from tailqa.core.errors import TailqaError
from tailqa.core.history import KeptRun
from tailqa.workflows.weekly_calendar import WEEK, CalendarWeek, calendar
from tailqa.workflows.weekly_choice import WeeklyOptions, base_week, first_monday

LOOK_BACK = 104 * WEEK
"""Before the first week shown. A loss that old is what the student is by now."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """Weeks, oldest first; series are counted from the first week shown.

    `read` are the weeks with a run whose marks are needed: from `detected_from` on those that the
    detector looks at, before it at most the base line. `now` is the last with a run.
    """

    shown: tuple[CalendarWeek, ...]
    read: tuple[CalendarWeek, ...]
    detected_from: date
    now: CalendarWeek
    base: CalendarWeek


def span_of(runs: Sequence[KeptRun], options: WeeklyOptions) -> Span:
    """The weeks from --since to today's.

    Raises TailqaError where none of them has a run, for days in the future, and for a base line
    that has no run.
    """
    weeks = calendar(runs, options.today, limits=options.limits, ignored=options.ignored)
    start = first_monday(options.since, options.today)
    shown = [week for week in weeks if week.monday >= start]
    last = [week for week in weeks if week.run is not None][-1]
    if not shown or last.monday < start:
        over = [run for week in shown for run in week.passed_over]
        if over:
            raise TailqaError(
                f"no run that counts in the weeks from {start.isoformat()} on; of the last, "
                f"{over[-1].run.name}: {over[-1].reason} (--min-queries, --max-failed)"
            )
        raise TailqaError(
            f"no run in the weeks from {start.isoformat()} on; the last is of the week of "
            f"{last.monday.isoformat()}: go back further with --since"
        )
    offset = shown[0].series
    weeks = tuple(replace(week, series=week.series - offset) for week in weeks)
    detected_from = shown[0].monday - LOOK_BACK
    base = base_week(weeks, options.base, options.today)
    now = next(week for week in reversed(weeks) if week.run is not None)
    read = [
        week
        for week in weeks
        if week.run is not None
        and (
            (week.monday >= detected_from and week.series >= 0)
            or (week.monday == base.monday and week.series == now.series)
        )
    ]
    return Span(
        shown=tuple(week for week in weeks if week.monday >= start),
        read=tuple(read),
        detected_from=detected_from,
        now=now,
        base=base,
    )

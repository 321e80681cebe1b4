"""What a weekly report is about: which student and suite, from which week on, against which."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tailqa.core.errors import TailqaError
from tailqa.core.history import KeptRun
from tailqa.workflows.since import first_day, past_day
from tailqa.workflows.weekly_calendar import CalendarWeek, Ignored, monday_of, run_date
from tailqa.workflows.weekly_limits import Limits

if TYPE_CHECKING:
    from tailqa.history import History

_SHORTEST_DIGEST = 4
_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class WeeklyOptions:
    """What is asked for, as the flags of the same names; `today` is the day of the report.

    `as_of` leaves out what came after that day; otherwise nothing may have.

    `traffic` is in queries a week, `false_alarm_weeks` in weeks, `max_failed` a share of queries.
    """

    today: date
    student: str | None = None
    suite: str | None = None
    since: str = "12w"
    base: str | None = None
    traffic: float | None = None
    false_alarm_weeks: float = 104.0
    level: float = 0.95
    min_queries: int = 30
    max_failed: float = 0.05
    ignored: tuple[Ignored, ...] = ()
    as_of: bool = False

    @property
    def limits(self) -> Limits:
        """What a stratum must have to count."""
        return Limits(min_queries=self.min_queries, max_failed=self.max_failed)


def chosen_runs(history: "History", options: WeeklyOptions) -> tuple[KeptRun, ...]:
    """All runs of the one student on the one suite; figures have those of the weeks shown.

    Raises TailqaError where there is none, where there are several to choose from, and for a run
    that is dated after today.
    """
    until = options.today.isoformat() if options.as_of else None
    runs = history.runs(
        student=options.student,
        suite=options.suite,
        until=until,
        figures_since=first_monday(options.since, options.today).isoformat(),
    )
    if not runs:
        raise TailqaError(_nothing(history.runs(until=until), options))
    for flag, names in (
        ("--student", _names(run.student for run in runs)),
        ("--suite", _names(run.suite for run in runs)),
    ):
        if len(names) > 1:
            hint = (
                "; tailqa history rename OLD NEW makes one of them" if flag == "--student" else ""
            )
            raise TailqaError(
                f"the history has several; choose one with {flag}: {_listed(names)}{hint}"
            )
    for run in runs:
        # A team's machines may stand on two sides of midnight.
        if run_date(run) > options.today + timedelta(days=1):
            raise TailqaError(
                f"run {run.name} is dated {run.date}, after today ({options.today.isoformat()}): "
                "correct the clock or remove the run"
            )
    return runs


def first_monday(since: str, today: date) -> date:
    """The first week of `12w` (that many weeks with this one), `90d` or an ISO date.

    Raises TailqaError for anything else, for no time at all, and for a day in the future.

    >>> first_monday("12w", date(2026, 11, 26)), first_monday("2026-10-01", date(2026, 11, 26))
    (datetime.date(2026, 9, 7), datetime.date(2026, 9, 28))
    """
    return monday_of(first_day(since, today))


def base_week(weeks: Sequence[CalendarWeek], base: str | None, today: date) -> CalendarWeek:
    """The week of the base line: by a day, a run's name or the begin of its digest.

    By default the first of the last week's series. Raises TailqaError where there is no such run,
    or where several are meant.
    """
    with_run = [week for week in weeks if week.run is not None]
    if base is None:
        return next(week for week in with_run if week.series == with_run[-1].series)
    named = [week for week in with_run if week.run is not None and _is_named(week.run, base)]
    if len(named) > 1:
        mondays = ", ".join(week.monday.isoformat() for week in named)
        raise TailqaError(f"--base {base} means several runs, in the weeks of {mondays}")
    if named:
        return named[0]
    monday = monday_of(
        past_day(
            "--base", base, today, "a day as in 2026-09-01, or a run that is counted in its week"
        )
    )
    for week in with_run:
        if week.monday == monday:
            return week
    raise TailqaError(
        f"--base {base}: the week of {monday.isoformat()} has no run; weeks with one: "
        + _listed([week.monday.isoformat() for week in reversed(with_run)])
    )


def _is_named(run: KeptRun, name: str) -> bool:
    return name == run.name or (len(name) >= _SHORTEST_DIGEST and run.run.startswith(name))


def _nothing(runs: Sequence[KeptRun], options: WeeklyOptions) -> str:
    if not runs and options.as_of:
        return f"the history has no run until {options.today.isoformat()}"
    if not runs:
        return "the history has no run; add one with tailqa history add RUN"
    students, suites = _names(run.student for run in runs), _names(run.suite for run in runs)
    if options.student is not None and options.student not in students:
        return f"the history has no student {options.student!r}; it has {_listed(students)}"
    if options.suite is not None and options.suite not in suites:
        return f"the history has no suite {options.suite!r}; it has {_listed(suites)}"
    own = _names(run.suite for run in runs if run.student == options.student)
    return (
        f"the history has no run of {options.student!r} on {options.suite!r}; that student has "
        f"runs on {_listed(own)}"
    )


def _names(names: Iterable[str]) -> list[str]:
    return sorted(set(names))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

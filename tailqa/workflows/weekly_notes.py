"""What a reader of a weekly report must know, in sentences."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tailqa.core.weekly import Week, Weekly
from tailqa.report.weekly_words import moment
from tailqa.workflows.weekly_alarms import RECENT
from tailqa.workflows.weekly_calendar import CalendarWeek
from tailqa.workflows.weekly_choice import WeeklyOptions
from tailqa.workflows.weekly_outcomes import Outcomes
from tailqa.workflows.weekly_queries import FLIPS, SHOWN, Earlier
from tailqa.workflows.weekly_span import Span

NULL = (
    "On the traffic that the queries were drawn from, the student's accuracy did not fall. New "
    "builds may change single answers for good; the same query asked again is no new evidence "
    "about the traffic."
)
_TIMES = {1: "once", 2: "twice"}
_NAMED = 3


def notes(
    weekly: Weekly, span: Span, outcomes: Outcomes, then: Earlier | None, options: WeeklyOptions
) -> tuple[str, ...]:
    """`then` is the week that changed queries are held against."""
    return (
        *_teachers(weekly.weeks),
        *_alarms(weekly),
        *_compared(weekly, span),
        *_changed(weekly, span, then),
        *_weeks(span.shown),
        *_settings(outcomes, options),
    )


def times(n: int) -> str:
    """How often.

    >>> times(1), times(3)
    ('once', '3 times')
    """
    return _TIMES.get(n, f"{n} times")


def _teachers(weeks: Sequence[Week]) -> Iterator[str]:
    for week in weeks:
        if any(change.facet == "teacher" for change in week.changes):
            yield (
                f"In the week of {week.monday} the teacher changed. The student's series goes on; "
                "gaps to the teacher before and after are not the same."
            )


def _alarms(weekly: Weekly) -> Iterator[str]:
    """When an alarm ends, and which ones a break has cut off."""
    if weekly.alarms:
        yield (
            "An alarm is open until as much evidence says that the student got better again, or "
            f"until its evidence is gone and the last {RECENT} weeks show no loss any more."
        )
    with_run = [week for week in weekly.weeks if week.run is not None]
    ends = {
        before.monday: after.monday
        for before, after in pairwise(with_run)
        if before.series != after.series
    }
    for alarm in weekly.alarms:
        if alarm.until in ends:
            yield (
                f"The alarm of {alarm.scope} since {alarm.since} stood when the harness changed in "
                f"the week of {ends[alarm.until]}: what became of it cannot be told."
            )


def _compared(weekly: Weekly, span: Span) -> Iterator[str]:
    found = {comparison.against for comparison in weekly.comparisons}
    if not found:
        yield (
            f"The week of {span.now.monday} is the first of its series: there is no earlier week "
            "to compare it with."
        )
    if span.base.series != span.now.series:
        yield (
            f"The base line, the week of {span.base.monday}, had another harness; this week is "
            "not compared with it."
        )


def _changed(weekly: Weekly, span: Span, then: Earlier | None) -> Iterator[str]:
    if then is None or span.now.run is None:
        return
    yield (
        f"Queries newly wrong and newly right are those of build {span.now.run.build} against "
        f"{then.which}; queries that changed {FLIPS} times or more in this series are listed apart."
    )
    cut = [name for name, n in weekly.n_changed.items() if n > SHOWN]
    if cut:
        yield f"Of {' and of '.join(cut)} queries, {SHOWN} are shown, the worst strata first."


def _weeks(weeks: Sequence[CalendarWeek]) -> Iterator[str]:
    """Which run counts in a week of several; by name where that is not simply its last one."""
    several = 0
    for week in weeks:
        if week.run is None or week.n_runs == 1:
            continue
        begin, run = f"In the week of {week.monday} {week.n_runs:,} runs", week.run
        if week.not_counted is not None:
            yield (
                f"{begin}, none of which counts; shown: {run.name} of {moment(run.date)}, the last "
                f"({week.not_counted})."
            )
        elif week.passed_over:
            over = [f"{item.run.name} ({item.reason})" for item in week.passed_over[:_NAMED]]
            more = len(week.passed_over) - len(over)
            yield (
                f"{begin}; counted: {run.name} of {moment(run.date)}; passed over: "
                f"{', '.join(over)}{f' and {more:,} more' if more else ''}."
            )
        else:
            several += 1
    if several == 1:
        yield "One week had more than one run; its last one counts."
    elif several:
        yield f"{several} weeks had more than one run; the last one of a week counts."


def _settings(outcomes: Outcomes, options: WeeklyOptions) -> Iterator[str]:
    if options.ignored:
        named = " and ".join(options.ignored)
        yield f"Changes of {named} start no new series, as asked for (--ignore)."
    if outcomes.clusters is not None:
        yield (
            "Queries come in clusters, and those of one cluster are not independent: intervals "
            "take the cluster as their unit, and McNemar's test is left out."
        )

"""Runs → weeks: which run counts, what changed since the one before, and where a series begins."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from tailqa.core.history import FACETS, HARNESS, Facet, KeptRun
from tailqa.core.weekly import Cause, Change
from tailqa.workflows.weekly_limits import Limits

WEEK = timedelta(weeks=1)
Ignored = Facet | Literal["seed"]
"""What may change without a new series. `seed` is that part of the settings: weeks that draw other
queries from a larger suite differ in it."""

_BREAKS: Collection[Cause] = ("harness", "both")
_OTHER_HARNESS = "another harness than the week before"


@dataclass(frozen=True, kw_only=True, slots=True)
class PassedOver:
    """A run that came after the one that stands for its week, and why it does not itself."""

    run: KeptRun
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarWeek:
    """An ISO week and its run, None without one; otherwise as `core.weekly.Week`.

    `run` is the last that counts with the harness of the week before; without such a one the last
    that counts; then the last of those of that harness that lack the fewest strata, and
    `not_counted` says what it lacks. `passed_over` is what came after it; all runs where none of
    them stands for the week.
    """

    monday: date
    run: KeptRun | None
    n_runs: int
    series: int
    cause: Cause = "nothing"
    changes: tuple[Change, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    not_counted: str | None = None


def monday_of(day: date) -> date:
    """The first day of its ISO week.

    >>> monday_of(date(2026, 11, 29))
    datetime.date(2026, 11, 23)
    """
    return day - timedelta(days=day.weekday())


def run_date(run: KeptRun) -> date:
    """The day of a run, in the time zone that it was written down in."""
    return date.fromisoformat(run.date[:10])


def calendar(
    runs: Sequence[KeptRun],
    last: date,
    *,
    limits: Limits,
    ignored: Collection[Ignored] = (),
) -> tuple[CalendarWeek, ...]:
    """Every week from the first run's to that of `last`, also those without a run.

    `runs` (at least one) may come in any order. What is `ignored` begins no series.
    """
    by_week: dict[date, list[KeptRun]] = {}
    for run in sorted(runs, key=lambda run: (run.date, run.added_s, run.run)):
        by_week.setdefault(monday_of(run_date(run)), []).append(run)
    weeks: list[CalendarWeek] = []
    monday, end = min(by_week), max(monday_of(last), *by_week)
    before: KeptRun | None = None
    series = 0
    while monday <= end:
        of_week = by_week.get(monday, [])
        week = CalendarWeek(monday=monday, run=None, n_runs=len(of_week), series=series)
        changes = {
            run.run: changes_between(before, run, ignored=ignored) if before else ()
            for run in of_week
        }
        causes = {
            run: _cause({change.facet for change in found} - set(ignored))
            for run, found in changes.items()
        }
        same = [run for run in of_week if causes[run.run] not in _BREAKS]
        week = _with_run(week, of_week, same, limits)
        if week.run is not None:
            before, cause = week.run, causes[week.run.run]
            series += cause in _BREAKS
            week = replace(week, series=series, cause=cause, changes=changes[before.run])
        weeks.append(week)
        monday += WEEK
    return tuple(weeks)


def _with_run(
    week: CalendarWeek, runs: Sequence[KeptRun], same: Sequence[KeptRun], limits: Limits
) -> CalendarWeek:
    """The week with the one of its `runs` that stands for it; `same` have the harness of before.

    A trial beside the weekly run begins no series, and one that does not count never does.
    """
    reasons = {run.run: limits.why_not_counted(run) for run in runs}
    counting = [run for run in runs if reasons[run.run] is None]
    usual = [run for run in counting if run in same]
    fewest = min((len(limits.lacking(run)) for run in same), default=0)
    best = usual or counting or [run for run in same if len(limits.lacking(run)) == fewest]
    chosen = best[-1] if best else None
    later = runs if chosen is None else runs[runs.index(chosen) + 1 :]
    return replace(
        week,
        run=chosen,
        not_counted=None if chosen is None else reasons[chosen.run],
        passed_over=tuple(
            PassedOver(run=run, reason=reasons[run.run] or _OTHER_HARNESS) for run in later
        ),
    )


def changes_between(
    then: KeptRun, now: KeptRun, *, ignored: Collection[Ignored] = ()
) -> tuple[Change, ...]:
    """The facets that differ, in their fixed order, also ignored ones; but no ignored seed."""
    found = []
    for facet in FACETS:
        before, after = then.facets.get(facet, ""), now.facets.get(facet, "")
        if facet == "settings" and "seed" in ignored:
            before, after = _without_seed(before, then.seed), _without_seed(after, now.seed)
        if before != after:
            change = Change(facet=facet, before=before, after=after, ignored=facet in ignored)
            found.append(change)
    return tuple(found)


def _without_seed(settings: str, seed: int) -> str:
    """The settings but for the seed, which stands first.

    >>> _without_seed("seed 46, limit 300", 46)
    'limit 300'
    """
    return settings.removeprefix(f"seed {seed}").removeprefix(", ")


def _cause(changed: Collection[Facet]) -> Cause:
    """Of the student's figures: the teacher's weights do not move them."""
    harness, model = bool(HARNESS & set(changed)), "student" in changed
    if harness:
        return "both" if model else "harness"
    return "model" if model else "nothing"

"""Runs → weeks: which run counts, what changed since the one before, and where a series begins."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from tailqa.core.history import FACETS, HARNESS, Facet, KeptRun
from tailqa.core.weekly import Cause, Change

WEEK = timedelta(weeks=1)
Ignored = Facet | Literal["seed"]
"""What may change without a new series. `seed` is that part of the settings: weeks that draw other
queries from a larger suite differ in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarWeek:
    """An ISO week and its last run, None without one; otherwise as `core.weekly.Week`."""

    monday: date
    run: KeptRun | None
    n_runs: int
    series: int
    cause: Cause = "nothing"
    changes: tuple[Change, ...] = ()


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
    runs: Sequence[KeptRun], last: date, *, ignored: Collection[Ignored] = ()
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
        if of_week:
            run = of_week[-1]
            changes = changes_between(before, run, ignored=ignored) if before else ()
            cause = _cause({change.facet for change in changes} - set(ignored))
            series += cause in {"harness", "both"}
            week = replace(week, run=run, series=series, cause=cause, changes=changes)
            before = run
        weeks.append(week)
        monday += WEEK
    return tuple(weeks)


def changes_between(
    then: KeptRun, now: KeptRun, *, ignored: Collection[Ignored] = ()
) -> tuple[Change, ...]:
    """The facets that differ, in their fixed order, also ignored ones; but no ignored seed."""
    found = []
    for facet in FACETS:
        before, after = then.facets.get(facet, ""), now.facets.get(facet, "")
        same = before == after
        if facet == "settings" and "seed" in ignored:
            same = _without_seed(before, then.seed) == _without_seed(after, now.seed)
        if not same:
            found.append(Change(facet=facet, before=before, after=after))
    return tuple(found)


def _without_seed(settings: str, seed: int) -> str:
    """The settings but for the seed, which stands first.

    >>> _without_seed("seed 46, limit 300", 46)
    ', limit 300'
    """
    return settings.removeprefix(f"seed {seed}")


def _cause(changed: Collection[Facet]) -> Cause:
    """Of the student's figures: the teacher's weights do not move them."""
    harness, model = bool(HARNESS & set(changed)), "student" in changed
    if harness:
        return "both" if model else "harness"
    return "model" if model else "nothing"

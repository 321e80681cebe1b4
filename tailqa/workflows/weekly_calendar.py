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


@dataclass(frozen=True, kw_only=True, slots=True)
class PassedOver:
    """A run that came after the one that counts in its week, and why it does not count itself."""

    run: KeptRun
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarWeek:
    """An ISO week and its run, None without one; otherwise as `core.weekly.Week`.

    `run` is the last that counts, `passed_over` what came after it. Where none of the week counts
    it is the last of those that lack the fewest strata, and `not_counted` says what it lacks.
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
        if of_week:
            week = _with_run(week, of_week, limits)
            now = week.run
            changes = changes_between(before, now, ignored=ignored) if before and now else ()
            cause = _cause({change.facet for change in changes} - set(ignored))
            series += cause in {"harness", "both"}
            week = replace(week, series=series, cause=cause, changes=changes)
            before = now
        weeks.append(week)
        monday += WEEK
    return tuple(weeks)


def _with_run(week: CalendarWeek, runs: Sequence[KeptRun], limits: Limits) -> CalendarWeek:
    """The week with the last of its `runs` that counts.

    Where none does, the last of those that lack the fewest strata.
    """
    later: list[PassedOver] = []
    for run in reversed(runs):
        reason = limits.why_not_counted(run)
        if reason is None:
            return replace(week, run=run, passed_over=tuple(reversed(later)))
        later.append(PassedOver(run=run, reason=reason))
    fewest = min(len(limits.lacking(run)) for run in runs)
    place = max(at for at, run in enumerate(runs) if len(limits.lacking(run)) == fewest)
    after = tuple(reversed(later))[place:]
    return replace(week, run=runs[place], not_counted=after[0].reason, passed_over=tuple(after[1:]))


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

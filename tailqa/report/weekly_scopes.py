"""The strata of a weekly report in the order in which they are shown, and what is known of each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tailqa.core.estimate import Estimate
from tailqa.core.weekly import (
    EVERYTHING,
    Alarm,
    Comparison,
    PairedChange,
    Week,
    Weekly,
    WeekStratum,
)
from tailqa.report.escape import one_line


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """A stratum, or all traffic; `kind` is what to say of it, `latest` its last week that counts.

    `alarms` are its own, the open ones first. `older` says of which week `latest` is, where that
    is not the week of the last run; otherwise it is empty.
    """

    name: str
    kind: str
    weight: float | None
    alarms: tuple[Alarm, ...]
    latest: tuple[Week, WeekStratum] | None
    older: str = ""


def scopes_of(weekly: Weekly) -> tuple[Scope, ...]:
    """All traffic first, then the worst: the order of strata in every table of the report.

    Worse is an open alarm, then a past one, then a larger loss against last week; among equals,
    critical and tail strata come first. A stratum that only some week knows (a suite that lost
    it) is shown too.
    """
    known = {stratum.name: stratum for stratum in weekly.strata}
    names = list(known)
    names += [item.name for week in weekly.weeks for item in week.strata]
    names += [EVERYTHING] if weekly.comparisons else []
    found = []
    for name in dict.fromkeys(names):
        stratum, latest = known.get(name), _latest(weekly, name)
        scope = Scope(
            name=name,
            kind=f"{stratum.kind}, {stratum.tier}" if stratum else "",
            weight=stratum.weight if stratum else None,
            alarms=alarms_of(weekly, name),
            latest=latest,
            older="" if latest is None else older_words(weekly.weeks, latest[0]),
        )
        found.append((_rank(weekly, scope), scope))
    return tuple(scope for _, scope in sorted(found, key=lambda item: item[0]))


def alarms_of(weekly: Weekly, scope: str) -> tuple[Alarm, ...]:
    """The alarms of one scope: open ones first, then the latest first."""
    found = [alarm for alarm in weekly.alarms if alarm.scope == scope]
    found.sort(key=lambda alarm: alarm.monday, reverse=True)
    return tuple(sorted(found, key=lambda alarm: not alarm.open))


def alarms_first(weekly: Weekly) -> tuple[Alarm, ...]:
    """All alarms: open ones first, strata before the whole, then the largest loss first."""

    def order(alarm: Alarm) -> tuple[bool, bool, float]:
        loss = alarm.loss.value if isinstance(alarm.loss, Estimate) else 0.0
        return (not alarm.open, alarm.scope == EVERYTHING, loss)

    return tuple(sorted(weekly.alarms, key=order))


def last_run(weekly: Weekly) -> Week | None:
    """The last week that had a run."""
    return _last_run(weekly.weeks)


def older_words(weeks: Sequence[Week], week: Week) -> str:
    """That figures are of `week` and not of the last run; empty where they are of the last run.

    >>> weeks = [Week(monday=day, series=0, run=day) for day in ("2026-11-16", "2026-11-23")]
    >>> older_words(weeks, weeks[0]), older_words(weeks, weeks[1])
    ('of 2026-11-16, not the last run', '')
    """
    last = _last_run(weeks)
    if last is None or week.monday >= last.monday:
        return ""
    return f"of {one_line(week.monday)}, not the last run"


def counts(week: Week) -> bool:
    """Whether some stratum of a week with a run counts."""
    strata = [item for item in week.strata if item.name != EVERYTHING]
    return not strata or any(item.missing is None for item in strata)


def last_run_words(weekly: Weekly) -> str:
    """Which week the last run is of, and whether that one is this week's, and counts."""
    last = last_run(weekly)
    if last is None:
        return "no week has a run"
    old = "" if last is weekly.weeks[-1] else ", not this week's"
    lost = "" if counts(last) else ", which does not count"
    return f"last run in the week of {one_line(last.monday)}{old}{lost}"


def in_week(week: Week, scope: str) -> WeekStratum | None:
    """What a week has of a stratum, missing or not."""
    return next((item for item in week.strata if item.name == scope), None)


def why_missing(week: Week, scope: str) -> str | None:
    """Why a week does not count in a scope; None where it does."""
    if week.missing is not None:
        return week.missing
    found = in_week(week, scope)
    return "the run has no such stratum" if found is None else found.missing


def change_of(comparison: Comparison, scope: str) -> PairedChange | None:
    """The paired change of one scope, the overall one for all traffic."""
    if scope == comparison.overall.scope:
        return comparison.overall
    return next((item for item in comparison.strata if item.scope == scope), None)


def _last_run(weeks: Sequence[Week]) -> Week | None:
    return next((week for week in reversed(weeks) if week.run is not None), None)


def _latest(weekly: Weekly, name: str) -> tuple[Week, WeekStratum] | None:
    for week in reversed(weekly.weeks):
        found = in_week(week, name)
        if week.missing is None and found is not None and found.missing is None:
            return week, found
    return None


def _rank(weekly: Weekly, scope: Scope) -> tuple[bool, int, float, int]:
    urgency = (0 if scope.alarms[0].open else 1) if scope.alarms else 2
    moved = change_of(weekly.comparisons[0], scope.name) if weekly.comparisons else None
    change = moved.change if moved else None
    critical, tail = scope.kind.endswith("critical"), scope.kind.startswith("tail")
    return (
        scope.name != EVERYTHING,
        urgency,
        change.value if isinstance(change, Estimate) else math.inf,
        2 - critical - tail,
    )

"""The strata of a weekly report in the order in which they are shown, and what is known of each."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """A stratum, or all traffic; `kind` is what to say of it, `latest` its last week that counts.

    `alarms` are its own, the open ones first.
    """

    name: str
    kind: str
    weight: float | None
    alarms: tuple[Alarm, ...]
    latest: tuple[Week, WeekStratum] | None


def scopes_of(weekly: Weekly) -> tuple[Scope, ...]:
    """All traffic first, then open alarms, past alarms, what is critical or tail, and the rest.

    A stratum that only some week knows (a suite that lost it) is shown too.
    """
    known = {stratum.name: stratum for stratum in weekly.strata}
    names = list(known)
    names += [item.name for week in weekly.weeks for item in week.strata]
    names += [EVERYTHING] if weekly.comparisons else []
    found = []
    for name in dict.fromkeys(names):
        stratum = known.get(name)
        scope = Scope(
            name=name,
            kind=f"{stratum.kind}, {stratum.tier}" if stratum else "",
            weight=stratum.weight if stratum else None,
            alarms=alarms_of(weekly, name),
            latest=_latest(weekly, name),
        )
        found.append((_rank(scope), scope))
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
    return next((week for week in reversed(weekly.weeks) if week.run is not None), None)


def in_week(week: Week, scope: str) -> WeekStratum | None:
    """What a week has of a stratum, missing or not."""
    return next((item for item in week.strata if item.name == scope), None)


def change_of(comparison: Comparison, scope: str) -> PairedChange | None:
    """The paired change of one scope, the overall one for all traffic."""
    if scope == comparison.overall.scope:
        return comparison.overall
    return next((item for item in comparison.strata if item.scope == scope), None)


def _latest(weekly: Weekly, name: str) -> tuple[Week, WeekStratum] | None:
    for week in reversed(weekly.weeks):
        found = in_week(week, name)
        if week.missing is None and found is not None and found.missing is None:
            return week, found
    return None


def _rank(scope: Scope) -> tuple[bool, int, int]:
    urgency = (0 if scope.alarms[0].open else 1) if scope.alarms else 2
    critical, tail = scope.kind.endswith("critical"), scope.kind.startswith("tail")
    return (scope.name != EVERYTHING, urgency, 2 - critical - tail)

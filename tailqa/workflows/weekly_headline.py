"""The sentence on top of a weekly report, to be read in a chat without anything else."""

from itertools import pairwise

from tailqa.core.estimate import Estimate
from tailqa.core.weekly import EVERYTHING, Alarm, Week, Weekly
from tailqa.report import format as shown
from tailqa.report.weekly_changes import harness_words, suite_and_harness, suite_words
from tailqa.workflows.weekly_costs import queries, wrong_answers
from tailqa.workflows.weekly_losses import by_loss, scaled
from tailqa.workflows.weekly_notes import times

_POINTS = shown.Unit(symbol="points", scale=100, decimals=1)
_NAMED = 3


def headline(weekly: Weekly) -> str:
    """What moved, since when and what it costs; or that nothing did, in how much data."""
    with_run = [week for week in weekly.weeks if week.run is not None]
    last = with_run[-1]
    missing = _missing(weekly, last)
    open_alarms = sorted((alarm for alarm in weekly.alarms if alarm.open), key=by_loss)
    if open_alarms:
        return _lost(weekly, open_alarms) + missing
    lead = _not_counted(last)
    if all(item.missing is not None for week in with_run for item in week.strata):
        return f"{lead}No week counts so far.{missing}"
    if last.cause in {"harness", "both"} and len(with_run) > 1:
        return lead + _broken(last) + missing
    if len(with_run) == 1:
        return f"{lead}One week so far ({last.monday}): nothing to compare it with.{missing}"
    calm = _calm(weekly, with_run)
    return f"{lead}Before it: {calm[0].lower()}{calm[1:]}{missing}" if lead else calm + missing


def _lost(weekly: Weekly, alarms: list[Alarm]) -> str:
    """The alarm with the largest loss, and which others are open."""
    worst, *others = alarms
    text = f"{_scope(worst)} lost {_points(worst)} since {worst.since}, {_build(weekly, worst)}"
    lost = worst.loss
    if weekly.traffic is not None and isinstance(lost, Estimate):
        share = {stratum.name: stratum.weight for stratum in weekly.strata}.get(worst.scope, 1.0)
        traffic = weekly.traffic * share
        text += f"; {_where(worst, share, traffic)} {wrong_answers(lost, traffic)} a week"
    if not others:
        return f"{text}."
    names = ", ".join(
        f"{_scope(alarm).lower() if alarm.scope == EVERYTHING else alarm.scope}"
        for alarm in others[:_NAMED]
    )
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f"{text}. Also open: {names}{more}."


def _where(alarm: Alarm, share: float, traffic: float) -> str:
    """Of which part of the traffic a number of wrong answers is."""
    if alarm.scope == EVERYTHING:
        return f"over all traffic ({queries(traffic)})"
    return f"in {alarm.scope} ({100 * share:.3g} % of the traffic, {queries(traffic)})"


def _build(weekly: Weekly, alarm: Alarm) -> str:
    """Which build it was first seen in, or that it came without a new one, as a drift does."""
    for before, week in pairwise(week for week in weekly.weeks if week.run is not None):
        new = before.build != week.build or any(c.facet == "student" for c in week.changes)
        if week.monday == alarm.since and not new:
            return f"with no new build ({alarm.build} since {_stood(weekly, alarm)})"
    return f"first seen in build {alarm.build}"


def _stood(weekly: Weekly, alarm: Alarm) -> str:
    """From which week shown on the alarm's build stood until the loss began."""
    first = alarm.since
    for week in reversed(weekly.weeks):
        if week.run is not None and week.monday <= alarm.since:
            if week.build != alarm.build:
                break
            first = week.monday
    return first


def _past(alarm: Alarm) -> str:
    if alarm.regained is not None:
        return (
            f"{_scope(alarm)} lost {_points(alarm)} in the week of {alarm.since} and got better "
            f"again in that of {alarm.regained}"
        )
    return f"{_scope(alarm)} lost {_points(alarm)} from {alarm.since} to {alarm.until}"


def _points(alarm: Alarm) -> str:
    loss = scaled(alarm.loss, -1)
    if not isinstance(loss, Estimate):
        return "an unknown amount"
    return f"{shown.value(loss, _POINTS)} points {shown.interval(loss, _POINTS)}"


def _scope(alarm: Alarm) -> str:
    return "All traffic" if alarm.scope == EVERYTHING else alarm.scope


def _broken(week: Week) -> str:
    if week.cause == "both":
        return (
            f"Cannot tell: model and {harness_words(week.changes)} changed together in the week of "
            f"{week.monday}. A new series starts."
        )
    suite, harness = suite_and_harness(week.changes)
    names = ", ".join(change.facet for change in harness)
    if suite is None:
        what = f"The harness changed: {names}"
    else:
        also = f", and the harness: {names}" if names else ""
        what = f"The suite changed: {suite_words(suite)}{also}"
    return (
        f"{what}, in the week of {week.monday}. A new series starts, and nothing is compared with "
        "the weeks before."
    )


def _calm(weekly: Weekly, with_run: list[Week]) -> str:
    counted = [week for week in with_run if any(item.missing is None for item in week.strata)]
    many = f"{len(counted)} week{'' if len(counted) == 1 else 's'}{_of_queries(counted)}"
    broken = [week for week in with_run[1:] if week.cause in {"harness", "both"}]
    n_suites = sum(not suite_and_harness(week.changes)[1] for week in broken)
    breaks = "".join(
        f"; the {what} changed {times(n)}"
        for what, n in (("harness", len(broken) - n_suites), ("suite", n_suites))
        if n
    )
    closed = [alarm for alarm in weekly.alarms if not alarm.open]
    moved = _significant(weekly)
    if closed:
        past = "; ".join(_past(alarm) for alarm in sorted(closed, key=by_loss)[:_NAMED])
        return f"No alarm now, in {many}{breaks}. Before: {past}.{moved}"
    if moved:
        return f"No alarm in {many}{breaks}.{moved}"
    return f"Nothing moved in {many}{breaks}."


def _of_queries(weeks: list[Week]) -> str:
    numbers = [
        item.n
        for week in weeks
        for item in week.strata
        if item.name != EVERYTHING and item.missing is None
    ]
    if not numbers:
        return ""
    least, most = min(numbers), max(numbers)
    span = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return f" of {span} queries per stratum"


def _significant(weekly: Weekly) -> str:
    """What differs from last week with all strata tested together; alone it is no alarm."""
    last = next((item for item in weekly.comparisons if item.against == "last week"), None)
    found = [
        f"{item.scope} {shown.bracketed(item.change, shown.POINTS)} points "
        f"(p = {shown.p_value(item.adjusted_p)} by Holm)"
        for item in (last.strata if last else ())
        if item.adjusted_p is not None and item.adjusted_p < 1 - weekly.level
    ]
    return f" Against last week: {'; '.join(found[:_NAMED])}." if found else ""


def _not_counted(last: Week) -> str:
    """That no stratum of the last week counts, where that is so."""
    reasons = [item.missing for item in last.strata if item.name != EVERYTHING]
    if not reasons or None in reasons:
        return ""
    return f"The last week with a run ({last.monday}) does not count: {reasons[0]}. "


def _missing(weekly: Weekly, last: Week) -> str:
    """That the news is old or in part missing, where it is."""
    old = f" The last run is of the week of {last.monday}."
    text = "" if weekly.weeks[-1].monday == last.monday else old
    strata = [item for item in last.strata if item.name != EVERYTHING]
    lacking = [item for item in strata if item.missing is not None]
    if not lacking or (len(lacking) == len(strata) and not any(a.open for a in weekly.alarms)):
        return text
    if len(lacking) == len(strata):
        return f"{text} {_not_counted(last)}".rstrip()
    named = "; ".join(f"{item.name} ({item.missing})" for item in lacking[:_NAMED])
    more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    return f"{text} Missing in the last week: {named}{more}."

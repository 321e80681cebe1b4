"""What an alarm of the weekly report says in words, on the page, in Markdown and on a terminal."""

from collections.abc import Sequence

from tailqa.core.estimate import Estimate
from tailqa.core.weekly import EVERYTHING, Alarm, Week
from tailqa.report import format as shown
from tailqa.report.escape import one_line


def alarm_words(alarm: Alarm, weeks: Sequence[Week]) -> str:
    """What an alarm says, without its scope; `weeks` tell whether it came with a new build."""
    loss = alarm.loss
    since = f"since {one_line(alarm.since)} (the weeks since then against those before)"
    moved = f"{shown.figure(loss, shown.POINTS)} {since}"
    if not isinstance(loss, Estimate):
        moved = f"a loss {since}, its size {shown.figure(loss, shown.POINTS)}"
    state = "open" if alarm.open else _over(alarm)
    said = (
        f"{one_line(moved)}, {_build(alarm, weeks)}; alarm in the week of "
        f"{one_line(alarm.monday)}, {state}."
    )
    return f"{said} {lost_words(alarm)}".strip()


def short_alarm_words(alarm: Alarm) -> str:
    """What an alarm says beside the chart of its scope."""
    known = isinstance(alarm.loss, Estimate)
    loss = f"{shown.bracketed(alarm.loss, shown.POINTS)} points" if known else "a loss"
    over = "" if alarm.open else f", {_over(alarm)}"
    return f"Alarm {one_line(alarm.monday)}: {loss} since {one_line(alarm.since)}{over}"


def _over(alarm: Alarm) -> str:
    if alarm.regained is not None:
        return f"better again since {one_line(alarm.regained)}"
    return f"last seen {one_line(alarm.until or alarm.monday)}"


def lost_words(alarm: Alarm) -> str:
    """How many queries a week are lost, where the traffic is given."""
    lost = alarm.lost_per_week
    if not isinstance(lost, Estimate):
        return ""
    of = "of all traffic" if alarm.scope == EVERYTHING else "of this stratum"
    value, low, high = (f"{float(f'{end:.3g}'):,.0f}" for end in (lost.value, lost.low, lost.high))
    return f"That is {value} [{low}, {high}] queries a week {of} no longer answered rightly."


def scope_words(scope: str) -> str:
    """A scope at the begin of a sentence."""
    return "All traffic" if scope == EVERYTHING else one_line(scope, 100)


def _build(alarm: Alarm, weeks: Sequence[Week]) -> str:
    """Which build it was first seen in, or that it came without a new one, as a drift does."""
    before = [week for week in weeks if week.run is not None and week.monday <= alarm.since]
    build = one_line(alarm.build, 100)
    if len(before) > 1 and before[-1].monday == alarm.since:
        last, week = before[-2:]
        if last.build == week.build and all(item.facet != "student" for item in week.changes):
            return f"with no new build ({build})"
    return f"first seen in build {build}"

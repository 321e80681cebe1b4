"""The detector at work: the evidence for a loss, week by week, against what raises an alarm."""

import math
from collections.abc import Mapping

from tailqa.core.weekly import Evidence, Weekly
from tailqa.report import format as shown
from tailqa.report.axis import Axis, ticks_of
from tailqa.report.escape import visible
from tailqa.report.weekly_alarms import short_alarm_words
from tailqa.report.weekly_chart import Panel, alarm_marks, gaps_of, hits_of
from tailqa.report.weekly_costs import plain
from tailqa.report.weekly_frame import Frame, level_line, trace, y_axis
from tailqa.report.weekly_scopes import alarms_of

_HIGHEST = 3
_LOG = shown.Unit(symbol="", decimals=2)


def evidence_panels(weekly: Weekly, frame: Frame) -> tuple[Panel, ...]:
    """ln M of each scope with an alarm and of the three highest others, on one scale."""
    by_scope: dict[str, dict[int, Evidence]] = {}
    for item in weekly.evidence:
        column = frame.index(item.monday)
        if column is not None:
            by_scope.setdefault(item.scope, {})[column] = item
    tops = {scope: max(map(_number, found.values())) for scope, found in by_scope.items()}
    order = sorted(tops, key=lambda scope: -tops[scope])
    alarmed = [scope for scope in order if alarms_of(weekly, scope)]
    calm = [scope for scope in order if scope not in alarmed and tops[scope] > -math.inf]
    kept = [*alarmed, *calm[:_HIGHEST]]
    values = [
        number
        for scope in kept
        for item in by_scope[scope].values()
        for number in (_number(item), item.log_threshold)
        if math.isfinite(number)
    ]
    if not values:
        return ()
    low, high = min(0.0, *values), max(1.0, *values)
    air = 0.06 * (high - low)
    y = y_axis(frame, low - air, high + air)
    return tuple(_panel(weekly, frame, scope, by_scope[scope], y) for scope in kept)


def _panel(
    weekly: Weekly, frame: Frame, scope: str, found: Mapping[int, Evidence], y: Axis
) -> Panel:
    known = {i: _number(item) for i, item in found.items() if math.isfinite(_number(item))}
    limits = {i: item.log_threshold for i, item in found.items()}
    alarms = alarms_of(weekly, scope)
    name = visible(scope)
    now = [("ln M", _LOG.number(known[max(known)]))] if known else []
    now.append(("alarm from", _LOG.number(limits[max(limits)])))
    said = {frame.weeks[i].monday: _hover(item) for i, item in found.items()}
    return Panel(
        name=name,
        kind="",
        now=tuple(now),
        said=(),
        traces=(trace("evidence", frame, y, {i: (v, v, v) for i, v in known.items()}),),
        limit=level_line(frame, y, {i: v for i, v in limits.items() if math.isfinite(v)}),
        alarms=alarm_marks(frame, alarms, {i: y.place(v) for i, v in known.items()}),
        gaps=gaps_of(frame, lambda week: week.missing),
        hits=hits_of(frame, lambda week: said.get(week.monday)),
        y_ticks=tuple((y.place(tick), signed(tick)) for tick in ticks_of(y)),
        label=f"{name}: evidence for a loss, ln M, by week",
        description=" ".join(
            [*(f"{title} {number}." for title, number in now), *map(short_alarm_words, alarms)]
        ),
    )


def signed(number: float) -> str:
    """A number on an axis that knows a minus.

    >>> signed(-2.5), signed(8.0)
    ('−2.5', '8')
    """
    return plain(number).replace("-", shown.MINUS)


def _number(item: Evidence) -> float:
    return -math.inf if item.log_evidence is None else item.log_evidence


def _hover(item: Evidence | None) -> str | None:
    if item is None or item.log_evidence is None:
        return None
    return f"ln M {_LOG.number(item.log_evidence)}, an alarm from {_LOG.number(item.log_threshold)}"

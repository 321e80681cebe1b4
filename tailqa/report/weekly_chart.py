"""Accuracy over the weeks, a panel per stratum: student, teacher, margin, alarms and breaks."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.weekly import Alarm, Week, Weekly, WeekStratum
from tailqa.core.words import count_of
from tailqa.report import format as shown
from tailqa.report.axis import Axis, ticks_of
from tailqa.report.escape import one_line, visible
from tailqa.report.weekly_alarms import alarm_words, short_alarm_words
from tailqa.report.weekly_frame import (
    LEFT,
    RIGHT,
    Frame,
    Span,
    Trace,
    level_line,
    trace,
    y_axis,
)
from tailqa.report.weekly_scopes import Scope, in_week, why_missing
from tailqa.report.weekly_words import week_words

_PERCENT_TICK = shown.Unit(symbol="", scale=100, decimals=0)
_WORD = 34.0
"""The width of the word at an alarm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmMark:
    """The week of an alarm, and from where to where the loss stands.

    `x` is None where that week is not shown but the loss is; `word` is empty without room.
    """

    x: float | None
    y: float
    begin: float
    end: float
    word: str
    word_x: float
    word_y: float
    anchor: str
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A week that does not count, and why."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """What a week says under the pointer."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One drawing over the weeks. `limit` is the dashed line: a margin, or what raises an alarm.

    `now` are the figures of the last week that counts, `said` the alarms in words. `frame` is its
    own, where that is not the one of all charts.
    """

    name: str
    kind: str
    now: tuple[tuple[str, str], ...]
    said: tuple[tuple[bool, str], ...]
    traces: tuple[Trace, ...]
    limit: str
    alarms: tuple[AlarmMark, ...]
    gaps: tuple[Gap, ...]
    hits: tuple[Hit, ...]
    y_ticks: tuple[tuple[float, str], ...]
    label: str
    description: str
    frame: Frame | None = None


def accuracy_panels(weekly: Weekly, frame: Frame, scopes: Sequence[Scope]) -> tuple[Panel, ...]:
    """One panel per scope of which some week has something to say, all on one scale."""
    low, high = accuracy_range(weekly.weeks)
    y = y_axis(frame, low, high)
    ticks = percent_ticks(y)
    return tuple(_panel(scope, frame, y, ticks) for scope in scopes)


def accuracy_range(weeks: Sequence[Week]) -> tuple[float, float]:
    """The accuracies shown, in tenths: every interval and every margin."""
    ends = [end for week in weeks for item in week.strata for end in _ends(item)]
    if not ends:
        return 0.0, 1.0
    low = max(0.0, math.floor(min(ends) * 10 + 1e-9) / 10)
    high = min(1.0, math.ceil(max(ends) * 10 - 1e-9) / 10)
    return (low, high) if high - low > 0.15 else (max(0.0, high - 0.2), max(high, 0.2))


def accuracy_start(weeks: Sequence[Week]) -> str:
    """Where the scale of accuracies starts; empty where that is 0."""
    low, _ = accuracy_range(weeks)
    return f"{_PERCENT_TICK.number(low)} %" if low > 0 else ""


def percent_ticks(y: Axis) -> tuple[tuple[float, str], ...]:
    """The ticks of accuracies; the uppermost has the unit."""
    return labelled([(y.place(tick), _PERCENT_TICK.number(tick)) for tick in ticks_of(y)], "%")


def labelled(ticks: Sequence[tuple[float, str]], unit: str) -> tuple[tuple[float, str], ...]:
    """The ticks, the uppermost with the unit where it is short."""
    if not ticks:
        return ()
    *below, (place, label) = ticks
    return (*below, (place, f"{label}{unit}" if len(unit) <= 1 else label))


def span(measured: Measured | None) -> Span | None:
    """Value and interval; None where there is none."""
    if not isinstance(measured, Estimate):
        return None
    return (measured.value, measured.low, measured.high)


def gaps_of(frame: Frame, why: Callable[[Week], str | None]) -> tuple[Gap, ...]:
    """The weeks for which `why` has a reason not to count."""
    wide = round(min(frame.step * 0.8, 16), 2)
    return tuple(
        Gap(
            x=round(x - wide / 2, 2),
            width=wide,
            title=f"missing, {week_words(week)}: {one_line(reason)}",
        )
        for week, x in zip(frame.weeks, frame.xs, strict=True)
        if (reason := why(week)) is not None
    )


def hits_of(frame: Frame, say: Callable[[Week], str | None]) -> tuple[Hit, ...]:
    """What `say` has for each week, over the whole height of the plot."""
    wide = round(frame.step, 2)
    return tuple(
        Hit(x=round(x - wide / 2, 2), width=wide, title=f"{week_words(week)}: {words}")
        for week, x in zip(frame.weeks, frame.xs, strict=True)
        if (words := say(week)) is not None
    )


def alarm_marks(
    frame: Frame, alarms: Sequence[Alarm], heights: Mapping[int, float]
) -> tuple[AlarmMark, ...]:
    """A mark per alarm at the height of its week, and the stretch for which the loss stood."""
    found: list[AlarmMark] = []
    for alarm in sorted(alarms, key=lambda alarm: alarm.monday):
        column, since = frame.index(alarm.monday), frame.index(alarm.since)
        until = frame.index(alarm.until or alarm.monday)
        last = len(frame.xs) - 1 if alarm.open else until
        if last is None:
            continue
        x = None if column is None else frame.xs[column]
        y = heights.get(column, frame.top + 20) if column is not None else frame.top + 20
        low = y + 18 if y < frame.top + 16 else y - 9
        near = x is None or any(
            mark.x is not None and abs(mark.x - x) < _WORD and abs(mark.word_y - low) < 12
            for mark in found
        )
        end_word = x is not None and x + _WORD > RIGHT
        found.append(
            AlarmMark(
                x=x,
                y=y,
                begin=round(LEFT if since is None else frame.xs[since] - frame.step / 2, 2),
                end=round(frame.xs[last] + frame.step / 2, 2),
                word="" if near else "alarm",
                word_x=round((x or 0.0) + (6 if end_word else -6), 2),
                word_y=round(low, 2),
                anchor="end" if end_word else "start",
                title=alarm_words(alarm, frame.weeks),
            )
        )
    return tuple(found)


def _panel(scope: Scope, frame: Frame, y: Axis, ticks: tuple[tuple[float, str], ...]) -> Panel:
    counted = dict(_counted(frame, scope.name))
    student = {i: found for i, item in counted.items() if (found := span(item.student))}
    teacher = {i: found for i, item in counted.items() if (found := span(item.teacher))}
    margin = {
        i: teacher[i][0] - item.margin
        for i, item in counted.items()
        if item.margin is not None and i in teacher
    }
    name = visible(scope.name)
    return Panel(
        name=name,
        kind=_kind(scope),
        now=tuple(_now(scope)),
        said=tuple((alarm.open, short_alarm_words(alarm)) for alarm in scope.alarms),
        traces=(trace("teacher", frame, y, teacher), trace("student", frame, y, student)),
        limit=level_line(frame, y, margin),
        alarms=alarm_marks(
            frame, scope.alarms, {i: y.place(value) for i, (value, *_) in student.items()}
        ),
        gaps=gaps_of(frame, lambda week: why_missing(week, scope.name)),
        hits=hits_of(frame, lambda week: _hover(week, scope.name)),
        y_ticks=ticks,
        label=f"{name}: accuracy of student and teacher in percent, by week",
        description=_described(scope, frame, len(counted)),
    )


def _counted(frame: Frame, name: str) -> Iterator[tuple[int, WeekStratum]]:
    for i, week in enumerate(frame.weeks):
        found = in_week(week, name)
        if week.missing is None and found is not None and found.missing is None:
            yield i, found


def _hover(week: Week, name: str) -> str | None:
    found = in_week(week, name)
    if found is None or why_missing(week, name) is not None:
        return None
    return f"{_both(found)}{_margin(found)}, n = {shown.count(found.n)}"


def _both(item: WeekStratum) -> str:
    sides = (("student", item.student), ("teacher", item.teacher))
    return ", ".join(f"{side} {accuracy_words(measured)}" for side, measured in sides)


def accuracy_words(measured: Measured) -> str:
    """An accuracy with its interval, or why there is none.

    >>> accuracy_words(Estimate(value=.5, low=.4, high=.6, level=.95, method="", n=90))
    '50.0 % [40.0, 60.0]'
    """
    if not isinstance(measured, Estimate):
        return f"not measured ({one_line(measured.reason)})"
    found, interval = shown.value(measured, shown.PERCENT), shown.interval(measured, shown.PERCENT)
    return f"{found} % {interval}"


def _margin(item: WeekStratum) -> str:
    if item.margin is None:
        return ""
    return f", a loss of {shown.PERCENT.number(item.margin)} points accepted"


def _kind(scope: Scope) -> str:
    share = "" if scope.weight is None else f"{shown.PERCENT.number(scope.weight)} % of traffic"
    n = "" if scope.latest is None else f"n = {shown.count(scope.latest[1].n)}"
    return ", ".join(part for part in (scope.kind, share, n, scope.older) if part)


def _now(scope: Scope) -> Iterator[tuple[str, str]]:
    if scope.latest is None:
        return
    _, item = scope.latest
    yield "student", accuracy_words(item.student)
    yield "teacher", accuracy_words(item.teacher)


def _described(scope: Scope, frame: Frame, n_counted: int) -> str:
    if scope.latest is None:
        return f"No week of {len(frame.weeks)} counts."
    week, item = scope.latest
    said = [
        f"{n_counted} of {count_of(len(frame.weeks), 'week counts', 'weeks count')}, "
        f"{count_of(len(frame.breaks), 'break', 'breaks')}.",
        f"Last, {week_words(week)}: {_both(item)}{_margin(item)}, n = {shown.count(item.n)}.",
        *(f"{short_alarm_words(alarm)}." for alarm in scope.alarms),
    ]
    return " ".join(said)


def _ends(item: WeekStratum) -> Iterator[float]:
    if item.missing is not None:
        return
    for measured in (item.student, item.teacher):
        if isinstance(measured, Estimate):
            yield measured.low
            yield measured.high
    if item.margin is not None and isinstance(item.teacher, Estimate):
        yield item.teacher.value - item.margin

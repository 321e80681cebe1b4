"""The weeks on an axis: what all charts of a weekly report share, in the units of a drawing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from tailqa.core.weekly import Week
from tailqa.report.axis import Axis
from tailqa.report.weekly_changes import break_word, change_words
from tailqa.report.weekly_words import CAUSES, breaks_of, week_words

WIDTH, HEIGHT = 320, 182
LEFT, RIGHT, BOTTOM = 36.0, 318.0, 156.0
_FLOOR = 14.0
"""Room above the plot without words."""

_ROW = 12.0
_MOST_ROWS = 3
_CHARACTER = 5.5
"""The width of a character of the words at a break."""

_LABEL = 34.0
"""The least distance of two dates."""

_FEW_WEEKS = 8
_WEEKS_A_MONTH = 4
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_DOTS_FROM = 5.0
"""Weeks closer than this have no dot of their own."""

Who = Literal["student", "teacher", "escalated", "margin", "evidence", "threshold"]
Span = tuple[float, float, float]
"""A value, and where its interval begins and ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakMark:
    """A new series: a line with a word; `word` is empty where there is no room for it."""

    x: float
    y: float
    cannot_tell: bool
    word: str
    word_x: float
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """Where the weeks stand. `builds` are new builds, `top` is where the plot begins."""

    weeks: tuple[Week, ...]
    xs: tuple[float, ...]
    step: float
    top: float
    x_ticks: tuple[tuple[float, str], ...]
    breaks: tuple[BreakMark, ...]
    builds: tuple[tuple[float, str], ...]

    def index(self, monday: str) -> int | None:
        """Which column a week is; None where it is not shown."""
        return next((i for i, week in enumerate(self.weeks) if week.monday == monday), None)

    def segments(self, columns: Sequence[int]) -> Iterator[list[int]]:
        """The columns that a line may join: neighbours in one series."""
        segment: list[int] = []
        for column in columns:
            if segment and not self._joined(segment[-1], column):
                yield segment
                segment = []
            segment.append(column)
        if segment:
            yield segment

    def _joined(self, left: int, right: int) -> bool:
        return right == left + 1 and self.weeks[left].series == self.weeks[right].series


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """One line of a chart: paths for line, band and whiskers, and a dot per week."""

    who: Who
    line: str
    band: str
    whiskers: str
    dots: tuple[tuple[float, float], ...]


def frame_of(weeks: Sequence[Week]) -> Frame:
    """The axis of these weeks, each as wide as the next, whether it had a run or not."""
    step = (RIGHT - LEFT) / max(1, len(weeks))
    xs = tuple(round(LEFT + step * (i + 0.5), 2) for i in range(len(weeks)))
    breaks, rows = _breaks(weeks, xs, step)
    return Frame(
        weeks=tuple(weeks),
        xs=xs,
        step=step,
        top=_FLOOR + _ROW * max(0, rows - 1) + (6 if rows else 0),
        x_ticks=tuple(_dates([date.fromisoformat(week.monday) for week in weeks], xs)),
        breaks=breaks,
        builds=tuple(_builds(weeks, xs)),
    )


def y_axis(frame: Frame, low: float, high: float, *, log: bool = False) -> Axis:
    """Values from `low` at the bottom to `high` at the top of the plot."""
    return Axis(low=low, high=high, log=log, start=BOTTOM, end=frame.top)


def trace(who: Who, frame: Frame, y: Axis, found: Mapping[int, Span]) -> Trace:
    """A line through what is `found` by column; it joins no weeks across a gap or a break.

    A week that no line reaches has a whisker and a dot, so that it is seen.
    """
    lines, bands, whiskers, lonely = [], [], [], []
    for segment in frame.segments(sorted(found)):
        if len(segment) == 1:
            lonely += segment
            (x,), (_, low, high) = [frame.xs[i] for i in segment], found[segment[0]]
            whiskers.append(f"M{x} {y.place(low)}V{y.place(high)}" if low < high else "")
            continue
        lines.append(_path([(frame.xs[i], y.place(found[i][0])) for i in segment]))
        rim = [(frame.xs[i], y.place(found[i][2])) for i in segment]
        rim += [(frame.xs[i], y.place(found[i][1])) for i in reversed(segment)]
        bands.append(f"{_path(rim)}Z" if any(found[i][1] < found[i][2] for i in segment) else "")
    dotted = sorted(found) if frame.step >= _DOTS_FROM else lonely
    return Trace(
        who=who,
        line="".join(lines),
        band="".join(bands),
        whiskers="".join(whiskers),
        dots=tuple((frame.xs[i], y.place(found[i][0])) for i in dotted),
    )


def level_line(frame: Frame, y: Axis, found: Mapping[int, float]) -> str:
    """A path of steps as wide as a week, for what a week is measured by."""
    half = frame.step / 2
    return "".join(
        _path(
            [
                (round(frame.xs[i] + side, 2), y.place(found[i]))
                for i in segment
                for side in (-half, half)
            ]
        )
        for segment in frame.segments(sorted(found))
    )


def _breaks(
    weeks: Sequence[Week], xs: Sequence[float], step: float
) -> tuple[tuple[BreakMark, ...], int]:
    """The breaks with their words in as few rows as let no line cross a word."""
    columns = {week.monday: i for i, week in enumerate(weeks)}
    placed: list[tuple[float, float, float, int, Week]] = []
    for week in reversed(breaks_of(weeks)):
        x = round(xs[columns[week.monday]] - step / 2, 2)
        wide = _CHARACTER * len(break_word(week))
        start = min(x + 4, RIGHT - wide)
        rows = [r for at, begin, end, r, _ in placed if _meet(start, wide, at, begin, end)]
        placed.append((x, start, start + wide, max(rows, default=-1) + 1, week))
    n_rows = min(_MOST_ROWS, max((row + 1 for *_, row, _ in placed), default=0))
    marks = [
        BreakMark(
            x=x,
            y=10 + _ROW * max(0, n_rows - 1 - row),
            cannot_tell=week.cause == "both",
            word=break_word(week) if row < _MOST_ROWS else "",
            word_x=round(start, 2),
            title="; ".join(
                [f"{CAUSES[week.cause]}, {week_words(week)}", *map(change_words, week.changes)]
            ),
        )
        for x, start, _, row, week in reversed(placed)
    ]
    return tuple(marks), n_rows


def _meet(start: float, wide: float, at: float, begin: float, end: float) -> bool:
    """Whether a word crosses the line or the word of a break to its right."""
    return start - 3 <= at <= start + wide + 3 or (start < end + 5 and begin < start + wide + 5)


def _builds(weeks: Sequence[Week], xs: Sequence[float]) -> Iterator[tuple[float, str]]:
    last = None
    for week, x in zip(weeks, xs, strict=True):
        if week.run is None:
            continue
        models = [change for change in week.changes if change.facet in ("student", "teacher")]
        if last is not None and (models or week.build != last.build):
            yield x, "; ".join([f"new build, {week_words(week)}", *map(change_words, models)])
        last = week


def _dates(days: Sequence[date], xs: Sequence[float]) -> Iterator[tuple[float, str]]:
    """The first week of each month, the year in place of January; few weeks by their day.

    The month of the first week of all is there too where it has room.
    """
    short = len(days) <= _FEW_WEEKS
    between = (RIGHT - LEFT) / max(1, len(days)) * (1 if short else _WEEKS_A_MONTH)
    every = next((k for k in (1, 2, 3, 6, 12) if k * between >= _LABEL), 12)
    if short:
        for day, x in zip(days[::every], xs[::every], strict=True):
            yield x, f"{day.day} {_MONTHS[day.month - 1]}"
        return
    begins = [
        (x, _month(day))
        for before, day, x in zip(days, days[1:], xs[1:], strict=False)
        if before.month != day.month and (day.month - 1) % every == 0
    ]
    if not begins or begins[0][0] - xs[0] >= _LABEL:
        yield xs[0], _month(days[0])
    yield from begins


def _month(day: date) -> str:
    return f"{day.year}" if day.month == 1 else _MONTHS[day.month - 1]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)

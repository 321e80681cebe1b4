"""The charts of an operations report: p95 against what is swept, and the cost of one resolution."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import Figure, Operations, Option, Sweep, SweepPoint
from tailqa.report import format as shown
from tailqa.report import operations_format as figures
from tailqa.report.escape import one_line

_LOG_X_FROM, _LOG_Y_FROM = 50.0, 20.0
"""Spans of this ratio and more are drawn on a logarithmic axis."""

_MOST_TICKS = 6
_LINE = 15.0
"""The least distance of two lines of text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadLayout:
    """A drawing of the p95 against load; the names of the lines stand right of them."""

    name: str
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float


WIDE = LoadLayout(name="wide", width=960, height=400, left=52, right=820, top=62, bottom=352)
NARROW = LoadLayout(name="narrow", width=360, height=350, left=40, right=288, top=60, bottom=304)


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """Values from `low` to `high` between two ends of a drawing."""

    low: float
    high: float
    log: bool
    start: float
    end: float

    def place(self, value: float) -> float:
        """Where `value` stands; what lies beyond is put at the edge."""
        value = min(self.high, max(self.low, value))
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One option: its line, the band of its intervals, its points and where its name stands."""

    option: Option
    name: str
    line: str
    band: str
    points: tuple[tuple[float, float], ...]
    label: tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class SaturationMark:
    """Where an option gets more than it can do; the words stand at `y`, on one side of the mark."""

    option: Option
    words: str
    x: float
    y: float
    anchor: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadChart:
    """The whole drawing of one layout."""

    layout: LoadLayout
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]
    marks: tuple[SaturationMark, ...]
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One option's figure: where it ends, and its interval; None where it is not known."""

    option: Option
    name: str
    words: str
    y: float
    end: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class BarChart:
    """What one resolved query takes, by option, from zero."""

    title: str
    height: float
    bars: tuple[Bar, ...]
    description: str


BAR_WIDTH = 300
_BAR_ROW = 48.0


def load_chart(operations: Operations, sweep: Sweep, layout: LoadLayout) -> LoadChart | None:
    """The end-to-end p95 of each option over the swept values; None where there is none."""
    known = [_p95(point) for point in sweep.points]
    ends = [end for item in known if isinstance(item, Estimate) for end in (item.low, item.high)]
    if not ends or len(figures.sweep_values(sweep)) < 2:
        return None
    unit = shown.time_unit(*known)
    values = figures.sweep_values(sweep)
    x, y = _x_axis(values, layout), _y_axis(min(ends), max(ends), layout)
    options = figures.options_of(operations)
    lines = [line for o in options if (line := _line(sweep, o, x, y, layout))]
    return LoadChart(
        layout=layout,
        x_ticks=tuple((x.place(tick), figures.plain(tick)) for tick in _ticks(x)),
        y_ticks=_y_ticks(y, unit),
        lines=_named(lines, layout),
        marks=tuple(_marks(sweep, options, x, layout)),
        description=" ".join(_described(sweep, option, unit) for option in options),
    )


def _y_ticks(y: Axis, unit: shown.Unit) -> tuple[tuple[float, str], ...]:
    """The uppermost has the unit."""
    ticks = [(y.place(tick), figures.plain(tick * unit.scale)) for tick in _ticks(y)]
    *below, (place, label) = ticks
    return (*below, (place, f"{label} {unit.symbol}"))


def _line(sweep: Sweep, option: Option, x: Axis, y: Axis, layout: LoadLayout) -> Line | None:
    found = [
        (x.place(point.value), p95)
        for point in sorted(sweep.points, key=lambda point: point.value)
        if point.option == option and isinstance(p95 := _p95(point), Estimate)
    ]
    if not found:
        return None
    points = tuple((place, y.place(p95.value)) for place, p95 in found)
    above = [(place, y.place(p95.high)) for place, p95 in found]
    below = [(place, y.place(p95.low)) for place, p95 in reversed(found)]
    last, height = points[-1]
    name = figures.OPTION_NAMES[option]
    return Line(
        option=option,
        name="escalated" if layout.name == "narrow" and option == "escalated" else name,
        line=_path(points),
        band=f"{_path([*above, *below])}Z",
        points=points,
        label=(last + 10, height + 4),
    )


def _named(lines: Sequence[Line], layout: LoadLayout) -> tuple[Line, ...]:
    """The lines with their names where they cover neither another line nor another name."""
    placed: list[Line] = []
    for line in lines:
        others = [point for other in lines if other is not line for point in _along(other.points)]
        taken = [(x, y - 4) for name in placed for x, y in [name.label]]
        x, y = line.label
        wide = 8.5 * len(line.name)

        def covered(
            shift: float,
            x: float = x,
            y: float = y,
            wide: float = wide,
            spots: Sequence[tuple[float, float]] = (*others, *taken),
        ) -> tuple[int, float]:
            near = [
                spot
                for spot in spots
                if x - 6 <= spot[0] <= x + wide and abs(spot[1] - (y + shift - 4)) < _LINE * 0.7
            ]
            return len(near), abs(shift)

        shifts = (0, -_LINE, _LINE, -2 * _LINE, 2 * _LINE, 3 * _LINE)
        inside = [s for s in shifts if layout.top <= y + s <= layout.bottom - 4] or [0.0]
        best = min(inside, key=covered)
        placed.append(replace(line, label=(x, round(y + best, 2))))
    return tuple(placed)


def _along(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Points close to each other along a line."""
    for (x, y), (next_x, next_y) in pairwise(points):
        for step in range(20):
            yield x + (next_x - x) * step / 20, y + (next_y - y) * step / 20
    yield points[-1]


def _marks(
    sweep: Sweep, options: Sequence[Option], x: Axis, layout: LoadLayout
) -> Iterator[SaturationMark]:
    known = [
        (sweep.saturation[option], option)
        for option in options
        if option in sweep.saturation and x.low <= sweep.saturation[option] <= x.high
    ]
    middle = (layout.left + layout.right) / 2
    placed = [(x.place(value), value, option) for value, option in known]
    # From the lowest row up, so that no mark crosses the words of another.
    placed.sort(key=lambda mark: (mark[0] <= middle, mark[0] if mark[0] > middle else -mark[0]))
    for row, (place, value, option) in enumerate(placed):
        name = "escalated" if option == "escalated" else option
        yield SaturationMark(
            option=option,
            words=f"{name} saturated at {figures.plain(float(f'{value:.3g}'))}",
            x=place,
            y=layout.top - 10 - _LINE * row,
            anchor="end" if place > middle else "start",
        )


def bar_charts(operations: Operations) -> list[BarChart]:
    """Time, tokens and money of one resolved query, by option, where any is known."""
    wanted: tuple[Figure, ...] = (
        "seconds_per_resolved",
        "tokens_per_resolved",
        "usd_per_resolved",
    )
    rows = figures.figure_rows(operations, wanted)
    known = [row for row in rows if any(isinstance(item, Estimate) for item in row.cells.values())]
    return [_bars(row) for row in known]


def _bars(row: figures.FigureRow) -> BarChart:
    ends = [item.high for item in row.cells.values() if isinstance(item, Estimate)]
    axis = Axis(low=0, high=max([*ends, 1e-12]), log=False, start=0, end=BAR_WIDTH - 4)
    bars = []
    for index, (option, item) in enumerate(row.cells.items()):
        known = isinstance(item, Estimate)
        bars.append(
            Bar(
                option=option,
                name=figures.OPTION_NAMES[option],
                words=shown.bracketed(item, row.unit)
                if known
                else figures.SATURATED
                if figures.saturated(item)
                else "not known",
                y=index * _BAR_ROW,
                end=axis.place(item.value) if isinstance(item, Estimate) else None,
                low=axis.place(item.low) if isinstance(item, Estimate) else None,
                high=axis.place(item.high) if isinstance(item, Estimate) else None,
            )
        )
    return BarChart(
        title=row.name,
        height=_BAR_ROW * len(bars),
        bars=tuple(bars),
        description=" ".join(f"{bar.name}: {bar.words}." for bar in bars),
    )


def _p95(point: SweepPoint) -> Measured:
    return (
        figures.NOT_COMPUTED
        if point.saturated
        else point.figures.get("p95_s", figures.NOT_COMPUTED)
    )


def _described(sweep: Sweep, option: Option, unit: shown.Unit) -> str:
    said = []
    for point in sorted(sweep.points, key=lambda point: point.value):
        if point.option == option:
            p95 = _p95(point)
            words = (
                f"{shown.bracketed(p95, unit)} {unit.symbol}"
                if isinstance(p95, Estimate)
                else f"saturated ({one_line(point.saturated)})"
                if point.saturated
                else "not known"
            )
            said.append(f"{words} at {figures.plain(point.value)}")
    return f"{figures.OPTION_NAMES[option]}: {', '.join(said)}."


def _x_axis(values: Sequence[float], layout: LoadLayout) -> Axis:
    low, high = values[0], values[-1]
    log = low > 0 and high / low >= _LOG_X_FROM
    return Axis(low=low, high=high, log=log, start=layout.left, end=layout.right)


def _y_axis(low: float, high: float, layout: LoadLayout) -> Axis:
    log = low > 0 and high / low >= _LOG_Y_FROM
    low, high = (low / 1.15, high * 1.1) if log else (0.0, high * 1.05)
    return Axis(low=low, high=max(high, low + 1e-12), log=log, start=layout.bottom, end=layout.top)


def _ticks(axis: Axis) -> list[float]:
    if axis.log:
        first, last = math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high))
        decades = [10.0**power for power in range(first, last + 1)]
        for factors in ((1, 2, 5), (1, 3), (1,)):
            ticks = [
                f * ten for ten in decades for f in factors if axis.low <= f * ten <= axis.high
            ]
            if len(ticks) <= _MOST_TICKS:
                return ticks
        return ticks
    step = 10.0 ** math.floor(math.log10((axis.high - axis.low) / _MOST_TICKS))
    step *= next(f for f in (1, 2, 5, 10) if (axis.high - axis.low) / (step * f) <= _MOST_TICKS)
    first, last = math.ceil(axis.low / step - 1e-9), math.floor(axis.high / step + 1e-9)
    return [round(step * i, 12) for i in range(first, last + 1)]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)

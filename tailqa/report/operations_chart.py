"""The chart of the end-to-end p95 against what is swept, with where each option is saturated."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import Operations, Option, Sweep, SweepPoint
from tailqa.report import format as shown
from tailqa.report import operations_format as figures
from tailqa.report.axis import Axis, ticks_of
from tailqa.report.operations_sweep import why_empty

_LOG_X_FROM, _LOG_Y_FROM = 50.0, 20.0
"""Spans of this ratio and more are drawn on a logarithmic axis."""

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


WIDE = LoadLayout(name="wide", width=960, height=400, left=52, right=784, top=62, bottom=352)
NARROW = LoadLayout(name="narrow", width=360, height=350, left=40, right=276, top=60, bottom=304)


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
        x_ticks=tuple((x.place(tick), figures.plain(tick)) for tick in ticks_of(x)),
        y_ticks=_y_ticks(y, unit),
        lines=_named(lines, layout),
        marks=tuple(_marks(sweep, options, x, layout)),
        description=" ".join(_described(sweep, option, unit) for option in options),
    )


def _y_ticks(y: Axis, unit: shown.Unit) -> tuple[tuple[float, str], ...]:
    """The uppermost has the unit."""
    ticks = [(y.place(tick), figures.plain(tick * unit.scale)) for tick in ticks_of(y)]
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
        name = figures.SHORT_NAMES[option]
        yield SaturationMark(
            option=option,
            words=f"{name} saturated at {figures.plain(float(f'{value:.3g}'))}",
            x=place,
            y=layout.top - 10 - _LINE * row,
            anchor="end" if place > middle else "start",
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
                else why_empty(sweep, point)
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


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)

"""The chart of the gaps: where each mark stands, in the units of an SVG drawing."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.report import Report
from tailqa.report import format as shown
from tailqa.report.escape import visible
from tailqa.report.reading import Reading, reading, worst_first

Shape = Literal["tail", "head", "all", "difference"]

_TICKS = shown.Unit(symbol="points", scale=100, decimals=0, signed=True)
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)
_MOST_TICKS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A drawing `width` units wide; `names` units are for the names and `values` for the numbers.

    Without room of their own, names and numbers stand above their mark.
    """

    width: int
    names: int
    values: int
    row: int
    name_characters: int

    @property
    def stacked(self) -> bool:
        """Whether the text stands above the mark."""
        return self.names == 0


WIDE = Layout(width=960, names=230, values=190, row=30, name_characters=28)
NARROW = Layout(width=360, names=0, values=0, row=48, name_characters=24)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """One gap; `ends` is where value, low and high stand, empty where there is no interval."""

    label: str
    value: str
    shape: Shape
    reading: Reading
    heading: str | None
    y: float
    text_y: float
    ends: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """The whole drawing. `margin` is where the policy's limit stands, `zero` no difference."""

    layout: Layout
    height: int
    left: float
    right: float
    top: int
    bottom: float
    zero: float
    margin: float | None
    margin_label: str
    ticks: tuple[tuple[float, str], ...]
    marks: tuple[Mark, ...]
    description: str


def gap_chart(report: Report, layout: Layout) -> Chart:
    """The gaps of all strata, worst tail first, then of all traffic, then tail − head."""
    rows = list(_rows(report))
    margin = report.verdict.margin
    low, high = _domain([measured for *_, measured in rows], margin)
    left, right = layout.names + 8.0, layout.width - layout.values - 8.0

    def place(gap: float) -> float:
        return round(left + (gap - low) / (high - low) * (right - left), 2)

    y = float(_TOP)
    marks = []
    for heading, label, shape, measured in rows:
        y += 22 if heading else 0
        ends = (
            (measured.value, measured.low, measured.high) if isinstance(measured, Estimate) else ()
        )
        mark = Mark(
            heading=heading,
            label=_short(label, layout.name_characters),
            shape=shape,
            value=_value(measured),
            reading=reading(measured),
            y=y + (33 if layout.stacked else layout.row / 2),
            text_y=y + (17 if layout.stacked else layout.row / 2 + 4.5),
            ends=tuple(place(end) for end in ends),
        )
        marks.append(mark)
        y += layout.row
    return Chart(
        layout=layout,
        height=math.ceil(y) + 26,
        left=left,
        right=right,
        top=_TOP,
        bottom=y,
        zero=place(0),
        margin=None if margin is None else place(-margin),
        margin_label="" if margin is None else f"margin {shown.POINTS.number(-margin)}",
        ticks=tuple((place(tick), _TICKS.number(tick)) for tick in _ticks(low, high)),
        marks=tuple(marks),
        description=" ".join(f"{mark.label}: {mark.value}." for mark in marks),
    )


_TOP = 20
_Row = tuple[str | None, str, Shape, Measured]


def _rows(report: Report) -> Iterator[_Row]:
    kind = None
    for stratum in worst_first(report.strata):
        heading = None if stratum.kind == kind else stratum.kind.capitalize()
        kind = stratum.kind
        yield heading, visible(stratum.name), stratum.kind, stratum.gap
    yield "All", "by traffic", "all", report.overall.gap
    yield None, f"tail {shown.MINUS} head", "difference", report.interaction


def _short(label: str, limit: int) -> str:
    return label if len(label) <= limit else f"{label[: limit - 1]}…"


def _value(measured: Measured) -> str:
    known = isinstance(measured, Estimate)
    return shown.bracketed(measured, shown.POINTS) if known else "not measured"


def _domain(measured: list[Measured], margin: float | None) -> tuple[float, float]:
    """The range of gaps shown: every interval, zero and the margin, with some air."""
    known = [item for item in measured if isinstance(item, Estimate)]
    edge = margin or 0.05
    low = min([-edge, *(item.low for item in known)])
    high = max([edge / 2, *(item.high for item in known)])
    air = 0.03 * (high - low)
    return low - air, high + air


def _ticks(low: float, high: float) -> list[float]:
    step = next((step for step in _STEPS if (high - low) / step <= _MOST_TICKS), 1.0)
    return [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]

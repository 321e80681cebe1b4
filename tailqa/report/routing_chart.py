"""The chart of a routing: quality against the share of calls to the teacher."""

from collections.abc import Sequence
from dataclasses import dataclass

from tailqa.core.estimate import Estimate
from tailqa.core.routing import RouteBy, RouteChoice, RouteCurve, Routing
from tailqa.report import format as shown
from tailqa.report.axis import Axis, ticks_of
from tailqa.report.routing_words import BY_NAMES

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 56.0, 744.0, 14.0, 366.0
_AIR = 0.06


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One way of routing: its line and the band of its intervals."""

    by: RouteBy
    name: str
    line: str
    band: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """One rule: where it stands, and where its interval ends."""

    by: RouteBy
    chosen: bool
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Frontier:
    """The whole drawing; `random` are the ends of the line of calls drawn at random."""

    lines: tuple[Line, ...]
    random: tuple[float, float]
    spots: tuple[Spot, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    description: str


def frontier_chart(routing: Routing) -> Frontier:
    """The drawing; points without an interval are left out."""
    x = Axis(low=0.0, high=1.0, log=False, start=LEFT, end=RIGHT)
    y = _quality_axis(routing)
    weak, strong = routing.student_only.quality, routing.teacher_only.quality
    ends = tuple(
        y.place(end.value) if isinstance(end, Estimate) else BOTTOM for end in (weak, strong)
    )
    return Frontier(
        lines=tuple(_line(curve, x, y) for curve in routing.curves),
        random=(ends[0], ends[1]),
        spots=tuple(
            spot for choice in routing.choices if (spot := _spot(routing, choice, x, y)) is not None
        ),
        x_ticks=tuple((x.place(n / 10), f"{n * 10}") for n in range(0, 11, 2)),
        y_ticks=tuple((y.place(tick), f"{tick * 100:g}") for tick in ticks_of(y)),
        description=" ".join(_described(routing)),
    )


def _quality_axis(routing: Routing) -> Axis:
    known = [
        point.quality
        for curve in routing.curves
        for point in curve.points
        if isinstance(point.quality, Estimate)
    ]
    known += [c.figures.quality for c in routing.choices if isinstance(c.figures.quality, Estimate)]
    low = min((found.low for found in known), default=0.0)
    high = max((found.high for found in known), default=1.0)
    air = max(high - low, 0.01) * _AIR
    return Axis(
        low=max(0.0, low - air), high=min(1.0, high + air), log=False, start=BOTTOM, end=TOP
    )


def _line(curve: RouteCurve, x: Axis, y: Axis) -> Line:
    known = [
        (x.place(point.teacher_share), point.quality)
        for point in curve.points
        if isinstance(point.quality, Estimate)
    ]
    lows = [(at, y.place(quality.low)) for at, quality in known]
    highs = [(at, y.place(quality.high)) for at, quality in known]
    return Line(
        by=curve.by,
        name=BY_NAMES[curve.by],
        line=_path([(at, y.place(quality.value)) for at, quality in known]),
        band=f"{_path([*highs, *reversed(lows)])}Z" if known else "",
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points) if points else ""


def _spot(routing: Routing, choice: RouteChoice, x: Axis, y: Axis) -> Spot | None:
    quality, share = choice.figures.quality, choice.figures.teacher_share
    if not (isinstance(quality, Estimate) and isinstance(share, Estimate)):
        return None
    return Spot(
        by=choice.by,
        chosen=choice.by == routing.chosen,
        x=x.place(share.value),
        y=y.place(quality.value),
        low=y.place(quality.low),
        high=y.place(quality.high),
    )


def _described(routing: Routing) -> list[str]:
    sentences = []
    for curve in routing.curves:
        at = ", ".join(
            f"{shown.bracketed(point.quality, shown.PERCENT)} % at {point.teacher_share:.0%}"
            for point in curve.points[::5]
        )
        sentences.append(f"{BY_NAMES[curve.by].capitalize()}: {at}.")
    rules = [
        f"Rule {BY_NAMES[choice.by]}: "
        f"{shown.bracketed(choice.figures.quality, shown.PERCENT)} % at "
        f"{shown.value(choice.figures.teacher_share, shown.PERCENT)} % of calls."
        for choice in routing.choices
    ]
    return [*sentences, *rules]

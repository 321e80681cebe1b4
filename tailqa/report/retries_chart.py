"""The chart of pass@k: as counted, as fitted, and as it would be if attempts were independent."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tailqa.core.answer import Side
from tailqa.core.estimate import Estimate
from tailqa.core.report import Report
from tailqa.core.retries import RetryResult
from tailqa.report import format as shown
from tailqa.report.escape import visible
from tailqa.report.retries import in_order

WIDTH, HEIGHT = 300, 190
LEFT, RIGHT, TOP, BOTTOM = 34.0, 292.0, 26.0, 160.0
_STEPS = (0.05, 0.1, 0.2)
_MOST_TICKS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """pass@k as counted; `low` and `high` are where its interval ends."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One side on one stratum, in the units of an SVG drawing.

    `fitted`, `beyond` (the extrapolation), `band` (the fit's intervals) and `alone` (independent
    attempts) are paths; empty where there is nothing to draw.
    """

    name: str
    side: Side
    points: tuple[Point, ...]
    fitted: str
    beyond: str
    band: str
    alone: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    description: str


def retry_panels(report: Report) -> tuple[Panel, ...]:
    """One panel per stratum and side, then all traffic, on one scale."""
    results = in_order(report)
    figures = [at.unbiased for result in results for at in result.pass_at]
    known = [figure.low for figure in figures if isinstance(figure, Estimate)]
    lowest = math.floor(min(known, default=0.0) * 10) / 10
    return tuple(_panel(result, min(lowest, 0.9)) for result in results)


def _panel(result: RetryResult, lowest: float) -> Panel:
    furthest = len(result.pass_at)

    def x(k: int) -> float:
        return round(LEFT + 10 + (RIGHT - LEFT - 16) * (k - 1) / max(1, furthest - 1), 2)

    def y(share: float) -> float:
        inside = max(0.0, (share - lowest) / (1 - lowest))
        return round(BOTTOM - (BOTTOM - TOP) * inside, 2)

    def ends(of: str) -> list[tuple[int, Estimate]]:
        found = [(at.k, getattr(at, of)) for at in result.pass_at]
        return [(k, figure) for k, figure in found if isinstance(figure, Estimate)]

    def path(points: Sequence[tuple[int, float]]) -> str:
        return "M" + "L".join(f"{x(k)} {y(share)}" for k, share in points) if points else ""

    fitted = [(k, figure.value) for k, figure in ends("fitted")]
    rim = [(k, figure.high) for k, figure in ends("fitted")]
    rim += [(k, figure.low) for k, figure in reversed(ends("fitted"))]
    points = [
        Point(x=x(k), y=y(figure.value), low=y(figure.low), high=y(figure.high))
        for k, figure in ends("unbiased")
    ]
    step = next((step for step in _STEPS if (1 - lowest) / step <= _MOST_TICKS), 0.25)
    ticks = [1 - step * index for index in range(int((1 - lowest) / step + 1e-9) + 1)]
    return Panel(
        name=visible(result.name),
        side=result.side,
        points=tuple(points),
        fitted=path([point for point in fitted if point[0] <= result.attempts]),
        beyond=path([point for point in fitted if point[0] >= result.attempts]),
        band=path(rim) + "Z" if rim else "",
        alone=path([(k, figure.value) for k, figure in ends("independent")]),
        x_ticks=tuple((x(k), str(k)) for k in sorted({1, result.attempts, furthest})),
        y_ticks=tuple((y(tick), f"{tick * 100:.0f}") for tick in ticks),
        description=_described(result),
    )


def _described(result: RetryResult) -> str:
    known = [at for at in result.pass_at if isinstance(at.unbiased, Estimate)]
    if not known:
        return f"not measured: {visible(getattr(result.pass_at[0].unbiased, 'reason', ''))}."
    return " ".join(
        f"pass@{at.k}: {shown.bracketed(at.unbiased, shown.PERCENT)} %, if independent "
        f"{shown.value(at.independent, shown.PERCENT)} %."
        for at in known
    )

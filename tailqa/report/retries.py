"""Retries in a table, in words and as the chart of pass@k: counted, fitted, and if independent."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tailqa.core.answer import Side
from tailqa.core.estimate import Estimate, Measured
from tailqa.core.report import Report
from tailqa.core.retries import RetryResult
from tailqa.report import format as shown
from tailqa.report.cells import FULL, NARROW, PLAIN, figure_text, make_table, text, two_lines
from tailqa.report.escape import one_line, visible
from tailqa.report.reading import worst_first

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

WIDTH, HEIGHT = 300, 190
LEFT, RIGHT, TOP, BOTTOM = 34.0, 292.0, 26.0, 160.0
NOT_MEASURED = (
    "Retries were not measured: that takes several answers to each query, drawn at random "
    "(--samples 5 --temperature 0.8)."
)
_POINTS = shown.Unit(symbol="points", scale=100, decimals=1)
_SIDES: tuple[Side, Side] = ("teacher", "student")
_STEPS = (0.05, 0.1, 0.2)
_MOST_TICKS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One figure of a result; the terminal shows it from `detail` on, its interval from `whole`."""

    title: str
    unit: shown.Unit
    of: Callable[[RetryResult], Measured]
    detail: int = FULL
    whole: int = NARROW

    def cell(self, result: RetryResult, detail: int) -> "Text":
        """The cell of the terminal."""
        figure = self.of(result)
        if detail >= self.whole:
            return figure_text(figure, self.unit)
        return text(shown.value(figure, self.unit))


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


def in_order(report: Report) -> tuple[RetryResult, ...]:
    """Teacher and student side by side; the strata worst gap first, then all traffic."""
    places = {stratum.name: place for place, stratum in enumerate(worst_first(report.strata))}

    def key(result: RetryResult) -> tuple[bool, int, int]:
        return (result.scope == "all", places.get(result.name, 0), _SIDES.index(result.side))

    return tuple(sorted(report.retries, key=key))


def retry_table(report: Report, detail: int) -> "Table":
    """The table of the terminal; names are shown as they are given."""
    table = make_table(detail)
    table.caption, table.caption_justify = _note(report), "left"
    table.add_column("stratum", overflow="fold", min_width=8)
    table.add_column("model", no_wrap=True)
    columns = [column for column in _columns(report) if detail >= column.detail]
    for column in columns:
        title = f"{column.title}, {column.unit.symbol}".removesuffix(", ")
        table.add_column(two_lines(title), justify="right", no_wrap=True)
    above = None
    for result in in_order(report):
        name = one_line(result.name)
        cells = [column.cell(result, detail) for column in columns]
        table.add_row(text("" if name == above else name), text(result.side), *cells)
        above = name
    return table


def retry_figures(report: Report) -> dict[str, Any]:
    """The table of the page."""
    columns = _columns(report) if report.retries else ()
    return {
        "columns": [(column.title, column.unit) for column in columns],
        "rows": [
            (result.name, result.side, [(column.of(result), column.unit) for column in columns])
            for result in in_order(report)
        ],
    }


def retry_words(report: Report) -> str:
    """What the student's retries are worth over all traffic, or how to learn it.

    Nothing is claimed that the interval does not bear out. Empty for choices, which are scored
    and not drawn.
    """
    if not report.retries:
        return "" if report.suite.task == "choose" else NOT_MEASURED
    sides = {result.side: result for result in report.retries if result.scope == "all"}
    found = sides.get("student") or sides["teacher"]
    last = found.pass_at[found.attempts - 1]
    promised, optimism = last.independent, last.optimism
    if not (isinstance(promised, Estimate) and isinstance(optimism, Estimate)):
        why = one_line(getattr(optimism, "reason", "") or getattr(promised, "reason", ""))
        return f"What retries are worth over all traffic is not known: {why}."
    counted = shown.figure(last.unbiased, shown.PERCENT)
    much = f"{shown.PERCENT.number(promised.value)} %"
    more = shown.figure(optimism, _POINTS)
    claim = (
        f"{much}, which is too much by {more}: what failed once mostly fails again"
        if optimism.low > 0
        else f"{much}; that this is too much is not shown ({more})"
    )
    icc = found.icc
    alike = f" (ICC {shown.bracketed(icc, shown.RATIO)})" if isinstance(icc, Estimate) else ""
    return (
        f"Of {last.k} attempts of the {found.side} at a query at least one is right in {counted} "
        f"of the traffic; independent attempts would promise {claim}{alike}."
    )


def retry_panels(report: Report) -> tuple[Panel, ...]:
    """One panel per stratum and side, then all traffic, on one scale."""
    results = in_order(report)
    known = [
        figure.low
        for result in results
        for at in result.pass_at
        for figure in (at.unbiased,)
        if isinstance(figure, Estimate)
    ]
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
        x_ticks=tuple((x(k), str(k)) for k in _ks(result)),
        y_ticks=tuple((y(tick), f"{tick * 100:.0f}") for tick in ticks),
        description=_described(result),
    )


def _ks(result: RetryResult) -> list[int]:
    furthest = len(result.pass_at)
    return sorted({1, result.attempts, furthest})


def _described(result: RetryResult) -> str:
    known = [at for at in result.pass_at if isinstance(at.unbiased, Estimate)]
    if not known:
        return f"not measured: {visible(getattr(result.pass_at[0].unbiased, 'reason', ''))}."
    return " ".join(
        f"pass@{at.k}: {shown.bracketed(at.unbiased, shown.PERCENT)} %, if independent "
        f"{shown.value(at.independent, shown.PERCENT)} %."
        for at in known
    )


def _columns(report: Report) -> tuple[Column, ...]:
    first = report.retries[0]
    k, cap, furthest = first.attempts, first.cap, len(first.pass_at)

    def at(index: int, field: str) -> Callable[[RetryResult], Measured]:
        def of(result: RetryResult) -> Measured:
            measured: Measured = getattr(result.pass_at[index - 1], field)
            return measured

        return of

    columns = [
        Column(
            title="ICC",
            unit=shown.RATIO,
            of=lambda result: result.icc,
            detail=NARROW,
            whole=PLAIN,
        ),
        Column(title="pass@1", unit=shown.PERCENT, of=at(1, "unbiased")),
        Column(title=f"pass@{k}", unit=shown.PERCENT, of=at(k, "unbiased"), detail=NARROW),
        Column(title=f"pass@{k} if independent", unit=shown.PERCENT, of=at(k, "independent")),
        Column(title="too optimistic by", unit=_POINTS, of=at(k, "optimism"), detail=NARROW),
        Column(
            title=f"attempts, at most {cap}",
            unit=shown.RATIO,
            of=lambda result: result.attempts_fitted,
            detail=NARROW,
            whole=FULL,
        ),
        Column(
            title="attempts if independent",
            unit=shown.RATIO,
            of=lambda result: result.attempts_independent,
        ),
    ]
    if furthest > k:
        columns.append(
            Column(
                title=f"pass@{furthest} extrapolated",
                unit=shown.PERCENT,
                of=at(furthest, "fitted"),
            )
        )
    return tuple(columns)


def _note(report: Report) -> str:
    first = report.retries[0]
    return (
        f"From {first.attempts} attempts at each query, 95 % intervals. ICC: how alike they are, "
        f"from 0 to 1. If they were independent, pass@{first.attempts} would be 1 − (1 − p)^"
        f"{first.attempts}, too optimistic by what is shown. Attempts: until the first right one, "
        "by the fit."
    )

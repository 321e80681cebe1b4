"""Small charts of an operations report: what one resolved query takes, by option."""

from dataclasses import dataclass

from tailqa.core.estimate import Estimate
from tailqa.core.operations import Figure, Operations, Option
from tailqa.report import format as shown
from tailqa.report import operations_format as figures
from tailqa.report.axis import Axis


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

"""Retries in a table and in words: what they are worth, and what independent ones would be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tailqa.core.answer import Side
from tailqa.core.estimate import Estimate, Measured
from tailqa.core.report import Report
from tailqa.core.retries import RetryResult
from tailqa.report import format as shown
from tailqa.report.cells import FULL, NARROW, PLAIN, figure_text, make_table, text, two_lines
from tailqa.report.escape import one_line
from tailqa.report.reading import worst_first

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

NOT_MEASURED = (
    "Retries were not measured: that takes several answers to each query, drawn at random "
    "(--samples 5 --temperature 0.8)."
)
NOT_IMPORTED = (
    "Retries were not measured: that takes several answers to each query, drawn at random; import "
    "them (epochs) where they were recorded."
)
_POINTS = shown.Unit(symbol="points", scale=100, decimals=1)
_SIDES: tuple[Side, Side] = ("teacher", "student")


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
        if report.suite.task == "choose":
            return ""
        return NOT_IMPORTED if report.fingerprint.imported else NOT_MEASURED
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

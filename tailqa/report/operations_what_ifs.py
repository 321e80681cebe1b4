"""Tables of an operations report that not every report has: differences, correlation, a sweep."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import Operations, Sweep
from tailqa.report import format as shown
from tailqa.report import operations_format as figures
from tailqa.report.cells import FULL, make_table, text, two_lines
from tailqa.report.operations_sweep import SweepRow, bottleneck_words, sweep_rows

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

Clean = Callable[..., str]
"""Makes a name safe to show, and no longer than a limit."""


def checks_table(operations: Operations, clean: Clean, detail: int) -> "Table":
    """The figures in which formula and simulation differ."""
    table = make_table(detail)
    for name in ("they differ in", "option", "of"):
        table.add_column(name, overflow="fold", min_width=8)
    for name in ("by formula", "simulated", "difference, %"):
        table.add_column(name, justify="right", no_wrap=True)
    for check in operations.checks:
        if check.agrees:
            continue
        apart = figures.difference(check)
        table.add_row(
            text(clean(figures.checked_name(check.figure))),
            text(figures.SHORT_NAMES[check.option]),
            text(clean(check.scope)),
            text(figures.BARE.number(check.closed)),
            measured_text(check.simulated, figures.BARE, stacked=detail != FULL),
            text(shown.NONE if apart is None else shown.PERCENT.number(apart)),
        )
    return table


def icc_table(operations: Operations, detail: int) -> "Table":
    """What an assumed correlation of attempts does to each option."""
    kept = figures.icc_figures(operations)
    table = make_table(detail)
    table.add_column("assumed\nICC", justify="right", no_wrap=True)
    table.add_column("option", no_wrap=True)
    for figure in kept:
        name = figures.figure_name(figure, figures.figure_unit(operations, figure))
        table.add_column(two_lines(name), justify="right")
    for effect in operations.icc_effects:
        numbers = (
            figures.figure_unit(operations, figure).number(effect.figures[figure])
            if figure in effect.figures
            else shown.NONE
            for figure in kept
        )
        table.add_row(
            text(shown.RATIO.number(effect.icc)),
            text(figures.SHORT_NAMES[effect.option]),
            *map(text, numbers),
        )
    return table


def sweep_table(operations: Operations, sweep: Sweep, clean: Clean, detail: int) -> "Table":
    """The end-to-end p95 of each option at each value, or why there is none.

    Below it how much of its bottleneck is in use.
    """
    rows = {(row.value, row.option): row for row in sweep_rows(operations, sweep)}
    unit = shown.time_unit(*(row.p95 for row in rows.values()))
    options = figures.options_of(operations)
    table = make_table(detail)
    table.add_column(clean(sweep.key), justify="right", overflow="fold", min_width=8)
    for option in options:
        name = f"{figures.OPTION_NAMES[option]},\np95, {unit.symbol}"
        table.add_column(name, justify="right", overflow="fold")
    for value in figures.sweep_values(sweep):
        cells = [_sweep_cell(rows.get((value, option)), unit) for option in options]
        table.add_row(text(figures.plain(value)), *cells)
    if any(isinstance(row.utilisation, Estimate) for row in rows.values()):
        said = f"Below each how much of the bottleneck is in use; {sweep.n_resamples:,} resamples."
        table.caption = clean(f"{said} {bottleneck_words(list(rows.values()))}", 400)
        table.caption_justify = "left"
    return table


def _sweep_cell(row: SweepRow | None, unit: shown.Unit) -> "Text":
    if row is None:
        return text(shown.NONE, "dim")
    cell = text(row.why, "red") if row.why else measured_text(row.p95, unit)
    if isinstance(row.utilisation, Estimate):
        value, interval = (
            part(row.utilisation, shown.PERCENT) for part in (shown.value, shown.interval)
        )
        cell.append(f"\n{value} % {interval}", "dim")
    return cell


def measured_text(measured: Measured, unit: shown.Unit, *, stacked: bool = False) -> "Text":
    """A figure with its interval beside or below it; `saturated`, or a dash where there is none."""
    if not isinstance(measured, Estimate):
        style = "red" if figures.saturated(measured) else "dim"
        return text(figures.value_or_why(measured, unit), style)
    between = "\n" if stacked else " "
    return text(shown.value(measured, unit)).append(between + shown.interval(measured, unit), "dim")

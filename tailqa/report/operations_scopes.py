"""Strata and stages on a terminal: a row per option, or the options side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.estimate import Measured
from tailqa.core.operations import Operations, Option, StageLoad
from tailqa.report import format as shown
from tailqa.report import operations_format as figures
from tailqa.report.cells import FULL, NARROW, make_table, text
from tailqa.report.operations_what_ifs import Clean, measured_text

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_HEADS = {
    "attempts": "attempts",
    "resolved": "resolved",
    "tokens_per_resolved": "tokens per\nresolved",
    "seconds_per_resolved": "time per\nresolved",
    "p95_s": "p95",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    """A stratum or a stage: what is said of each option, and the figures of each by name."""

    name: str
    said: Mapping[Option, str]
    rows: Mapping[str, Mapping[Option, "Text"]]


def strata_table(operations: Operations, clean: Clean, detail: int) -> "Table":
    """The figures of every stratum; nothing is left out where there is little room."""
    if detail != FULL:
        groups = _strata(operations, clean, stacked=detail == NARROW)
        return _side_by_side(operations, list(groups), detail)
    table = make_table(detail)
    table.add_column("stratum", no_wrap=True)
    kept = figures.stratum_figures(operations)
    for figure in kept:
        symbol = figures.figure_unit(operations, figure).symbol
        head = _HEADS[figure] + (f", {symbol}" if symbol else "")
        table.add_column(head, justify="right", no_wrap=True)
    for scope in figures.scopes_of(operations):
        table.add_row(text(clean(scope), "bold dim"))
        for option in figures.options_of(operations):
            row = operations.option(option, scope)
            cells = (
                measured_text(
                    figures.figure_of(row, figure), figures.figure_unit(operations, figure)
                )
                for figure in kept
            )
            table.add_row(text(f" {figures.SHORT_NAMES[option]}"), *cells)
    return table


def _strata(operations: Operations, clean: Clean, *, stacked: bool) -> Iterator[_Group]:
    for scope in figures.scopes_of(operations):
        rows = {}
        for figure in figures.stratum_figures(operations):
            unit = figures.figure_unit(operations, figure)
            rows[figures.figure_name(figure, unit)] = {
                option: measured_text(
                    figures.figure_of(operations.option(option, scope), figure),
                    unit,
                    stacked=stacked,
                )
                for option in figures.options_of(operations)
            }
        yield _Group(name=clean(scope), said={}, rows=rows)


def stages_table(operations: Operations, clean: Clean, detail: int) -> "Table":
    """How busy every stage is, and how long one waits; nothing is left out."""
    if detail != FULL:
        groups = _stages(operations, clean, stacked=detail == NARROW)
        return _side_by_side(operations, list(groups), detail)
    unit = figures.stage_unit(operations.stages)
    table = make_table(detail)
    table.add_column("option", no_wrap=True)
    table.add_column("stage", no_wrap=True)
    for name in (
        "visits\nper query",
        "in use,\n%",
        f"wait,\n{unit.symbol}",
        f"by formula,\n{unit.symbol}",
        f"service,\n{unit.symbol}",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    before: Option | None = None
    for stage in operations.stages:
        table.add_row(
            text("" if stage.option == before else figures.SHORT_NAMES[stage.option]),
            text(clean(stage.stage)),
            *(cell for _, cell in _of_stage(stage, unit, stacked=False)),
            text("bottleneck" if stage.bottleneck else "", "bold"),
        )
        before = stage.option
    return table


def _stages(operations: Operations, clean: Clean, *, stacked: bool) -> Iterator[_Group]:
    unit = figures.stage_unit(operations.stages)
    of: dict[str, list[StageLoad]] = {}
    for stage in operations.stages:
        of.setdefault(stage.stage, []).append(stage)
    for name, loads in of.items():
        rows: dict[str, dict[Option, Text]] = {}
        for load in loads:
            for title, cell in _of_stage(load, unit, stacked=stacked):
                rows.setdefault(title, {})[load.option] = cell
        said = {load.option: "bottleneck" for load in loads if load.bottleneck}
        yield _Group(name=clean(name), said=said, rows=rows)


def _of_stage(stage: StageLoad, unit: shown.Unit, *, stacked: bool) -> Iterator[tuple[str, "Text"]]:
    def cell(measured: Measured, unit: shown.Unit) -> "Text":
        return measured_text(measured, unit, stacked=stacked)

    yield "visits per query", cell(stage.visits_per_query, shown.RATIO)
    yield "in use, %", cell(stage.utilisation, shown.PERCENT)
    yield f"wait, {unit.symbol}", cell(stage.wait_s, unit)
    yield f"wait by formula, {unit.symbol}", text(figures.closed_wait(stage.closed_wait_s, unit))
    yield f"service, {unit.symbol}", cell(stage.service_s, unit)


def _side_by_side(operations: Operations, groups: Sequence[_Group], detail: int) -> "Table":
    options = figures.options_of(operations)
    table = make_table(detail)
    wrapped = detail == NARROW
    table.add_column("", no_wrap=not wrapped, overflow="fold")
    for option in options:
        table.add_column(
            figures.SHORT_NAMES[option], justify="right", no_wrap=not wrapped, overflow="fold"
        )
    for group in groups:
        table.add_row(
            text(group.name, "bold dim"),
            *(text(group.said.get(option, ""), "bold") for option in options),
        )
        for name, cells in group.rows.items():
            table.add_row(text(f" {name}"), *(cells.get(option, text("")) for option in options))
    return table

"""cost.html, and the operations as a section of a report: one file that runs and asks nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import (
    ClosedForm,
    Figure,
    Operations,
    Option,
    StageLoad,
    Sweep,
)
from tailqa.report import format as shown
from tailqa.report import operations_bars as bars
from tailqa.report import operations_chart as charts
from tailqa.report import operations_format as figures
from tailqa.report import operations_sweep as sweeps
from tailqa.report import operations_words as words
from tailqa.report.bench_format import ratio_interval, ratio_value
from tailqa.report.files import write_atomic
from tailqa.report.html import asset, environment, source_hash
from tailqa.report.operations_unknown import unknown_bottleneck, unknown_lines
from tailqa.report.reading import Reading

COST_PAGE = "cost.html"
OPERATIONS_STYLE = "operations.css"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One cell: the value, and below it its interval or why there is none."""

    value: str
    interval: str = ""
    why: str = ""
    reading: Reading = "unclear"


def render_operations_page(operations: Operations, names: tuple[str, str]) -> str:
    """The page of a pipeline; the same bytes for the same operations, loaded or fresh.

    `names` are those of the teacher and the student. Nothing that a file says becomes markup.
    """
    teacher, student = names
    style = asset("page.css") + asset(OPERATIONS_STYLE)
    return (
        environment()
        .get_template("cost.html.j2")
        .render(
            operations=operations_parts(operations),
            teacher=teacher,
            student=student,
            style=style,
            style_hash=source_hash(style),
        )
    )


def write_operations_page(operations: Operations, names: tuple[str, str], folder: Path) -> Path:
    """Writes cost.html into `folder` and returns its path; raises ResultError."""
    path = folder / COST_PAGE
    write_atomic(path, render_operations_page(operations, names).encode())
    return path


def operations_parts(operations: Operations) -> SimpleNamespace:
    """Everything that the template operations.html.j2 shows, as text and places."""
    options = figures.options_of(operations)
    rows = figures.figure_rows(operations)
    against = [option for option in options if any(option in row.ratios for row in rows)]
    return SimpleNamespace(
        name=operations.name,
        digest=operations.digest,
        seed=operations.seed,
        n_resamples=shown.count(operations.n_resamples),
        n_requests=shown.count(operations.n_requests),
        pipeline=json.dumps(operations.pipeline, indent=2, ensure_ascii=False),
        level=f"{operations.level * 100:g} %",
        costed=words.run_words(operations),
        speeds=words.speed_lines(operations),
        traps=[_lead(occurs, said) for occurs, said in words.trap_lines(operations)],
        bars=bars.bar_charts(operations),
        bar_width=bars.BAR_WIDTH,
        columns=[figures.OPTION_NAMES[option] for option in options],
        against=[figures.SHORT_NAMES[option] for option in against],
        rows=[
            (
                figures.figure_title(row.figure, row.unit),
                row.unit.symbol,
                [_cell(row.cells[option], row.unit) for option in options],
                [_ratio(row.figure, row.ratios.get(option)) for option in against],
            )
            for row in rows
        ],
        unknown=unknown_lines(operations),
        sweep=_sweep(operations, operations.sweep) if operations.sweep else None,
        strata=_strata(operations),
        stages=_stages(operations),
        said=[
            *(words.break_even_words(item) for item in operations.break_evens),
            *([said] if (said := words.amdahl_words(operations)) else []),
        ],
        checks=_checks(operations),
        icc=_icc(operations),
        notes=words.notes(operations),
        basis=words.basis_words(operations),
    )


def _lead(occurs: str, said: str) -> tuple[str, str, str]:
    """The words before the bracket stand out."""
    lead, bracket, rest = said.partition(" (")
    return occurs, lead, bracket + rest


def _sweep(operations: Operations, sweep: Sweep) -> SimpleNamespace:
    rows = sweeps.sweep_rows(operations, sweep)
    unit = shown.time_unit(*(time for row in rows for time in row.times))
    by_value: dict[float, list[SimpleNamespace]] = {}
    for row in rows:
        by_value.setdefault(row.value, []).append(_sweep_row(row, unit))
    drawn = (
        charts.load_chart(operations, sweep, layout) for layout in (charts.WIDE, charts.NARROW)
    )
    return SimpleNamespace(
        key=sweep.key,
        unit=unit.symbol,
        charts=[chart for chart in drawn if chart],
        unknown="" if figures.sweep_tells(sweep) else sweeps.no_sweep(sweep),
        saturation=sweeps.saturation_words(sweep, operations),
        rows=[(figures.plain(value), found) for value, found in by_value.items()],
    )


def _sweep_row(row: sweeps.SweepRow, unit: shown.Unit) -> SimpleNamespace:
    return SimpleNamespace(
        option=figures.SHORT_NAMES[row.option],
        why=row.why,
        times=[_cell(time, unit) for time in row.times],
        in_use=_cell(row.utilisation, shown.PERCENT),
        bottleneck=row.bottleneck,
    )


def _strata(operations: Operations) -> SimpleNamespace:
    kept = figures.stratum_figures(operations)
    units = {figure: figures.figure_unit(operations, figure) for figure in kept}
    return SimpleNamespace(
        columns=_columns(units),
        rows=[
            (
                scope,
                [
                    (
                        figures.SHORT_NAMES[option],
                        [
                            _cell(figures.figure_of(operations.option(option, scope), figure), unit)
                            for figure, unit in units.items()
                        ],
                    )
                    for option in figures.options_of(operations)
                ],
            )
            for scope in figures.scopes_of(operations)
        ],
    )


def _stages(operations: Operations) -> SimpleNamespace:
    unit = figures.stage_unit(operations.stages)
    of: dict[Option, list[SimpleNamespace]] = {}
    for stage in operations.stages:
        of.setdefault(stage.option, []).append(_stage(stage, unit))
    return SimpleNamespace(
        unit=unit.symbol, rows=list(of.values()), unknown=unknown_bottleneck(operations)
    )


def _stage(stage: StageLoad, unit: shown.Unit) -> SimpleNamespace:
    return SimpleNamespace(
        name=stage.stage,
        option=figures.SHORT_NAMES[stage.option],
        bottleneck=stage.bottleneck,
        cells=[
            _cell(stage.visits_per_query, shown.RATIO),
            _cell(stage.utilisation, shown.PERCENT),
            _cell(stage.wait_s, unit),
            Shown(value=figures.closed_wait(stage.closed_wait_s, unit)),
            _cell(stage.service_s, unit),
        ],
    )


def _checks(operations: Operations) -> SimpleNamespace:
    return SimpleNamespace(
        said=words.agreement_words(operations),
        apart=not all(check.agrees for check in operations.checks),
        rows=[_check(check) for check in operations.checks],
    )


def _check(check: ClosedForm) -> SimpleNamespace:
    apart = figures.difference(check)
    return SimpleNamespace(
        figure=figures.checked_name(check.figure),
        option=figures.SHORT_NAMES[check.option],
        scope=check.scope,
        closed=figures.BARE.number(check.closed),
        simulated=_cell(check.simulated, figures.BARE),
        difference=shown.NONE if apart is None else shown.PERCENT.number(apart),
        agrees=check.agrees,
    )


def _icc(operations: Operations) -> SimpleNamespace:
    kept = figures.icc_figures(operations)
    units = {figure: figures.figure_unit(operations, figure) for figure in kept}
    return SimpleNamespace(
        note=words.ICC,
        columns=_columns(units),
        rows=[
            (
                shown.RATIO.number(effect.icc),
                figures.SHORT_NAMES[effect.option],
                [
                    unit.number(effect.figures[figure]) if figure in effect.figures else shown.NONE
                    for figure, unit in units.items()
                ],
            )
            for effect in operations.icc_effects
        ],
    )


def _columns(units: Mapping[Figure, shown.Unit]) -> list[tuple[str, str]]:
    return [(figures.figure_title(figure, unit), unit.symbol) for figure, unit in units.items()]


def _cell(measured: Measured, unit: shown.Unit) -> Shown:
    if isinstance(measured, Estimate):
        return Shown(value=shown.value(measured, unit), interval=shown.interval(measured, unit))
    why = "" if measured == figures.NOT_COMPUTED else measured.reason
    return Shown(value="" if why else shown.NONE, why=why)


def _ratio(figure: Figure, ratio: Measured | None) -> Shown:
    if not isinstance(ratio, Estimate):
        return Shown(value=shown.NONE, reading="unmeasured")
    return Shown(
        value=ratio_value(ratio),
        interval=ratio_interval(ratio),
        reading=figures.ratio_reading(figure, ratio),
    )

"""Units, rows and cells of an operations report, for the terminal and the page alike."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.operations import (
    ALL_TRAFFIC,
    OPTIONS,
    ClosedForm,
    Figure,
    Operations,
    Option,
    OptionCost,
    StageLoad,
    Sweep,
)
from tailqa.report import format as shown
from tailqa.report.bench_format import ratio_interval, ratio_value
from tailqa.report.reading import Reading

OPTION_NAMES: dict[Option, str] = {
    "teacher": "teacher",
    "student": "student",
    "escalated": "student, escalated",
}
SHORT_NAMES: dict[Option, str] = OPTION_NAMES | {"escalated": "escalated"}
FIGURE_NAMES: dict[Figure, str] = {
    "attempts": "attempts per query",
    "prompt_tokens": "tokens in",
    "completion_tokens": "tokens out",
    "resolved": "resolved",
    "uncaught": "uncaught errors",
    "given_up": "given up",
    "escalated": "escalated",
    "mean_s": "end-to-end mean",
    "p50_s": "end-to-end p50",
    "p95_s": "end-to-end p95",
    "p99_s": "end-to-end p99",
    "tokens_per_resolved": "tokens per resolved",
    "seconds_per_resolved": "time per resolved",
    "usd_per_query": "USD per query",
    "usd_per_resolved": "USD per resolved",
}
STRATUM_FIGURES: tuple[Figure, ...] = (
    "attempts",
    "resolved",
    "tokens_per_resolved",
    "seconds_per_resolved",
    "p95_s",
)
SATURATED = "saturated"
CLOSE = "close to saturation"
NO_PRICES = "No price was given, so nothing is said of money."
NOT_COMPUTED = TooFew(reason="not computed", n=0)
BARE = shown.Unit(symbol="")
_USD_PER_THOUSAND = shown.Unit(symbol="", scale=1000)
_CHEAP_USD = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureRow:
    """One figure of all options, with its ratios to the teacher's where they are known."""

    figure: Figure
    unit: shown.Unit
    cells: Mapping[Option, Measured]
    ratios: Mapping[Option, Measured]

    @property
    def name(self) -> str:
        """What it is, with its unit."""
        return figure_name(self.figure, self.unit)


def options_of(operations: Operations) -> tuple[Option, ...]:
    """The options that were asked for, in their fixed order."""
    return tuple(option for option in OPTIONS if operations.option(option))


def stratum_figures(operations: Operations) -> list[Figure]:
    """The figures of strata that any option has."""
    rows = [row for row in operations.options if row.scope != ALL_TRAFFIC]
    return [f for f in STRATUM_FIGURES if any(tells(figure_of(row, f)) for row in rows)]


def scopes_of(operations: Operations) -> tuple[str, ...]:
    """The strata that have figures of their own."""
    scopes = dict.fromkeys(row.scope for row in operations.options)
    return tuple(scope for scope in scopes if scope != ALL_TRAFFIC)


def figure_rows(
    operations: Operations, figures: Iterable[Figure] = tuple(FIGURE_NAMES)
) -> list[FigureRow]:
    """The figures of all traffic that any option has, or would have if it were not saturated."""
    rows = {row.option: row for row in operations.options if row.scope == ALL_TRAFFIC}
    ratios = {(item.option, item.figure): item.ratio for item in operations.ratios}
    found = []
    for figure in figures:
        cells = {option: figure_of(row, figure) for option, row in rows.items()}
        if not any(tells(cell) for cell in cells.values()):
            continue
        own = {option: ratios[option, figure] for option in cells if (option, figure) in ratios}
        unit = figure_unit(operations, figure)
        found.append(FigureRow(figure=figure, unit=unit, cells=cells, ratios=own))
    return found


def figure_title(figure: Figure, unit: shown.Unit) -> str:
    """What a figure is, without its unit."""
    if figure.startswith("usd") and unit.scale != 1:
        return f"USD per 1,000 {'queries' if figure == 'usd_per_query' else 'resolved'}"
    return FIGURE_NAMES[figure]


def figure_name(figure: Figure, unit: shown.Unit) -> str:
    """What a figure is, with the unit that it is shown in."""
    title = figure_title(figure, unit)
    return f"{title}, {unit.symbol}" if unit.symbol else title


def checked_name(figure: str) -> str:
    """What a figure is that has a formula; the utilisation of a stage is named as it is.

    >>> checked_name("given_up"), checked_name("utilisation of search")
    ('given up', 'utilisation of search')
    """
    names = {str(key): name for key, name in FIGURE_NAMES.items()}
    return names.get(figure, figure)


def figure_of(row: OptionCost | None, figure: Figure) -> Measured:
    """The figure, or that it was not computed."""
    return row.figures.get(figure, NOT_COMPUTED) if row else NOT_COMPUTED


def figure_unit(operations: Operations, figure: Figure) -> shown.Unit:
    """The unit of a figure: one for all times, and one for all sums of money."""
    if figure in ("resolved", "uncaught", "given_up", "escalated"):
        return shown.PERCENT
    if is_time(figure):
        return shown.time_unit(*_all(operations, time=True))
    if figure.startswith("usd"):
        known = [item.value for item in _all(operations, time=False) if isinstance(item, Estimate)]
        return _USD_PER_THOUSAND if known and max(known) < _CHEAP_USD else BARE
    return BARE


def is_time(figure: Figure) -> bool:
    """Whether a figure is a time."""
    return figure.endswith("_s") or figure == "seconds_per_resolved"


def _all(operations: Operations, *, time: bool) -> Iterator[Measured]:
    for row in operations.options:
        for figure, measured in row.figures.items():
            if is_time(figure) if time else figure.startswith("usd"):
                yield measured


def has_prices(operations: Operations) -> bool:
    """Whether any sum of money is known."""
    return any(isinstance(item, Estimate) for item in _all(operations, time=False))


def tells(measured: Measured) -> bool:
    """Whether a cell has something to say: a value, or that a stage is saturated."""
    return isinstance(measured, Estimate) or saturated(measured)


def saturated(measured: Measured) -> bool:
    """Whether there is no figure because a stage gets more than it can do."""
    return isinstance(measured, TooFew) and measured.reason.startswith(SATURATED)


def nothing_steady(operations: Operations) -> str | None:
    """What is saturated, where that is so for every option; None where one has a steady state."""
    p95s = [
        option.figures["p95_s"]
        for option in operations.options
        if option.scope == ALL_TRAFFIC and "p95_s" in option.figures
    ]
    full = [p95.reason for p95 in p95s if isinstance(p95, TooFew) and saturated(p95)]
    return full[0] if full and len(full) == len(p95s) else None


def value_or_why(measured: Measured, unit: shown.Unit) -> str:
    """The value alone; `saturated`, or a dash where there is none for another reason."""
    return SATURATED if saturated(measured) else shown.value(measured, unit)


def icc_figures(operations: Operations) -> list[Figure]:
    """The figures that the effect of a correlation was worked out for."""
    effects = operations.icc_effects
    return [name for name in FIGURE_NAMES if any(name in effect.figures for effect in effects)]


def stage_unit(stages: Iterable[StageLoad]) -> shown.Unit:
    """One unit for all waits and services."""
    return shown.time_unit(*(item for stage in stages for item in (stage.wait_s, stage.service_s)))


def ratio_reading(figure: Figure, ratio: Measured) -> Reading:
    """Whether a ratio to the teacher is for the worse; an interval with 1 in it says nothing.

    >>> few = Estimate(value=.9, low=.8, high=.95, level=.95, method="", n=9)
    >>> ratio_reading("resolved", few), ratio_reading("p95_s", few)
    ('worse', 'better')
    """
    if not isinstance(ratio, Estimate):
        return "unmeasured"
    if ratio.low <= 1 <= ratio.high:
        return "unclear"
    return "worse" if (ratio.high < 1) == (figure == "resolved") else "better"


def ratio_words(ratio: Measured) -> str:
    """A ratio with its interval; empty where there is none."""
    return f"{ratio_value(ratio)} {ratio_interval(ratio)}" if isinstance(ratio, Estimate) else ""


def difference(check: ClosedForm) -> float | None:
    """How far simulation and formula are apart, over the formula; None where that is not known."""
    if not isinstance(check.simulated, Estimate):
        return None
    if check.closed == 0:
        return 0.0 if check.simulated.value == 0 else None
    return abs(check.simulated.value - check.closed) / abs(check.closed)


def sweep_tells(sweep: Sweep) -> bool:
    """Whether any point has a p95, is saturated, or nearly so."""
    return any(
        point.saturated or point.n_saturated or isinstance(point.figures.get("p95_s"), Estimate)
        for point in sweep.points
    )


def closed_wait(seconds: float | None, unit: shown.Unit) -> str:
    """A wait by formula; what is below a ten-thousandth of a millisecond is none."""
    return shown.NONE if seconds is None else unit.number(round(seconds, 7))


def sweep_values(sweep: Sweep) -> list[float]:
    """The values that were tried, ascending."""
    return sorted({point.value for point in sweep.points})


def plain(value: float) -> str:
    """A number as a person would write it in a pipeline file.

    >>> plain(12.0), plain(0.25), plain(1500)
    ('12', '0.25', '1,500')
    """
    return f"{value:,.6g}"

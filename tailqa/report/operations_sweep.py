"""What a sweep says: its rows, why a cell is empty, and from where on an option is saturated."""

from collections.abc import Iterator
from dataclasses import dataclass

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.operations import Figure, Operations, Option, Sweep, SweepPoint
from tailqa.report import format as shown
from tailqa.report import operations_format as figures
from tailqa.report.escape import one_line

TIMES: tuple[Figure, ...] = ("p50_s", "p95_s", "p99_s")
_PLACE = shown.Unit(symbol="", tiny=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepRow:
    """One option at one value: its percentiles, or why there is none, and its bottleneck."""

    value: float
    option: Option
    times: tuple[Measured, ...]
    why: str
    bottleneck: str
    utilisation: Measured

    @property
    def p95(self) -> Measured:
        """The one that the chart draws."""
        return self.times[TIMES.index("p95_s")]


def sweep_rows(operations: Operations, sweep: Sweep) -> list[SweepRow]:
    """By value, then by option; what was not computed is not known."""
    points = {(point.value, point.option): point for point in sweep.points}
    return [
        _row(sweep, points[value, option])
        for value in figures.sweep_values(sweep)
        for option in figures.options_of(operations)
        if (value, option) in points
    ]


def _row(sweep: Sweep, point: SweepPoint) -> SweepRow:
    times = tuple(
        figures.NOT_COMPUTED if point.saturated else point.figures.get(time, figures.NOT_COMPUTED)
        for time in TIMES
    )
    return SweepRow(
        value=point.value,
        option=point.option,
        times=times,
        why=why_empty(sweep, point),
        bottleneck=one_line(point.bottleneck or ""),
        utilisation=point.utilisation or figures.NOT_COMPUTED,
    )


def why_empty(sweep: Sweep, point: SweepPoint) -> str:
    """Why a point has no p95, in few words; empty where it has one.

    >>> full = SweepPoint(value=9, option="teacher", figures={}, saturated="search")
    >>> why_empty(Sweep(key="arrivals.rate", points=(full,)), full)
    'saturated: search'
    """
    if point.saturated:
        return f"{figures.SATURATED}: {one_line(point.saturated)}"
    p95 = point.figures.get("p95_s", figures.NOT_COMPUTED)
    if isinstance(p95, Estimate):
        return ""
    if point.n_saturated and p95.reason.startswith(figures.CLOSE):
        return f"saturated in {point.n_saturated:,} of {sweep.n_resamples:,} resamples"
    return one_line(p95.reason)


def saturation_words(sweep: Sweep, operations: Operations) -> str:
    """From which value on each option is saturated; empty where none is known to be."""
    known = [
        f"{_place(sweep, option)} ({figures.OPTION_NAMES[option]})"
        for option in figures.options_of(operations)
        if option in sweep.saturation
    ]
    if not known:
        return ""
    full = ""
    if sweep.full < 1:
        full = f", a stage being {100 * sweep.full:g} % in use,"
    return f"Saturated{full} from {one_line(sweep.key)} = {', '.join(known)}."


def _place(sweep: Sweep, option: Option) -> str:
    value = _PLACE.number(sweep.saturation[option])
    found = sweep.saturated_from.get(option)
    if isinstance(found, Estimate):
        return f"{value} [{_PLACE.number(found.low)}, {_PLACE.number(found.high)}]"
    return f"{value}, without an interval: {one_line(found.reason)}" if found else value


def bottleneck_words(rows: list[SweepRow]) -> str:
    """Which stage the shares in use are of; empty where none is known."""
    of: dict[Option, dict[str, list[float]]] = {}
    for row in rows:
        if row.bottleneck:
            of.setdefault(row.option, {}).setdefault(row.bottleneck, []).append(row.value)
    said = {option: "; ".join(_stages(stages)) for option, stages in of.items()}
    if not said:
        return ""
    if len(set(said.values())) == 1:
        return f"The bottleneck is {next(iter(said.values()))}."
    each = ", ".join(f"{stages} ({figures.OPTION_NAMES[o]})" for o, stages in said.items())
    return f"The bottleneck is {each}."


def _stages(stages: dict[str, list[float]]) -> Iterator[str]:
    for stage, values in stages.items():
        if len(stages) == 1:
            yield stage
        else:
            yield f"{stage} at {', '.join(map(figures.plain, values))}"


def no_sweep(sweep: Sweep) -> str:
    """That a sweep has found nothing to show, and why."""
    reasons = [
        found.reason
        for point in sweep.points
        if isinstance(found := point.figures.get("p95_s"), TooFew)
    ]
    why = f": {one_line(reasons[0])}" if reasons else ""
    return f"No p95 is known at any value of {one_line(sweep.key)}{why}."

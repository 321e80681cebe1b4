"""The chart of a bench: student time over teacher time as the batch grows, a panel per prompt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tailqa.core.bench import METRICS, Bench, Crossover, Metric, Ratio, Speed
from tailqa.core.estimate import Estimate
from tailqa.report.bench_format import ratio_interval, ratio_value
from tailqa.report.bench_words import METRIC_NAMES, crossover_lines, crossovers_by_length

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 44.0, 408.0, 12.0, 262.0
READINGS: dict[Speed, str] = {
    "slower": "worse",
    "faster": "better",
    "unclear": "unclear",
    "unmeasured": "unmeasured",
}
_DODGE = 9.0
_LABEL = 22.0
"""Room above and below the marks for the words."""

_TICKS = (
    (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0),
    (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0),
    (0.8, 0.9, 1.0, 1.1, 1.2),
)
_LEAST_TICKS = 3
_LEAST_SPAN = 1.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One ratio; `low` and `high` are where its interval ends."""

    metric: Metric
    reading: str
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One prompt length. `one` is where no difference stands; above it the student is slower."""

    prompt_tokens: int
    one: float
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[str, ...]
    points: tuple[Point, ...]
    description: str
    findings: tuple[tuple[str, str, str | None], ...]


def ratio_panels(bench: Bench) -> tuple[Panel, ...]:
    """One panel per prompt length, all on the same logarithmic scale of the ratio."""
    low, high = _domain(bench.ratios)
    return tuple(
        _panel([r for r in bench.ratios if r.prompt_tokens == length], crossovers, low, high)
        for length, crossovers in crossovers_by_length(bench).items()
    )


def _panel(
    ratios: Sequence[Ratio], crossovers: Sequence[Crossover], low: float, high: float
) -> Panel:
    sizes = sorted({ratio.batch_size for ratio in ratios})
    step = (RIGHT - LEFT) / len(sizes)
    middle = {size: LEFT + step * (index + 0.5) for index, size in enumerate(sizes)}

    def place(ratio: float) -> float:
        share = (math.log(ratio) - math.log(low)) / (math.log(high) - math.log(low))
        return round(BOTTOM - _LABEL - share * (BOTTOM - TOP - 2 * _LABEL), 2)

    points = []
    for ratio in ratios:
        known = ratio.ratio
        if isinstance(known, Estimate):
            dodge = (METRICS.index(ratio.metric) - 1) * _DODGE
            points.append(
                Point(
                    metric=ratio.metric,
                    reading=READINGS[ratio.speed],
                    x=round(middle[ratio.batch_size] + dodge, 2),
                    y=place(known.value),
                    low=place(known.low),
                    high=place(known.high),
                )
            )
    return Panel(
        prompt_tokens=ratios[0].prompt_tokens,
        one=place(1),
        x_ticks=tuple((round(x, 2), f"{size:,}") for size, x in middle.items()),
        y_ticks=tuple((place(tick), f"{tick:g}") for tick in _ticks(low, high)),
        lines=tuple(_line([p for p in points if p.metric == metric]) for metric in METRICS),
        points=tuple(points),
        description=" ".join(_described(ratio) for ratio in ratios),
        findings=tuple(crossover_lines(crossovers)),
    )


def _line(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{point.x} {point.y}" for point in points) if points else ""


def _described(ratio: Ratio) -> str:
    numbers = f"{ratio_value(ratio.ratio)} {ratio_interval(ratio.ratio)}".strip()
    known = numbers if isinstance(ratio.ratio, Estimate) else "not measured"
    return f"{METRIC_NAMES[ratio.metric]}, batch {ratio.batch_size:,}: {known}."


def _domain(ratios: Sequence[Ratio]) -> tuple[float, float]:
    known = [ratio.ratio for ratio in ratios if isinstance(ratio.ratio, Estimate)]
    low = min([1 / _LEAST_SPAN, *(item.low for item in known)])
    high = max([_LEAST_SPAN, *(item.high for item in known)])
    air = (high / low) ** 0.04
    return low / air, high * air


def _ticks(low: float, high: float) -> list[float]:
    """The coarsest ticks of which enough fall between `low` and `high`."""
    found = ([tick for tick in ticks if low <= tick <= high] for ticks in _TICKS)
    return next((ticks for ticks in found if len(ticks) >= _LEAST_TICKS), [1.0])

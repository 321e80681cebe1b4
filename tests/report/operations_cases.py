"""Operations from numbers written by hand."""

from collections.abc import Mapping
from dataclasses import replace

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.operations import (
    ALL_TRAFFIC,
    OPTIONS,
    UNTIMED,
    AmdahlView,
    BreakEven,
    ClosedForm,
    CostedRun,
    Figure,
    IccEffect,
    Operations,
    Option,
    OptionCost,
    OptionRatio,
    SpeedBasis,
    StageLoad,
    Sweep,
    SweepPoint,
    TrapFinding,
)

NAMES = ("demo:teacher", "demo:student")
SATURATED = TooFew(reason="saturated: generation at 12 requests/s", n=180)
CLOSE = TooFew(
    reason="close to saturation: rerank at 16 requests/s (utilisation 0.97), saturated in 7 of 60 "
    "resamples",
    n=180,
)
_FIGURES: tuple[Figure, ...] = (
    "attempts",
    "prompt_tokens",
    "completion_tokens",
    "resolved",
    "uncaught",
    "given_up",
    "escalated",
    "mean_s",
    "p50_s",
    "p95_s",
    "p99_s",
    "tokens_per_resolved",
    "seconds_per_resolved",
    "usd_per_query",
    "usd_per_resolved",
)
_VALUES: dict[Option, tuple[float, ...]] = {
    "teacher": (
        *(1.04, 412.0, 31.2, 0.978, 0.012, 0.010, 0.0),
        *(0.912, 0.871, 1.52, 2.21, 453.0, 0.932, 0.0031, 0.0032),
    ),
    "student": (
        *(1.62, 655.0, 58.4, 0.882, 0.041, 0.077, 0.0),
        *(0.871, 0.533, 2.43, 3.92, 809.0, 0.987, 0.0011, 0.0012),
    ),
    "escalated": (
        *(1.71, 702.0, 61.7, 0.962, 0.028, 0.010, 0.083),
        *(0.982, 0.541, 2.95, 4.41, 794.0, 1.021, 0.0014, 0.0015),
    ),
}


def about(value: float, spread: float = 0.06, n: int = 720) -> Estimate:
    return Estimate(
        value=value,
        low=value * (1 - spread),
        high=value * (1 + spread),
        level=0.95,
        method="bootstrap-percentile",
        n=n,
    )


def option_cost(
    option: Option, scope: str = ALL_TRAFFIC, scale: float = 1.0, n: int = 720
) -> OptionCost:
    """A stratum where everything that can grow is `scale` times as much."""
    figures: dict[Figure, Measured] = {}
    for figure, value in zip(_FIGURES, _VALUES[option], strict=True):
        if figure == "resolved":
            found = about(min(0.985, value / scale), 0.02, n)
            figures[figure] = replace(found, high=min(1.0, found.high))
        else:
            share = figure in ("uncaught", "given_up", "escalated")
            figures[figure] = about(value if share else value * scale, 0.06, n)
    draws: Mapping[Figure, tuple[float | None, ...]] = {}
    if scope == ALL_TRAFFIC:
        draws = {"p95_s": (1.4, 1.5, None), "mean_s": (0.9, 0.91, 0.92)}
    return OptionCost(option=option, scope=scope, figures=figures, draws=draws)


def _ratios() -> tuple[OptionRatio, ...]:
    return tuple(
        OptionRatio(
            option=option,
            figure=figure,
            ratio=about(_VALUES[option][index] / _VALUES["teacher"][index], 0.03)
            if _VALUES["teacher"][index]
            else TooFew(reason="the figure that it is compared with is 0", n=720),
        )
        for option in OPTIONS[1:]
        for index, figure in enumerate(_FIGURES)
    )


def _stages() -> tuple[StageLoad, ...]:
    known = {
        "embedding": (1.0, 0.06, 0.0004, 0.012, 0.00041),
        "search": (1.0, 0.21, 0.0021, 0.035, 0.0022),
        "rerank": (1.0, 0.48, 0.031, 0.08, 0.0305),
        "generation": (1.04, 0.71, 0.122, 0.66, None),
    }
    busier: dict[Option, float] = {"teacher": 1.0, "student": 0.6, "escalated": 0.72}
    return tuple(
        StageLoad(
            option=option,
            stage=stage,
            visits_per_query=about(visits),
            utilisation=about(use * (busier[option] if stage == "generation" else 1.0), 0.02),
            wait_s=about(wait),
            service_s=about(service * (busier[option] if stage == "generation" else 1.0)),
            closed_wait_s=closed,
            bottleneck=stage == ("generation" if option == "teacher" else "rerank"),
        )
        for option in OPTIONS
        for stage, (visits, use, wait, service, closed) in known.items()
    )


def _traps() -> tuple[TrapFinding, ...]:
    def found(scope: str, occurs: str, value: float, figure: Figure) -> TrapFinding:
        return TrapFinding(
            scope=scope,
            option="student",
            figure=figure,
            occurs=occurs,  # type: ignore[arg-type]
            per_token=about(0.34, 0.03),
            per_resolved=about(value, 0.05),
        )

    return (
        found(ALL_TRAFFIC, "unclear", 1.04, "seconds_per_resolved"),
        found(ALL_TRAFFIC, "yes", 1.79, "tokens_per_resolved"),
        found("head/plain", "no", 0.61, "seconds_per_resolved"),
        found("tail/phrasing", "no", 0.72, "seconds_per_resolved"),
        found("tail/multi-step", "yes", 4.21, "seconds_per_resolved"),
    )


def _sweep() -> Sweep:
    base: dict[Option, float] = {"teacher": 1.1, "student": 1.6, "escalated": 1.9}
    last: dict[Option, float] = {"teacher": 11.4, "student": 19.6, "escalated": 16.2}
    points = []
    for rate in (1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 20.0):
        for option in OPTIONS:
            full = rate >= last[option]
            close = (rate, option) == (16.0, "escalated")
            p95 = base[option] / max(0.02, 1 - rate / last[option])
            figures: dict[Figure, Measured] = {
                figure: SATURATED if full else CLOSE if close else about(p95 * scale, 0.1)
                for figure, scale in (("p50_s", 0.5), ("p95_s", 1.0), ("p99_s", 1.5))
            }
            points.append(
                SweepPoint(
                    value=rate,
                    option=option,
                    figures=figures,
                    saturated="generation" if full else None,
                    bottleneck="generation" if option == "teacher" else "rerank",
                    utilisation=about(0.98 * rate / last[option], 0.03),
                    n_saturated=60 if full else 7 if close else 0,
                )
            )
    return Sweep(
        key="arrivals.rate",
        points=tuple(points),
        saturation=last,
        saturated_from={option: about(value, 0.03) for option, value in last.items()},
        full=0.98,
        n_resamples=60,
    )


def make_operations(**changes: object) -> Operations:
    """The report on a pipeline as it may come out, with `changes`."""
    scopes = {"head/plain": 0.95, "tail/phrasing": 1.1, "tail/multi-step": 2.4}
    options = tuple(option_cost(option) for option in OPTIONS) + tuple(
        option_cost(option, scope, 1.0 if option == "teacher" else scale, 180)
        for scope, scale in scopes.items()
        for option in OPTIONS
    )
    values: dict[str, object] = {
        "name": "rag",
        "digest": "5eed" * 16,
        "run": CostedRun(created="2026-11-20T08:00:00+00:00", suite="support", n_queries=1200),
        "changes": ("policy.max_attempts=3",),
        "pipeline": {"arrivals": {"kind": "poisson", "rate": 6.0}, "policy": {"max_attempts": 3}},
        "options": options,
        "stages": _stages(),
        "checks": (
            ClosedForm(
                option="teacher",
                scope=ALL_TRAFFIC,
                figure="attempts",
                closed=1.04,
                simulated=about(1.0405),
                agrees=True,
            ),
            ClosedForm(
                option="student",
                scope="tail/multi-step",
                figure="attempts",
                closed=2.61,
                simulated=about(2.62),
                agrees=True,
            ),
        ),
        "traps": _traps(),
        "break_evens": (
            BreakEven(
                variable="tail share",
                option="student",
                figure="seconds_per_resolved",
                current=0.18,
                value=about(0.142, 0.1),
                meaning="above it the teacher takes less time",
            ),
            BreakEven(
                variable="max attempts",
                option="escalated",
                figure="tokens_per_resolved",
                current=3.0,
                value=TooFew(reason="the student takes more tokens at every cap", n=720),
                meaning="",
            ),
        ),
        "amdahl": AmdahlView(
            share=about(0.62),
            generation=about(2.94),
            by_law=about(1.69),
            unloaded=about(1.68),
            loaded=about(1.31),
            next_bottleneck="rerank",
        ),
        "icc_effects": tuple(
            IccEffect(
                icc=icc,
                option=option,
                figures={"attempts": 1.4 + icc, "resolved": 0.93 - icc / 8, "p95_s": 2.2 + icc},
            )
            for icc in (0.0, 0.5, 0.9)
            for option in ("student", "escalated")
        ),
        "speeds": (
            SpeedBasis(
                side="teacher",
                source="tailqa bench on cpu, 2 threads",
                base_s=0.012,
                prompt_token_s=0.00002,
                completion_token_s=0.0112,
                slowdown=(1.0, 1.2, 1.5, 1.9),
                n_timed=120,
            ),
            SpeedBasis(
                side="student",
                source="the run's own timed answers",
                base_s=0.004,
                prompt_token_s=0.00001,
                completion_token_s=0.0038,
                slowdown=(1.0,),
                n_timed=120,
            ),
        ),
        "assumptions": ("Retries were not sampled: an ICC of 0.5 is assumed.",),
        "level": 0.95,
        "n_resamples": 1000,
        "n_requests": 20_000,
        "seed": 0,
        "sweep": _sweep(),
        "ratios": _ratios(),
    }
    return Operations(**(values | changes))  # type: ignore[arg-type]


def without_prices(operations: Operations) -> Operations:
    """The same, made without a price."""
    options = tuple(
        replace(row, figures={k: v for k, v in row.figures.items() if not k.startswith("usd")})
        for row in operations.options
    )
    ratios = tuple(item for item in operations.ratios if not item.figure.startswith("usd"))
    return replace(operations, options=options, ratios=ratios)


def saturated(operations: Operations, option: Option = "teacher") -> Operations:
    """The same with one option that gets more than it can do: no time is known."""
    options = tuple(
        replace(
            row,
            figures={
                figure: SATURATED if figure.endswith("_s") or "seconds" in figure else measured
                for figure, measured in row.figures.items()
            },
        )
        if row.option == option
        else row
        for row in operations.options
    )
    return replace(operations, options=options)


def untimed(operations: Operations) -> Operations:
    """The same of a run without times, in a closed loop."""
    none = TooFew(reason=UNTIMED, n=0)
    options = tuple(
        replace(
            row,
            figures={
                figure: none if figure.endswith("_s") or "seconds" in figure else measured
                for figure, measured in row.figures.items()
            },
        )
        for row in operations.options
    )
    stages = tuple(
        replace(
            stage,
            utilisation=none,
            wait_s=none,
            service_s=none if stage.stage == "generation" else stage.service_s,
            closed_wait_s=None,
            bottleneck=False,
        )
        for stage in operations.stages
    )
    return replace(operations, options=options, stages=stages, amdahl=None, speeds=(), ratios=())

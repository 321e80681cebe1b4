"""A run and a pipeline → what each way of using the student costs, against the teacher."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tailqa.core.bench import Bench
from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.operations import (
    BreakEven,
    Figure,
    IccEffect,
    Operations,
    Option,
    Sweep,
    SweepPoint,
)
from tailqa.core.report import Run
from tailqa.cost.arrivals import Bursty, Closed, Poisson, Trace
from tailqa.cost.assemble import arrival_times, rules_of, stations, trace
from tailqa.cost.break_even import (
    accuracy_break_even,
    attempts_break_even,
    capped,
    tail_share_break_even,
)
from tailqa.cost.comparison import (
    PER_RESOLVED,
    amdahl_view,
    closed_forms,
    option_ratios,
    stage_loads,
    trap_findings,
)
from tailqa.cost.figures import figure_rows, option_costs, unknown_figures
from tailqa.cost.population import SIDES, stratum_fits
from tailqa.cost.prediction import (
    Predicted,
    Setting,
    offered_load,
    predict,
    steady_requests,
)
from tailqa.cost.queries import Asked, Coming, ask
from tailqa.cost.scene import Scene, expect
from tailqa.cost.schema import Pipeline
from tailqa.cost.spending import per_attempt, spender, spent
from tailqa.workflows.scenes import Basis, fewer, retries_matter, scene_of

if TYPE_CHECKING:
    from tailqa.cost.comparison import Rows

LEVEL = 0.95
RESAMPLES = 200
SWEEP_RESAMPLES = 60
ASSUMED_ICCS = (0.1, 0.3, 0.5, 0.7, 0.9)
CENTRAL = 60_000
"""Requests simulated for the data as measured."""

UNLOADED = 1_000
APART_S = 60.0
MOST_REQUESTS = 40_000
_TRACE_LEAST = 2_000


@dataclass(frozen=True, kw_only=True)
class Swept:
    """One key of the pipeline at several values: the pipeline at each."""

    key: str
    pipelines: Sequence[tuple[float, Pipeline]]


def run_operations(
    run: Run,
    pipeline: Pipeline,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    bench: Bench | None = None,
    swept: Swept | None = None,
) -> Operations:
    """What `pipeline` makes of the models of `run`, every figure with its interval.

    Queries are resampled jointly (correctness, tokens and times of one query on both models stay
    together) and sent through the pipeline. Raises TailqaError where the run lacks what that
    takes, InputError for a pipeline that does not fit it.
    """
    basis = scene_of(run, pipeline, resamples=resamples, seed=seed, bench=bench)
    scene = basis.scene
    settings = {option: _setting(pipeline, option) for option in pipeline.options}
    asked = _asked(scene, pipeline, settings, seed)
    predicted = {
        option: predict(scene, setting, asked, seed=seed, steady=trace(pipeline) is None)
        for option, setting in settings.items()
    }
    rows = {option: figure_rows(found, pipeline) for option, found in predicted.items()}
    unknown = {
        option: unknown_figures(scene, found, pipeline, level=LEVEL)
        for option, found in predicted.items()
    }
    costs = tuple(
        cost
        for found in predicted.values()
        for cost in option_costs(scene, found, pipeline, level=LEVEL)
    )
    tail = [stratum.kind == "tail" for stratum in run.report.strata]
    return Operations(
        name=pipeline.name,
        digest=pipeline.digest,
        pipeline=pipeline.content(),
        options=costs,
        ratios=option_ratios(costs, level=LEVEL),
        stages=tuple(
            load for found in predicted.values() for load in stage_loads(scene, found, level=LEVEL)
        ),
        checks=tuple(
            check
            for option, found in predicted.items()
            for check in closed_forms(found, rows[option], level=LEVEL)
        ),
        traps=trap_findings(scene, rows, unknown, level=LEVEL),
        break_evens=_break_evens(scene, predicted, rows, unknown, tail),
        amdahl=amdahl_view(
            scene,
            predicted,
            {option: _unloaded(scene, settings[option], seed) for option in SIDES},
            level=LEVEL,
        ),
        icc_effects=_icc_effects(basis, pipeline, settings),
        speeds=basis.speeds,
        assumptions=basis.assumptions,
        level=LEVEL,
        n_resamples=resamples,
        n_requests=sum(found.n_requests for found in predicted.values()),
        seed=seed,
        sweep=None if swept is None else _sweep(run, swept, seed=seed, bench=bench),
    )


def _setting(pipeline: Pipeline, option: Option) -> Setting:
    return Setting(
        option=option,
        stations=stations(pipeline, option),
        rules=rules_of(pipeline, option),
        rate=_rate(pipeline),
    )


def _rate(pipeline: Pipeline) -> float | None:
    """Requests per second; None in a closed loop."""
    arrivals = pipeline.arrivals
    if isinstance(arrivals, Poisson):
        return arrivals.rate
    if isinstance(arrivals, Bursty):
        return arrivals.mean_rate
    recorded = trace(pipeline)
    if recorded is None:
        return None
    n, last = len(recorded.arrival_s), float(recorded.arrival_s[-1])
    return (n - 1) / last if last > 0 else None


def _asked(
    scene: Scene, pipeline: Pipeline, settings: Mapping[Option, Setting], seed: int
) -> list[tuple[int, Asked]]:
    """Requests for every row, the same for every option; row 0 gets many times as many."""
    n = _n_requests(scene, pipeline, settings)
    rows = [0] * max(1, round(CENTRAL / n)) + list(range(1, scene.n_rows))
    found = []
    for turn, row in enumerate(rows):
        rng = np.random.default_rng([seed, 2, turn])
        found.append((row, ask(scene, row, _coming(pipeline, n, rng), rng)))
    return found


def _n_requests(scene: Scene, pipeline: Pipeline, settings: Mapping[Option, Setting]) -> int:
    recorded = trace(pipeline)
    if recorded is not None:
        rows = len(recorded.arrival_s)
        return rows * -(-_TRACE_LEAST // rows)
    once = fewer(scene, 1)
    needed = [
        steady_requests(offered_load(once, setting, expect(once, option, setting.rules)))
        for option, setting in settings.items()
    ]
    arrivals = pipeline.arrivals
    if isinstance(arrivals, Bursty):
        turns = arrivals.mean_rate * (arrivals.calm_s + arrivals.burst_s)
        needed.append(round(50 * turns))
    return min(MOST_REQUESTS, max(needed))


def _coming(pipeline: Pipeline, n: int, rng: np.random.Generator) -> Coming:
    arrivals = pipeline.arrivals
    if isinstance(arrivals, Closed):
        return Coming(n=n, clients=arrivals.clients, think=arrivals.think.times())
    arrival_s = arrival_times(pipeline, n, rng)
    recorded = trace(pipeline)
    if recorded is None:
        return Coming(n=n, arrival_s=arrival_s)
    prompt, completion = (
        None if tokens is None or not tokens.any() else np.resize(tokens / tokens.mean(), n)
        for tokens in (recorded.context_tokens, recorded.generated_tokens)
    )
    return Coming(n=n, arrival_s=arrival_s, prompt_factor=prompt, completion_factor=completion)


def _unloaded(scene: Scene, setting: Setting, seed: int) -> Predicted:
    """The same without any wait: no stage has a limit, and a model is as fast as alone."""
    free = tuple(replace(station, servers=0) for station in setting.stations)
    alone = replace(setting, stations=free, rate=None)
    asked = []
    for row in range(scene.n_rows):
        rng = np.random.default_rng([seed, 3, row])
        n = UNLOADED if row else CENTRAL // 3
        # Nothing waits, so they may come one by one, which is simulated the soonest.
        coming = Coming(n=n, arrival_s=np.arange(n, dtype=np.float64) * APART_S)
        asked.append((row, ask(scene, row, coming, rng)))
    return predict(scene, alone, asked, seed=seed, steady=False)


def _break_evens(
    scene: Scene,
    predicted: Mapping[Option, Predicted],
    rows: Mapping[Option, "Rows"],
    unknown: Mapping[Option, Mapping[Figure, TooFew]],
    tail: Sequence[bool],
) -> tuple[BreakEven, ...]:
    rules = {option: found.setting.rules for option, found in predicted.items()}
    by_cap = {
        option: capped(scene, option, rules[option])
        for option, prediction in predicted.items()
        if not prediction.setting.timed
    }
    found: list[BreakEven | None] = []
    for figure in PER_RESOLVED:
        for option in predicted:
            if option == "teacher" or figure in {**unknown[option], **unknown["teacher"]}:
                continue
            both = spent(rows[option], figure), spent(rows["teacher"], figure)
            found.append(tail_share_break_even(scene, option, figure, both, tail, level=LEVEL))
            if figure == "usd_per_resolved" or predicted[option].setting.timed:
                continue
            spend = spender(figure, predicted)
            found.append(
                attempts_break_even(
                    scene,
                    option,
                    figure,
                    by_cap,
                    spend,
                    current=rules[option].max_attempts,
                    level=LEVEL,
                )
            )
            if option == "student":
                found.append(
                    accuracy_break_even(
                        scene,
                        rules[option],
                        figure,
                        rows["teacher"][figure][:, -1],
                        per_attempt(scene, predicted[option], figure, rules[option]),
                        level=LEVEL,
                    )
                )
    return tuple(item for item in found if item is not None)


def _icc_effects(
    basis: Basis, pipeline: Pipeline, settings: Mapping[Option, Setting]
) -> tuple[IccEffect, ...]:
    """What correlations of attempts would make of it, where none was measured."""
    people = basis.scene.people
    measured = pipeline.policy.icc is None and all(people.several(side) for side in SIDES)
    timed = any(setting.timed for setting in settings.values())
    if measured or timed or not retries_matter(pipeline):
        return ()
    effects = []
    once = fewer(basis.scene, 1)
    for icc in ASSUMED_ICCS:
        fits = {side: stratum_fits(people, side, once.weights, icc) for side in SIDES}
        assumed = replace(once, fits=fits)
        for option, setting in settings.items():
            expected = expect(assumed, option, setting.rules)
            tokens = expected.prompt_tokens + expected.completion_tokens
            tokens = tokens + expected.second_prompt_tokens + expected.second_completion_tokens
            resolved = float(expected.counts["resolved"][0, -1])
            figures: dict[Figure, float] = {
                "attempts": float(expected.attempts[0, -1]),
                "resolved": resolved,
                "uncaught": float(expected.counts["uncaught"][0, -1]),
            }
            if resolved > 0:
                figures["tokens_per_resolved"] = float(tokens[0, -1]) / resolved
            effects.append(IccEffect(icc=icc, option=option, figures=figures))
    return tuple(effects)


def _sweep(run: Run, swept: Swept, *, seed: int, bench: Bench | None) -> Sweep:
    points: list[SweepPoint] = []
    saturation: dict[Option, float] = {}
    for value, pipeline in swept.pipelines:
        basis = scene_of(run, pipeline, resamples=SWEEP_RESAMPLES, seed=seed, bench=bench)
        scene = basis.scene
        settings = {option: _setting(pipeline, option) for option in pipeline.options}
        asked = _asked(scene, pipeline, settings, seed)
        for option, setting in settings.items():
            steady = trace(pipeline) is None
            found = predict(scene, setting, asked, seed=seed, steady=steady)
            cost = option_costs(scene, found, pipeline, level=LEVEL)[-1]
            full = found.saturated
            points.append(
                SweepPoint(
                    value=value,
                    option=option,
                    figures={
                        figure: measured
                        for figure, measured in cost.figures.items()
                        if isinstance(measured, Estimate)
                    },
                    saturated=None if full is None else full.name,
                )
            )
            highest = float(np.nanmax(found.utilisation[0], initial=0.0))
            if highest > 0 and _in_proportion(swept.key, pipeline, found):
                saturation[option] = value / highest
    return Sweep(key=swept.key, points=tuple(points), saturation=saturation)


def _in_proportion(key: str, pipeline: Pipeline, found: Predicted) -> bool:
    """Whether utilisation grows in proportion to the values of `key`."""
    arrivals = pipeline.arrivals
    faster = (isinstance(arrivals, Poisson) and key == "arrivals.rate") or (
        isinstance(arrivals, Trace) and key == "arrivals.speed_up"
    )
    return faster and not found.setting.timed and found.expected.own_s is not None

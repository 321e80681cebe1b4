"""A pipeline → its settings, and the requests that are simulated for each resample."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from tailqa.core.operations import Option
from tailqa.cost.arrivals import Bursty, Closed, Poisson
from tailqa.cost.assemble import arrival_times, rules_of, stations, trace
from tailqa.cost.expectations import expect
from tailqa.cost.offered import Setting, offered_load, steady_requests
from tailqa.cost.prediction import Predicted, predict
from tailqa.cost.queries import Asked, Coming, ask
from tailqa.cost.scene import Scene
from tailqa.cost.schema import Pipeline
from tailqa.workflows.scenes import fewer

CENTRAL = 60_000
"""Requests simulated for the data as measured."""

UNLOADED = 1_000
APART_S = 60.0
MOST_REQUESTS = 40_000
_TRACE_LEAST = 2_000


def setting_of(pipeline: Pipeline, option: Option) -> Setting:
    """How an option goes through the pipeline."""
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


def asked_for(
    scene: Scene, pipeline: Pipeline, settings: Mapping[Option, Setting], seed: int
) -> Iterator[tuple[int, Asked]]:
    """Requests for every row, for all options; row 0 gets many times as many.

    They are drawn as they are taken, so that the first ones are simulated while others are drawn.
    """
    n = _n_requests(scene, pipeline, settings)
    rows = [0] * max(1, round(CENTRAL / n)) + list(range(1, scene.n_rows))
    for turn, row in enumerate(rows):
        rng = np.random.default_rng([seed, 2, turn])
        yield row, ask(scene, row, _coming(pipeline, n, rng), rng)


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


def without_load(
    scene: Scene, settings: Mapping[Option, Setting], seed: int
) -> dict[Option, Predicted]:
    """The same without any wait: no stage has a limit, and a model is as fast as alone."""
    alone = {option: _unlimited(setting) for option, setting in settings.items()}

    def drawn() -> Iterator[tuple[int, Asked]]:
        for row in range(scene.n_rows):
            rng = np.random.default_rng([seed, 3, row])
            n = UNLOADED if row else CENTRAL // 3
            # Nothing waits, so they may come one by one, which is simulated the soonest.
            coming = Coming(n=n, arrival_s=np.arange(n, dtype=np.float64) * APART_S)
            yield row, ask(scene, row, coming, rng)

    return predict(scene, alone, drawn(), seed=seed, steady=False)


def _unlimited(setting: Setting) -> Setting:
    free = tuple(replace(station, servers=0) for station in setting.stations)
    return replace(setting, stations=free, rate=None)

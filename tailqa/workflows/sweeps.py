"""One key of a pipeline at several values: the figures at each, and where options saturate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tailqa.core.bench import Bench
from tailqa.core.estimate import Measured
from tailqa.core.operations import Option, Sweep, SweepPoint
from tailqa.core.report import Run
from tailqa.cost.arrivals import Poisson, Trace
from tailqa.cost.assemble import trace
from tailqa.cost.certain import size_of
from tailqa.cost.figures import measured, option_costs, saturated_resamples
from tailqa.cost.offered import STEADY
from tailqa.cost.prediction import Predicted, predict
from tailqa.cost.scene import Scene
from tailqa.cost.schema import Pipeline
from tailqa.cost.stages import stage_loads
from tailqa.workflows.requests import asked_for, setting_of
from tailqa.workflows.scenes import drawn_from, scene_of

Floats = npt.NDArray[np.float64]

SWEEP_RESAMPLES = 60


@dataclass(frozen=True, kw_only=True)
class Swept:
    """One key of the pipeline at several values: the pipeline at each."""

    key: str
    pipelines: Sequence[tuple[float, Pipeline]]


def sweep(run: Run, swept: Swept, *, seed: int, level: float, bench: Bench | None = None) -> Sweep:
    """The figures of all traffic at every value. Raises as `run_operations` does."""
    points: list[SweepPoint] = []
    saturation: dict[Option, float] = {}
    saturated_from: dict[Option, Measured] = {}
    scenes: dict[tuple[object, ...], Scene] = {}
    for value, pipeline in swept.pipelines:
        same = drawn_from(pipeline)
        if same not in scenes:
            basis = scene_of(run, pipeline, resamples=SWEEP_RESAMPLES, seed=seed, bench=bench)
            # What a scene has worked out takes much memory: one at a time.
            scenes = {same: basis.scene}
        scene = scenes[same]
        settings = {option: setting_of(pipeline, option) for option in pipeline.options}
        asked = asked_for(scene, pipeline, settings, seed)
        steady = trace(pipeline) is None
        predicted = predict(scene, settings, asked, seed=seed, steady=steady)
        for option, found in predicted.items():
            points.append(_point(value, scene, found, pipeline, level=level))
            full = _full_at(value, found)
            if math.isfinite(full[0]) and _in_proportion(swept.key, pipeline, found):
                # It follows from any value; the last one's is kept.
                saturation[option] = float(full[0])
                saturated_from[option] = measured(full, level=level, size=size_of(scene.people))
    return Sweep(
        key=swept.key,
        points=tuple(points),
        saturation=saturation,
        saturated_from=saturated_from,
        full=STEADY,
        n_resamples=SWEEP_RESAMPLES,
    )


def _point(
    value: float, scene: Scene, found: Predicted, pipeline: Pipeline, *, level: float
) -> SweepPoint:
    cost = option_costs(scene, found, pipeline, level=level)[-1]
    loads = stage_loads(scene, found, level=level)
    busiest = next((load for load in loads if load.bottleneck), None)
    return SweepPoint(
        value=value,
        option=found.setting.option,
        figures=cost.figures,
        saturated=None if found.saturated is None else found.saturated.name,
        bottleneck=None if busiest is None else busiest.stage,
        utilisation=None if busiest is None else busiest.utilisation,
        n_saturated=len(saturated_resamples(found)),
    )


def _full_at(value: float, found: Predicted) -> Floats:
    """The value at which a stage is full, one per row, where utilisation grows in proportion."""
    highest = np.nanmax(found.utilisation, axis=1, initial=0.0)
    at = np.full(len(highest), np.inf)
    np.divide(STEADY * value, highest, out=at, where=highest > 0)
    return at


def _in_proportion(key: str, pipeline: Pipeline, found: Predicted) -> bool:
    """Whether utilisation grows in proportion to the values of `key`."""
    arrivals = pipeline.arrivals
    faster = (isinstance(arrivals, Poisson) and key == "arrivals.rate") or (
        isinstance(arrivals, Trace) and key == "arrivals.speed_up"
    )
    return faster and not found.setting.timed and found.expected.own_s is not None

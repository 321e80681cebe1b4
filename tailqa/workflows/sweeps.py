"""One key of a pipeline at several values: the figures at each, and where options saturate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tailqa.core.bench import Bench
from tailqa.core.estimate import Estimate
from tailqa.core.operations import Option, Sweep, SweepPoint
from tailqa.core.report import Run
from tailqa.cost.arrivals import Poisson, Trace
from tailqa.cost.assemble import trace
from tailqa.cost.figures import option_costs
from tailqa.cost.prediction import Predicted, predict
from tailqa.cost.schema import Pipeline
from tailqa.workflows.requests import asked_for, setting_of
from tailqa.workflows.scenes import scene_of

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
    for value, pipeline in swept.pipelines:
        basis = scene_of(run, pipeline, resamples=SWEEP_RESAMPLES, seed=seed, bench=bench)
        scene = basis.scene
        settings = {option: setting_of(pipeline, option) for option in pipeline.options}
        asked = asked_for(scene, pipeline, settings, seed)
        for option, setting in settings.items():
            steady = trace(pipeline) is None
            found = predict(scene, setting, asked[option], seed=seed, steady=steady)
            cost = option_costs(scene, found, pipeline, level=level)[-1]
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

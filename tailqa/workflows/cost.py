"""A run and a pipeline → what each way of using the student costs, against the teacher."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tailqa.core.bench import Bench
from tailqa.core.estimate import TooFew
from tailqa.core.operations import (
    BreakEven,
    CostedRun,
    Figure,
    IccEffect,
    Operations,
    Option,
)
from tailqa.core.report import Run
from tailqa.cost.assemble import trace
from tailqa.cost.break_even import (
    accuracy_break_even,
    attempts_break_even,
    capped,
    tail_share_break_even,
)
from tailqa.cost.checks import closed_forms
from tailqa.cost.comparison import (
    PER_RESOLVED,
    amdahl_view,
    option_ratios,
    trap_findings,
)
from tailqa.cost.expectations import expect
from tailqa.cost.figures import figure_rows, option_costs, unknown_figures
from tailqa.cost.money import usd_has_formula
from tailqa.cost.offered import Setting
from tailqa.cost.population import SIDES, stratum_fits
from tailqa.cost.prediction import Predicted, predict
from tailqa.cost.scene import Scene
from tailqa.cost.schema import Pipeline
from tailqa.cost.spending import per_attempt, spender, spent
from tailqa.cost.stages import stage_loads
from tailqa.workflows.cost_notes import paid_words
from tailqa.workflows.requests import asked_for, setting_of, without_load
from tailqa.workflows.scenes import Basis, fewer, retries_matter, scene_of
from tailqa.workflows.sweeps import Swept, sweep

if TYPE_CHECKING:
    from tailqa.cost.comparison import Rows

LEVEL = 0.95
RESAMPLES = 200
# A trace is played whole in every resample, and is long.
TRACE_RESAMPLES = 100
ASSUMED_ICCS = (0.1, 0.3, 0.5, 0.7, 0.9)


def run_operations(
    run: Run,
    pipeline: Pipeline,
    *,
    seed: int = 0,
    resamples: int | None = None,
    bench: Bench | None = None,
    swept: Swept | None = None,
) -> Operations:
    """What `pipeline` makes of the models of `run`, every figure with its interval.

    Queries are resampled jointly (correctness, tokens and times of one query on both models stay
    together) and sent through the pipeline; `resamples` is 200 by default, with a trace 100.
    Raises TailqaError where the run lacks what that takes, InputError for a pipeline that does
    not fit it.
    """
    played = trace(pipeline) is not None
    if resamples is None:
        resamples = TRACE_RESAMPLES if played else RESAMPLES
    basis = scene_of(run, pipeline, resamples=resamples, seed=seed, bench=bench)
    scene = basis.scene
    settings = {option: setting_of(pipeline, option) for option in pipeline.options}
    asked = asked_for(scene, pipeline, settings, seed)
    predicted = predict(scene, settings, asked, seed=seed, steady=not played)
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
        break_evens=_break_evens(scene, predicted, rows, unknown, tail, pipeline=pipeline),
        amdahl=amdahl_view(
            scene,
            predicted,
            without_load(scene, {option: settings[option] for option in SIDES}, seed),
            level=LEVEL,
        ),
        icc_effects=_icc_effects(basis, pipeline, settings),
        speeds=basis.speeds,
        assumptions=(
            *basis.assumptions,
            *_timed_words(settings),
            *paid_words(pipeline, settings, unknown),
        ),
        level=LEVEL,
        n_resamples=resamples,
        n_requests=sum(found.n_requests for found in predicted.values()),
        seed=seed,
        run=CostedRun(
            created=run.report.created,
            suite=run.report.suite.name,
            n_queries=scene.people.n,
        ),
        sweep=None if swept is None else sweep(run, swept, seed=seed, level=LEVEL, bench=bench),
    )


def _break_evens(
    scene: Scene,
    predicted: Mapping[Option, Predicted],
    rows: Mapping[Option, "Rows"],
    unknown: Mapping[Option, Mapping[Figure, TooFew]],
    tail: Sequence[bool],
    *,
    pipeline: Pipeline,
) -> tuple[BreakEven, ...]:
    paid = all(usd_has_formula(pipeline, found.setting) for found in predicted.values())
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
            if predicted[option].setting.timed or (figure == "usd_per_resolved" and not paid):
                continue
            spend = spender(figure, predicted, pipeline)
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
                        per_attempt(scene, predicted[option], figure, pipeline),
                        level=LEVEL,
                    )
                )
    return tuple(item for item in found if item is not None)


def _timed_words(settings: Mapping[Option, Setting]) -> tuple[str, ...]:
    """Why some of the report is missing, where time decides on attempts."""
    if not any(setting.timed for setting in settings.values()):
        return ()
    return (
        "A timeout or a hedged copy depends on time, so attempts, tokens and outcomes are "
        "simulated too: there is no formula to check them by, no Amdahl's law, and no break-even "
        "but that of the tail share",
    )


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

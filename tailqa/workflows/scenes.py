"""A run and a pipeline → the scene that is simulated, and where its speeds come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tailqa.core.answer import Side
from tailqa.core.bench import Bench
from tailqa.core.errors import TailqaError
from tailqa.core.operations import SpeedBasis
from tailqa.core.report import Run
from tailqa.cost.assemble import trace
from tailqa.cost.lengths import mean_tokens
from tailqa.cost.line import Speed
from tailqa.cost.population import (
    SIDES,
    Population,
    query_weights,
    stratum_fits,
)
from tailqa.cost.scene import Scene
from tailqa.cost.schema import Pipeline, ToTeacher
from tailqa.cost.speed import LEAST_TIMED, bench_speed, fitted_speeds
from tailqa.workflows.advice import retries_advice, speed_advice
from tailqa.workflows.bench_models import check_bench_models
from tailqa.workflows.tried import timed_queries, tried_population


@dataclass(frozen=True, kw_only=True)
class Basis:
    """A scene, where its speeds come from, and in sentences what was assumed."""

    scene: Scene
    speeds: tuple[SpeedBasis, ...]
    assumptions: tuple[str, ...]


def scene_of(
    run: Run, pipeline: Pipeline, *, resamples: int, seed: int, bench: Bench | None = None
) -> Basis:
    """The queries of `run` with `resamples` resamples, as long as the pipeline's trace says.

    Raises TailqaError where the run has no tokens, where its speed with several requests in a
    server is needed and was not measured, or where `bench` measured other models.
    """
    if bench is not None:
        check_bench_models(bench, run.report)
    people = tried_population(run)
    scaled = _as_long_as_traced(people, pipeline)
    assumptions = list(_retries_known(people, pipeline, retries_advice(run.report)))
    if scaled is not people:
        assumptions.append(
            "Requests are as long as those of the trace: a query's tokens are scaled so that the "
            "teacher's are the trace's, and seconds are extrapolated by tokens"
        )
    weights = query_weights(people, resamples, np.random.default_rng([seed, 1]))
    fits = {side: stratum_fits(people, side, weights, pipeline.policy.icc) for side in SIDES}
    speeds: dict[Side, Sequence[Speed] | None] = {}
    bases = []
    for side in SIDES:
        timed = timed_queries(run.report, people, side)
        if timed is not None and len(timed.query) < LEAST_TIMED:
            timed = None
        alone = None if timed is None else fitted_speeds(timed, weights[:, timed.query])
        most = _concurrency(pipeline, side)
        if bench is not None:
            prompt = float(mean_tokens(scaled.of(side))[0].mean())
            speeds[side] = _benched(
                bench, side, prompt_tokens=prompt, most=most, alone=alone, n_rows=len(weights)
            )
            source, n_timed = f"bench of {bench.created}", bench.repeats
        elif most > 1 and alone is not None:
            raise TailqaError(
                f"a server of this pipeline works on {most} requests at a time, and how much "
                f"slower the {side} then is was not measured: name a bench with --bench FOLDER "
                "(tailqa bench TEACHER STUDENT), or set the concurrency to 1"
            )
        else:
            speeds[side] = alone
            source = "times of this run at batch 1"
            n_timed = 0 if timed is None else len(timed.query)
        known = speeds[side]
        bases += [] if known is None else [_basis(side, source, known[0], n_timed)]
    advice = speed_advice(run.report)
    scene = Scene(people=scaled, weights=weights, fits=fits, speeds=speeds, speed_advice=advice)
    return Basis(scene=scene, speeds=tuple(bases), assumptions=tuple(assumptions))


def drawn_from(pipeline: Pipeline) -> tuple[object, ...]:
    """All that `scene_of` takes from a pipeline: equal ones of one run have equal scenes."""
    concurrency = (_concurrency(pipeline, side) for side in SIDES)
    return (*_traced_tokens(pipeline), pipeline.policy.icc, *concurrency)


def _traced_tokens(pipeline: Pipeline) -> tuple[float | None, float | None]:
    """Mean prompt and completion tokens of the trace's requests, where it has them."""
    recorded = trace(pipeline)
    if recorded is None:
        return None, None
    prompt, completion = (
        None if tokens is None else float(tokens.mean())
        for tokens in (recorded.context_tokens, recorded.generated_tokens)
    )
    return prompt, completion


def _as_long_as_traced(people: Population, pipeline: Pipeline) -> Population:
    prompt, completion = _traced_tokens(pipeline)
    if prompt is None and completion is None:
        return people
    return people.with_lengths(prompt, completion)


def _retries_known(people: Population, pipeline: Pipeline, advice: str) -> Sequence[str]:
    """What retries rest on, where they were not measured."""
    if all(people.several(side) for side in SIDES):
        return []
    again = retries_matter(pipeline)
    if pipeline.policy.icc is not None and (again or pipeline.policy.escalate is not None):
        return [
            f"Attempts on one query are correlated by {pipeline.policy.icc:g} (policy.icc): "
            "assumed, not measured"
        ]
    if not again:
        return []
    return [
        "Each query was answered once, so nothing was measured of retries: a query is taken to "
        f"come out the same at every attempt, as it does with greedy decoding. {advice}"
    ]


def retries_matter(pipeline: Pipeline) -> bool:
    """Whether a model ever answers a query again, so that the correlation of attempts counts.

    How often the teacher is right where the student was not, each asked once, is measured.
    """
    policy = pipeline.policy
    again = isinstance(policy.escalate, ToTeacher) and policy.escalate.attempts > 1
    return policy.max_attempts > 1 or again or pipeline.chain.calls > 1


def _benched(
    bench: Bench,
    side: Side,
    *,
    prompt_tokens: float,
    most: int,
    alone: Sequence[Speed] | None,
    n_rows: int,
) -> list[Speed]:
    """One speed per row, each of repeats drawn anew; the noise is that of answers alone."""
    rng = np.random.default_rng(bench.seed)
    speeds = []
    for row in range(n_rows):
        drawn = rng.integers(bench.repeats, size=bench.repeats) if row else None
        try:
            speed = bench_speed(
                bench,
                side,
                prompt_tokens=prompt_tokens,
                concurrency=most,
                noise=None if alone is None else alone[row].noise,
                repeats=None if drawn is None else drawn.tolist(),
            )
        except ValueError as error:
            raise TailqaError(str(error)) from None
        speeds.append(speed)
    return speeds


def _concurrency(pipeline: Pipeline, side: Side) -> int:
    """The most requests that a server of the model works on at a time."""
    most = pipeline.generation.concurrency
    escalate = pipeline.policy.escalate
    if side == "teacher" and isinstance(escalate, ToTeacher):
        most = max(most, escalate.concurrency)
    return most


def _basis(side: Side, source: str, speed: Speed, n_timed: int) -> SpeedBasis:
    return SpeedBasis(
        side=side,
        source=source,
        base_s=speed.base_s,
        prompt_token_s=speed.prompt_token_s,
        completion_token_s=speed.completion_token_s,
        slowdown=tuple(float(value) for value in speed.slowdown),
        n_timed=n_timed,
    )


def fewer(scene: Scene, rows: int) -> Scene:
    """The same scene with its first `rows` rows."""
    fits = {side: fit[:rows] for side, fit in scene.fits.items()}
    speeds: Mapping[Side, Sequence[Speed] | None] = {
        side: None if found is None else found[:rows] for side, found in scene.speeds.items()
    }
    return replace(scene, weights=scene.weights[:rows], fits=fits, speeds=speeds)

"""What a replay has seen → figures, predicted and observed, and what a reader must know."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tailqa import stats
from tailqa.core.answer import Side
from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import Option, SpeedBasis
from tailqa.core.replay import (
    FIGURES,
    LivedRequest,
    LivedStage,
    Replayed,
    ReplayedFigure,
    ReplayedFigureName,
    ReplayedOption,
    ReplayedStage,
    SpeedDrift,
)
from tailqa.cost.assemble import stations
from tailqa.cost.line import Station
from tailqa.cost.population import Population
from tailqa.cost.replay import Basis, Plan, Predicted, predict
from tailqa.cost.scene import side_of
from tailqa.cost.speed import TimedQueries, fitted_speed, work_s
from tailqa.workflows.live import Lived, TimedAnswer
from tailqa.workflows.live_stages import WITH_MODEL
from tailqa.workflows.replay_lift import Lift
from tailqa.workflows.replay_notes import drawn_once, notes
from tailqa.workflows.replay_setup import Setup
from tailqa.workflows.speed import SIDES

if TYPE_CHECKING:
    pass


@dataclass(kw_only=True)
class Seen:
    """What was seen so far. `shared`: both models are on one device."""

    shared: bool
    timed: dict[str, list[TimedAnswer]] = field(default_factory=dict)
    lifts: dict[Side, Lift] = field(default_factory=dict)
    lived: dict[Option, Lived] = field(default_factory=dict)
    interrupted: bool = False


def summary(setup: Setup, seen: Seen) -> Replayed:
    """The prediction from the fit half, set against what was lived through."""
    options, people = setup.options, setup.people()
    timed = {side: _timed(side, seen, people) for side in SIDES}
    basis = Basis(
        people=people,
        timed=timed,
        held_out_units=setup.held_out_units(),
        icc=setup.pipeline.policy.icc if drawn_once(setup.suite) else None,
    )
    figures: list[ReplayedFigure] = []
    stages: list[ReplayedStage] = []
    for option, lived in seen.lived.items():
        predicted = predict(
            basis,
            _plan(setup, seen, option, len(lived.requests)),
            replications=options.replications,
            level=options.level,
            seed=setup.seed,
        )
        figures += _figures(option, lived.requests, predicted, options.level)
        stages += _stages(option, lived, predicted)
    return Replayed(
        name=setup.pipeline.name,
        digest=setup.pipeline.digest,
        pipeline=setup.pipeline.content(),
        teacher=setup.run.report.teacher.name,
        student=setup.run.report.student.name,
        suite=f"{setup.suite.name} {setup.suite.version}",
        n_fit=len(setup.halves.fit),
        n_held_out=len(setup.halves.held_out),
        clients=setup.clients,
        options=tuple(
            _option(option, lived, options.requests) for option, lived in seen.lived.items()
        ),
        figures=tuple(figures),
        stages=tuple(stages),
        speeds=tuple(_basis_of(side, timed[side]) for side in SIDES),
        drifts=tuple(_drifts(seen, timed)),
        lift=seen.lifts["student"].measured if "student" in seen.lifts else None,
        notes=tuple(notes(setup, shared=seen.shared, lifts=seen.lifts)),
        level=options.level,
        n_replications=options.replications,
        seed=setup.seed,
        interrupted=seen.interrupted,
        created=options.created,
    )


def on_this_machine(given: Sequence[Station], *, shared: bool) -> tuple[Station, ...]:
    """The stations as they are lived through: a device makes one answer at a time.

    Where both models are on one device, the teacher's station shares the server of generation.
    """
    generation = next(n for n, station in enumerate(given) if station.role == "generation")
    return tuple(
        replace(
            station,
            servers=1,
            concurrency=1,
            shares=generation if shared and station.role == "teacher" else None,
        )
        if station.role in WITH_MODEL
        else station
        for station in given
    )


def _plan(setup: Setup, seen: Seen, option: Option, n_requests: int) -> Plan:
    lift = seen.lifts.get(side_of(option))
    rules = setup.rules(option)
    if lift is not None:
        rules = replace(rules, added_prompt_tokens=lift.added_prompt_tokens)
    return Plan(
        option=option,
        stations=on_this_machine(stations(setup.pipeline, option), shared=seen.shared),
        rules=rules,
        lift=None if lift is None else lift.draws,
        clients=setup.clients,
        think=setup.think,
        n_requests=n_requests,
    )


def _timed(side: Side, seen: Seen, people: Population) -> TimedQueries:
    import numpy as np

    place = {name: number for number, name in enumerate(people.ids)}
    rows = [row for found in seen.timed.values() for row in found if row.side == side]
    return TimedQueries(
        query=np.array([place[row.query_id] for row in rows], dtype=np.int64),
        prompt_tokens=np.array([row.made.prompt_tokens for row in rows], dtype=float),
        completion_tokens=np.array([row.made.completion_tokens for row in rows], dtype=float),
        answer_s=np.array([row.seconds for row in rows], dtype=float),
    )


def _figures(
    option: Option, lived: Sequence[LivedRequest], predicted: Predicted, level: float
) -> Iterator[ReplayedFigure]:
    for name in FIGURES:
        expected, seen = predicted.figures[name], observed(name, lived, level)
        error = inside = None
        if isinstance(expected, Estimate) and isinstance(seen, Estimate):
            inside = expected.low <= seen.value <= expected.high
            error = seen.value / expected.value - 1 if expected.value > 0 else None
        yield ReplayedFigure(
            option=option,
            figure=name,
            predicted=expected,
            observed=seen,
            error=error,
            inside=inside,
        )


def observed(name: ReplayedFigureName, lived: Sequence[LivedRequest], level: float) -> Measured:
    """One figure of the requests that were lived through, with the interval of these alone."""
    quantile = {"p50_s": 0.5, "p95_s": 0.95, "p99_s": 0.99}.get(name)
    seconds = [one.finish_s - one.start_s for one in lived]
    if quantile is not None:
        return stats.quantile_estimate(seconds, quantile, level=level)
    match name:
        case "mean_s":
            return stats.mean_estimate(seconds, level=level)
        case "attempts":
            return stats.mean_estimate([one.attempts for one in lived], level=level)
        case "tokens":
            tokens = [one.prompt_tokens + one.completion_tokens for one in lived]
            return stats.mean_estimate(tokens, level=level)
        case "escalated":
            return stats.accuracy(sum(one.escalated for one in lived), len(lived), level=level)
    return stats.accuracy(sum(one.outcome == name for one in lived), len(lived), level=level)


def _stages(option: Option, lived: Lived, predicted: Predicted) -> Iterator[ReplayedStage]:
    for stage in lived.stages:
        expected = predicted.utilisation.get(stage.name)
        busy = _busy(stage, lived.wall_s)
        inside = None
        if isinstance(expected, Estimate) and busy is not None:
            inside = expected.low <= busy <= expected.high
        yield ReplayedStage(
            option=option,
            stage=stage.name,
            predicted=expected,
            observed=busy,
            predicted_wait_s=predicted.wait_s[stage.name],
            observed_wait_s=stage.waited_s / max(1, stage.visits),
            inside=inside,
        )


def _busy(stage: LivedStage, wall_s: float) -> float | None:
    return stage.busy_s / wall_s / stage.servers if stage.servers and wall_s > 0 else None


def _option(option: Option, lived: Lived, n_asked: int) -> ReplayedOption:
    return ReplayedOption(
        option=option,
        n_requests=len(lived.requests),
        n_asked=n_asked,
        wall_s=lived.wall_s,
        failed_attempts=sum(one.failed for one in lived.requests),
        timeouts=sum(one.timeouts for one in lived.requests),
        hedges=sum(one.hedges for one in lived.requests),
    )


def _basis_of(side: Side, timed: TimedQueries) -> SpeedBasis:
    speed = fitted_speed(timed)
    return SpeedBasis(
        side=side,
        source="timed alone before and after every option, on queries of the fit half",
        base_s=speed.base_s,
        prompt_token_s=speed.prompt_token_s,
        completion_token_s=speed.completion_token_s,
        slowdown=(1.0,),
        n_timed=len(timed.answer_s),
    )


def _drifts(seen: Seen, timed: Mapping[Side, TimedQueries]) -> Iterator[SpeedDrift]:
    import numpy as np

    for side in SIDES:
        speed = fitted_speed(timed[side])
        for when, rows in seen.timed.items():
            mine = [row for row in rows if row.side == side]
            expected = work_s(
                speed,
                np.array([row.made.prompt_tokens for row in mine], dtype=float),
                np.array([row.made.completion_tokens for row in mine], dtype=float),
            )
            ratio = math.fsum(row.seconds for row in mine) / float(expected.sum())
            yield SpeedDrift(side=side, when=when, ratio=ratio, n=len(mine))

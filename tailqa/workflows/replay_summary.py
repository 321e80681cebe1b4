"""What a replay has seen → figures, predicted and observed, and what a reader must know."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tailqa import stats
from tailqa.core.answer import Side
from tailqa.core.errors import TailqaError
from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import Option
from tailqa.core.replay import (
    FIGURES,
    AnswerSpeed,
    LivedRequest,
    Replayed,
    ReplayedFigure,
    ReplayedFigureName,
    ReplayedOption,
    ReplayedStage,
)
from tailqa.cost.assemble import stations
from tailqa.cost.line import Station
from tailqa.cost.replay import Basis, Plan, hindsight, predict
from tailqa.cost.replay_figures import Predicted
from tailqa.cost.scene import side_of
from tailqa.cost.speed import TimedQueries
from tailqa.workflows.live import Lived
from tailqa.workflows.live_stages import WITH_MODEL, TimedAnswer
from tailqa.workflows.replay_lift import Lift
from tailqa.workflows.replay_notes import cut_off, drawn_once, notes
from tailqa.workflows.replay_setup import Setup
from tailqa.workflows.replay_speed import answer_speeds, timed_answers

if TYPE_CHECKING:
    pass


@dataclass(kw_only=True)
class Seen:
    """What was seen so far, by option a list of rounds. `shared`: both models are on one device."""

    shared: bool
    rehearsed: dict[Option, list[list[TimedAnswer]]] = field(default_factory=dict)
    lived: dict[Option, list[Lived]] = field(default_factory=dict)
    lifts: dict[Side, Lift] = field(default_factory=dict)
    interrupted: bool = False


def summary(setup: Setup, seen: Seen) -> Replayed:
    """The prediction from the fit half, set against what was lived through.

    Raises TailqaError where the speed behind no option is known.
    """
    options = setup.options
    basis = Basis(
        people=setup.people(),
        held_out_units=setup.held_out_units(),
        icc=setup.pipeline.policy.icc if drawn_once(setup.suite) else None,
    )
    figures: list[ReplayedFigure] = []
    stages: list[ReplayedStage] = []
    speeds: list[AnswerSpeed] = []
    known_speeds, unknown = _known_speeds(setup, seen)
    for option, timed in known_speeds.items():
        rounds = seen.lived[option]
        plan = _plan(setup, seen, option, timed)
        predicted = predict(
            basis,
            plan,
            replications=options.replications,
            level=options.level,
            seed=setup.seed,
        )
        requests = [request for lived in rounds for request in lived.requests]
        known = _in_hindsight(setup, plan, rounds)
        figures += _figures(option, requests, predicted, known, options.level)
        stages += _stages(option, rounds, predicted)
        speeds += answer_speeds(option, timed, seen.rehearsed[option], rounds)
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
            _option(option, seen.lived[option], options.requests) for option in known_speeds
        ),
        figures=tuple(figures),
        stages=tuple(stages),
        rounds=options.rounds,
        speeds=tuple(speeds),
        lift=seen.lifts["student"].measured if "student" in seen.lifts else None,
        notes=(
            *notes(setup, shared=seen.shared, lifts=seen.lifts),
            *unknown,
        ),
        level=options.level,
        n_replications=options.replications,
        seed=setup.seed,
        interrupted=seen.interrupted,
        created=options.created,
    )


def _known_speeds(
    setup: Setup, seen: Seen
) -> tuple[dict[Option, dict[Side, TimedQueries]], tuple[str, ...]]:
    """The timed answers behind each option, and why an option has too few of them."""
    found: dict[Option, dict[Side, TimedQueries]] = {}
    unknown: dict[Option, TailqaError] = {}
    for option in seen.lived:
        try:
            found[option] = timed_answers(option, setup, seen.rehearsed)
        except TailqaError as error:
            unknown[option] = error
    if not found:
        raise next(iter(unknown.values()))
    return found, tuple(cut_off(option, str(error)) for option, error in unknown.items())


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


def _plan(setup: Setup, seen: Seen, option: Option, timed: Mapping[Side, TimedQueries]) -> Plan:
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
        timed=timed,
        rounds=[len(lived.requests) for lived in seen.lived[option]],
    )


def _in_hindsight(
    setup: Setup, plan: Plan, rounds: Sequence[Lived]
) -> Mapping[ReplayedFigureName, float]:
    import numpy as np

    people = setup.held_out_people()
    place = {name: number for number, name in enumerate(people.ids)}
    asked = [place[one.query_id] for lived in rounds for one in _in_order(lived)]
    return hindsight(
        people,
        np.array(asked, dtype=np.int64),
        plan,
        replications=setup.options.replications,
        seed=setup.seed,
    )


def _in_order(lived: Lived) -> list[LivedRequest]:
    return sorted(lived.requests, key=lambda one: one.request)


def _figures(
    option: Option,
    lived: Sequence[LivedRequest],
    predicted: Predicted,
    known: Mapping[ReplayedFigureName, float],
    level: float,
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
            hindsight=known[name],
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


def _stages(
    option: Option, rounds: Sequence[Lived], predicted: Predicted
) -> Iterator[ReplayedStage]:
    wall_s = math.fsum(lived.wall_s for lived in rounds)
    for of_rounds in zip(*(lived.stages for lived in rounds), strict=True):
        name, servers = of_rounds[0].name, of_rounds[0].servers
        expected, busy, inside = predicted.utilisation.get(name), None, None
        if servers and wall_s > 0:
            busy = math.fsum(stage.busy_s for stage in of_rounds) / wall_s / servers
        if isinstance(expected, Estimate) and busy is not None:
            inside = expected.low <= busy <= expected.high
        waited_s = math.fsum(stage.waited_s for stage in of_rounds)
        yield ReplayedStage(
            option=option,
            stage=name,
            predicted=expected,
            observed=busy,
            predicted_wait_s=predicted.wait_s[name],
            observed_wait_s=waited_s / max(1, sum(stage.visits for stage in of_rounds)),
            inside=inside,
        )


def _option(option: Option, rounds: Sequence[Lived], n_asked: int) -> ReplayedOption:
    requests = [request for lived in rounds for request in lived.requests]
    return ReplayedOption(
        option=option,
        n_requests=len(requests),
        n_asked=n_asked,
        wall_s=math.fsum(lived.wall_s for lived in rounds),
        failed_attempts=sum(one.failed for one in requests),
        timeouts=sum(one.timeouts for one in requests),
        hedges=sum(one.hedges for one in requests),
    )

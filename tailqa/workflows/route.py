"""A run → which queries should go to the teacher, what that gives and what it costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tailqa.core.answer import Side
from tailqa.core.errors import TailqaError
from tailqa.core.report import Report, Run
from tailqa.core.routing import Aim, Price, RouteBy, RouteChoice, Routing
from tailqa.cost.population import unit_weights
from tailqa.cost.route_choice import Goal, choose_rule, cross_fitted_calls, route_columns
from tailqa.cost.routing import (
    confidence_curve,
    curve_of,
    stratum_curve,
    told,
    traffic_weights,
)
from tailqa.report.routing_result import write_routing
from tailqa.report.run import load_run
from tailqa.workflows.route_queries import AskedQueries, asked_queries
from tailqa.workflows.route_summary import call_costs, figures_of, routed_strata

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 1000
TARGET_QUALITY = 0.95
_BLOCK = 2_000_000
"""Resamples × queries that are worked on at a time; bounds the memory, not the result."""


@dataclass(frozen=True, kw_only=True)
class RouteOptions:
    """What to aim for, as the flags of the same names; `created` is today by default.

    Without a target and without a largest share, the target is 95 % of the teacher's quality.
    """

    target_quality: float | None = None
    max_teacher_share: float | None = None
    by: RouteBy = "stratum"
    teacher_price: Price | None = None
    student_price: Price | None = None
    resamples: int = RESAMPLES
    seed: int = 0
    created: str = ""

    @property
    def aim(self) -> tuple[Aim, float]:
        """What is wanted, and how much of it."""
        if self.max_teacher_share is not None:
            return "max teacher share", self.max_teacher_share
        return "target quality", self.target_quality or TARGET_QUALITY

    @property
    def prices(self) -> Mapping[Side, Price]:
        """Of both models, or empty."""
        if self.teacher_price is None or self.student_price is None:
            return {}
        return {"teacher": self.teacher_price, "student": self.student_price}


@dataclass(frozen=True, kw_only=True)
class Routed:
    """A routing and the page that shows it."""

    routing: Routing
    page: Path


def route_run(run: Path, options: RouteOptions) -> Routed:
    """Routes the queries of a run folder and writes route.json and route.html into it.

    Raises TailqaError where the teacher is no better, where the confidence that was asked for is
    not known, and ResultError where the folder is not a whole run.
    """
    folder = run if run.is_dir() else run.parent
    routing = route(load_run(folder), options)
    return Routed(routing=routing, page=write_routing(routing, folder))


def route(run: Run, options: RouteOptions) -> Routing:
    """The frontier between student and teacher on the queries of `run`, and the rule to take.

    Raises TailqaError as `route_run` does.
    """
    asked = asked_queries(run, options.prices, seed=options.seed)
    _check(asked, run, options)
    queries = asked.queries
    aim, limit = options.aim
    goal = Goal(aim=aim, limit=limit, cost=call_costs(asked))
    rng = np.random.default_rng([options.seed, 4])
    times = unit_weights(queries.stratum, queries.unit, options.resamples, rng)
    ways: tuple[RouteBy, ...] = (
        ("stratum",) if queries.confidence is None else ("stratum", "confidence")
    )
    found = _columns(asked, times, ways, goal)
    return Routing(
        teacher=run.report.teacher.name,
        student=run.report.student.name,
        suite=run.report.suite.name,
        suite_digest=run.report.suite.digest,
        aim=aim,
        limit=limit,
        chosen=options.by,
        student_only=figures_of(run.report, found["student"], level=LEVEL, n=queries.n),
        teacher_only=figures_of(run.report, found["teacher"], level=LEVEL, n=queries.n),
        strata=routed_strata(run.report, asked, times, goal, level=LEVEL),
        curves=tuple(curve_of(by, found[by]["curve"], level=LEVEL, n=queries.n) for by in ways),
        choices=tuple(_choice(by, asked, times, goal, found[by], report=run.report) for by in ways),
        confidence=asked.measure if queries.confidence is not None else None,
        without_confidence=asked.without_confidence,
        notes=asked.notes,
        n=queries.n,
        level=LEVEL,
        n_resamples=options.resamples,
        seed=options.seed,
        created=options.created or date.today().isoformat(),
        prices=options.prices,
    )


def _check(asked: AskedQueries, run: Run, options: RouteOptions) -> None:
    queries = asked.queries
    if options.by == "confidence" and asked.without_confidence:
        raise TailqaError(
            f"cannot route by confidence: {asked.without_confidence}; or route --by stratum"
        )
    if options.prices and "usd" not in asked.spent:
        raise TailqaError(
            "prices are per token, and this run has no token counts; leave the prices out, and "
            "costs are told as calls to the teacher"
        )
    weights = traffic_weights(queries, np.ones((1, queries.n)), np.ones(queries.n))[0]
    student, teacher = float(weights @ queries.student), float(weights @ queries.teacher)
    if teacher > student:
        return
    names = (asked.strata[place] for place in range(len(asked.strata)))
    ahead = [
        name
        for place, name in enumerate(names)
        if queries.teacher[queries.stratum == place].mean()
        > queries.student[queries.stratum == place].mean()
    ]
    where = f"; it is ahead only in {', '.join(ahead)}" if ahead else ""
    raise TailqaError(
        f"the teacher {run.report.teacher.name} is right in {teacher:.1%} of this traffic and the "
        f"student {run.report.student.name} in {student:.1%}{where}. Routing to a teacher that is "
        "no better cannot help: serve the student alone"
    )


def _columns(
    asked: AskedQueries, times: Floats, ways: tuple[RouteBy, ...], goal: Goal
) -> dict[str, dict[str, Floats]]:
    """Curves and figures of every way, one row for the data and one per resample."""
    parts: dict[str, dict[str, list[Floats]]] = {}
    for block in _blocks(times):
        for name, columns in _of_block(asked, block, ways, goal):
            for figure, values in columns.items():
                parts.setdefault(name, {}).setdefault(figure, []).append(values)
    return {
        name: {figure: np.concatenate(values) for figure, values in columns.items()}
        for name, columns in parts.items()
    }


def _of_block(
    asked: AskedQueries, times: Floats, ways: tuple[RouteBy, ...], goal: Goal
) -> Iterator[tuple[str, Mapping[str, Floats]]]:
    queries, spent = asked.queries, asked.spent
    for name in ("student", "teacher"):
        calls = np.full(queries.n, name == "teacher")
        yield name, route_columns(queries, times, calls, spent, cascade=False)
    weights = traffic_weights(queries, times, np.ones(queries.n))
    for by in ways:
        cascade = by == "confidence"
        curve = (
            confidence_curve(queries, weights)
            if cascade
            else stratum_curve(queries, weights, goal.cost)
        )
        calls = cross_fitted_calls(by, queries, goal)
        columns = route_columns(queries, times, calls, spent, cascade=cascade)
        yield by, columns | {"curve": curve}


def _choice(
    by: RouteBy,
    asked: AskedQueries,
    times: Floats,
    goal: Goal,
    columns: Mapping[str, Floats],
    *,
    report: Report,
) -> RouteChoice:
    """The rule that all queries choose, with the cross-fitted figures."""
    queries = asked.queries
    rule = choose_rule(by, queries, np.ones(queries.n, dtype=bool), goal)
    strata: tuple[str, ...] = ()
    if rule.strata is not None:
        chosen = zip(asked.strata, rule.strata.tolist(), strict=True)
        strata = tuple(name for name, is_teacher in chosen if is_teacher)
    return RouteChoice(
        by=by,
        teacher_strata=strata,
        threshold=rule.threshold,
        rule_share=told(_share(asked, times, rule.calls(queries)), level=LEVEL, n=queries.n),
        figures=figures_of(report, columns, level=LEVEL, n=queries.n),
        over_random=told(columns["over_random"], level=LEVEL, n=queries.n),
        reached=rule.reached,
    )


def _share(asked: AskedQueries, times: Floats, calls: npt.NDArray[np.bool_]) -> Floats:
    """The share of calls to the teacher, one per resample."""
    return np.concatenate(
        [
            route_columns(asked.queries, block, calls, {}, cascade=False)["teacher_share"]
            for block in _blocks(times)
        ]
    )


def _blocks(times: Floats) -> Iterator[Floats]:
    rows = max(1, _BLOCK // times.shape[1])
    for start in range(0, len(times), rows):
        yield times[start : start + rows]

"""Columns of a routing (the data, then its resamples) → figures with their intervals."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tailqa.core.answer import Side
from tailqa.core.estimate import Measured, TooFew
from tailqa.core.operations import UNTIMED
from tailqa.core.report import Report
from tailqa.core.routing import RoutedStratum, RouteFigures
from tailqa.cost.route_choice import Goal, choose_rule
from tailqa.cost.routing import stratum_order, told
from tailqa.workflows.advice import routed_speed_advice
from tailqa.workflows.route_queries import AskedQueries

Floats = npt.NDArray[np.float64]

_ONE_STRATUM_UNKNOWN = "not known of some stratum"


def figures_of(
    report: Report, columns: Mapping[str, Floats], *, level: float, n: int
) -> RouteFigures:
    """The figures of one way of answering; what is not known says why."""

    def figure(name: str) -> Measured:
        if name not in columns:
            return TooFew(reason=_unknown(report, name), n=0)
        lacking = _ONE_STRATUM_UNKNOWN if np.isnan(columns[name][0]) else _TOO_FEW
        return told(columns[name], level=level, n=n, lacking=lacking)

    return RouteFigures(
        quality=figure("quality"),
        retained=figure("retained"),
        teacher_share=figure("teacher_share"),
        tokens=figure("tokens"),
        seconds=figure("seconds"),
        usd=figure("usd"),
    )


def _unknown(report: Report, name: str) -> str:
    """Why nothing is known of a cost."""
    return {
        "tokens": "the run has no token counts",
        "seconds": f"{UNTIMED}; {routed_speed_advice(report)}",
        "usd": "no prices; give --teacher-price and --student-price",
    }[name]


_TOO_FEW = "too many resamples have no query of some stratum"


def routed_strata(
    report: Report,
    asked: AskedQueries,
    times: Floats,
    goal: Goal,
    *,
    level: float,
) -> tuple[RoutedStratum, ...]:
    """The strata in the order in which they go to the teacher, on all queries."""
    queries = asked.queries
    everything = np.ones(queries.n, dtype=bool)
    order = stratum_order(queries, goal.cost, everything)
    rule = choose_rule("stratum", queries, everything, goal)
    assert rule.strata is not None  # noqa: S101
    kinds = {stratum.name: stratum.kind for stratum in report.strata}
    found = []
    for place in order.tolist():
        inside = np.flatnonzero(queries.stratum == place)
        drawn, n = times[:, inside], len(inside)

        def mean(values: Floats, drawn: Floats = drawn, n: int = n) -> Measured:
            known = np.isfinite(values)
            if not known.any():
                return TooFew(reason=_ONE_STRATUM_UNKNOWN, n=0)
            counted = drawn[:, known]
            with np.errstate(invalid="ignore", divide="ignore"):
                column = counted @ values[known] / counted.sum(axis=1)
            return told(column, level=level, n=n)

        def extra(name: str, inside: npt.NDArray[np.intp] = inside) -> Measured:
            if name not in asked.spent:
                return TooFew(reason=_unknown(report, name), n=0)
            of_student, of_teacher = asked.spent[name]  # type: ignore[index]
            return mean((of_teacher - of_student)[inside])

        student, teacher = queries.student[inside], queries.teacher[inside]
        model: Side = "teacher" if rule.strata[place] else "student"
        found.append(
            RoutedStratum(
                name=asked.strata[place],
                kind=kinds[asked.strata[place]],
                weight=float(queries.weights[place]),
                n=n,
                student_accuracy=mean(student),
                teacher_accuracy=mean(teacher),
                benefit=mean(teacher - student),
                extra_tokens=extra("tokens"),
                extra_usd=extra("usd"),
                model=model,
            )
        )
    return tuple(found)


def call_costs(asked: AskedQueries) -> Floats:
    """What a call of the teacher costs more per stratum: dollars where prices are known, else 1.

    At least a thousandth of the dearest, so that a teacher which costs no more is simply first.
    """
    queries = asked.queries
    if "usd" not in asked.spent:
        return np.ones(len(queries.weights))
    of_student, of_teacher = asked.spent["usd"]
    extra = of_teacher - of_student
    costs = np.array(
        [_mean(extra[queries.stratum == place]) for place in range(len(queries.weights))]
    )
    known = np.where(np.isfinite(costs), costs, np.nanmax(costs))
    least = max(float(known.max()), 0.0) / 1000 or 1.0
    return np.maximum(known, least)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")

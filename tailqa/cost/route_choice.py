"""Which rule of routing to take, and what to expect of it without flattering it.

A rule that is chosen and judged on the same queries looks better than it is. So it is chosen on one
half of them and judged on the other, both ways round (cross-fitting); the rule itself is then the
choice of all queries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tailqa.core.routing import Aim, RouteBy
from tailqa.cost.routing import RoutedQueries, stratum_order, traffic_weights

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bools = npt.NDArray[np.bool_]
    Floats = npt.NDArray[np.float64]

Spending = Literal["tokens", "seconds", "usd"]
Spent = Mapping[Spending, "tuple[Floats, Floats]"]
"""What a query takes of the student and of the teacher; NaN in both where it is not known."""

EVERY = 1.1
"""A threshold above every confidence."""

_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Goal:
    """What a rule is for, and `cost`, above 0: what a call of the teacher costs, per stratum.

    `limit` is the share of the teacher's quality to keep, or the largest share of calls to it.
    """

    aim: Aim
    limit: float
    cost: "Floats"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Rule:
    """Which strata go to the teacher, or below which confidence of the student's an answer does.

    `reached` says whether the aim is met on the queries that chose it.
    """

    strata: "Bools | None"
    threshold: float | None
    reached: bool

    def calls(self, queries: RoutedQueries) -> "Bools":
        """Which queries go to the teacher (q)."""
        if self.strata is not None:
            return self.strata[queries.stratum]
        assert self.threshold is not None and queries.confidence is not None  # noqa: S101, PT018
        below: Bools = queries.confidence < self.threshold
        return below


def choose_rule(by: RouteBy, queries: RoutedQueries, fit: "Bools", goal: Goal) -> Rule:
    """The rule that the queries in `fit`, which has some of every stratum, choose.

    For a target quality the one with the fewest calls to the teacher that reaches it, else the
    best; for a largest share of calls the best within it. By stratum, strata go in the order of
    benefit per cost. Raises ValueError without confidences where they are asked for.
    """
    import numpy as np

    [weights] = traffic_weights(queries, np.ones((1, queries.n)), fit.astype(float))
    gain = weights * (queries.teacher - queries.student)
    if by == "stratum":
        order = stratum_order(queries, goal.cost, fit)
        share = queries.weights[order]
        gained = np.bincount(queries.stratum, gain, len(order))[order]
    elif queries.confidence is None:
        raise ValueError("confidence must be known")
    else:
        steps, place = np.unique(queries.confidence, return_inverse=True)
        share = np.asarray(np.bincount(place, weights), dtype=float)
        gained = np.bincount(place, gain)
    quality = weights @ queries.student + np.append(0.0, np.cumsum(gained))
    n_taken, reached = _pick(
        np.append(0.0, np.cumsum(share)), quality, float(weights @ queries.teacher), goal
    )
    if by == "stratum":
        strata = np.zeros(len(order), dtype=bool)
        strata[order[:n_taken]] = True
        return Rule(strata=strata, threshold=None, reached=reached)
    return Rule(strata=None, threshold=_above(steps, n_taken), reached=reached)


def cross_fitted_calls(by: RouteBy, queries: RoutedQueries, goal: Goal) -> "Bools":
    """Which queries go to the teacher by the rule that the other half chose (q)."""
    import numpy as np

    calls = np.zeros(queries.n, dtype=bool)
    for half in (queries.first_half, ~queries.first_half):
        calls[half] = choose_rule(by, queries, ~half, goal).calls(queries)[half]
    return calls


def route_columns(
    queries: RoutedQueries,
    times: "Floats",
    calls: "Bools",
    spent: Spent,
    *,
    cascade: bool,
) -> dict[str, "Floats"]:
    """The figures of a routing, one per resample; in a `cascade` the student is always asked.

    `times` (rows × q) says how often a query is in a resample. `quality`, `retained` (over the
    teacher's), `teacher_share`, `over_random` and what is in `spent`, per query. NaN where a
    resample has no known query of a stratum.
    """
    import numpy as np

    weights = traffic_weights(queries, times, np.ones(queries.n))
    student, teacher = weights @ queries.student, weights @ queries.teacher
    quality = weights @ np.where(calls, queries.teacher, queries.student)
    share = np.round(weights @ calls, 12)
    with np.errstate(divide="ignore", invalid="ignore"):
        retained = np.where(teacher > 0, quality / teacher, np.nan)
    columns = {
        "quality": quality,
        "retained": retained,
        "teacher_share": share,
        "over_random": quality - student - share * (teacher - student),
    }
    for name, (of_student, of_teacher) in spent.items():
        known = np.isfinite(of_student + of_teacher)
        each = weights if known.all() else traffic_weights(queries, times, known.astype(float))
        first = of_student if cascade else np.where(calls, 0.0, of_student)
        columns[name] = each @ np.nan_to_num(first + np.where(calls, of_teacher, 0.0))
    return columns


def _above(steps: "Floats", n_taken: int) -> float:
    """A threshold above the first `n_taken` of the rising `steps` and below the others.

    Halfway, so that the next answer is not judged by its last digit.
    """
    if n_taken == len(steps):
        return EVERY
    upper = float(steps[n_taken])
    lower = float(steps[n_taken - 1]) if n_taken else 0.0
    between = (lower + upper) / 2
    return between if between > lower else upper


def _pick(share: "Floats", quality: "Floats", teacher: float, goal: Goal) -> tuple[int, bool]:
    """The place of the rule to take among candidates of rising share, and whether it will do."""
    import numpy as np

    if goal.aim == "max teacher share":
        return int(np.where(share <= goal.limit + _ROUNDING, quality, -np.inf).argmax()), True
    enough = quality >= goal.limit * teacher - _ROUNDING
    return int(enough.argmax() if enough.any() else quality.argmax()), bool(enough.any())

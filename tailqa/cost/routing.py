"""Routing between two models: quality against the share of calls that go to the teacher.

PGR, APGR and CPT are those of RouteLLM (Ong et al. 2024, arXiv:2406.18665, section 3): with r the
quality, PGR = (r(router) − r(student)) / (r(teacher) − r(student)); APGR is the area under the PGR
over the share of calls to the teacher; CPT(x) the least share with a PGR of x.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.estimate import Measured, TooFew
from tailqa.core.routing import RECOVERED, RouteBy, RouteCurve, RoutePoint
from tailqa.cost.draws import LEAST, from_draws

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

N_SHARES = 201
"""Shares of calls at which a curve is held, 0 and 1 among them."""

_SHOWN = 20
"""Of that many equal steps the curve's points are told, with their intervals."""

_UNRECOVERABLE = "in too many resamples the teacher is no better than the student"
_FEW = "too many resamples have no query of some stratum"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RoutedQueries:
    """Queries (q of them) that both models answered, in arrays.

    `stratum` is an index into `weights`, the strata's traffic (sum 1; every stratum has a query).
    `unit` are clusters. `first_half` splits them for cross-fitting. `teacher` and `student` are 1
    where right, else 0. `confidence` is the student's, in [0, 1], None where it is not known.
    """

    weights: "Floats"
    stratum: "Ints"
    unit: "Ints"
    first_half: "npt.NDArray[np.bool_]"
    teacher: "Floats"
    student: "Floats"
    confidence: "Floats | None" = None

    @property
    def n(self) -> int:
        """The number of queries."""
        return len(self.stratum)


def traffic_weights(queries: RoutedQueries, times: "Floats", known: "Floats") -> "Floats":
    """What each query stands for in the traffic, per resample, shape (rows, q).

    `times` says how often a query is in a resample, `known` (q) is 0 where it does not count.
    The queries of a stratum share its traffic; NaN where a resample has none of a stratum.

    >>> import numpy as np
    >>> two = RoutedQueries(
    ...     weights=np.array([.75, .25]), stratum=np.array([0, 0, 0, 1]), unit=np.arange(4),
    ...     first_half=np.zeros(4, bool), teacher=np.ones(4), student=np.zeros(4))
    >>> traffic_weights(two, np.ones((1, 4)), np.ones(4)).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    import numpy as np

    counted = times * known
    member = np.eye(len(queries.weights))[queries.stratum]
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = queries.weights / (counted @ member)
        found: Floats = (
            counted * np.where(np.isfinite(factors), factors, np.nan)[:, queries.stratum]
        )
    return found


def confidence_curve(queries: RoutedQueries, weights: "Floats") -> "Floats":
    """Quality where the least confident answers go to the teacher, shape (rows, N_SHARES).

    `weights` (rows, q) are those of `traffic_weights`. Answers of equal confidence are told apart
    at random. Raises ValueError without confidences.
    """
    import numpy as np

    if queries.confidence is None:
        raise ValueError("confidence must be known")
    order = np.argsort(queries.confidence, kind="stable")
    sorted_confidence = queries.confidence[order]
    last = np.flatnonzero(np.append(np.diff(sorted_confidence) > 0, True))
    gain = (queries.teacher - queries.student)[order]
    shares = np.linspace(0, 1, N_SHARES)
    curves = np.empty((len(weights), N_SHARES))
    for row, own in enumerate(weights):
        ordered = own[order]
        share = np.append(0.0, np.cumsum(ordered)[last])
        gained = np.append(0.0, np.cumsum(ordered * gain)[last])
        curves[row] = own @ queries.student + np.interp(shares * share[-1], share, gained)
    return curves


def stratum_curve(queries: RoutedQueries, weights: "Floats", cost: "Floats") -> "Floats":
    """Quality where whole strata go to the teacher one after the other, (rows, N_SHARES).

    Cross-fitted: the order in which one half of the queries is routed, that of benefit per cost
    (`cost`: strata, above 0), is read off the other half. Within a stratum calls are drawn at
    random, so the curve is a line there.
    """
    import numpy as np

    member = np.eye(len(queries.weights))[queries.stratum]
    gain = weights * (queries.teacher - queries.student)
    curves = np.repeat((weights @ queries.student)[:, None], N_SHARES, axis=1)
    shares = np.linspace(0, 1, N_SHARES)
    for half in (queries.first_half, ~queries.first_half):
        order = stratum_order(queries, cost, ~half)
        filled = np.append(0.0, np.cumsum(queries.weights[order]))
        gained = np.hstack([np.zeros((len(weights), 1)), ((gain * half) @ member)[:, order]])
        places = np.interp(shares * filled[-1], filled, np.arange(len(filled)))
        whole = places.astype(int)
        total = np.cumsum(gained, axis=1)
        after = np.minimum(whole + 1, len(order))
        curves += total[:, whole] + (places - whole) * (total[:, after] - total[:, whole])
    return curves


def stratum_order(queries: RoutedQueries, cost: "Floats", fit: "npt.NDArray[np.bool_]") -> "Ints":
    """Strata by benefit (teacher less student accuracy) per cost, the highest first.

    Read off the queries in `fit`, which has some of every stratum.
    """
    import numpy as np

    n = np.bincount(queries.stratum, fit, len(cost))
    benefit = np.bincount(queries.stratum, fit * (queries.teacher - queries.student), len(cost))
    order: Ints = np.argsort(-benefit / n / cost, kind="stable")
    return order


def recovered(curves: "Floats") -> "Floats":
    """The performance gap recovered at every share; NaN where the teacher is no better.

    >>> import numpy as np
    >>> recovered(np.array([[.5, .7, .75], [.5, .5, .5]])).round(2).tolist()
    [[0.0, 0.8, 1.0], [nan, nan, nan]]
    """
    import numpy as np

    weak, strong = curves[:, :1], curves[:, -1:]
    gap = np.where(strong - weak > 1e-12, strong - weak, np.nan)
    found: Floats = (curves - weak) / gap
    return found


def mean_recovered(pgr: "Floats") -> "Floats":
    """APGR: the area under each row of PGR over shares from 0 to 1, by trapezoids.

    >>> import numpy as np
    >>> mean_recovered(np.linspace(0, 1, 11)[None]).round(9).tolist()
    [0.5]
    """
    import numpy as np

    found: Floats = np.trapezoid(pgr, dx=1 / (pgr.shape[1] - 1), axis=1)
    return found


def least_share(pgr: "Floats", wanted: float) -> "Floats":
    """CPT: the least share with a PGR of at least `wanted` ≤ 1, per row, linear between shares.

    >>> import numpy as np
    >>> least_share(np.array([[0, .8, 1.]]), .4).round(9).tolist()
    [0.25]
    """
    import numpy as np

    steps = pgr.shape[1] - 1
    # At share 1 the PGR is 1, but for rounding.
    at = (pgr >= wanted - 1e-9).argmax(axis=1)
    rows = np.arange(len(pgr))
    before = np.maximum(at - 1, 0)
    low, high = pgr[rows, before], pgr[rows, at]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(high > low, np.clip((wanted - low) / (high - low), 0, 1), 1.0)
    found: Floats = np.where(np.isnan(pgr[:, -1]), np.nan, (before + part * (at - before)) / steps)
    return found


def curve_of(by: RouteBy, curves: "Floats", *, level: float, n: int) -> RouteCurve:
    """The curve of the data (row 0) with the intervals of its resamples (the other rows)."""
    pgr = recovered(curves)
    step = (N_SHARES - 1) // _SHOWN
    return RouteCurve(
        by=by,
        points=tuple(
            RoutePoint(
                teacher_share=place / _SHOWN,
                quality=told(curves[:, place * step], level=level, n=n),
            )
            for place in range(_SHOWN + 1)
        ),
        apgr=told(mean_recovered(pgr), level=level, n=n, lacking=_UNRECOVERABLE),
        calls=tuple(
            (wanted, told(least_share(pgr, wanted), level=level, n=n, lacking=_UNRECOVERABLE))
            for wanted in RECOVERED
        ),
    )


def told(column: "Floats", *, level: float, n: int, lacking: str = _FEW) -> Measured:
    """The first of `column` with the interval of the others; `lacking` where it has no limit."""
    found = from_draws(float(column[0]), column[1:].tolist(), level=level, n=n)
    lacks = isinstance(found, TooFew) and n >= LEAST
    return TooFew(reason=lacking, n=n) if lacks else found

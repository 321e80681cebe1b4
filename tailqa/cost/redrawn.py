"""Attempts at queries, resampled: pass@k of every resample, as counted and as fitted.

Row 0 of every array is the observed data, the rows after it are the resamples.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tailqa.cost.retry import fit_many

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Table = list[tuple[int, int]]

FEW = 5
# Counts drawn at once; bounds the memory, not the result.
_BLOCK = 4_000_000
_EDGE = 1e-6
_ONE_SIGMA = 0.8413447460685429
_COUNTS = ("n", "n_made", "n_right", "units", "mixed", "few")


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptCounts:
    """One stratum: of the attempts `made` at each query (at least 1), how many were `right`.

    `weight` is its share of the traffic. `clusters` names the cluster of each query, where queries
    of one cluster are not independent; a cluster may have queries in several strata.
    """

    name: str
    weight: float
    right: Sequence[int]
    made: Sequence[int]
    clusters: Sequence[Hashable] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Redrawn:
    """Curves of one stratum, or of a mixture of strata; a unit is a query, or a cluster of them.

    `unbiased` holds pass@k by Chen's estimator, one column per k up to the most attempts made,
    `fitted` that of the beta-binomial; `second` is the fitted E[p²]. Of the units, `mixed` hold a
    query with right and wrong attempts; `few` counts those that may fail and that may succeed
    within k attempts, shape (2, most). `room`, of the same shape, is what the squared distances of
    the limits of `unbiased` lack where those are few. `parameters` are (a, b) of the observed
    data, None for a mixture.
    """

    n: int
    n_made: int
    n_right: int
    units: int
    mixed: int
    few: "Floats"
    unbiased: "Floats"
    fitted: "Floats"
    second: "Floats"
    room: "Floats"
    parameters: tuple[float, float] | None

    def icc(self) -> "Floats":
        """The correlation of two attempts at one query, Var p/(E p·(1 − E p)), per row."""
        import numpy as np

        mean = self.fitted[:, 0]
        spread = mean * (1 - mean)
        result = np.full(len(mean), np.nan)
        np.divide(self.second - mean**2, spread, out=result, where=spread > 0)
        return result


def redraw(
    strata: Sequence[AttemptCounts],
    rng: "np.random.Generator",
    resamples: int,
    *,
    level: float,
    furthest: int,
) -> list[Redrawn]:
    """The curves of every stratum (each with a query), fitted ones for k up to `furthest`.

    Strata are drawn each on its own, but all together where a cluster has queries in several.
    """
    import numpy as np

    most = max(made for stratum in strata for made in stratum.made)
    tables = [sorted(set(zip(s.right, s.made, strict=True))) for s in strata]
    units = _units(strata, tables)
    edges = np.cumsum([len(table) for table in tables])[:-1]
    parts = np.split(units, edges, axis=1)
    inside = [part.any(axis=1) for part in parts]
    parts = [part[rows] for part, rows in zip(parts, inside, strict=True)]
    if np.sum(inside, axis=0).max() > 1:
        weights = np.split(_draw(units, rng, resamples), edges, axis=1)
    else:
        weights = [_draw(part, rng, resamples) for part in parts]
    return [
        _curves(table, part, drawn, level, (most, max(most, furthest)))
        for table, part, drawn in zip(tables, parts, weights, strict=True)
    ]


def mixture(parts: Sequence[Redrawn], shares: Sequence[float]) -> Redrawn:
    """All strata together, by their `shares` of the traffic, which sum to 1."""
    import numpy as np

    def mixed(name: str, weights: Sequence[float]) -> "Floats":
        held = [getattr(part, name) for part in parts]
        return np.asarray(sum(w * array for w, array in zip(weights, held, strict=True)))

    counts: dict[str, Any] = {name: sum(getattr(p, name) for p in parts) for name in _COUNTS}
    return Redrawn(
        **counts,
        unbiased=mixed("unbiased", shares),
        fitted=mixed("fitted", shares),
        second=mixed("second", shares),
        room=mixed("room", [share**2 for share in shares]),
        parameters=None,
    )


def percentiles(draws: "Floats", level: float) -> "tuple[Floats, Floats]":
    """Limits from the resamples (axis 0), never on the other side of the observed value."""
    import numpy as np

    tail = (1 - level) / 2
    low, high = np.nanquantile(draws[1:], [tail, 1 - tail], axis=0)
    return np.minimum(low, draws[0]), np.maximum(high, draws[0])


def share_limits(draws: "Floats", level: float) -> "tuple[Floats, Floats]":
    """Limits of figures in [0, 1]: percentiles, or the normal limits of the logit where wider.

    The standard error of the logit is half the distance of its 16th and 84th percentile.
    Percentiles alone are too sure of themselves near 0 and 1.
    """
    import numpy as np
    from scipy.special import expit, logit, ndtri

    low, high = percentiles(draws, level)
    logits = logit(draws.clip(_EDGE, 1 - _EDGE))
    ends = np.nanquantile(logits[1:], [1 - _ONE_SIGMA, _ONE_SIGMA], axis=0)
    half = ndtri((1 + level) / 2) * (ends[1] - ends[0]) / 2
    return np.minimum(low, expit(logits[0] - half)), np.maximum(high, expit(logits[0] + half))


def _units(strata: Sequence[AttemptCounts], tables: "Sequence[Table]") -> "Floats":
    """How many queries of each row of all tables are in each unit: (units, rows)."""
    import numpy as np

    codes: dict[Hashable, int] = {}
    places = []
    start = 0
    for index, (stratum, table) in enumerate(zip(strata, tables, strict=True)):
        row = {counts: start + at for at, counts in enumerate(table)}
        start += len(table)
        names = stratum.clusters or [(index, at) for at in range(len(stratum.made))]
        for name, right, made in zip(names, stratum.right, stratum.made, strict=True):
            places.append((codes.setdefault(name, len(codes)), row[right, made]))
    units = np.zeros((len(codes), start))
    np.add.at(units, tuple(np.array(places).T), 1)
    return units


def _draw(units: "Floats", rng: "np.random.Generator", resamples: int) -> "Floats":
    """Queries per row of the table, observed and in every resample: (1 + resamples, rows)."""
    import numpy as np

    n, observed = len(units), units.sum(axis=0)
    if (units.sum(axis=1) == 1).all():
        drawn = rng.multinomial(n, observed / n, size=resamples)
        return np.concatenate([observed[None], drawn])
    blocks = [observed[None]]
    per_block = max(1, _BLOCK // n)
    for start in range(0, resamples, per_block):
        size = min(per_block, resamples - start)
        blocks.append(rng.multinomial(n, np.full(n, 1 / n), size=size) @ units)
    return np.concatenate(blocks)


def _curves(
    table: "Table", units: "Floats", weights: "Floats", level: float, reach: tuple[int, int]
) -> Redrawn:
    """The curves for each row of `weights`; `reach` is how far k goes, counted and fitted."""
    import numpy as np

    right, made = (np.array(column, dtype=float) for column in zip(*table, strict=True))
    wrong = made - right
    most, furthest = reach
    steps = np.arange(most)
    # 1 − C(n − c, k)/C(n, k), as a product over the attempts; no value where k > n.
    left = (made[:, None] - steps).clip(min=1)
    passed = 1 - np.cumprod((wrong[:, None] - steps).clip(min=0) / left, axis=1)
    known = made[:, None] > steps
    counted = weights @ known
    unbiased = np.divide(
        weights @ (passed * known), counted, out=np.full(counted.shape, np.nan), where=counted > 0
    )
    fit = fit_many(table, weights)
    a, b = fit[:, :1], fit[:, 1:]
    steps = np.arange(furthest)
    fitted = np.asarray(1 - np.cumprod((b + steps) / (a + b + steps), axis=1), dtype=np.float64)
    second = (a * (a + 1) / ((a + b) * (a + b + 1)))[:, 0]
    # All right or all wrong: the likelihood is highest where p is 1, or 0, at every query.
    same = np.isnan(second)
    fitted[same], second[same] = unbiased[same, :1], unbiased[same, 0]
    few = np.array(
        [
            [_holding(units, column) for column in rows.T]
            for rows in (known & (passed < 1), known & (passed > 0))
        ]
    )
    return Redrawn(
        n=int(units.sum()),
        n_made=int(units.sum(axis=0) @ made),
        n_right=int(units.sum(axis=0) @ right),
        units=len(units),
        mixed=_holding(units, (right > 0) & (wrong > 0)),
        few=few,
        unbiased=unbiased,
        fitted=fitted,
        second=second,
        room=_room(unbiased, few, [_holding(units, column) for column in known.T], level),
        parameters=(float(fit[0, 0]), float(fit[0, 1])),
    )


def _holding(units: "Floats", rows: "npt.NDArray[np.bool_]") -> int:
    """How many units have a query in one of these rows of the table."""
    return int(units[:, rows].any(axis=1).sum())


def _room(unbiased: "Floats", few: "Floats", asked: Sequence[int], level: float) -> "Floats":
    """What the squared distances of the limits lack to Clopper–Pearson's, where few units show."""
    import numpy as np

    value = unbiased[0]
    ends = percentiles(unbiased, level)
    room = np.zeros(few.shape)
    for side, k in zip(*np.nonzero(few < FEW), strict=True):
        if asked[k]:
            most = _at_most(int(few[side, k]), asked[k], level)
            distance = value[k] - (1 - most) if side == 0 else most - value[k]
            room[side, k] = max(0.0, max(0.0, distance) ** 2 - (value[k] - ends[side][k]) ** 2)
    return room


def _at_most(found: int, n: int, level: float) -> float:
    """Clopper–Pearson's upper limit of a share."""
    from scipy.special import betaincinv

    return 1.0 if found >= n else float(betaincinv(found + 1, n - found, (1 + level) / 2))

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
_COUNTS = ("n", "n_made", "n_right", "units", "mixed", "failing", "succeeding")


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
    query with right and wrong attempts, `failing` a wrong attempt, `succeeding` a right one.
    `room`, of shape (2, most), is what the squared distance of the lower and the upper limit of
    `unbiased` lacks where few units fail or succeed. `parameters` are (a, b) of the observed data,
    None for a mixture.
    """

    n: int
    n_made: int
    n_right: int
    units: int
    mixed: int
    failing: int
    succeeding: int
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


def limits(draws: "Floats", level: float) -> "tuple[Floats, Floats]":
    """Percentiles of the resamples (axis 0), never on the other side of the observed value."""
    import numpy as np

    tail = (1 - level) / 2
    low, high = np.nanquantile(draws[1:], [tail, 1 - tail], axis=0)
    return np.minimum(low, draws[0]), np.maximum(high, draws[0])


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
    return Redrawn(
        n=int(units.sum()),
        n_made=int(units.sum(axis=0) @ made),
        n_right=int(units.sum(axis=0) @ right),
        units=len(units),
        mixed=_holding(units, (right > 0) & (wrong > 0)),
        failing=_holding(units, wrong > 0),
        succeeding=_holding(units, right > 0),
        unbiased=unbiased,
        fitted=fitted,
        second=second,
        room=_room(units, passed, known, unbiased, level),
        parameters=(float(fit[0, 0]), float(fit[0, 1])),
    )


def _holding(units: "Floats", rows: "npt.NDArray[np.bool_]") -> int:
    return int(units[:, rows].any(axis=1).sum())


def _room(
    units: "Floats",
    passed: "Floats",
    known: "npt.NDArray[np.bool_]",
    unbiased: "Floats",
    level: float,
) -> "Floats":
    """What the squared distances of the limits lack to Clopper–Pearson's, where few units show."""
    import numpy as np

    value, (low, high) = unbiased[0], limits(unbiased, level)
    room = np.zeros((2, len(value)))
    for k in range(len(value)):
        n = _holding(units, known[:, k])
        failing = _holding(units, known[:, k] & (passed[:, k] < 1))
        succeeding = _holding(units, known[:, k] & (passed[:, k] > 0))
        if n and failing < FEW:
            least = 1 - _at_most(failing, n, level)
            room[0, k] = max(0.0, (value[k] - least) ** 2 - (value[k] - low[k]) ** 2)
        if n and succeeding < FEW:
            most = _at_most(succeeding, n, level)
            room[1, k] = max(0.0, (most - value[k]) ** 2 - (high[k] - value[k]) ** 2)
    return room


def _at_most(found: int, n: int, level: float) -> float:
    """Clopper–Pearson's upper limit of a share."""
    from scipy.special import betaincinv

    return 1.0 if found >= n else float(betaincinv(found + 1, n - found, (1 + level) / 2))

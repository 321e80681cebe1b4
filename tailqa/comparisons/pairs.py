"""Paired scores → the gap with all that goes with it, as plain values."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tailqa import stats
from tailqa.core.estimate import Cells, Estimate, Measured, TooFew

if TYPE_CHECKING:
    import numpy as np

Plain = dict[str, object]
SEED = 0
"""Of the bootstrap of graded scores."""
_SIDES = ("head", "tail")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stratum:
    """The pairs of one stratum; `clusters` is empty where queries are independent."""

    teacher: tuple[float, ...]
    student: tuple[float, ...]
    clusters: Mapping[Hashable, Cells]

    @property
    def n(self) -> int:
        return len(self.teacher)

    @property
    def cells(self) -> Cells | None:
        """The paired table; None for graded scores."""
        return _cells(self.teacher, self.student)


def compare_pairs(
    teacher: Sequence[float],
    student: Sequence[float],
    *,
    strata: Sequence[str] | None = None,
    kinds: Mapping[str, str] | None = None,
    weights: Mapping[str, float] | None = None,
    clusters: Sequence[Hashable] | None = None,
    margin: float | None = None,
    level: float = 0.95,
) -> Plain:
    """The gap student − teacher over the same queries, with flips, retention, p and outcome.

    One score in [0, 1] per query and side; `strata` and `clusters` name those of each query,
    `kinds` says which strata are head and which tail, `weights` holds their shares of the traffic
    (by default those of the data). By `margin`, in (0, 1), a stratum passes where its whole
    interval lies above −margin, fails where it lies below, and is inconclusive else; the whole
    passes where all do and fails where one does. Raises ValueError for what cannot be.

    >>> found = compare_pairs([1] * 90 + [0] * 10, [1] * 84 + [0] * 16, margin=0.15)
    >>> round(found["gap"]["value"], 2), found["outcome"]
    (-0.06, 'pass')
    """
    _check(teacher, student, {"strata": strata, "clusters": clusters}, margin)
    named = _split(teacher, student, strata, clusters)
    shares = _shares(named, weights)
    _check_names("kinds", kinds or {}, named)
    results = {name: _of_stratum(part, margin, level) for name, part in named.items()}
    return {
        "n": len(teacher),
        "gap": _plain(_gap(list(named.values()), list(shares.values()), level)),
        "flips": _plain(_flips(list(named.values()), list(shares.values()), level)),
        **(_only(results) if strata is None else {"retention": None, "p": None}),
        "interaction": _plain(_interaction(named, shares, kinds, level)) if kinds else None,
        "strata": {} if strata is None else results,
        "outcome": _worst([result["outcome"] for result in results.values()]),
    }


def _of_stratum(part: _Stratum, margin: float | None, level: float) -> Plain:
    gap, cells = _gap([part], [1.0], level), part.cells
    if cells is None:
        retention = stats.score_retention(part.teacher, part.student, level=level, rng=_rng())
    elif part.clusters:
        retention = stats.clustered_retention(list(part.clusters.values()), level=level)
    else:
        retention = stats.retention(cells, level=level)
    return {
        "n": part.n,
        "gap": _plain(gap),
        "flips": _plain(_flips([part], [1.0], level)),
        "retention": _plain(retention),
        "p": None if cells is None else stats.mcnemar(cells[1], cells[2]),
        "outcome": None if margin is None else _outcome(gap, margin),
    }


def _gap(parts: Sequence[_Stratum], shares: Sequence[float], level: float) -> Measured:
    tables = [part.cells for part in parts]
    known = [cells for cells in tables if cells is not None]
    if len(known) < len(tables):
        gaps = [stats.score_gap(p.teacher, p.student, level=level, rng=_rng()) for p in parts]
        return gaps[0] if len(gaps) == 1 else stats.pooled_scores(gaps, shares)
    if any(part.clusters for part in parts):
        return stats.clustered_pooled_gap([p.clusters for p in parts], shares, level=level)
    if len(known) == 1:
        return stats.paired_gap(known[0], level=level)
    return stats.pooled_gap(known, shares, level=level)


def _flips(parts: Sequence[_Stratum], shares: Sequence[float], level: float) -> Measured:
    tables = [part.cells for part in parts]
    known = [cells for cells in tables if cells is not None]
    if len(known) < len(tables):
        return TooFew(reason="graded scores do not flip", n=sum(part.n for part in parts))
    if len(known) == 1:
        return stats.flip_rate(known[0], level=level)
    flipped = [(cells[1] + cells[2], sum(cells)) for cells in known]
    return stats.pooled_accuracy(flipped, shares, level=level)


def _interaction(
    named: Mapping[str, _Stratum],
    shares: Mapping[str, float],
    kinds: Mapping[str, str],
    level: float,
) -> Measured:
    """gap(tail) − gap(head), the strata of either weighted by traffic."""
    sides: list[tuple[list[_Stratum], list[float]]] = []
    for kind in _SIDES:
        names = [name for name in named if kinds.get(name) == kind and shares[name] > 0]
        total = math.fsum(shares[name] for name in names)
        if not names:
            return TooFew(reason=f"no stratum is of the kind {kind}", n=0)
        sides.append(([named[name] for name in names], [shares[name] / total for name in names]))
    (head, head_shares), (tail, tail_shares) = sides
    if any(part.clusters for part in (*head, *tail)):
        return stats.clustered_interaction(
            [part.clusters for part in head],
            [part.clusters for part in tail],
            head_shares,
            tail_shares,
            level=level,
        )
    gaps = (_gap(head, head_shares, level), _gap(tail, tail_shares, level))
    return stats.tail_interaction(*gaps, level=level)


def _outcome(gap: Measured, margin: float) -> str:
    if isinstance(gap, TooFew) or gap.low <= -margin <= gap.high:
        return "inconclusive"
    return "pass" if gap.low > -margin else "fail"


def _worst(outcomes: Sequence[object]) -> object:
    return next((one for one in ("fail", "inconclusive", "pass") if one in outcomes), None)


def _only(results: Mapping[str, Plain]) -> Plain:
    [result] = results.values()
    return {"retention": result["retention"], "p": result["p"]}


def _split(
    teacher: Sequence[float],
    student: Sequence[float],
    strata: Sequence[str] | None,
    clusters: Sequence[Hashable] | None,
) -> dict[str, _Stratum]:
    places: dict[str, list[int]] = {}
    for index in range(len(teacher)):
        places.setdefault("" if strata is None else strata[index], []).append(index)
    return {name: _stratum(of, teacher, student, clusters) for name, of in places.items()}


def _stratum(
    places: Sequence[int],
    teacher: Sequence[float],
    student: Sequence[float],
    clusters: Sequence[Hashable] | None,
) -> _Stratum:
    of_cluster: dict[Hashable, list[int]] = {}
    for place in places if clusters is not None else ():
        of_cluster.setdefault(clusters[place] if clusters else None, []).append(place)
    tables: dict[Hashable, Cells] = {}
    for name, members in of_cluster.items():
        cells = _cells([teacher[i] for i in members], [student[i] for i in members])
        if cells is None:
            raise ValueError("clusters take answers that are right or wrong, scores of 0 and 1")
        tables[name] = cells
    return _Stratum(
        teacher=tuple(float(teacher[i]) for i in places),
        student=tuple(float(student[i]) for i in places),
        clusters=tables,
    )


def _cells(teacher: Sequence[float], student: Sequence[float]) -> Cells | None:
    pairs = list(zip(teacher, student, strict=True))
    if any(score not in {0, 1} for pair in pairs for score in pair):
        return None
    return (pairs.count((1, 1)), pairs.count((1, 0)), pairs.count((0, 1)), pairs.count((0, 0)))


def _check(
    teacher: Sequence[float],
    student: Sequence[float],
    labels: Mapping[str, Sequence[object] | None],
    margin: float | None,
) -> None:
    if len(teacher) == 0:
        raise ValueError("there is no pair to compare")
    for name, given in {"the student's scores": student, **labels}.items():
        if given is not None and len(given) != len(teacher):
            raise ValueError(f"{name} must hold one per pair, got {len(given)} for {len(teacher)}")
    for side, scores in (("teacher", teacher), ("student", student)):
        for index, score in enumerate(scores):
            if score is None or not 0 <= score <= 1:
                raise ValueError(f"the {side}'s score {index} must lie in [0, 1], got {score!r}")
    if margin is not None and not 0 < margin < 1:
        raise ValueError(f"margin must lie strictly between 0 and 1, got {margin!r}")


def _shares(named: Mapping[str, _Stratum], weights: Mapping[str, float] | None) -> dict[str, float]:
    if weights is None:
        total = sum(part.n for part in named.values())
        return {name: part.n / total for name, part in named.items()}
    _check_names("weights", weights, named)
    return {name: weights[name] for name in named}


def _check_names(what: str, given: Mapping[str, object], named: Mapping[str, object]) -> None:
    if given and set(given) != set(named):
        odd = ", ".join(map(repr, sorted(set(given) ^ set(named), key=str)))
        raise ValueError(f"{what} must name every stratum and no other; they differ in {odd}")
    if what == "kinds" and not set(given.values()) <= set(_SIDES):
        raise ValueError(f"kinds must be head or tail, got {sorted(map(str, given.values()))}")


def _plain(measured: Measured) -> Plain:
    """Value, limits, level, method and n, or reason and n; `value` is None where there is none."""
    if isinstance(measured, Estimate):
        return asdict(measured)
    return {"value": None, **asdict(measured)}


def _rng() -> "np.random.Generator":
    import numpy as np

    return np.random.default_rng(SEED)

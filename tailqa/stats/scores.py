"""Graded answers, such as F1 or a judge's mark in [0, 1]: gap and retention by paired bootstrap.

Queries are resampled, both sides of one together. BCa limits (Efron, JASA 1987, 82: 171–185), at
the level that makes up for the bootstrap's lack of n − 1 and of Student's t (Hesterberg, Am Stat
2015, 69: 371–386: "expanded"). Where all but a few queries score alike, a resample cannot show
what is missing; then every difference is taken for a whole flip, which bounds the gap from either
side (Tango's limits of the flips one way).
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.stats.checks import check_count, check_weights, two_sided_z
from tailqa.stats.paired import tango_limits
from tailqa.stats.pooled import MIN_FLIPS, MIN_QUERIES, weighted

if TYPE_CHECKING:
    import numpy as np

MIN_RESAMPLES = 1000
MIN_TEACHER_SCORES = 10
# So many draws at a time stay in the processor's cache.
DRAWS_AT_ONCE = 16_000

Resample = Callable[["np.ndarray"], "np.ndarray"]
"""Indices, one row of n per resample → the figure of each."""


def score_gap(
    teacher: Sequence[float],
    student: Sequence[float],
    *,
    level: float = 0.95,
    rng: "np.random.Generator",
    n_resamples: int = 2000,
) -> Measured:
    """Mean student score − mean teacher score on the same queries; value and limits in [−1, 1].

    `teacher` and `student` hold one score in [0, 1] per query, in the same order. TooFew below
    50 queries, and where all but 4 differences are equal without being 0. Raises ValueError for
    scores that are not finite, outside [0, 1] or not paired, a level outside (0, 1), and fewer
    than 1,000 resamples.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> teacher = rng.random(200)
    >>> gap = score_gap(teacher, teacher * rng.random(200), rng=rng)
    >>> round(gap.value, 2), round(gap.low, 2), round(gap.high, 2)
    (-0.26, -0.3, -0.23)
    """
    import numpy as np

    z, pair = two_sided_z(level), _paired(teacher, student)
    difference = pair[1] - pair[0]
    few = _bounds(difference, z)
    if isinstance(few, TooFew):
        return few
    value = float(difference.mean())
    if few is not None:
        return _estimate(value, few, level, "tango-bound", len(difference))
    centred = difference - value
    found = _bca(
        lambda rows: difference.take(rows).mean(axis=1),
        value,
        -centred,
        z=expanded(z, len(difference)),
        rng=rng,
        n_resamples=n_resamples,
    )
    low, high = np.clip(found, -1, 1).tolist()
    return _estimate(value, (low, high), level, "bca", len(difference))


def score_retention(
    teacher: Sequence[float],
    student: Sequence[float],
    *,
    level: float = 0.95,
    rng: "np.random.Generator",
    n_resamples: int = 2000,
) -> Measured:
    """Mean student score / mean teacher score on the same queries; in [0, ∞), 1 means kept.

    TooFew also where the teacher scores above 0 on fewer than 10 queries. Everything else is as
    in `score_gap`.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> teacher = rng.random(200)
    >>> kept = score_retention(teacher, teacher * rng.random(200), rng=rng)
    >>> round(kept.value, 2), round(kept.low, 2), round(kept.high, 2)
    (0.51, 0.47, 0.56)
    """
    import numpy as np

    z, (teacher_scores, student_scores) = two_sided_z(level), _paired(teacher, student)
    n, n_scored = len(teacher_scores), int((teacher_scores > 0).sum())
    if n_scored < MIN_TEACHER_SCORES:
        reason = (
            f"a retention needs {MIN_TEACHER_SCORES} queries on which the teacher scores, "
            f"got {n_scored}"
        )
        return TooFew(reason=reason, n=n)
    few = _bounds(student_scores - teacher_scores, z)
    if isinstance(few, TooFew):
        return few
    whole = teacher_scores.sum()
    value = float(student_scores.sum() / whole)
    if few is not None:
        low, high = (max(0.0, 1 + limit * n / float(whole)) for limit in few)
        return _estimate(value, (low, high), level, "tango-bound", n)

    def ratios(rows: "np.ndarray") -> "np.ndarray":
        with np.errstate(divide="ignore"):
            found: np.ndarray = student_scores.take(rows).sum(1) / teacher_scores.take(rows).sum(1)
        return found

    left_out = (student_scores.sum() - student_scores) / (whole - teacher_scores)
    found = _bca(
        ratios,
        value,
        left_out - left_out.mean(),
        z=expanded(z, n),
        rng=rng,
        n_resamples=n_resamples,
    )
    return _estimate(value, found, level, "bca", n)


def pooled_scores(gaps: Sequence[Measured], weights: Sequence[float]) -> Measured:
    """Traffic-weighted gap Σ w·gap of graded answers, in [−1, 1]: MOVER over the strata's limits.

    `gaps` holds one `score_gap` per stratum, all at one level. TooFew when a stratum of positive
    weight has none. Raises ValueError for mixed levels and for weights as in `pooled_gap`.

    >>> from tailqa.core.estimate import Estimate
    >>> head = Estimate(value=-0.01, low=-0.02, high=0.01, level=0.95, method="bca", n=400)
    >>> tail = Estimate(value=-0.20, low=-0.28, high=-0.11, level=0.95, method="bca", n=60)
    >>> gap = pooled_scores([head, tail], [0.9, 0.1])
    >>> round(gap.value, 3), round(gap.low, 3), round(gap.high, 3)
    (-0.029, -0.041, -0.009)
    """
    used = [
        (gap, share)
        for gap, share in zip(gaps, check_weights(weights, len(gaps)), strict=True)
        if share > 0
    ]
    known = [gap for gap, _ in used if isinstance(gap, Estimate)]
    if len(known) < len(used):
        reason = f"{len(used) - len(known)} of {len(used)} strata have no interval"
        return TooFew(reason=reason, n=sum(gap.n for gap, _ in used))
    levels = sorted({gap.level for gap in known})
    if len(levels) > 1:
        raise ValueError(f"gaps must be at one level, got {', '.join(map(str, levels))}")
    return weighted(known, [share for _, share in used], "mover-bca", -1.0)


def expanded(z: float, n: int) -> float:
    """The normal quantile whose percentile limits of a bootstrapped mean are as wide as t's.

    >>> round(expanded(1.96, 50), 3)
    2.03
    """
    from scipy.special import ndtr, stdtrit

    return float(stdtrit(n - 1, ndtr(z))) * math.sqrt(n / (n - 1))


def _paired(teacher: Sequence[float], student: Sequence[float]) -> "tuple[np.ndarray, np.ndarray]":
    import numpy as np

    sides = np.asarray(teacher, dtype=float), np.asarray(student, dtype=float)
    for name, scores in zip(("teacher", "student"), sides, strict=True):
        # NaN fails the comparison, too.
        wrong = scores[~((scores >= 0) & (scores <= 1))]
        if len(wrong):
            raise ValueError(f"{name} must hold scores in [0, 1], got {wrong[0]}")
    if len(sides[0]) != len(sides[1]):
        raise ValueError(
            f"teacher and student must hold one score per query, "
            f"got {len(sides[0])} and {len(sides[1])}"
        )
    return sides


def _bounds(difference: "np.ndarray", z: float) -> tuple[float, float] | TooFew | None:
    """None where the differences vary enough for a bootstrap."""
    import numpy as np

    n = len(difference)
    if n < MIN_QUERIES:
        return TooFew(reason=f"a bootstrap of scores needs {MIN_QUERIES} queries", n=n)
    values, counts = np.unique(difference, return_counts=True)
    most = int(counts.argmax())
    n_other = n - int(counts[most])
    if n_other >= MIN_FLIPS:
        return None
    if values[most] != 0:
        reason = f"all but {n_other} differences are equal: too few to know their spread"
        return TooFew(reason=reason, n=n)
    better, worse = int((difference > 0).sum()), int((difference < 0).sum())
    return tango_limits(0, worse, n, z)[0], tango_limits(better, 0, n, z)[1]


def _bca(
    resample: Resample,
    value: float,
    left_out: "np.ndarray",
    *,
    z: float,
    rng: "np.random.Generator",
    n_resamples: int,
) -> tuple[float, float]:
    """`left_out`: how far the figure moves, up to a factor, when each query is left out."""
    import numpy as np
    from scipy.special import ndtr, ndtri

    if check_count("n_resamples", n_resamples) < MIN_RESAMPLES:
        raise ValueError(f"n_resamples must be at least {MIN_RESAMPLES}, got {n_resamples}")
    n, found = len(left_out), []
    rows_at_once = max(1, DRAWS_AT_ONCE // n)
    for start in range(0, n_resamples, rows_at_once):
        rows = min(rows_at_once, n_resamples - start)
        found.append(resample(rng.integers(n, size=(rows, n))))
    resampled = np.concatenate(found)
    below = ((resampled < value).mean() + (resampled <= value).mean()) / 2
    bias = ndtri(np.clip(below, 0.5 / n_resamples, 1 - 0.5 / n_resamples))
    skewness = -float((left_out**3).sum() / (6 * (left_out @ left_out) ** 1.5))
    shifted = bias + np.array([-z, z])
    low, high = np.quantile(resampled, ndtr(bias + shifted / (1 - skewness * shifted)))
    return float(low), float(high)


def _estimate(
    value: float, limits: tuple[float, float], level: float, method: str, n: int
) -> Estimate:
    low, high = min(limits[0], value), max(limits[1], value)
    return Estimate(value=value, low=low, high=high, level=level, method=method, n=n)

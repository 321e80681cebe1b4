"""Values that come in clusters, such as the positions of one answer: means and shares.

Positions of one query resemble each other, so a query is the unit of every interval here. Strata
are put together by their weights: the estimate is Σ w·(stratum's estimate), its variance Σ w²·(the
stratum's), and queries are independent of each other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.stats.checks import check_share, check_weights
from tailqa.stats.sample import MIN_EQUAL_VALUES

if TYPE_CHECKING:
    import numpy as np

Clusters = tuple[Sequence[float], Sequence[int]]
"""Of one stratum: per query the sum of its values, and their number (at least 1)."""


def clustered_mean(
    strata: Sequence[Clusters],
    weights: Sequence[float] = (1.0,),
    *,
    highest: float = math.inf,
    skewed: bool = False,
    level: float = 0.95,
) -> Measured:
    """The mean over all values, Σ w · (Σ sums / Σ counts), in their unit, at most `highest`.

    A ratio of two totals over queries, linearised, with Student's t on queries − strata degrees
    of freedom (Cochran, Sampling Techniques, 3rd ed., 6.3). For values of at least 0 with a long
    upper tail, `skewed` lays that interval around the logarithm of the mean. TooFew below two
    queries in a stratum, and below 30 in all where the spread is 0. n counts values. Raises
    ValueError for weights that are not one per stratum or do not sum to 1, a count below 1, and
    sums that are not finite.

    >>> mean = clustered_mean([([2.0, 9.0, 4.0], [2, 3, 2])])
    >>> round(mean.value, 3), round(mean.low, 3), round(mean.high, 3), mean.n
    (2.143, -0.456, 4.742, 7)
    """
    found = linearise(strata, weights)
    if isinstance(found, TooFew):
        return found
    if found.variance == 0 and found.n_clusters < MIN_EQUAL_VALUES:
        reason = f"{found.n_clusters} queries are all equal: too few to know their spread"
        return TooFew(reason=reason, n=found.n)
    half = student_t(found.df, level) * math.sqrt(found.variance)
    low, high = found.value - half, found.value + half
    if skewed and found.value > 0:
        factor = math.exp(half / found.value)
        low, high = found.value / factor, found.value * factor
    return Estimate(
        value=min(highest, found.value),
        low=min(highest, low),
        high=min(highest, high),
        level=level,
        method="clustered-log-t" if skewed else "clustered-t",
        n=found.n,
    )


def clustered_geometric_mean(
    strata: Sequence[Clusters], weights: Sequence[float] = (1.0,), *, level: float = 0.95
) -> Measured:
    """exp of the clustered mean of logarithms, such as a ratio of perplexities; in (0, ∞).

    Everything else is as in `clustered_mean`.

    >>> clustered_geometric_mean([([0.1, 0.3], [1, 1])]).value == math.exp(0.2)
    True
    """
    mean = clustered_mean(strata, weights, level=level)
    if isinstance(mean, TooFew):
        return mean
    value, low, high = (math.exp(end) for end in (mean.value, mean.low, mean.high))
    return Estimate(value=value, low=low, high=high, level=level, method=mean.method, n=mean.n)


def clustered_share(
    strata: Sequence[Clusters], weights: Sequence[float] = (1.0,), *, level: float = 0.95
) -> Measured:
    """A share of values, in [0, 1]; the sums count those that have the property.

    Clopper–Pearson on the number of independent values that carry as much information (Korn &
    Graubard, Survey Methodology 1998, 24: 193–201). Where no spread shows, say because all
    values have the property, that is the number of queries. TooFew and ValueError as in
    `clustered_mean`.

    >>> share = clustered_share([([4, 5, 3, 5], [5, 5, 5, 5])])
    >>> round(share.value, 3), round(share.low, 3), round(share.high, 3)
    (0.85, 0.375, 0.997)
    """
    found = linearise(strata, weights)
    if isinstance(found, TooFew):
        return found
    value = min(1.0, max(0.0, found.value))
    low, high = korn_graubard(value, effective_n(value, found, level), level)
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        level=level,
        method="korn-graubard",
        n=found.n,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Linearised:
    """A weighted mean; `n_equal` is how many queries of equal weight it is worth."""

    value: float
    variance: float
    df: int
    n: int
    n_clusters: int
    n_equal: float


def linearise(strata: Sequence[Clusters], weights: Sequence[float]) -> Linearised | TooFew:
    """The weighted mean and its variance; TooFew below two queries in a stratum."""
    import numpy as np

    shares = check_weights(weights, len(strata))
    used = [
        (np.asarray(sums, dtype=float), np.asarray(counts, dtype=float), share)
        for (sums, counts), share in zip(strata, shares, strict=True)
        if share > 0
    ]
    for sums, counts, _ in used:
        if len(sums) != len(counts) or (counts < 1).any() or not np.isfinite(sums).all():
            raise ValueError("strata must hold finite sums, each with a count of at least 1")
    if any(len(sums) < 2 for sums, _, _ in used):
        return too_few_queries([counts for _, counts, _ in used])
    value = variance = unequal = 0.0
    for sums, counts, share in used:
        n_clusters, mean = len(sums), sums.sum() / counts.sum()
        residual = (sums - mean * counts) / counts.sum()
        value += share * mean
        variance += share**2 * float(residual @ residual) * n_clusters / (n_clusters - 1)
        unequal += share**2 / n_clusters
    n_clusters = sum(len(sums) for sums, _, _ in used)
    return Linearised(
        value=float(value),
        variance=variance,
        df=n_clusters - len(used),
        n=int(sum(counts.sum() for _, counts, _ in used)),
        n_clusters=n_clusters,
        n_equal=1 / unequal,
    )


def too_few_queries(counts: "Sequence[Sequence[float] | np.ndarray]") -> TooFew:
    """Says in how many strata there are fewer than two; `counts` holds the values per query."""
    short = sum(len(of_stratum) < 2 for of_stratum in counts)
    reason = f"{short} of {len(counts)} strata have fewer than 2 measured queries"
    if len(counts) == 1:
        reason = "an interval needs 2 measured queries"
    return TooFew(reason=reason, n=int(sum(sum(of_stratum) for of_stratum in counts)))


def effective_n(share: float, found: Linearised, level: float) -> float:
    """The number of independent values that would give this variance, at most all of them."""
    if found.variance == 0 or not 0 < share < 1:
        return (
            found.n_equal * (student_t(found.n_clusters, level) / student_t(found.df, level)) ** 2
        )
    independent = share * (1 - share) / found.variance
    corrected = (
        independent * (student_t(max(1, found.n - 1), level) / student_t(found.df, level)) ** 2
    )
    return min(float(found.n), corrected)


def korn_graubard(share: float, n: float, level: float) -> tuple[float, float]:
    """Clopper–Pearson limits of a share of `n` values, where `n` need not be whole."""
    from scipy.special import betaincinv

    tail, hits = (1 - level) / 2, share * n
    low = 0.0 if share == 0 else float(betaincinv(hits, n - hits + 1, tail))
    high = 1.0 if share == 1 else float(betaincinv(hits + 1, n - hits, 1 - tail))
    return low, high


def student_t(df: int, level: float) -> float:
    """The quantile of Student's t that leaves (1 − level)/2 above it."""
    from scipy.special import stdtrit

    return float(stdtrit(df, (1 + check_share("level", level)) / 2))

"""Quantiles and means of raw values, such as seconds and tokens."""

import math
from collections.abc import Sequence

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.stats.checks import check_share

# Fewer equal values than this say nothing about a spread that they do not show.
MIN_EQUAL_VALUES = 30


def quantile_estimate(values: Sequence[float], q: float, *, level: float = 0.95) -> Measured:
    """The q-quantile of `values` with the interval between two of their order statistics.

    The ranks leave at most (1 − level)/2 of Binomial(n, q) on either side, so the interval holds
    for any continuous distribution and in its unit (David & Nagaraja, Order Statistics, 3rd ed.,
    7.1). Where such a rank would lie beyond the sample there is no honest limit: TooFew, never a
    clamped one. At level .95 a median takes n ≥ 6, a p95 n ≥ 72, a p99 n ≥ 368. Raises ValueError
    unless 0 < q < 1 and 0 < level < 1 and all values are finite.

    >>> median = quantile_estimate(range(1, 101), 0.5)
    >>> median.value, median.low, median.high
    (50.5, 40.0, 61.0)
    >>> quantile_estimate(range(1, 61), 0.95)
    TooFew(reason='a p95 at level 0.95 needs 72 values', n=60)
    """
    import numpy as np
    from scipy.special import bdtr

    data = _finite(values)
    q, tail = check_share("q", q), (1 - check_share("level", level)) / 2
    n, needed = len(data), values_needed(q, tail)
    if n < needed:
        return TooFew(reason=f"a p{100 * q:g} at level {level:g} needs {needed} values", n=n)
    ordered = np.sort(np.asarray(data))
    below = bdtr(np.arange(n, dtype=float), n, q)  # below[k] = P(at most k values under it)
    low_rank = int(np.searchsorted(below, tail, side="right"))
    high_rank = int(np.searchsorted(below, 1 - tail, side="left")) + 1
    value = float(np.quantile(ordered, q))
    return Estimate(
        value=value,
        low=min(value, float(ordered[low_rank - 1])),
        high=max(value, float(ordered[high_rank - 1])),
        level=level,
        method="order-statistic",
        n=n,
    )


def values_needed(q: float, tail: float) -> int:
    """How many values order statistics take to leave `tail` on either side of the q-quantile.

    >>> values_needed(0.5, 0.025), values_needed(0.999, 0.025)
    (6, 3688)
    """
    return math.ceil(max(math.log(tail) / math.log(q), math.log(tail) / math.log1p(-q)))


def mean_estimate(values: Sequence[float], *, level: float = 0.95) -> Measured:
    """The mean of `values`, in their unit, with Student's t interval.

    TooFew below two values, and below 30 when all are equal, since a spread of 0 is then lack of
    data. Raises ValueError unless 0 < level < 1 and all values are finite.

    >>> mean = mean_estimate([1, 2, 3, 4])
    >>> mean.value, round(mean.low, 3), round(mean.high, 3)
    (2.5, 0.446, 4.554)
    """
    import numpy as np
    from scipy.special import stdtrit

    data = np.asarray(_finite(values))
    level, n = check_share("level", level), len(data)
    if n < 2:
        return TooFew(reason="a mean needs 2 values for an interval", n=n)
    value, spread = float(data.mean()), float(data.std(ddof=1))
    if data.min() == data.max():
        if n < MIN_EQUAL_VALUES:
            return TooFew(reason=f"all {n} values are equal: too few to know their spread", n=n)
        value, spread = float(data[0]), 0.0
    half = float(stdtrit(n - 1, (1 + level) / 2)) * spread / math.sqrt(n)
    return Estimate(value=value, low=value - half, high=value + half, level=level, method="t", n=n)


def _finite(values: Sequence[float]) -> list[float]:
    data = [float(value) for value in values]
    if not all(math.isfinite(value) for value in data):
        raise ValueError("values must all be finite")
    return data

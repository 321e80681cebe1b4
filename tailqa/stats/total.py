"""Totals over strata: of values that were not taken, and the ratio of two of those that were."""

import math
from collections.abc import Sequence

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.stats.checks import check_count, check_share, check_weights


def stratified_total(
    strata: Sequence[Sequence[float]], unseen: Sequence[int], *, level: float = 0.95
) -> Measured:
    """What `unseen[h]` more values of each stratum h would add up to, in the unit of the values.

    `strata[h]` holds the values seen, a random sample of the stratum. Σ N·mean with the prediction
    variance Σ N²·s²·(1/n + 1/N) and Student's t on values − strata degrees of freedom (Cochran,
    Sampling Techniques, 3rd ed., ch. 5). n counts the values seen in the strata with unseen ones.
    TooFew when nothing is unseen, and where such a stratum has fewer than 2 values or all are
    equal. Raises ValueError unless there is one count per stratum and level lies in (0, 1).

    >>> total = stratified_total([[8, 12, 10, 10], [5.0]], [100, 0])
    >>> total.value, round(total.low), round(total.high)
    (1000.0, 735, 1265)
    """
    import numpy as np
    from scipy.special import stdtrit

    if len(strata) != len(unseen):
        raise ValueError(f"unseen must hold one count per stratum, got {len(unseen)}")
    counts = [check_count(f"unseen[{i}]", count) for i, count in enumerate(unseen)]
    parts = [
        (np.asarray(values, dtype=float), count)
        for values, count in zip(strata, counts, strict=True)
        if count
    ]
    n = sum(len(values) for values, _ in parts)
    if not parts:
        return TooFew(reason="nothing was left to ask", n=n)
    if any(len(values) < 2 for values, _ in parts):
        return TooFew(reason="a stratum has fewer than 2 measured queries", n=n)
    value = math.fsum(count * float(values.mean()) for values, count in parts)
    variance = math.fsum(
        count**2 * float(values.var(ddof=1)) * (1 / len(values) + 1 / count)
        for values, count in parts
    )
    if variance == 0:
        return TooFew(reason="all measured queries are equal: their spread is unknown", n=n)
    t = float(stdtrit(n - len(parts), (1 + check_share("level", level)) / 2))
    half = t * math.sqrt(variance)
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        level=level,
        method="stratified-total",
        n=n,
    )


def stratified_ratio(
    tops: Sequence[Sequence[float]],
    bottoms: Sequence[Sequence[float]],
    weights: Sequence[float] = (1.0,),
    *,
    level: float = 0.95,
) -> Measured:
    """What strata of `weights` spend of one thing per unit of another: Σ w·mean / Σ w·mean.

    `tops[h]` and `bottoms[h]` hold one value per query of stratum h, in the same order; values of
    `bottoms` lie above 0. The combined ratio, linearised, with Student's t on queries − strata
    degrees of freedom (Cochran, Sampling Techniques, 3rd ed., 6.11). n counts queries. TooFew
    below two queries in a stratum and where all ratios are equal. Raises ValueError for lists of
    unlike lengths, a sum of `bottoms` that is not above 0, weights that do not sum to 1, and a
    level outside (0, 1).

    >>> ratio = stratified_ratio([[8, 12, 10]], [[2, 3, 2]])
    >>> round(ratio.value, 3), round(ratio.low, 3), round(ratio.high, 3)
    (4.286, 2.96, 5.612)
    """
    import numpy as np
    from scipy.special import stdtrit

    shares = check_weights(weights, len(tops))
    used = [
        (np.asarray(top, dtype=float), np.asarray(bottom, dtype=float), share)
        for top, bottom, share in zip(tops, bottoms, shares, strict=True)
        if share > 0
    ]
    if any(len(top) != len(bottom) for top, bottom, _ in used):
        raise ValueError("tops and bottoms must hold one value per query")
    n = sum(len(top) for top, _, _ in used)
    if any(len(top) < 2 for top, _, _ in used):
        return TooFew(reason="a stratum has fewer than 2 measured queries", n=n)
    whole = math.fsum(share * float(bottom.mean()) for _, bottom, share in used)
    if not whole > 0:
        raise ValueError("bottoms must sum to more than 0")
    value = math.fsum(share * float(top.mean()) for top, _, share in used) / whole
    variance = math.fsum(
        share**2 * float((top - value * bottom).var(ddof=1)) / len(top)
        for top, bottom, share in used
    )
    if variance == 0:
        return TooFew(reason="all measured queries are equal: their spread is unknown", n=n)
    t = float(stdtrit(n - len(used), (1 + check_share("level", level)) / 2))
    half = t * math.sqrt(variance) / whole
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        level=level,
        method="stratified-ratio",
        n=n,
    )

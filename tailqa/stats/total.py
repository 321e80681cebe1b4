"""The total over values that were not taken, from those that were."""

import math
from collections.abc import Sequence

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.stats.checks import check_count, check_share


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

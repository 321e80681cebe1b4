"""How well one number ranks: the area under the ROC curve."""

import math
from collections.abc import Sequence

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.stats.checks import two_sided_z

MIN_OF_EACH = 5


def ranking_auc(
    positives: Sequence[float], negatives: Sequence[float], *, level: float = 0.95
) -> Measured:
    """The chance that a positive has the higher value, ties counted half; in [0, 1], ½ is chance.

    The Mann–Whitney statistic over its number of pairs. The interval inverts Hanley & McNeil's
    variance at the limit instead of the estimate, so it keeps a width at 0 and 1 (Newcombe, Stat
    Med 2006, 25: 559–573, method 5). TooFew below 5 positives or 5 negatives. Raises ValueError
    for values that are not finite and a level outside (0, 1).

    >>> auc = ranking_auc([3, 4, 5, 9, 8], [1, 2, 3, 2, 4, 1])
    >>> round(auc.value, 3), round(auc.low, 3), round(auc.high, 3), auc.n
    (0.933, 0.581, 0.992, 11)
    """
    import numpy as np
    from scipy.stats import rankdata

    z, n_positives, n_negatives = two_sided_z(level), len(positives), len(negatives)
    n = n_positives + n_negatives
    values = np.array([*positives, *negatives], dtype=float)
    if not np.isfinite(values).all():
        raise ValueError("values must all be finite")
    if min(n_positives, n_negatives) < MIN_OF_EACH:
        reason = f"an AUC needs {MIN_OF_EACH} of each, got {n_positives} and {n_negatives}"
        return TooFew(reason=reason, n=n)
    ranks = rankdata(values)[:n_positives].sum() - n_positives * (n_positives + 1) / 2
    value = float(ranks / (n_positives * n_negatives))
    sizes = (n_positives, n_negatives)
    # Swapping the sides turns the upper limit into a lower one, so symmetry is exact.
    low, high = _lower(value, sizes, z), 1 - _lower(1 - value, sizes, z)
    return Estimate(value=value, low=low, high=high, level=level, method="newcombe-5", n=n)


def _lower(value: float, sizes: tuple[int, int], z: float) -> float:
    from scipy.optimize import brentq

    if value == 0:
        return 0.0
    more = sum(sizes) / 2 - 1

    def excess(auc: float) -> float:
        spread = 1 + more * ((1 - auc) / (2 - auc) + auc / (1 + auc))
        return value - auc - z * math.sqrt(auc * (1 - auc) * spread / math.prod(sizes))

    # At 1 the variance vanishes, so that an estimate of 1 is a second, false root.
    return float(brentq(excess, 0.0, min(value, 1 - 1e-9)))

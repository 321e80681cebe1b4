"""Quantiles of values that come in clusters, such as the positions of one answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.stats.checks import check_share, check_weights
from tailqa.stats.clustered import effective_n, korn_graubard, linearise, too_few_queries
from tailqa.stats.sample import values_needed

if TYPE_CHECKING:
    import numpy as np


def clustered_quantiles(
    strata: "Sequence[Sequence[np.ndarray]]",
    qs: Sequence[float],
    weights: Sequence[float] = (1.0,),
    *,
    level: float = 0.95,
) -> tuple[Measured, ...]:
    """The quantiles `qs` of values that come in one array per query; infinity stands for never.

    Korn & Graubard's interval of the share q, read off the sample (Woodruff, JASA 1952, 47:
    635–646; as the `beta` interval of R's svyquantile). TooFew where these values are worth fewer
    independent ones than an order-statistic interval takes (`quantile_estimate`), or where the
    quantile or a limit is infinite. ValueError as in `clustered_mean`, and for NaN.

    >>> import numpy as np
    >>> [median] = clustered_quantiles([[np.array([n, n + 9.0]) for n in range(30)]], [0.5])
    >>> median.value, median.low, median.high, median.n
    (19.0, 14.0, 24.0, 60)
    """
    checked = [check_share("q", q) for q in qs]
    shares = check_weights(weights, len(strata))
    used = [(rows, share) for rows, share in zip(strata, shares, strict=True) if share > 0]
    if any(len(rows) < 2 for rows, _ in used):
        few = too_few_queries([[len(row) for row in rows] for rows, _ in used])
        return (few,) * len(checked)
    sample = _sample(used)
    return tuple(_quantile(sample, q, check_share("level", level)) for q in checked)


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """Per stratum its values, the length of each query and its weight; and all values sorted.

    `reached` holds the share of the weight up to each of `ordered`.
    """

    values: "list[np.ndarray]"
    lengths: "list[np.ndarray]"
    weights: list[float]
    ordered: "np.ndarray"
    reached: "np.ndarray"

    def at(self, share: float) -> float:
        """The least value that reaches `share`."""
        # Rounding of the sums must not carry a share of exactly k/n past its value.
        rank = int(self.reached.searchsorted(share - 1e-12))
        return float(self.ordered[min(len(self.ordered) - 1, rank)])


def _sample(used: "Sequence[tuple[Sequence[np.ndarray], float]]") -> _Sample:
    import numpy as np

    values = [np.concatenate(rows) for rows, _ in used]
    everything = np.concatenate(values)
    if np.isnan(everything).any():
        raise ValueError("values must not be NaN")
    masses = [np.full(len(v), w / len(v)) for v, (_, w) in zip(values, used, strict=True)]
    order = np.argsort(everything, kind="stable")
    return _Sample(
        values=values,
        lengths=[np.array([len(row) for row in rows]) for rows, _ in used],
        weights=[weight for _, weight in used],
        ordered=everything[order],
        reached=np.cumsum(np.concatenate(masses)[order]),
    )


def _quantile(sample: _Sample, q: float, level: float) -> Measured:
    import numpy as np

    value = sample.at(q)
    below = [
        (np.add.reduceat(v <= value, np.cumsum(n) - n, dtype=float).tolist(), n.tolist())
        for v, n in zip(sample.values, sample.lengths, strict=True)
    ]
    found = linearise(below, sample.weights)
    if isinstance(found, TooFew):
        return found
    worth, needed = effective_n(q, found, level), values_needed(q, (1 - level) / 2)
    if worth < needed:
        # Below that number the spread of so far a quantile does not show at all.
        few = found.n < needed
        have = f"there are {found.n:,}" if few else f"these are worth {int(worth):,}"
        reason = f"a p{100 * q:g} takes {needed:,} independent values, {have}"
        return TooFew(reason=reason, n=found.n)
    low, high = (sample.at(share) for share in korn_graubard(q, worth, level))
    if not math.isfinite(max(value, high)):
        return TooFew(reason=f"too many never do for a p{100 * q:g}", n=found.n)
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        level=level,
        method="woodruff-korn-graubard",
        n=found.n,
    )

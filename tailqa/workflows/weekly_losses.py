"""How much the accuracy of some weeks differs from that of others, on the same queries."""

from collections.abc import Mapping, Sequence
from typing import overload

import numpy as np

from tailqa import stats
from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.weekly import EVERYTHING, Alarm
from tailqa.workflows.weekly_outcomes import UNKNOWN, Indices, Outcomes


def by_loss(alarm: Alarm) -> tuple[bool, float]:
    """To sort alarms by: strata before the whole, the largest loss first."""
    loss = alarm.loss.value if isinstance(alarm.loss, Estimate) else 0.0
    return alarm.scope == EVERYTHING, loss


def changed_accuracy(
    outcomes: Outcomes,
    shares: Mapping[str, float],
    before: Sequence[int],
    after: Sequence[int],
    *,
    level: float,
) -> Measured:
    """Accuracy in the rows `after` less that in `before`, on queries known in both; in [−1, 1].

    Strata by their `shares`. A query counts its mean over the weeks, and is one observation
    however often it was asked; so is a cluster.
    """
    strata = [_differences(outcomes, outcomes.columns[name], before, after) for name in shares]
    if any(not len(sums) for sums, _ in strata):
        return TooFew(reason="no query was asked before and after", n=0)
    return stats.clustered_mean(strata, list(shares.values()), level=level)


@overload
def scaled(measured: Estimate, factor: float) -> Estimate: ...
@overload
def scaled(measured: Measured, factor: float) -> Measured: ...
def scaled(measured: Measured, factor: float) -> Measured:
    """The figure times `factor`, its interval too.

    >>> lost = Estimate(value=-.04, low=-.07, high=-.01, level=.95, method="t", n=300)
    >>> scaled(lost, -1000).low
    10.0
    """
    if isinstance(measured, TooFew):
        return measured
    low, high = sorted((measured.low * factor, measured.high * factor))
    return Estimate(
        value=measured.value * factor,
        low=low,
        high=high,
        level=measured.level,
        method=measured.method,
        n=measured.n,
    )


def _differences(
    outcomes: Outcomes, columns: Indices, before: Sequence[int], after: Sequence[int]
) -> tuple[list[float], list[int]]:
    """Per cluster, the sum over its queries of (mean after − mean before), and their number."""
    means = []
    for rows in (before, after):
        marks = outcomes.counted[rows][:, columns]
        known = marks != UNKNOWN
        n_known = known.sum(axis=0)
        right = np.where(known, marks, 0).sum(axis=0)
        means.append(np.where(n_known > 0, right / np.maximum(n_known, 1), np.nan))
    change = means[1] - means[0]
    asked = np.isfinite(change)
    units = outcomes.units(columns[asked])
    if not len(units):
        return [], []
    return np.bincount(units, weights=change[asked]).tolist(), np.bincount(units).tolist()

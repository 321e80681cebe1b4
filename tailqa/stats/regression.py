"""Did the student get worse on the traffic? Evidence that may be read every week.

The null hypothesis: on the traffic that the queries were drawn from, the student's accuracy never
fell. Builds may change single queries for good, as long as accuracy on the traffic stays. Asking
the same queries again says nothing new about the traffic, so a query (or a cluster of them) is
one piece of evidence however often it was asked. docs/statistics.md says what is guaranteed.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.stats.betting import pooled
from tailqa.stats.checks import check_count

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Marks = npt.NDArray[np.int8]

BETS = (0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
SHARES = (0.1, 0.1, 0.2, 0.2, 0.2, 0.2)
"""The bets on "worse", and the share of the money that lies on each."""

FADING = 0.5 ** (1 / 4)
"""What a week before the change counts of the week after it: half as much four weeks earlier."""

# A product of as many factors, each at least 1 − the largest bet, is still a normal float.
BLOCK = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekEvidence:
    """ln M in one week, and the week (its row) in which a change is likeliest to have begun.

    Both are None where nothing can be said: no query is known, or none was known before.
    """

    log_evidence: float | None
    since: int | None


def alarm_log_threshold(weeks: float, n_scopes: int) -> float:
    """ln(weeks · n_scopes): the ln M that raises the alarm of one of `n_scopes` scopes of a page.

    Each scope gets an equal part of the false alarms, so that the page has one in `weeks` weeks on
    average at most. Raises ValueError unless weeks is finite and at least 1 and n_scopes a whole
    number of at least 1.

    >>> round(alarm_log_threshold(104, 11), 3)
    7.042
    """
    if not (math.isfinite(weeks) and weeks >= 1):
        raise ValueError(f"weeks must be a finite number of at least 1, got {weeks!r}")
    return math.log(weeks * _at_least_one("n_scopes", n_scopes))


def regression_evidence(
    right: "Marks",
    *,
    weights: Sequence[float] | None = None,
    units: Sequence[int] | None = None,
    memory: int = 26,
) -> tuple[WeekEvidence, ...]:
    """ln M in every week: the evidence that the student is worse on the traffic than before.

    `right` has shape (weeks, queries), oldest week first, all of one unchanged harness: 1 right, 0
    wrong, −1 not known (not asked, failed). `weights`, a number of at least 0 per query, make up
    the traffic from several strata (the stratum's share / its queries). Queries that share one of
    `units`, as those of a cluster do, are one piece of evidence. A change is looked for in the
    last `memory` weeks; weeks in which nothing is known are passed over.

    For a change in week τ, δ is a query's mean in weeks τ to t minus its mean before τ, where a
    week counts half as much as one four weeks later. Λ(τ) = Σ share·Π (1 − bet·δ) over the queries
    known on both sides, and M = Σ Λ(τ): the Shiryaev–Roberts sum, which where every week asks
    other queries is M_t = E_t·(M_{t−1} + 1) (Shin, Ramdas & Rinaldo, NEJSDS 2024, 2: 229). Weights
    and units scale δ to stay within [−1, 1]. Raises ValueError for other shapes and values.

    >>> import numpy as np
    >>> right = np.ones((8, 100), dtype=np.int8)
    >>> right[6:, :20] = 0
    >>> week = regression_evidence(right)[7]
    >>> round(week.log_evidence, 2), week.since
    (12.08, 6)
    """
    import numpy as np

    marks = _checked_marks(right)
    stakes, order, starts = _stakes(marks.shape[1], weights, units)
    rows = np.flatnonzero((marks >= 0).any(axis=1))
    found = [WeekEvidence(log_evidence=None, since=None)] * len(marks)
    for week, first, change in _changes(marks[rows][:, order], _at_least_one("memory", memory)):
        staked = change * stakes
        if starts is not None:
            staked = np.add.reduceat(staked, starts, axis=1)
        logs = pooled(log_wealth(staked) + np.log(SHARES))
        found[rows[week]] = WeekEvidence(
            log_evidence=float(pooled(logs)), since=int(rows[first + int(logs.argmax())])
        )
    return tuple(found)


def log_wealth(changes: "Floats") -> "Floats":
    """ln Π (1 − bet·change) over the last axis; shape (rows, units) → (rows, bets)."""
    import numpy as np

    rows, n = changes.shape
    n_blocks = -(-n // BLOCK)
    padded = np.zeros((rows, BLOCK, n_blocks))
    padded.reshape(rows, -1)[:, :n] = changes
    factors, logs = np.empty_like(padded), np.empty((rows, len(BETS)))
    for column, bet in enumerate(BETS):
        np.multiply(padded, -bet, out=factors)
        factors += 1
        logs[:, column] = np.log(np.multiply.reduce(factors, axis=1)).sum(axis=1)
    return logs


def _changes(marks: "Marks", memory: int) -> Iterator[tuple[int, int, "Floats"]]:
    """Week t, the first τ of its memory and, for τ to t, each query's mean then minus before.

    Shape (weeks τ to t, queries), 0 for a query that is not known on both sides. Weeks before
    which nothing is known are left out, and so is a week that says nothing of any change.
    """
    import numpy as np

    hits, known = (marks == 1).astype(np.float64), (marks >= 0).astype(np.float64)
    before, was_known = _before(hits, known)
    hits, known = (
        np.vstack([np.zeros_like(side[:1]), side.cumsum(axis=0)]) for side in (hits, known)
    )
    for week in range(1, len(marks)):
        first = max(1, week + 1 - memory)
        times = known[week + 1] - known[first : week + 1]
        both = (times > 0) & was_known[first : week + 1]
        if both.any():
            change = (hits[week + 1] - hits[first : week + 1]) / np.maximum(times, 1)
            change -= before[first : week + 1]
            change *= both
            yield week, first, change


def _before(hits: "Floats", known: "Floats") -> "tuple[Floats, npt.NDArray[np.bool_]]":
    """The fading mean of every query over the weeks before each week, and whether there is one."""
    import numpy as np

    top, bottom = np.zeros_like(hits), np.zeros_like(known)
    for week in range(1, len(hits)):
        top[week] = FADING * top[week - 1] + hits[week - 1]
        bottom[week] = FADING * bottom[week - 1] + known[week - 1]
    was_known = bottom > 0
    return np.divide(top, bottom, out=top, where=was_known), was_known


def _stakes(
    n: int, weights: Sequence[float] | None, units: Sequence[int] | None
) -> "tuple[Floats, npt.NDArray[np.int64] | slice, npt.NDArray[np.int64] | None]":
    """What a change of 1 counts, by query; the order that puts units together; where each starts.

    No unit can change by more than 1.
    """
    import numpy as np

    stakes = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    if stakes.shape != (n,) or not (np.isfinite(stakes) & (stakes >= 0)).all():
        raise ValueError(f"weights must hold a finite number of at least 0 for each of {n} queries")
    if n and not stakes.any():
        raise ValueError("weights must not all be 0")
    if units is None or n == 0:
        return stakes / stakes.max(initial=0), slice(None), None
    ids = np.asarray(units)
    if ids.shape != (n,) or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"units must hold a whole number for each of {n} queries")
    order = np.argsort(ids, kind="stable")
    _, starts = np.unique(ids[order], return_index=True)
    stakes = stakes[order]
    return stakes / np.add.reduceat(stakes, starts).max(initial=0), order, starts


def _checked_marks(right: "Marks") -> "Marks":
    import numpy as np

    marks = np.asarray(right)
    if marks.ndim != 2:
        raise ValueError(f"right must have shape (weeks, queries), got {marks.shape}")
    if not np.isin(marks, (-1, 0, 1)).all():
        raise ValueError("right must hold 1 (right), 0 (wrong) and -1 (not known) alone")
    return marks.astype(np.int8)


def _at_least_one(name: str, value: int) -> int:
    if check_count(name, value) < 1:
        raise ValueError(f"{name} must be at least 1, got 0")
    return int(value)

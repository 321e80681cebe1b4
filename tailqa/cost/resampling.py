"""What one correct answer takes, with intervals from resampled queries.

Wrong answers are paid for too: the figure is a sum over all queries divided by the number of
correct ones, a ratio whose parts vary together.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.words import count_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MIN_CORRECT = 5
RESAMPLES = 2000
# Indices drawn at once; bounds the memory, not the result.
BLOCK = 4_000_000


def per_correct(
    tokens: Sequence[float],
    correct: Sequence[bool],
    *,
    level: float = 0.95,
    rng: "np.random.Generator",
    resamples: int = RESAMPLES,
) -> Measured:
    """Expected amount per *correct* answer, Σ tokens / Σ correct, in the unit of `tokens`.

    `tokens` and `correct` hold one entry per query, in the same order. Percentile bootstrap (Efron
    & Tibshirani 1993, ch. 13) over queries, so a query's tokens and correctness stay together.
    TooFew with fewer than 5 correct answers, or when so many resamples hold none that the upper
    limit is infinite. Raises ValueError for lengths that differ, amounts that are negative or not
    finite, a level outside (0, 1), or fewer than 100 resamples.

    >>> import numpy as np
    >>> cost = per_correct([10] * 8 + [30] * 2, [True] * 8 + [False] * 2,
    ...                    rng=np.random.default_rng(0))
    >>> cost.value, cost.low < 17.5 < cost.high
    (17.5, True)
    """
    import numpy as np

    paid, right = _amounts("tokens", tokens), _truths(correct)
    _check(level, resamples)
    if len(paid) != len(right):
        raise ValueError(
            f"tokens and correct must be equally long, got {len(paid)} and {len(right)}"
        )
    if right.sum() < MIN_CORRECT:
        return _too_few(right)
    sums = _means(np.column_stack([paid, right]), rng, resamples)
    return _ratio(paid.mean() / right.mean(), sums[:, 0], sums[:, 1], level, len(right))


def seconds_per_correct(
    answer_s: Sequence[float],
    correct: Sequence[bool],
    *,
    timed: Sequence[int] | None = None,
    level: float = 0.95,
    rng: "np.random.Generator",
    resamples: int = RESAMPLES,
) -> Measured:
    """Expected seconds per *correct* answer: mean(answer_s) / mean(correct).

    `answer_s` holds the times of a sample of queries, `correct` one entry per graded query. With
    `timed` (for each time, the index of its query in `correct`) the timed queries are resampled
    with their correctness and the others on their own, so the joint variation counts. Without
    it the two samples are resampled independently, which is narrower than the truth where wrong
    answers run longer, and wider where they run shorter. TooFew and ValueError as in
    `per_correct`; also TooFew with fewer than 5 times, and ValueError for an index that is not
    in `correct` or not one per time.

    >>> import numpy as np
    >>> cost = seconds_per_correct([1.0, 1.5, 2.0, 1.5, 1.5], [True, False] * 50,
    ...                            rng=np.random.default_rng(0))
    >>> cost.value, cost.low < 3.0 < cost.high
    (3.0, True)
    """
    import numpy as np

    times, right = _amounts("answer_s", answer_s), _truths(correct)
    _check(level, resamples)
    indices = None if timed is None else _indices(timed, len(times), len(right))
    if len(times) < MIN_CORRECT:
        return TooFew(
            reason=f"{count_of(len(times), 'timed answer', 'timed answers')}, {MIN_CORRECT} needed",
            n=len(times),
        )
    if right.sum() < MIN_CORRECT:
        return _too_few(right)
    value = times.mean() / right.mean()
    if indices is None:
        top = _means(times[:, None], rng, resamples)[:, 0]
        bottom = _means(right[:, None], rng, resamples)[:, 0]
        return _ratio(value, top, bottom, level, len(times))
    queries, place = np.unique(indices, return_inverse=True)
    repeats = np.bincount(place)
    seconds = np.bincount(place, weights=times)
    drawn = _means(np.column_stack([seconds, repeats, right[queries]]), rng, resamples)
    bottom = drawn[:, 2] * len(queries)
    others = np.delete(right, queries)
    if len(others):
        bottom = bottom + _means(others[:, None], rng, resamples)[:, 0] * len(others)
    return _ratio(value, drawn[:, 0] / drawn[:, 1], bottom / len(right), level, len(times))


def _means(columns: "Floats", rng: "np.random.Generator", resamples: int) -> "Floats":
    """Column means of `resamples` samples of the rows with replacement: (resamples, columns)."""
    import numpy as np

    n = len(columns)
    per_block = max(1, BLOCK // n)
    blocks = []
    for start in range(0, resamples, per_block):
        rows = rng.integers(n, size=(min(per_block, resamples - start), n))
        blocks.append(np.stack([column[rows].mean(axis=1) for column in columns.T], axis=1))
    return np.concatenate(blocks)


def _ratio(value: float, top: "Floats", bottom: "Floats", level: float, n: int) -> Measured:
    import numpy as np

    ratios = np.full(len(top), np.inf)
    np.divide(top, bottom, out=ratios, where=bottom > 0)
    tail = (1 - level) / 2
    # Order statistics, not interpolation, which between a number and infinity is neither.
    low = float(np.quantile(ratios, tail, method="lower"))
    high = float(np.quantile(ratios, 1 - tail, method="higher"))
    if not math.isfinite(high):
        return TooFew(reason=f"too few correct answers for an upper limit at level {level:g}", n=n)
    return Estimate(
        value=float(value),
        low=min(low, float(value)),
        high=max(high, float(value)),
        level=level,
        method="bootstrap-percentile",
        n=n,
    )


def _amounts(name: str, values: Sequence[float]) -> "Floats":
    import numpy as np

    amounts = np.asarray(values, dtype=float)
    if amounts.ndim != 1 or not np.isfinite(amounts).all() or (amounts < 0).any():
        raise ValueError(f"{name} must be a list of finite numbers of at least 0")
    return amounts


def _truths(correct: Sequence[bool]) -> "Floats":
    import numpy as np

    truths = np.asarray(correct, dtype=float)
    if truths.ndim != 1 or not np.isin(truths, (0.0, 1.0)).all():
        raise ValueError("correct must be a list of true and false")
    return truths


def _indices(timed: Sequence[int], n_times: int, n_queries: int) -> "npt.NDArray[np.intp]":
    import numpy as np

    indices = np.asarray(timed, dtype=np.intp)
    if len(indices) != n_times or ((indices < 0) | (indices >= n_queries)).any():
        raise ValueError(
            f"timed must hold one index into correct (0 to {n_queries - 1}) per time, "
            f"got {len(indices)} for {n_times} times"
        )
    return indices


def _check(level: float, resamples: int) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level!r}")
    if resamples < 100:
        raise ValueError(f"resamples must be at least 100, got {resamples!r}")


def _too_few(right: "Floats") -> TooFew:
    return TooFew(
        reason=f"{MIN_CORRECT} correct answers needed, {right.sum():.0f} found", n=len(right)
    )

"""How long an attempt takes a model: seconds by its tokens, and how a filling server slows down."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from tailqa.core.bench import Bench
from tailqa.cost.line import Speed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

LEAST_TIMED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedQueries:
    """Answers timed alone: seconds and tokens, one entry per timed answer.

    `query` is the index of its query in the population.
    """

    query: "npt.NDArray[np.int64]"
    prompt_tokens: "Floats"
    completion_tokens: "Floats"
    answer_s: "Floats"


def fitted_speed(timed: TimedQueries, weights: "Floats | None" = None) -> Speed:
    """Seconds of an answer alone, base + prompt · p + completion · c, with its noise.

    Non-negative least squares on relative errors, so that short answers count as much as long
    ones, scaled so that the total time is kept. `weights` says how often each timed answer counts.
    Raises ValueError where fewer than 5 count.

    >>> import numpy as np
    >>> tokens = np.array([3.0, 9.0, 5.0, 7.0, 4.0, 6.0])
    >>> timed = TimedQueries(query=np.arange(6), prompt_tokens=tokens[::-1] * 8,
    ...                      completion_tokens=tokens, answer_s=0.01 + 0.02 * tokens)
    >>> speed = fitted_speed(timed)
    >>> round(speed.completion_token_s, 4), round(float(speed.noise.std()), 6)
    (0.02, 0.0)
    """
    import numpy as np

    counts = np.ones(len(timed.answer_s)) if weights is None else weights
    return fitted_speeds(timed, counts[None])[0]


def fitted_speeds(timed: TimedQueries, weights: "Floats") -> list[Speed]:
    """The same for every row of `weights`, (rows, answers).

    A row in which fewer than 5 answers count has the speed of the first. Raises ValueError where
    that is the first.
    """
    import numpy as np

    enough = (weights > 0).sum(axis=1)
    if enough[0] < LEAST_TIMED:
        raise ValueError(f"{LEAST_TIMED} timed answers are needed, got {enough[0]}")
    seconds = np.maximum(timed.answer_s, 1e-9)
    columns = np.stack(
        [np.ones(len(seconds)), timed.prompt_tokens, timed.completion_tokens], axis=1
    )
    # Columns of like size, so that none drowns in another's rounding.
    size = np.maximum(columns.max(axis=0), 1.0)
    found = _least_squares(columns / size / seconds[:, None], weights) / size
    predicted = np.maximum(found @ columns.T, seconds.min() * 1e-3)
    scale = weights @ seconds / (weights * predicted).sum(axis=1)
    speeds: list[Speed] = []
    for row, counts in enumerate(weights):
        if enough[row] < LEAST_TIMED:
            speeds.append(speeds[0])
            continue
        base, prompt, completion = (float(value) for value in found[row] * scale[row])
        noise = np.repeat(seconds / (predicted[row] * scale[row]), counts.astype(int))
        speeds.append(
            Speed(
                base_s=base,
                prompt_token_s=prompt,
                completion_token_s=completion,
                noise=noise / noise.mean(),
                slowdown=np.ones(1),
            )
        )
    return speeds


def refitted_speed(timed: TimedQueries, weights: "Floats", whole: Speed) -> Speed:
    """The speed of a resample: `whole`, the speed of all, where fewer than 5 answers are in it."""
    return fitted_speed(timed, weights) if (weights > 0).sum() >= LEAST_TIMED else whole


def bench_speed(
    bench: Bench,
    side: str,
    *,
    prompt_tokens: float,
    concurrency: int,
    noise: "Floats | None" = None,
    repeats: Sequence[int] | None = None,
) -> Speed:
    """The same from a bench: prefill by prompt length at batch 1, decoding by batch size.

    The slowdown with n requests in a server is the time per token at batch n over that at batch
    1, interpolated, at the measured prompt length next to `prompt_tokens`. `repeats` chooses
    repeats of the bench (a resample of them); by default all. Raises ValueError where batch 1 or
    a batch of `concurrency` was not measured.
    """
    import numpy as np

    cells = [c.times for c in bench.cells if c.times.side == side and c.times.token_s]
    alone = {t.prompt_tokens: t for t in cells if t.batch_size == 1}
    most = max((t.batch_size for t in cells), default=0)
    if not alone or most < concurrency:
        raise ValueError(
            f"the bench measured the {side} at batch sizes up to {most}"
            f"{'' if alone else ', not at 1'}; run tailqa bench with "
            f"--batch-sizes 1,…,{concurrency}"
        )

    def median(values: Sequence[float]) -> float:
        chosen = values if repeats is None else [values[i % len(values)] for i in repeats]
        return float(np.median(chosen))

    lengths = np.array(sorted(alone), dtype=float)
    first = np.array([median(alone[int(n)].of("first_token")) for n in lengths])
    slope, base = np.polyfit(lengths, first, 1) if len(lengths) > 1 else (0.0, float(first[0]))
    if slope < 0 or base < 0:
        slope, base = (0.0, float(first.mean())) if slope < 0 else (first.sum() / lengths.sum(), 0)
    near = int(lengths[np.argmin(np.abs(lengths - prompt_tokens))])
    by_batch = {t.batch_size: median(t.of("per_token")) for t in cells if t.prompt_tokens == near}
    sizes = np.array(sorted(by_batch), dtype=float)
    slower = np.array([by_batch[int(n)] for n in sizes]) / by_batch[1]
    slowdown = np.interp(np.arange(1, concurrency + 1), sizes, slower)
    return Speed(
        # The first token comes out of the prefill.
        base_s=max(0.0, float(base) - by_batch[1]),
        prompt_token_s=float(slope),
        completion_token_s=by_batch[1],
        noise=np.ones(1) if noise is None else noise,
        slowdown=np.maximum(1.0, np.maximum.accumulate(slowdown)),
    )


def work_s(speed: Speed, prompt_tokens: "Floats", completion_tokens: "Floats") -> "Floats":
    """Expected seconds of attempts of these tokens, alone on a server."""
    seconds: Floats = (
        speed.base_s
        + speed.prompt_token_s * prompt_tokens
        + speed.completion_token_s * completion_tokens
    )
    return seconds


def capacity(speed: Speed, servers: int, concurrency: int) -> float:
    """The most seconds of work alone that `servers` finish per second, however full they are.

    >>> import numpy as np
    >>> speed = Speed(base_s=0, prompt_token_s=0, completion_token_s=1, noise=np.ones(1),
    ...               slowdown=np.array([1.0, 1.25, 3.5]))
    >>> capacity(speed, servers=2, concurrency=3)
    1.7142857142857142
    """
    return servers * concurrency / float(speed.slowdown[concurrency - 1])


def _least_squares(columns: "Floats", weights: "Floats") -> "Floats":
    """Coefficients of at least 0 by which `columns`, (n, c), come closest to 1; (rows, c).

    Some of the columns alone give the best fit, so with few columns all choices of them are tried
    (Lawson & Hanson 1974, ch. 23, choose step by step); of equal ones that with the fewest.
    """
    import numpy as np

    n_columns = columns.shape[1]
    products = np.einsum("rn,ni,nj->rij", weights, columns, columns)
    sums = weights @ columns
    chosen = [
        np.array(some)
        for count in range(1, n_columns + 1)
        for some in combinations(range(n_columns), count)
    ]
    fits = np.zeros((len(chosen), len(weights), n_columns))
    for fit, some in zip(fits, chosen, strict=True):
        inverse = np.linalg.pinv(products[:, some[:, None], some], rcond=1e-12, hermitian=True)
        fit[:, some] = np.einsum("rij,rj->ri", inverse, sums[:, some])
    explained = np.where((fits >= 0).all(axis=2), (fits * sums).sum(axis=2), 0.0)
    best = (explained >= explained.max(axis=0) - 1e-12 * weights.sum(axis=1)).argmax(axis=0)
    found: Floats = fits[best, np.arange(len(weights))]
    return found

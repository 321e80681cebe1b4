"""How long an attempt takes a model: seconds by its tokens, and how a filling server slows down."""

from collections.abc import Sequence
from dataclasses import dataclass
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

    Non-negative least squares (Lawson & Hanson 1974) on relative errors, so that short answers
    count as much as long ones, scaled so that the total time is kept. `weights` says how often
    each timed answer counts. Raises ValueError where fewer than 5 count.

    >>> import numpy as np
    >>> tokens = np.array([3.0, 9.0, 5.0, 7.0, 4.0, 6.0])
    >>> timed = TimedQueries(query=np.arange(6), prompt_tokens=tokens[::-1] * 8,
    ...                      completion_tokens=tokens, answer_s=0.01 + 0.02 * tokens)
    >>> speed = fitted_speed(timed)
    >>> round(speed.completion_token_s, 4), round(float(speed.noise.std()), 6)
    (0.02, 0.0)
    """
    import numpy as np
    from scipy.optimize import nnls

    seconds = np.maximum(timed.answer_s, 1e-9)
    counts = np.ones(len(seconds)) if weights is None else weights
    if (counts > 0).sum() < LEAST_TIMED:
        raise ValueError(f"{LEAST_TIMED} timed answers are needed, got {(counts > 0).sum()}")
    columns = np.stack(
        [np.ones(len(seconds)), timed.prompt_tokens, timed.completion_tokens], axis=1
    )
    # Columns of like size, so that the solver's tolerance treats them alike.
    size = np.maximum(columns.max(axis=0), 1.0)
    root = np.sqrt(counts)
    found, _ = nnls(columns / size * (root / seconds)[:, None], root)
    predicted = columns @ (found / size)
    predicted = np.maximum(predicted, seconds.min() * 1e-3)
    scale = float(counts @ seconds / (counts @ predicted))
    base, prompt, completion = (float(value) for value in found / size * scale)
    noise = np.repeat(seconds / (predicted * scale), counts.astype(int))
    return Speed(
        base_s=base,
        prompt_token_s=prompt,
        completion_token_s=completion,
        noise=noise / noise.mean(),
        slowdown=np.ones(1),
    )


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

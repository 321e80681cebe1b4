"""Tokens of a query's attempts, by whether these are right."""

from typing import TYPE_CHECKING, Literal, get_args

from tailqa.cost.line import Attempts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

Length = Literal["prompt_right", "completion_right", "prompt_wrong", "completion_wrong"]
"""Tokens of an attempt, by whether it is right."""

LENGTHS: tuple[Length, ...] = get_args(Length)
ENOUGH_OF_BOTH = 5
"""Queries with right and wrong attempts that say how much longer wrong ones are."""


def token_means(attempts: Attempts) -> tuple["Floats", "Floats", "Floats", "Floats"]:
    """Mean tokens of each query's attempts, in the order of `LENGTHS`.

    Where there is none of a kind, of any attempts times `unseen_length`, as the simulation draws
    them; (q,) each.
    """
    import numpy as np

    prompt, completion = attempts.prompt_tokens, attempts.completion_tokens
    no_right, no_wrong = attempts.n_right == 0, attempts.n_right == tries_of(attempts)
    return (
        _mean(attempts, prompt, right=True),
        _mean(attempts, completion, right=True) * np.where(no_right, attempts.unseen_length, 1.0),
        _mean(attempts, prompt, right=False),
        _mean(attempts, completion, right=False) * np.where(no_wrong, attempts.unseen_length, 1.0),
    )


def mean_tokens(attempts: Attempts) -> tuple["Floats", "Floats"]:
    """Mean prompt and completion tokens of each query's attempts, (q,) each."""
    return _mean(attempts, attempts.prompt_tokens), _mean(attempts, attempts.completion_tokens)


def unseen_length(attempts: Attempts, stratum: "Ints") -> "Floats":
    """By how much an attempt of the kind that a query never showed is longer, (q,).

    Wrong answers often run longer. By how much shows on the queries that had both kinds: of the
    same stratum, of all where those are too few, and it is 1 where those are too few as well. No
    answer becomes longer than the longest that was seen, which may be the limit of tokens.
    """
    import numpy as np

    _, right, _, wrong = token_means(attempts)
    n_wrong = tries_of(attempts) - attempts.n_right
    both = (attempts.n_right > 0) & (n_wrong > 0) & (right > 0) & (wrong > 0)

    def ratio(inside: "npt.NDArray[np.bool_]") -> float | None:
        use = both & inside
        return float(wrong[use].sum() / right[use].sum()) if use.sum() >= ENOUGH_OF_BOTH else None

    everywhere = ratio(np.ones(len(stratum), dtype=bool)) or 1.0
    times = np.ones(len(stratum))
    for one in np.unique(stratum):
        times[stratum == one] = ratio(stratum == one) or everywhere
    factors = np.where(attempts.n_right == 0, 1 / times, np.where(n_wrong == 0, times, 1.0))
    longest = np.maximum.reduceat(attempts.completion_tokens, attempts.first[:-1])
    bounded: Floats = np.minimum(factors, attempts.completion_tokens.max() / np.maximum(longest, 1))
    return bounded


def tries_of(attempts: Attempts) -> "Ints":
    """How many attempts each query has, (q,)."""
    import numpy as np

    return np.diff(attempts.first)


def _mean(attempts: Attempts, values: "Floats", *, right: bool | None = None) -> "Floats":
    import numpy as np

    tries = tries_of(attempts)
    query = np.repeat(np.arange(len(tries)), tries)
    everything: Floats = np.bincount(query, values, len(tries)) / tries
    if right is None:
        return everything
    place = np.arange(len(values)) - attempts.first[query]
    chosen = (place < attempts.n_right[query]) == right
    counts = np.bincount(query[chosen], minlength=len(tries))
    sums = np.bincount(query[chosen], values[chosen], len(tries))
    return np.where(counts > 0, sums / np.maximum(counts, 1), everything)

"""Wealth of a gambler who bets against "the mean is at most 0": evidence valid at any time.

A bet λ ≥ 0 on a value x ≥ −loss turns a wealth of 1 into 1 + λx, which stays positive for
λ < 1/loss. Where the mean of every next value is at most 0, no choice of λ made beforehand gains
on average, so the wealth exceeds 1/α at some time with probability at most α (Ville 1939; Waudby-
Smith & Ramdas, JRSS-B 2024, 86: 1). All wealth is kept as its logarithm.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

N_FIXED = 25
# Of the money. The rest is spread over fixed bets, so a useless aim costs a factor of 2.5 at most.
AIMED_SHARE = 0.6
LARGEST_FRACTION = 0.95
# What is known of the mean square before the first value: half a flip in five pairs.
PRIOR_PAIRS, PRIOR_SQUARES = 5.0, 0.5
BLOCK = 4096


def fixed_bets(loss: float) -> "Floats":
    """Bets spread evenly over (0, 1/loss), for values of at least −loss; shape (25,)."""
    import numpy as np

    return np.asarray((np.arange(N_FIXED) + 0.5) / (N_FIXED * loss), dtype=np.float64)


def compound(logs: "Floats", bets: "Floats", values: "Floats") -> "Floats":
    """The path of the log wealth of each bet from `logs` on; shape (values, bets).

    Adds strictly in order, so that a split into blocks does not change a bit of it.
    """
    import numpy as np

    return np.cumsum(np.vstack([logs, np.log1p(bets * values[:, None])]), axis=0)[1:]


def pooled(logs: "Floats") -> "Floats":
    """log Σ exp over the last axis."""
    import numpy as np

    top = logs.max(axis=-1, keepdims=True)
    return np.asarray(top[..., 0] + np.log(np.exp(logs - top).sum(axis=-1)))


def blocks(n: int) -> Iterator[slice]:
    """Slices that cover n rows, few enough at a time to stay in the cache."""
    return (slice(start, start + BLOCK) for start in range(0, n, BLOCK))


class Gambler:
    """One direction: log wealth against "every value has a mean of at most 0 given the past".

    Three fifths of the money follow one bet that would grow fastest if the mean were `aim`, at the
    mean square seen so far; the rest lies evenly on fixed bets, for any other mean. With values
    near aim and aim ± 1 the bet that grows fastest solves aim·λ² + square·λ − aim = 0.
    """

    def __init__(self, loss: float) -> None:
        import numpy as np

        self._loss, self._n, self._squares = loss, 0, 0.0
        shares = [math.log(AIMED_SHARE), *[math.log((1 - AIMED_SHARE) / N_FIXED)] * N_FIXED]
        self._logs = np.array(shares)

    def extend(self, values: "Floats", aims: "Floats") -> "Floats":
        """Log wealth after each value; an aim may depend on what came before its value only."""
        import numpy as np

        squares = np.cumsum(np.concatenate([[self._squares], values**2]))
        seen = self._n + np.arange(len(values))
        square = (PRIOR_SQUARES + squares[:-1]) / (PRIOR_PAIRS + seen)
        aimed = 2 * aims / (square + np.sqrt(square**2 + 4 * aims**2))
        bets = np.empty((len(values), 1 + N_FIXED))
        bets[:, 0] = np.minimum(aimed, LARGEST_FRACTION / self._loss)
        bets[:, 1:] = fixed_bets(self._loss)
        path = compound(self._logs, bets, values)
        self._n, self._squares, self._logs = self._n + len(values), float(squares[-1]), path[-1]
        return pooled(path)

"""Retries on one query: how likely they help, when what failed once mostly fails again.

A query is answered rightly with its own probability p, and p ~ Beta(a, b) over the queries of a
stratum. Attempts on one query are independent given p, so they are correlated over queries.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MOST_EVEN = 1e4
"""The largest a + b that is told apart from independent attempts (ICC 1e-4)."""

_LEAST = 1e-4
_STEPS = 100


@dataclass(frozen=True, slots=True)
class BetaBinomial:
    """Success of attempts, p ~ Beta(`a`, `b`) per query; both positive.

    Raises ValueError for parameters that are not positive and finite.

    >>> lite = BetaBinomial(0.1246, 0.6591)
    >>> round(lite.pass_at(1), 3), round(lite.pass_at(5), 4), round(lite.pass_at(250), 3)
    (0.159, 0.2962, 0.565)
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        for name in ("a", "b"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive and finite, got {value!r}")

    @classmethod
    def of(cls, mean: float, icc: float) -> "BetaBinomial":
        """From the success rate of one attempt and the ICC, both in (0, 1).

        >>> aime = BetaBinomial.of(0.75, 0.39)
        >>> round(aime.pass_at(4), 3), round(aime.expected_attempts(4), 2)
        (0.932, 1.48)
        """
        for name, value in (("mean", mean), ("icc", icc)):
            if not 0 < value < 1:
                raise ValueError(f"{name} must lie strictly between 0 and 1, got {value!r}")
        total = 1 / icc - 1
        return cls(mean * total, (1 - mean) * total)

    @classmethod
    def fit(cls, successes: Sequence[int], attempts: Sequence[int]) -> "BetaBinomial":
        """The maximum-likelihood fit to one (successes, attempts) per query.

        Raises ValueError for counts that do not fit each other, where no query has two attempts
        (such data say nothing of retries), and where all attempts succeed or all fail (a or b
        would be 0).

        >>> fitted = BetaBinomial.fit([4, 4, 4, 0, 3, 4, 1, 4, 4, 2], [4] * 10)
        >>> round(fitted.mean, 2), round(fitted.icc, 2)
        (0.76, 0.56)
        """
        table = check_attempts(successes, attempts)
        [[a, b]] = fit_many(table, [[1.0] * len(table)])
        return cls(float(a), float(b))

    @property
    def mean(self) -> float:
        """The success rate of one attempt."""
        return self.a / (self.a + self.b)

    @property
    def icc(self) -> float:
        """Correlation of two attempts on one query, in (0, 1): 1/(a + b + 1)."""
        return 1 / (self.a + self.b + 1)

    def pass_at(self, k: int) -> float:
        """The chance that at least one of `k` ≥ 1 attempts succeeds: 1 − B(a, b + k)/B(a, b)."""
        return 1 - self._all_fail(_at_least("k", k, 1))

    def expected_attempts(self, cap: int | None = None) -> float:
        """Attempts until the first success, at most `cap` ≥ 1: Σ_{j<cap} B(a, b + j)/B(a, b).

        Without a cap (a + b − 1)/(a − 1). Raises ValueError there for a ≤ 1: so many queries
        hardly ever succeed that the expectation is infinite.

        >>> BetaBinomial(3, 1).expected_attempts()
        1.5
        """
        if cap is not None:
            return math.fsum(self._all_fail(j) for j in range(_at_least("cap", cap, 1)))
        if self.a <= 1:
            raise ValueError(
                f"without a cap the expected attempts are infinite for a ≤ 1, here a = {self.a:.3g}"
            )
        return (self.a + self.b - 1) / (self.a - 1)

    def retried(
        self, cap: int, *, sensitivity: float = 1.0, false_accepts: float = 0.0
    ) -> "Retried":
        """At most `cap` attempts, each shown to a verifier, until it accepts one.

        It accepts a right answer with probability `sensitivity`, a wrong one with
        `false_accepts`. Exact: the chance that j attempts are refused is a sum of moments of
        Beta(a, b). Raises ValueError for probabilities outside [0, 1] and a cap below 1.

        >>> found = BetaBinomial(3, 1).retried(2, sensitivity=0.9, false_accepts=0.2)
        >>> round(found.attempts, 3), round(found.resolved, 3), round(found.precision, 3)
        (1.275, 0.837, 0.924)
        """
        cap = _at_least("cap", cap, 1)
        for name, chance in (("sensitivity", sensitivity), ("false_accepts", false_accepts)):
            if not 0 <= chance <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {chance!r}")
        misses = (1 - sensitivity, 1 - false_accepts)
        refused = [
            (right, j - right, math.comb(j, right) * misses[0] ** right * misses[1] ** (j - right))
            for j in range(cap)
            for right in range(j + 1)
        ]

        def expected(right: int, wrong: int) -> float:
            return math.fsum(
                chance * self._moment(i + right, k + wrong) for i, k, chance in refused
            )

        return Retried(
            attempts=expected(0, 0),
            resolved=sensitivity * expected(1, 0),
            wrong=false_accepts * expected(0, 1),
        )

    def _all_fail(self, k: int) -> float:
        return self._moment(0, k)

    def _moment(self, right: int, wrong: int) -> float:
        """E[p^right · (1 − p)^wrong] = B(a + right, b + wrong)/B(a, b)."""
        a, b, log_gamma = self.a, self.b, math.lgamma
        return math.exp(
            log_gamma(a + right)
            - log_gamma(a)
            + log_gamma(b + wrong)
            - log_gamma(b)
            + log_gamma(a + b)
            - log_gamma(a + b + right + wrong)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Retried:
    """What a retry policy gives per query: mean attempts, and the shares of queries that end
    `resolved` (a right answer accepted) and `wrong` (a wrong one accepted); the rest gave up.
    """

    attempts: float
    resolved: float
    wrong: float

    @property
    def given_up(self) -> float:
        """The share of queries where nothing was accepted."""
        return max(0.0, 1 - self.resolved - self.wrong)

    @property
    def precision(self) -> float:
        """The share of accepted answers that are right; NaN where none is accepted."""
        accepted = self.resolved + self.wrong
        return self.resolved / accepted if accepted else math.nan


def unbiased_pass_at(n: int, correct: int, k: int) -> float:
    """pass@k of one query from `n` attempts with `correct` right: 1 − C(n − c, k)/C(n, k).

    Unbiased for every distribution of p (Chen et al. 2021). Raises ValueError unless
    0 ≤ correct ≤ n and 1 ≤ k ≤ n.

    >>> [round(unbiased_pass_at(*c), 6) for c in ((200, 10, 10), (5, 2, 3), (10, 3, 5))]
    [0.408548, 0.9, 0.916667]
    """
    if not 0 <= correct <= n:
        raise ValueError(f"correct must lie in 0…n, got {correct} of {n}")
    if not 1 <= k <= n:
        raise ValueError(f"k must lie in 1…n, got {k} with n = {n}")
    return 1 - math.comb(n - correct, k) / math.comb(n, k)


def check_attempts(successes: Sequence[int], attempts: Sequence[int]) -> list[tuple[int, int]]:
    """One (successes, attempts) per query; raises ValueError as `BetaBinomial.fit` does."""
    if len(successes) != len(attempts) or not attempts:
        raise ValueError(
            f"successes and attempts must hold one count per query, got {len(successes)} and "
            f"{len(attempts)}"
        )
    table = [(int(c), int(n)) for c, n in zip(successes, attempts, strict=True)]
    if any(not 0 <= c <= n or n < 1 for c, n in table):
        raise ValueError("every query needs 0 ≤ successes ≤ attempts and at least one attempt")
    if all(n < 2 for _, n in table):
        raise ValueError(
            "no query has two attempts, so nothing is known about retries; draw several samples"
        )
    right, total = (sum(column) for column in zip(*table, strict=True))
    if right in {0, total}:
        outcome = "fail" if right == 0 else "succeed"
        raise ValueError(f"all {total} attempts {outcome}, so the spread over queries is unknown")
    return table


def fit_many(
    table: Sequence[tuple[int, int]], weights: "Sequence[Sequence[float]] | Floats"
) -> "Floats":
    """Maximum-likelihood (a, b) for each row of `weights`, one weight per row of `table`.

    `table` holds (successes, attempts); weights of shape (fits, rows), such as the counts of
    bootstrap resamples. Newton's method on (log a, log b), vectorised, within ICC ≥ 1e-4; where
    attempts are no more alike than chance would have them the fit lies at that end. Rows whose
    attempts all succeed or all fail give NaN. Shape (fits, 2).
    """
    import numpy as np

    c, n = (np.array(column, dtype=float) for column in zip(*table, strict=True))
    w = np.asarray(weights, dtype=float)
    right, total = w @ c, w @ n
    mean = right / total
    inside = (right > 0) & (right < total)
    result = np.full((len(w), 2), np.nan)
    if not inside.any():
        return result
    start = np.stack([mean[inside], 1 - mean[inside]], axis=1)
    steps = np.arange(n.max())
    more = np.stack([w[inside] @ (counts[:, None] > steps) for counts in (c, n - c, n)])
    result[inside] = np.exp(_newton(np.log(start), more))
    return result


def _newton(x: "Floats", more: "Floats") -> "Floats":
    import numpy as np

    low, high = math.log(_LEAST), math.log(MOST_EVEN)
    x = x.copy()
    value, slope, curve = _likelihood(x, more)
    damping = np.full(len(x), 1e-3)
    moving = np.arange(len(x))
    for _ in range(_STEPS):
        # Levenberg's damping keeps the step uphill where the curvature is not yet negative.
        at, bend = x[moving], curve[moving]
        scale = np.maximum(1.0, np.abs(bend).max(axis=(1, 2)))
        step = _solve(-bend, slope[moving], damping[moving] * scale)
        tried = np.clip(at + np.clip(step, -2, 2), low, high)
        new = _likelihood(tried, more[:, moving])
        better = new[0] >= value[moving]
        gained = moving[better]
        x[gained], value[gained] = tried[better], new[0][better]
        slope[gained], curve[gained] = new[1][better], new[2][better]
        damping[moving] *= np.where(better, 0.2, 10)
        moving = moving[np.abs(tried - at).max(axis=1) >= 1e-9]
        if not len(moving):
            break
    return x


def _solve(matrix: "Floats", right: "Floats", damping: "Floats") -> "Floats":
    import numpy as np

    damped = matrix + damping[:, None, None] * np.eye(2)
    return np.asarray(np.linalg.solve(damped, right[:, :, None])[:, :, 0], dtype=np.float64)


def _likelihood(x: "Floats", more: "Floats") -> "tuple[Floats, Floats, Floats]":
    """Log-likelihood per row of `x` = (log a, log b), its gradient and its Hessian there.

    `more`, of shape (3, rows, most attempts), holds the weight of the queries with more than j
    right, wrong and all attempts: for whole counts Γ(a + c)/Γ(a) is the product of a + j, j < c.
    """
    import numpy as np

    right, wrong, made = more
    steps = np.arange(more.shape[2])
    a, b = np.exp(x[:, :1]), np.exp(x[:, 1:])
    up, down, both = a + steps, b + steps, a + b + steps
    logs = right * np.log(up) + wrong * np.log(down) - made * np.log(both)
    shared, bend = (made / both).sum(axis=1), (made / both**2).sum(axis=1)
    da, db = (right / up).sum(axis=1) - shared, (wrong / down).sum(axis=1) - shared
    aa, bb = bend - (right / up**2).sum(axis=1), bend - (wrong / down**2).sum(axis=1)
    a, b = a[:, 0], b[:, 0]
    # By the chain rule, in the logarithms of a and b.
    slope = np.stack([a * da, b * db], axis=1)
    cross = a * b * bend
    curve = np.stack([a * a * aa + a * da, cross, cross, b * b * bb + b * db], axis=1)
    return logs.sum(axis=1), slope, curve.reshape(-1, 2, 2)


def _at_least(name: str, value: int, least: int) -> int:
    if int(value) != value or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)

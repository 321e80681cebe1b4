"""What several attempts at every query tell of retries."""

from dataclasses import dataclass
from typing import Literal

from tailqa.core.answer import Side
from tailqa.core.estimate import Measured

RetryScope = Literal["stratum", "all"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PassAt:
    """pass@k: the chance that at least one of `k` attempts at a query is right, in [0, 1].

    `unbiased` is Chen's estimator, TooFew for more attempts than were made. `fitted` follows from
    the beta-binomial and is an extrapolation there. `independent` is 1 − (1 − p)^k, what attempts
    would give that have nothing to do with each other; `optimism` is how much more than the truth
    that promises: more than `unbiased`, or than `fitted` where that is an extrapolation.
    """

    k: int
    unbiased: Measured
    fitted: Measured
    independent: Measured
    optimism: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryResult:
    """Retries of one side on one stratum, or on all traffic (strata by weight).

    `attempts` were made at each query (the most, where they differ). `icc` is the correlation of
    two attempts at one query, in (0, 1); `a` and `b` are those of the beta-binomial fit, None for
    all traffic, which is a mixture of the strata's, and where there is no fit. `pass_at` holds
    k = 1, 2, … in order. `attempts_fitted` and `attempts_independent` are expected attempts until
    the first right answer, at most `cap`.
    """

    name: str
    scope: RetryScope
    side: Side
    n_queries: int
    attempts: int
    icc: Measured
    a: float | None
    b: float | None
    pass_at: tuple[PassAt, ...]
    cap: int
    attempts_fitted: Measured
    attempts_independent: Measured

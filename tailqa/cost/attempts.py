"""What several attempts at each query tell of retries, with intervals from resampled queries.

Per stratum a beta-binomial is fitted; all traffic is the mixture of the strata by weight. The
bootstrap draws queries (clusters, where queries are not independent) and refits every resample.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.retries import PassAt, RetryResult
from tailqa.core.words import count_of
from tailqa.cost.redrawn import (
    FEW,
    AttemptCounts,
    Redrawn,
    mixture,
    percentiles,
    redraw,
    share_limits,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Limits = Callable[[Floats, float], tuple[Floats, Floats]]

RESAMPLES = 1000
MIN_QUERIES = 10
MIN_MIXED = 5
CAP = 4
FURTHEST = 10
"""Fitted curves go to this k, or to the attempts made where those are more."""

ALL = "by traffic"


def measure_retries(
    strata: Sequence[AttemptCounts],
    *,
    side: Side,
    level: float = 0.95,
    rng: "np.random.Generator",
    resamples: int = RESAMPLES,
) -> tuple[RetryResult, ...]:
    """One result per stratum, then one for all traffic, the strata by weight.

    pass@k by the unbiased estimator (Chen et al. 2021) for k up to the attempts made, by the
    beta-binomial fit for k up to 10 at least, and 1 − (1 − p)^k with p = pass@1. Bootstrap over
    queries or clusters, by `share_limits`. Where fewer than 5 of them may fail (or succeed) within
    k attempts, the limit of the unbiased pass@k on that side is Clopper–Pearson's, each taken for
    a whole one: a resample cannot show what is missing. TooFew below 10 queries, and for all that
    rests on the fit where right and wrong attempts at one query are found in fewer than 5. A
    stratum without a query is left out, and leaves all traffic without figures. Raises ValueError
    for counts that do not fit each other, where no query has two attempts, for weights that are
    not positive, a level outside (0, 1), or fewer than 100 resamples.

    >>> import numpy as np
    >>> right = [0, 1, 2, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]
    >>> queries = AttemptCounts(name="s", weight=1.0, right=right, made=[4] * 15)
    >>> found, _ = measure_retries([queries], side="student", rng=np.random.default_rng(0))
    >>> round(found.icc.value, 2), round(found.pass_at[3].unbiased.value, 3)
    (0.4, 0.933)
    >>> found.pass_at[4].unbiased.reason
    '4 attempts were made'
    """
    _check(strata, level, resamples)
    asked = [stratum for stratum in strata if stratum.made]
    parts = redraw(asked, rng, resamples, level=level, furthest=FURTHEST)
    total = sum(stratum.weight for stratum in asked)
    whole = mixture(parts, [stratum.weight / total for stratum in asked])
    missing = len(strata) - len(asked)
    reason = f"{missing} of {len(strata)} strata have no graded query" if missing else ""
    scopes = [
        _Scope(name=stratum.name, side=side, part=part, level=level)
        for stratum, part in zip(asked, parts, strict=True)
    ]
    scopes.append(_Scope(name=ALL, side=side, part=whole, level=level, missing=reason))
    return tuple(scope.result() for scope in scopes)


def _check(strata: Sequence[AttemptCounts], level: float, resamples: int) -> None:
    for stratum in strata:
        right, made, clusters = stratum.right, stratum.made, stratum.clusters
        if len(right) != len(made) or (clusters is not None and len(clusters) != len(made)):
            raise ValueError(f"{stratum.name}: right, made and clusters must be equally long")
        if any(not 0 <= c <= n or n < 1 for c, n in zip(right, made, strict=True)):
            raise ValueError(f"{stratum.name}: every query needs 0 ≤ right ≤ made and made ≥ 1")
        if not 0 < stratum.weight < math.inf:
            raise ValueError(f"{stratum.name}: weight must be positive, got {stratum.weight!r}")
    if all(n < 2 for stratum in strata for n in stratum.made):
        raise ValueError("no query has two attempts, so nothing is known about retries")
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level!r}")
    if resamples < 100:
        raise ValueError(f"resamples must be at least 100, got {resamples!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scope:
    """A stratum or all traffic; `missing` says why nothing can be said of it."""

    name: str
    side: Side
    part: Redrawn
    level: float
    missing: str = ""

    def result(self) -> RetryResult:
        part, most = self.part, self.part.unbiased.shape[1]
        cap = min(CAP, most)
        unbiased = [self._unbiased(k) for k in range(1, most + 1)]
        fitted = self._curve()
        fit = part.parameters if isinstance(fitted[0], Estimate) else None
        pass_at = tuple(
            PassAt(
                k=k,
                unbiased=unbiased[k - 1]
                if k <= most
                else self._none(f"{count_of(most, 'attempt was', 'attempts were')} made"),
                fitted=curve,
                independent=_mapped(unbiased[0], partial(_alone, k=k)),
                optimism=self._optimism(k, unbiased[k - 1] if k <= most else curve),
            )
            for k, curve in enumerate(fitted, start=1)
        )
        retried = (1 - part.fitted[:, : cap - 1]).mean(axis=1)
        return RetryResult(
            name=self.name,
            scope="all" if part.parameters is None else "stratum",
            side=self.side,
            n_queries=part.n,
            attempts=most,
            icc=self._fitted(part.icc(), (0.0, 0.0)),
            a=fit[0] if fit else None,
            b=fit[1] if fit else None,
            pass_at=pass_at,
            cap=cap,
            attempts_fitted=_mapped(
                self._fitted(retried, part.room[::-1, 0]), lambda share: 1 + (cap - 1) * share
            ),
            attempts_independent=_mapped(unbiased[0], partial(_attempts, cap=cap)),
        )

    def _unbiased(self, k: int) -> Measured:
        reason, part = self._too_few(), self.part
        if reason:
            return self._none(reason)
        # With few failures many resamples have none, and no logit.
        sparse = part.few[:, k - 1].min() < FEW
        of = percentiles if sparse else share_limits
        return self._estimate(part.unbiased[:, k - 1], of, part.room[:, k - 1])

    def _fitted(self, draws: "Floats", room: "Sequence[float] | Floats") -> Measured:
        reason = self._too_few() or self._no_fit()
        return self._none(reason) if reason else self._estimate(draws, share_limits, room)

    def _curve(self) -> list[Measured]:
        """pass@k as fitted; as it never falls with k, no lower limit is below an earlier one."""
        curve: list[Measured] = []
        least = 0.0
        for draws in self.part.fitted.T:
            fitted = self._fitted(draws, self.part.room[:, 0])
            if isinstance(fitted, Estimate):
                least = max(least, fitted.low)
                fitted = replace(fitted, low=least)
            curve.append(fitted)
        return curve

    def _optimism(self, k: int, against: Measured) -> Measured:
        """Of 1 − (1 − p)^k over pass@k, which is `against`."""
        part = self.part
        reason = self._too_few() or ("one attempt is no retry" if k == 1 else "")
        if part.few[:, 0].min() < FEW:
            reason = reason or self._no_fit()
        if reason or isinstance(against, TooFew):
            return self._none(reason or getattr(against, "reason", ""))
        curve = (part.unbiased if k <= part.unbiased.shape[1] else part.fitted)[:, k - 1]
        low, high = percentiles(curve, self.level)
        # What percentiles of pass@k lack below, those of the optimism lack above.
        room = (
            max(0.0, (against.high - against.value) ** 2 - float(high - against.value) ** 2),
            max(0.0, (against.value - against.low) ** 2 - float(against.value - low) ** 2),
        )
        alone = 1 - (1 - part.unbiased[:, 0]) ** k
        return self._estimate(alone - curve, percentiles, room, least=-1.0)

    def _too_few(self) -> str:
        if self.missing or self.part.units >= MIN_QUERIES:
            return self.missing
        return f"{self.part.units} {self._units()}, {MIN_QUERIES} needed"

    def _no_fit(self) -> str:
        part = self.part
        if part.mixed >= MIN_MIXED:
            return ""
        if part.n_right in {0, part.n_made}:
            return f"all {part.n_made:,} attempts are {'right' if part.n_right else 'wrong'}"
        return (
            f"right and wrong attempts at one query in {part.mixed} {self._units()}, "
            f"{MIN_MIXED} needed"
        )

    def _units(self) -> str:
        return "queries" if self.part.units == self.part.n else "clusters"

    def _estimate(
        self,
        draws: "Floats",
        of: "Limits",
        room: "Sequence[float] | Floats",
        least: float = 0.0,
    ) -> Measured:
        if math.isnan(draws[0]):
            return self._none("no query with so many attempts")
        value, (low, high) = float(draws[0]), of(draws, self.level)
        below = math.hypot(value - float(low), math.sqrt(room[0]))
        above = math.hypot(float(high) - value, math.sqrt(room[1]))
        if not below + above:
            return self._none("no resample differs from another")
        return Estimate(
            value=value,
            low=max(least, value - below),
            high=min(1.0, value + above),
            level=self.level,
            method="bootstrap-logit" if of is share_limits else "bootstrap-percentile",
            n=self.part.n,
        )

    def _none(self, reason: str) -> TooFew:
        return TooFew(reason=reason, n=self.part.n)


def _alone(p: float, k: int) -> float:
    """At least one right of `k` independent attempts."""
    return 1 - (1 - p) ** k


def _attempts(p: float, cap: int) -> float:
    """Until the first right of at most `cap` independent attempts: Σ_{j<cap} (1 − p)^j."""
    return math.fsum((1 - p) ** j for j in range(cap))


def _mapped(measured: Measured, of: Callable[[float], float]) -> Measured:
    """A monotone function of a figure and of its limits."""
    if isinstance(measured, TooFew):
        return measured
    low, high = sorted((of(measured.low), of(measured.high)))
    return replace(measured, value=of(measured.value), low=low, high=high)

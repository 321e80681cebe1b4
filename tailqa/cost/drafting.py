"""What drafting comes to: verifications along given texts, and speed-ups with intervals."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from tailqa.core.drafting import DraftLength
from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.cost.speculative import break_even_acceptance, check_length, speculative_tokens

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def verification_counts(
    accepted: "Sequence[np.ndarray]", draft_length: int
) -> "npt.NDArray[np.float64]":
    """Expected verification steps of each text, given each token's chance to be accepted.

    `accepted` holds one array in [0, 1] per text, one chance per token. A verification yields the
    accepted drafts up to the first that is not, and one token of the teacher's own; drafts are
    `draft_length` long. No acceptance is taken for like another: with chances of 0 and 1 the
    count is exact. Raises ValueError for a draft length below 1 or a chance outside [0, 1].

    >>> import numpy as np
    >>> verification_counts([np.array([1, 1, 0, 1, 1, 1]), np.array([0.5, 0.5])], 2).tolist()
    [2.0, 1.5]
    """
    import numpy as np

    check_length(draft_length)
    lengths = np.array([len(text) for text in accepted], dtype=int)
    chances = np.zeros((len(lengths), max(lengths, default=0)))
    for row, text in zip(chances, accepted, strict=True):
        row[: len(text)] = text
    if not ((chances >= 0) & (chances <= 1)).all():
        raise ValueError("accepted must hold chances in [0, 1]")
    # How many drafts of the running verification have been accepted so far; 0 begins the next.
    state = np.zeros((len(lengths), draft_length + 1))
    state[:, 0] = 1
    counts = np.zeros(len(lengths))
    for place, chance in enumerate(chances.T):
        counts += np.where(place < lengths, state[:, 0], 0)
        going_on = state[:, :-1] * chance[:, None]
        state = np.column_stack([1 - going_on.sum(axis=1), going_on])
    return counts


def draft_length_of(
    length: int, *, acceptance: Measured, draft_cost: Measured, tokens: Measured
) -> DraftLength:
    """One row: the formula's figures, and those of the `tokens` per verification as counted.

    All intervals at the same level. The formula's tokens rise with the acceptance and the
    break-even with the draft cost, so their limits are those of the one. The speed-up is a ratio
    of two independent estimates: MOVER on the log scale (Zou & Donner, Stat Med 2008, 27: 1693).
    The counted interval is never narrower, relative to its value, than the formula's, which
    allows for rejections that were not seen. TooFew with the reason of what is missing.

    >>> def about(x, low, high):
    ...     return Estimate(value=x, low=low, high=high, level=.95, method="", n=90)
    >>> row = draft_length_of(7, acceptance=about(.75, .7, .8), draft_cost=about(.02, .01, .03),
    ...                       tokens=about(3.4, 3.0, 3.9))
    >>> round(row.formula_speedup.value, 3), round(row.break_even.value, 3), row.clears
    (3.157, 0.123, 'yes')
    """
    formula = _through(
        acceptance, lambda alpha: speculative_tokens(min(1.0, max(0.0, alpha)), length)
    )
    counted = _as_wide(tokens, formula, length)
    formula_speedup = _speedup(formula, draft_cost, length)
    return DraftLength(
        length=length,
        tokens=counted,
        formula_tokens=formula,
        speedup=_speedup(counted, draft_cost, length),
        formula_speedup=formula_speedup,
        break_even=_break_even(draft_cost, length),
        clears=_clears(formula_speedup),
    )


def _break_even(draft_cost: Measured, length: int) -> Measured:
    if isinstance(draft_cost, Estimate) and draft_cost.value > 1:
        reason = "a draft step takes longer than a step of the teacher: drafting never pays"
        return TooFew(reason=reason, n=draft_cost.n)
    return _through(draft_cost, lambda cost: break_even_acceptance(length, min(1.0, cost)))


def _through(measured: Measured, rising: Callable[[float], float]) -> Measured:
    if isinstance(measured, TooFew):
        return measured
    return Estimate(
        value=rising(measured.value),
        low=rising(measured.low),
        high=rising(measured.high),
        level=measured.level,
        method=measured.method,
        n=measured.n,
    )


def _as_wide(measured: Measured, other: Measured, length: int) -> Measured:
    if isinstance(measured, TooFew) or isinstance(other, TooFew):
        return measured
    return Estimate(
        value=measured.value,
        low=max(1.0, min(measured.low, measured.value * other.low / other.value)),
        high=min(length + 1.0, max(measured.high, measured.value * other.high / other.value)),
        level=measured.level,
        method=measured.method,
        n=measured.n,
    )


def _speedup(tokens: Measured, draft_cost: Measured, length: int) -> Measured:
    for part in (tokens, draft_cost):
        if isinstance(part, TooFew):
            return part
    assert isinstance(tokens, Estimate) and isinstance(draft_cost, Estimate)  # noqa: S101, PT018
    below, value, above = (
        math.log1p(length * cost) for cost in (draft_cost.low, draft_cost.value, draft_cost.high)
    )
    log = math.log(tokens.value) - value
    down = math.hypot(math.log(tokens.value / tokens.low), above - value)
    up = math.hypot(math.log(tokens.high / tokens.value), value - below)
    return Estimate(
        value=math.exp(log),
        low=math.exp(log - down),
        high=math.exp(log + up),
        level=tokens.level,
        method="mover-log",
        n=min(tokens.n, draft_cost.n),
    )


def _clears(speedup: Measured) -> Literal["yes", "no", "unclear"] | None:
    if isinstance(speedup, TooFew):
        return None
    if speedup.low > 1:
        return "yes"
    return "no" if speedup.high < 1 else "unclear"

"""Where student and teacher cost the same per resolved query: tail share, accuracy, retry cap."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tailqa.core.estimate import Measured, TooFew
from tailqa.core.operations import UNDECIDED, BreakEven, Figure, Option
from tailqa.cost.certain import Size, size_of
from tailqa.cost.draws import LEAST, from_draws
from tailqa.cost.expectations import Expected, expect, expect_capped
from tailqa.cost.line import Rules
from tailqa.cost.outcomes import Chances, expected_outcomes
from tailqa.cost.scene import Scene

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Bools = npt.NDArray[np.bool_]

MOST_ATTEMPTS = 10
_WIDE = 12.0
_HALVINGS = 32
"""To 1e-8 on the logit scale."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What one option spends on a query and resolves of it, (rows, strata) each."""

    total: "Floats"
    resolved: "Floats"

    def per_resolved(self, weights: "Floats") -> "Floats":
        """Over strata weighted by `weights`, (rows,)."""
        import numpy as np

        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((self.total @ weights) / (self.resolved @ weights))


def tail_share_break_even(
    scene: Scene,
    option: Option,
    figure: Figure,
    spent: tuple[Spent, Spent],
    tail: Sequence[bool],
    *,
    level: float,
) -> BreakEven | None:
    """The share of the tail in the traffic at which `option` and the teacher cost the same.

    `spent` is the option's and the teacher's; `tail` says which strata belong to it. Strata keep
    their proportions within tail and head. None where there is only one of both.
    """
    import numpy as np

    is_tail, weights = np.array(tail, dtype=bool), scene.people.weights
    current = float(weights[is_tail].sum())
    if not 0 < current < 1:
        return None
    ends = [weights * part / weights[part].sum() for part in (~is_tail, is_tail)]

    def excess(share: float) -> "Floats":
        mixed = (1 - share) * ends[0] + share * ends[1]
        ours, theirs = (one.total @ mixed for one in spent)
        ours_resolved, their_resolved = (one.resolved @ mixed for one in spent)
        return np.asarray(ours * their_resolved - theirs * ours_resolved)

    # Both sums are linear in the share, so the excess is a parabola through three points.
    at_0, at_half, at_1 = (excess(share) for share in (0.0, 0.5, 1.0))
    roots = _roots(2 * (at_1 + at_0 - 2 * at_half), 4 * at_half - 3 * at_0 - at_1, at_0)
    cheaper_at = "below" if at_0[0] < 0 else "above"
    never = "at every share of the tail the student costs " + ("less" if at_0[0] < 0 else "more")
    return BreakEven(
        variable="tail share",
        option=option,
        figure=figure,
        current=current,
        value=_value(roots, never, level=level, size=size_of(scene.people)),
        meaning=f"{cheaper_at} it the student costs less" if math.isfinite(roots[0]) else "",
    )


def accuracy_break_even(
    scene: Scene,
    rules: Rules,
    figure: Figure,
    teacher: "Floats",
    per_attempt: "PerAttempt",
    *,
    level: float,
) -> BreakEven:
    """The student's accuracy at which it costs per resolved query what the `teacher` does, (rows,).

    All strata are shifted by one amount on the logit scale, with the correlation of their
    attempts as it is; the student alone, without escalation. Seconds of an attempt outside
    generation, waits included, stay what they are.
    """
    import numpy as np

    now = _Shifted(scene, rules, per_attempt)
    low, high = np.full(scene.n_rows, -_WIDE), np.full(scene.n_rows, _WIDE)
    with np.errstate(invalid="ignore"):
        never = now.cost(high) > teacher
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            dear = now.cost(middle) > teacher
            low, high = np.where(dear, middle, low), np.where(dear, high, middle)
    found = np.where(never | (high < 1 - _WIDE), np.nan, now.accuracy((low + high) / 2))
    why = (
        "even a student that is always right costs more"
        if never[0]
        else "at every accuracy the student costs less"
    )
    return BreakEven(
        variable="student accuracy",
        option="student",
        figure=figure,
        current=now.today,
        value=_value(found, why, level=level, size=size_of(scene.people)),
        meaning="above it the student costs less" if math.isfinite(found[0]) else "",
    )


def capped(scene: Scene, option: Option, rules: Rules) -> tuple[Expected, ...]:
    """What an option expects with every cap from 1 to 10."""
    return expect_capped(scene, option, rules, range(1, MOST_ATTEMPTS + 1))


def attempts_break_even(
    scene: Scene,
    option: Option,
    figure: Figure,
    by_cap: Mapping[Option, Sequence[Expected]],
    spend: Callable[[Option, Expected], "Floats"],
    *,
    current: int,
    level: float,
) -> BreakEven:
    """The retry cap, from 1 to 10, from which on `option` no longer compares as with one attempt.

    `by_cap` is what `capped` gives, `spend` what an option spends per query of all traffic,
    (rows,), and `current` today's cap. Both options get the same cap.
    """
    import numpy as np

    cheaper = []
    for both in zip(by_cap[option], by_cap["teacher"], strict=True):
        costs = []
        for who, expected in zip((option, "teacher"), both, strict=True):
            with np.errstate(divide="ignore", invalid="ignore"):
                costs.append(spend(who, expected) / expected.counts["resolved"][:, -1])
        cheaper.append(costs[0] <= costs[1])
    changed = np.array(cheaper) != cheaper[0]
    caps = np.where(changed.any(axis=0), changed.argmax(axis=0) + 1.0, np.nan)
    first = bool(cheaper[0][0])
    words = ("less", "more") if first else ("more", "less")
    return BreakEven(
        variable="max attempts",
        option=option,
        figure=figure,
        current=float(current),
        value=_value(
            caps,
            f"at every cap from 1 to {MOST_ATTEMPTS} the student costs {words[0]}",
            level=level,
            size=size_of(scene.people),
            share=False,
        ),
        meaning=(
            f"with fewer attempts it costs {words[0]}, from there on {words[1]}"
            if math.isfinite(caps[0])
            else ""
        ),
    )


@dataclass(frozen=True, kw_only=True)
class PerAttempt:
    """What a student's attempt spends in each stratum, (rows, strata): right, wrong, and what a
    retry adds; what an uncaught error adds, and a query however often it is tried.
    """

    right: "Floats"
    wrong: "Floats"
    retry: "Floats"
    uncaught: float = 0.0
    query: float = 0.0


class _Shifted:
    """The student with every stratum's accuracy shifted on the logit scale."""

    def __init__(self, scene: Scene, rules: Rules, per_attempt: PerAttempt) -> None:
        import numpy as np

        self._scene, self._rules, self._per_attempt = scene, rules, per_attempt
        once = replace(rules, max_attempts=1, calls=1)
        mean = expect(scene, "student", once).counts["right"]
        self.today = float(mean[0, -1])
        # Where all are right or all wrong, half an answer less, or no shift would move it.
        half = 0.5 / np.bincount(scene.people.stratum)
        self._mean = mean[:, :-1].clip(half, 1 - half)
        fits = scene.fits["student"]
        self._total = fits.sum(axis=2)
        one = np.ones_like(self._mean)
        always, never = (
            Chances(a=np.nan * one, b=np.nan * one, share=share * one) for share in (1.0, 0.0)
        )
        self._always, self._never = (expected_outcomes(rules, end) for end in (always, never))

    def accuracy(self, shift: "Floats") -> "Floats":
        return self._means(shift) @ self._scene.people.weights

    def cost(self, shift: "Floats") -> "Floats":
        import numpy as np

        mean, nan = self._means(shift), np.isnan(self._total)
        known = np.where(nan, np.nan, 1.0)
        spread = Chances(
            a=mean * self._total * known, b=(1 - mean) * self._total * known, share=0 * mean
        )
        counts = {
            # Without a fit a query is answered rightly always or never.
            name: np.where(nan, mean * self._always[name] + (1 - mean) * self._never[name], values)
            for name, values in expected_outcomes(self._rules, spread).items()
        }
        spent = (
            counts["right"] * self._per_attempt.right
            + counts["wrong"] * self._per_attempt.wrong
            + counts["retries"] * self._per_attempt.retry
            + counts["uncaught"] * self._per_attempt.uncaught
            + self._per_attempt.query
        )
        return Spent(total=spent, resolved=counts["resolved"]).per_resolved(
            self._scene.people.weights
        )

    def _means(self, shift: "Floats") -> "Floats":
        import numpy as np
        from scipy.special import expit, logit

        return np.asarray(expit(logit(self._mean) + shift[:, None]))


def _roots(square: "Floats", linear: "Floats", constant: "Floats") -> "Floats":
    """The smallest root in [0, 1] of each parabola, NaN where there is none.

    >>> import numpy as np
    >>> square, linear = np.array([2.0, 0.0, 1.0]), np.array([-3.0, 4.0, 0.0])
    >>> _roots(square, linear, np.array([1.0, -1.0, 1.0])).tolist()
    [0.5, 0.25, nan]
    """
    import numpy as np

    with np.errstate(invalid="ignore", divide="ignore"):
        # Of the two forms of a root the one in which nothing cancels.
        half = -(linear + np.copysign(np.sqrt(linear**2 - 4 * square * constant), linear)) / 2
        roots = np.stack([half / square, constant / half])
    inside = np.where((roots >= 0) & (roots <= 1), roots, np.inf).min(axis=0)
    return np.where(np.isfinite(inside), inside, np.nan)


def _value(
    found: "Floats", never: str, *, level: float, size: Size, share: bool = True
) -> Measured:
    value, draws = float(found[0]), found[1:].tolist()
    if not math.isfinite(value):
        others = sum(math.isfinite(draw) for draw in draws)
        has = "has" if others == 1 else "have"
        seen = f", as measured; {others} of {len(draws)} resamples {has} one" if others else ""
        return TooFew(reason=never + seen, n=size.n)
    measured = from_draws(value, draws, level=level, n=size.n, units=size.units)
    missing = sum(not math.isfinite(draw) for draw in draws)
    if isinstance(measured, TooFew) and missing and size.units >= LEAST:
        at = f"{100 * value:.3g} %" if share else f"{value:g}"
        reason = f"{at} {UNDECIDED} {missing} of {len(draws)} resamples"
        return TooFew(reason=reason, n=size.n)
    return measured

"""What a policy makes of a query, exactly: expected attempts, answers accepted and given up.

Given its chance p of a right answer (and the second model's, where it escalates), everything that
happens to a query is a polynomial in p and 1 − p with positive coefficients; over p ~ Beta(a, b)
its expectation is a sum of moments. Nothing is approximated; of time, so of timeouts and hedges,
it knows nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tailqa.cost.line import Rules

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Powers = tuple[int, int, int, int]
"""Of p, 1 − p, the second model's p, and 1 − that."""

Counted = Literal[
    "right",
    "wrong",
    "retries",
    "second_right",
    "second_wrong",
    "resolved",
    "uncaught",
    "given_up",
    "escalated",
    "escalations",
    "calls",
]
"""Expectations per query: right and wrong attempts of the model and of the second one; `retries`,
every attempt of a call but its first; the shares of queries that end resolved, uncaught (a wrong
answer accepted) or given up, or that are escalated at least once; escalated calls; and calls."""


class Polynomial:
    """A polynomial in p, 1 − p of the model and of the second one; terms are not simplified.

    >>> right, wrong = Polynomial.of(right=1), Polynomial.of(wrong=1)
    >>> ((right + 0.5 * wrong) * right).terms
    {(2, 0, 0, 0): 1.0, (1, 1, 0, 0): 0.5}
    """

    def __init__(self, terms: Mapping[Powers, float]) -> None:
        self.terms = {powers: c for powers, c in terms.items() if c}

    @classmethod
    def of(
        cls, *, right: int = 0, wrong: int = 0, second_right: int = 0, second_wrong: int = 0
    ) -> "Polynomial":
        """One product of powers, with the coefficient 1."""
        return cls({(right, wrong, second_right, second_wrong): 1.0})

    def __add__(self, other: "Polynomial") -> "Polynomial":
        terms = dict(self.terms)
        for powers, c in other.terms.items():
            terms[powers] = terms.get(powers, 0.0) + c
        return Polynomial(terms)

    def __mul__(self, other: "Polynomial") -> "Polynomial":
        terms: dict[Powers, float] = {}
        for (i, j, k, m), c in self.terms.items():
            for (i2, j2, k2, m2), d in other.terms.items():
                powers = (i + i2, j + j2, k + k2, m + m2)
                terms[powers] = terms.get(powers, 0.0) + c * d
        return Polynomial(terms)

    def __rmul__(self, factor: float) -> "Polynomial":
        return Polynomial({powers: factor * c for powers, c in self.terms.items()})


@dataclass(frozen=True, kw_only=True, slots=True)
class Chances:
    """Chances of a right answer, p ~ Beta(`a`, `b`), or p = `share` where a and b are NaN.

    Three arrays of one shape; `share` may be smaller and is broadcast.
    """

    a: "Floats"
    b: "Floats"
    share: "Floats"

    def moment(self, right: int, wrong: int) -> "Floats":
        """E[p^right · (1 − p)^wrong].

        >>> import numpy as np
        >>> beta = Chances(a=np.array([1.0]), b=np.array([1.0]), share=np.array([0.0]))
        >>> beta.moment(1, 1).round(4).tolist()
        [0.1667]
        """
        import numpy as np

        result = np.ones(self.a.shape)
        for i in range(right):
            result = result * (self.a + i) / (self.a + self.b + i)
        for j in range(wrong):
            result = result * (self.b + j) / (self.a + self.b + right + j)
        known: Floats = self.share**right * (1 - self.share) ** wrong
        return np.where(np.isnan(self.a), known, result)


_NONE, _ONE = Polynomial({}), Polynomial.of()


def expected_outcomes(
    rules: Rules, chances: Chances, second: Chances | None = None
) -> dict[Counted, "Floats"]:
    """The expectation of everything that `rules` count, in the shape of `chances`.

    `second` is the teacher's where `rules` escalate to it. Timeouts and hedges are left out.
    Raises ValueError where `second` is needed and missing.

    >>> import numpy as np
    >>> beta = Chances(a=np.array([3.0]), b=np.array([1.0]), share=np.array([np.nan]))
    >>> found = expected_outcomes(Rules(max_attempts=2, sensitivity=0.9, false_accepts=0.2), beta)
    >>> found["resolved"].round(3).tolist(), (found["right"] + found["wrong"]).round(3).tolist()
    ([0.837], [1.275])
    """
    import numpy as np

    if rules.escalate_to == "teacher" and second is None:
        raise ValueError("second must be given where rules escalate to the teacher")
    known: dict[tuple[int, int, int], Floats] = {}

    def moment(which: int, right: int, wrong: int) -> "Floats":
        of = chances if which == 0 or second is None else second
        if (which, right, wrong) not in known:
            known[which, right, wrong] = of.moment(right, wrong)
        return known[which, right, wrong]

    result: dict[Counted, Floats] = {}
    for name, polynomial in _counted(rules).items():
        total = np.zeros(chances.a.shape)
        for (i, j, k, m), c in polynomial.terms.items():
            term = c * moment(0, i, j)
            total = total + (term * moment(1, k, m) if k or m else term)
        result[name] = total
    return result


def _counted(rules: Rules) -> dict[Counted, Polynomial]:
    right, wrong, retries, refused = _attempts(rules)
    second_right, second_wrong, second_resolved, second_uncaught = _second(rules)
    accepted, uncaught = rules.sensitivity * right, rules.false_accepts * wrong
    resolved_call = accepted + refused * second_resolved
    passed_call = resolved_call + uncaught + refused * second_uncaught
    calls, unescalated_calls = _NONE, _NONE
    resolved, passed, unescalated = _ONE, _ONE, _ONE
    for _ in range(rules.calls):
        calls, unescalated_calls = calls + passed, unescalated_calls + unescalated
        resolved, passed = resolved * resolved_call, passed * passed_call
        unescalated = unescalated * (accepted + uncaught)
    escalations = refused * calls if rules.escalate_to else _NONE
    return {
        "right": right * calls,
        "wrong": wrong * calls,
        "retries": retries * calls,
        "second_right": escalations * second_right,
        "second_wrong": escalations * second_wrong,
        "resolved": resolved,
        "uncaught": passed + -1.0 * resolved,
        "given_up": _ONE + -1.0 * passed,
        "escalated": refused * unescalated_calls if rules.escalate_to else _NONE,
        "escalations": escalations,
        "calls": calls,
    }


def _attempts(rules: Rules) -> tuple[Polynomial, Polynomial, Polynomial, Polynomial]:
    """Right and wrong attempts of one call, retries among them, and that all are refused."""
    p, q = Polynomial.of(right=1), Polynomial.of(wrong=1)
    right, wrong, retries, reached = _NONE, _NONE, _NONE, _ONE
    for attempt in range(rules.max_attempts):
        is_right = p + rules.lift * q if attempt else p
        is_wrong = (1 - rules.lift) * q if attempt else q
        right, wrong = right + reached * is_right, wrong + reached * is_wrong
        if attempt:
            retries = retries + reached
        reached = reached * _refused(rules, is_right, is_wrong)
    return right, wrong, retries, reached


def _second(rules: Rules) -> tuple[Polynomial, Polynomial, Polynomial, Polynomial]:
    """Of one escalated call: attempts right and wrong, and that it ends resolved or uncaught."""
    if rules.escalate_to == "person":
        return _NONE, _NONE, rules.person_right * _ONE, (1 - rules.person_right) * _ONE
    if rules.escalate_to is None:
        return _NONE, _NONE, _NONE, _NONE
    p, q = Polynomial.of(second_right=1), Polynomial.of(second_wrong=1)
    right, wrong, reached = _NONE, _NONE, _ONE
    for _ in range(rules.second_attempts):
        right, wrong = right + reached * p, wrong + reached * q
        reached = reached * _refused(rules, p, q)
    return right, wrong, rules.sensitivity * right, rules.false_accepts * wrong


def _refused(rules: Rules, right: Polynomial, wrong: Polynomial) -> Polynomial:
    return (1 - rules.sensitivity) * right + (1 - rules.false_accepts) * wrong

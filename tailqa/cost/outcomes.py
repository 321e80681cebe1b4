"""What a policy makes of a query, exactly: expected attempts, answers accepted and given up.

Given its chance p of a right answer (and the second model's, where it escalates), everything that
happens to a query is a polynomial in p; over p ~ Beta(a, b) Gauss-Jacobi quadrature with enough
nodes gives its expectation (Golub & Welsch 1969). Of time, so of timeouts and
hedges, it knows nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Literal, get_args

from tailqa.cost.line import Rules

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    _Attempts = tuple[Floats, Floats, Floats, Floats]

MOST_NODES = 16
"""Exact up to 31 attempts per request, to 1e-8 up to 100, to 1e-3 up to 1,000."""

Counted = Literal[
    "right",
    "wrong",
    "retries",
    "second_right",
    "second_wrong",
    "second_retries",
    "resolved",
    "uncaught",
    "given_up",
    "escalated",
    "escalations",
    "calls",
]
"""Expectations per query: right and wrong attempts of the model and of the second one; `retries`
and `second_retries`, every attempt of theirs at a call but the first; the shares of queries that
end resolved, uncaught (a wrong answer accepted) or given up, or that are escalated at least once;
escalated calls; and calls."""


COUNTED: tuple[Counted, ...] = get_args(Counted)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chances:
    """Chances of a right answer, p ~ Beta(`a`, `b`), or p = `share` where a and b are NaN.

    Three arrays of one shape; `share` may be smaller and is broadcast.
    """

    a: "Floats"
    b: "Floats"
    share: "Floats"

    def flat(self) -> "Chances":
        """The same in one dimension."""
        import numpy as np

        share = np.broadcast_to(self.share, self.a.shape)
        return Chances(a=self.a.ravel(), b=self.b.ravel(), share=share.ravel())

    def nodes(self, n: int) -> tuple["Floats", "Floats"]:
        """`n` ≥ 1 values of p and their weights, (chances, n) each, from one dimension.

        The weighted mean of a polynomial in p of a degree below 2n is its expectation.

        >>> import numpy as np
        >>> beta = Chances(a=np.array([1.0]), b=np.array([1.0]), share=np.array([0.0]))
        >>> p, weights = beta.nodes(2)
        >>> (weights * p * (1 - p)).sum().round(4).item()
        0.1667
        """
        import numpy as np

        p = np.repeat(self.share[:, None], n, axis=1)
        weights = np.full(p.shape, 1 / n)
        drawn = ~np.isnan(self.a)
        if drawn.any():
            p[drawn], weights[drawn] = _gauss_jacobi(self.a[drawn], self.b[drawn], n)
        return p, weights


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
    if rules.escalate_to == "teacher" and second is None:
        raise ValueError("second must be given where rules escalate to the teacher")
    shape, n = chances.a.shape, _enough_nodes(rules)
    p, weights = chances.flat().nodes(n)
    if second is None:
        found = outcomes_over(rules, p, p[:, :1], weights[:, :, None])
    else:
        p2, weights2 = second.flat().nodes(n)
        found = outcomes_over(rules, p, p2, weights[:, :, None] * weights2[:, None, :])
    return {name: values.reshape(shape) for name, values in found.items()}


def outcomes_over(
    rules: Rules, p: "Floats", p2: "Floats", weights: "Floats"
) -> dict[Counted, "Floats"]:
    """The same from values of both chances, (…, n) and (…, m), by their weights, (…, n, m).

    Only rules that escalate to the teacher look at `p2`, which is the teacher's.
    """
    return capped_outcomes(rules, [rules.max_attempts], p, p2, weights)[0]


def capped_outcomes(
    rules: Rules, caps: Sequence[int], p: "Floats", p2: "Floats", weights: "Floats"
) -> list[dict[Counted, "Floats"]]:
    """The same with each of `caps` in the place of the most attempts."""
    if rules.escalate_to == "teacher" and rules.calls == 1:
        return _escalated_once(rules, caps, p, p2, weights)
    second = p2[..., None, :] if rules.escalate_to == "teacher" else None
    return [
        {
            name: (weights * values).sum(axis=(-2, -1))
            for name, values in counted(capped, p[..., :, None], second).items()
        }
        for capped in (replace(rules, max_attempts=cap) for cap in caps)
    ]


def _enough_nodes(rules: Rules) -> int:
    degree = rules.calls * max(rules.max_attempts, rules.second_attempts)
    return min(MOST_NODES, degree // 2 + 1)


def _gauss_jacobi(a: "Floats", b: "Floats", n: int) -> tuple["Floats", "Floats"]:
    """Eigenvalues of the Jacobi matrices of Beta(a, b) on [0, 1]; (len(a), n) each."""
    import numpy as np

    total, i = (a + b)[:, None], np.arange(1, n)
    matrix = np.zeros((len(a), n, n))
    matrix[:, 0, 0] = a / (a + b)
    # Where p -> 1 - p, a and b change places.
    skew = (a - b)[:, None] * (total - 2) / ((total + 2 * i - 2) * (total + 2 * i))
    matrix[:, i, i] = (1 + skew) / 2
    # The first one's common factor, which may be 0, is cancelled.
    square = i * (a[:, None] + i - 1) * (b[:, None] + i - 1) / (total + 2 * i - 2) ** 2
    square[:, 1:] *= (total + i[1:] - 2) / (total + 2 * i[1:] - 3)
    square /= total + 2 * i - 1
    matrix[:, i, i - 1] = np.sqrt(square)
    p, vectors = np.linalg.eigh(matrix)
    return p.clip(0.0, 1.0), vectors[:, 0] ** 2


def counted(rules: Rules, p: "Floats", p2: "Floats | None" = None) -> dict[Counted, "Floats"]:
    """Everything that `rules` count, given the chances, in their common shape."""
    right, wrong, retries, refused = _attempts(rules, p)
    second_right, second_wrong, second_retries, second_resolved, second_uncaught = _second(
        rules, p, p2
    )
    accepted, uncaught = rules.sensitivity * right, rules.false_accepts * wrong
    resolved_call = accepted + refused * second_resolved
    passed_call = resolved_call + uncaught + refused * second_uncaught
    calls = _powers(passed_call, rules.calls)
    resolved, passed = resolved_call**rules.calls, passed_call**rules.calls
    escalating = 1.0 if rules.escalate_to else 0.0
    escalations = escalating * refused * calls
    return {
        "right": right * calls,
        "wrong": wrong * calls,
        "retries": retries * calls,
        "second_right": escalations * second_right,
        "second_wrong": escalations * second_wrong,
        "second_retries": escalations * second_retries,
        "resolved": resolved,
        "uncaught": passed - resolved,
        "given_up": 1 - passed,
        "escalated": escalating * refused * _powers(accepted + uncaught, rules.calls),
        "escalations": escalations,
        "calls": calls,
    }


def _escalated_once(
    rules: Rules, caps: Sequence[int], p: "Floats", p2: "Floats", weights: "Floats"
) -> list[dict[Counted, "Floats"]]:
    """As `counted` for one call, which needs pairs only for what a teacher then does."""
    import numpy as np

    attempts = enumerate(islice(_attempt_by_attempt(rules, p), max(caps)), start=1)
    by_cap = {cap: found for cap, found in attempts if cap in caps}
    own = weights @ np.ones(weights.shape[-1])
    teacher = np.stack(_second(rules, p2, p2), axis=-1)
    refused = np.stack([by_cap[cap][3] for cap in caps], axis=-2)
    after = refused @ weights @ teacher
    return [
        _ended(rules, [(own * values).sum(axis=-1) for values in by_cap[cap]], after[..., n, :])
        for n, cap in enumerate(caps)
    ]


def _ended(rules: Rules, expected: Sequence["Floats"], after: "Floats") -> dict[Counted, "Floats"]:
    """What the model's own attempts come to, with those of the teacher `after` them."""
    import numpy as np

    right, wrong, retries, refused = expected
    resolved = rules.sensitivity * right + after[..., 3]
    uncaught = rules.false_accepts * wrong + after[..., 4]
    return {
        "right": right,
        "wrong": wrong,
        "retries": retries,
        "second_right": after[..., 0],
        "second_wrong": after[..., 1],
        "second_retries": after[..., 2],
        "resolved": resolved,
        "uncaught": uncaught,
        "given_up": 1 - resolved - uncaught,
        "escalated": refused,
        "escalations": refused,
        "calls": np.ones_like(resolved),
    }


def _powers(share: "Floats", n: int) -> "Floats":
    """1 + share + … + share^(n − 1)."""
    import numpy as np

    total = np.ones_like(share)
    for _ in range(n - 1):
        total = 1 + share * total
    return total


def _attempts(rules: Rules, p: "Floats") -> "_Attempts":
    """Right and wrong attempts of one call, retries among them, and that all are refused."""
    return next(islice(_attempt_by_attempt(rules, p), rules.max_attempts - 1, None))


def _attempt_by_attempt(rules: Rules, p: "Floats") -> "Iterator[_Attempts]":
    """The same with one attempt at most, with two, and so on."""
    import numpy as np

    right, wrong, retries, reached = 0 * p, 0 * p, 0 * p, np.ones_like(p)
    is_right = p
    while True:
        right, wrong = right + reached * is_right, wrong + reached * (1 - is_right)
        refused = reached * _refused(rules, is_right)
        yield right, wrong, retries, refused
        retries, reached = retries + refused, refused
        is_right = p + rules.lift * (1 - p)


def _second(
    rules: Rules, p: "Floats", p2: "Floats | None"
) -> tuple["Floats", "Floats", "Floats", "Floats", "Floats"]:
    """Of one escalated call: attempts right and wrong, retries, and that it ends well or not."""
    nothing = 0 * p
    if rules.escalate_to == "person":
        right = nothing + rules.person_right
        return nothing, nothing, nothing, right, 1 - right
    if p2 is None:
        return nothing, nothing, nothing, nothing, nothing
    again = replace(rules, max_attempts=rules.second_attempts)
    right, wrong, retries, _ = _attempts(again, p2)
    return right, wrong, retries, rules.sensitivity * right, rules.false_accepts * wrong


def _refused(rules: Rules, right: "Floats") -> "Floats":
    refused: Floats = (1 - rules.sensitivity) * right + (1 - rules.false_accepts) * (1 - right)
    return refused

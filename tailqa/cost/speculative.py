"""Speculative decoding: the student drafts, the teacher verifies (Leviathan et al., ICML 2023)."""


def speculative_tokens(acceptance: float, draft_length: int) -> float:
    """Expected tokens per verification step, (1 − α^(γ+1)) / (1 − α), in [1, γ + 1].

    Raises ValueError unless acceptance α lies in [0, 1] and draft_length γ is at least 1.

    >>> round(speculative_tokens(0.8, 5), 2)
    3.69
    """
    if not 0 <= acceptance <= 1:
        raise ValueError(f"acceptance must lie in [0, 1], got {acceptance!r}")
    check_length(draft_length)
    # The sum itself, since the quotient is 0/0 at an acceptance of 1.
    return float(sum(acceptance**i for i in range(draft_length + 1)))


def speculative_speedup(acceptance: float, draft_length: int, draft_cost: float) -> float:
    """Speed-up over the teacher alone: tokens per verification / (1 + γ·c).

    `draft_cost` c = time of one draft step / time of one teacher step. Raises ValueError as in
    `speculative_tokens`, and for a negative draft_cost.

    >>> round(speculative_speedup(0.75, 7, 0.02), 2)
    3.16
    """
    tokens = speculative_tokens(acceptance, draft_length)
    if not draft_cost >= 0:
        raise ValueError(f"draft_cost must be at least 0, got {draft_cost!r}")
    return tokens / (1 + draft_length * draft_cost)


def break_even_acceptance(draft_length: int, draft_cost: float) -> float:
    """The acceptance in [0, 1] above which drafting is faster than the teacher alone.

    1.0 stands for a draft cost of 1: only a perfect draft breaks even. Raises ValueError unless
    draft_length ≥ 1 and 0 ≤ draft_cost ≤ 1: a dearer draft never pays.

    >>> round(break_even_acceptance(5, 0.132), 2)
    0.4
    """
    from scipy.optimize import brentq

    check_length(draft_length)
    if not 0 <= draft_cost <= 1:
        raise ValueError(f"draft_cost must lie in [0, 1], got {draft_cost!r}")
    wanted = 1 + draft_length * draft_cost
    return float(brentq(lambda alpha: speculative_tokens(alpha, draft_length) - wanted, 0.0, 1.0))


def check_length(draft_length: int) -> None:
    """Raises ValueError unless the draft length is a whole number of at least 1."""
    if isinstance(draft_length, bool) or not isinstance(draft_length, int) or draft_length < 1:
        raise ValueError(f"draft_length must be a whole number of at least 1, got {draft_length!r}")

"""Speculative decoding with this pair: the student drafts, the teacher verifies."""

from dataclasses import dataclass
from typing import Literal

from tailqa.core.estimate import Measured

DraftingScope = Literal["stratum", "head", "tail", "all"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftLength:
    """What drafting `length` tokens ahead of each verification comes to.

    Tokens per verification, in [1, length + 1]: `tokens` counted along the teacher's own answers,
    token by token, `formula_tokens` by Leviathan's formula, which takes acceptances for
    independent. The speed-up of decoding over the teacher alone follows from either, with a
    verification taken for one step of the teacher. `break_even` is the acceptance at which the
    formula's speed-up is 1 at this pair's draft cost; `clears` says whether the acceptance lies
    above it, by the interval of that speed-up, None where it has none.
    """

    length: int
    tokens: Measured
    formula_tokens: Measured
    speedup: Measured
    formula_speedup: Measured
    break_even: Measured
    clears: Literal["yes", "no", "unclear"] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftingResult:
    """The student as drafter, on one stratum, on head or tail, or on all traffic (by weight).

    Shares of positions that a teacher accepts: `same_top1` where both are greedy, `overlap`
    (Σ min(p, q)) where both are sampled at temperature 1. `temperature`, that of the run, says
    which applies; neither does quite above 0 but for 1.
    `draft_cost` is one decode step of the student over one of the teacher at batch 1.
    `best_length` is the draft length of the highest speed-up, None where none was measured.
    `tail_minus_head` is the difference of the acceptance that applies, of all traffic only.
    """

    name: str
    scope: DraftingScope
    temperature: float
    n_queries: int
    same_top1: Measured
    overlap: Measured
    draft_cost: Measured
    lengths: tuple[DraftLength, ...]
    best_length: int | None
    tail_minus_head: Measured | None = None

    @property
    def acceptance(self) -> Measured:
        """The share of drafted tokens that is accepted in this run's way of decoding."""
        return self.overlap if self.temperature else self.same_top1

    @property
    def best(self) -> DraftLength | None:
        """The row of `best_length`."""
        return next((row for row in self.lengths if row.length == self.best_length), None)

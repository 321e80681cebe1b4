"""A number with its uncertainty, or the reason why there is none."""

from dataclasses import dataclass

Cells = tuple[int, int, int, int]
"""(both, teacher_only, student_only, neither): how many queries each side answered rightly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """`value` with the interval [`low`, `high`] at confidence `level`, from `n` observations."""

    value: float
    low: float
    high: float
    level: float
    method: str
    n: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TooFew:
    """There is no honest interval; `reason` says why."""

    reason: str
    n: int


Measured = Estimate | TooFew

"""What a student must show before it may replace the teacher."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The rules of a verdict; the defaults are the built-in policy.

    `margin` is the largest loss of accuracy that is accepted, in (0, 1), tested per stratum
    one-sided at `alpha`. Below `min_queries` graded pairs, below a teacher accuracy of
    `teacher_floor`, or above the shares of failed and ungraded queries nothing is decided.
    Raises ValueError naming the rule that a value breaks.

    >>> Policy().margin, Policy(margin=0.02).level
    (0.05, 0.9)
    >>> Policy(margin=5)
    Traceback (most recent call last):
    ValueError: margin must lie strictly between 0 and 1, got 5
    """

    name: str = "default"
    margin: float = 0.05
    alpha: float = 0.05
    min_queries: int = 50
    teacher_floor: float = 0.10
    max_failed_rate: float = 0.02
    max_ungraded_rate: float = 0.02

    def __post_init__(self) -> None:
        if not 0 < self.margin < 1:
            raise ValueError(f"margin must lie strictly between 0 and 1, got {self.margin!r}")
        if not 0 < self.alpha < 0.5:
            raise ValueError(f"alpha must lie strictly between 0 and 0.5, got {self.alpha!r}")
        if self.min_queries < 1:
            raise ValueError(f"min_queries must be at least 1, got {self.min_queries!r}")
        for name in ("teacher_floor", "max_failed_rate", "max_ungraded_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)!r}")

    @property
    def level(self) -> float:
        """The level of the two-sided interval whose either side is the one-sided test."""
        return 1 - 2 * self.alpha

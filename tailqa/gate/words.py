"""Findings in words and numbers."""

from tailqa.core.estimate import Estimate
from tailqa.core.report import Outcome

MAX_DIGITS = 6
_FINDING: dict[Outcome, str] = {
    "pass": "inside the margin of",
    "fail": "outside the margin of",
    "inconclusive": "straddles the margin of",
}


def gap_words(gap: Estimate, margin: float, outcome: Outcome) -> str:
    """The gap in points against the margin.

    >>> gap = Estimate(value=-0.12, low=-0.171, high=-0.072, level=0.9, method="tango", n=200)
    >>> gap_words(gap, 0.05, "fail").split("), ")
    ['student 12.0 points worse [−17.1, −7.2] (90 % interval, n = 200',
     'outside the margin of 5.0 points']
    """
    digits = max(_digits(gap.low, -margin), _digits(gap.high, -margin))
    if gap.value == 0:
        finding = "no gap"
    else:
        direction = "worse" if gap.value < 0 else "better"
        finding = f"student {_points(abs(gap.value), digits)} points {direction}"
    return (
        f"{finding} [{_points(gap.low, digits)}, {_points(gap.high, digits)}] "
        f"({100 * gap.level:g} % interval, n = {gap.n}), "
        f"{_FINDING[outcome]} {_points(margin, digits)} points"
    )


def more_queries(needed: int | None, n: int) -> str:
    """How many queries would settle it, where that is known and more than there are.

    >>> more_queries(1250, 200)
    '; about 1,250 queries would settle it'
    """
    return f"; about {needed:,} queries would settle it" if needed and needed > n else ""


def share_words(share: float, limit: float) -> tuple[str, str]:
    """A share and its limit in percent, never so rounded that they look alike when they are not.

    >>> share_words(0.0204, 0.02), share_words(0.02001, 0.02)
    (('2.04 %', '2.00 %'), ('2.001 %', '2.000 %'))
    """
    digits = _digits(share, limit)
    return f"{_points(share, digits)} %", f"{_points(limit, digits)} %"


def _points(value: float, digits: int) -> str:
    text = f"{100 * value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def _digits(value: float, limit: float) -> int:
    """The fewest digits, at least 1, that keep `value` on its side of `limit` in print."""
    for digits in range(1, MAX_DIGITS):
        if value == limit or f"{100 * value:.{digits}f}" != f"{100 * limit:.{digits}f}":
            return digits
    return MAX_DIGITS

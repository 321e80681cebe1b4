"""What the numbers of a report say, before they become words, rows and marks."""

from collections.abc import Sequence
from typing import Literal

from tailqa.core.answer import Side
from tailqa.core.estimate import Estimate, Measured
from tailqa.core.report import (
    CostSummary,
    LatencySummary,
    Outcome,
    Report,
    Requirement,
    StratumResult,
    Verdict,
)

Reading = Literal["worse", "better", "unclear", "unmeasured"]

_WORST: tuple[Outcome, ...] = ("fail", "inconclusive", "pass")


def reading(gap: Measured) -> Reading:
    """What an interval of student − teacher allows to say: an interval with 0 in it, nothing.

    >>> reading(Estimate(value=-.02, low=-.05, high=.01, level=.95, method="", n=90))
    'unclear'
    """
    if not isinstance(gap, Estimate):
        return "unmeasured"
    if gap.high < 0:
        return "worse"
    return "better" if gap.low > 0 else "unclear"


def worst_first(strata: Sequence[StratumResult]) -> tuple[StratumResult, ...]:
    """Tail before head, in each the lowest gap first, strata without a gap last."""
    return tuple(sorted(strata, key=lambda stratum: (stratum.kind == "head", *_badness(stratum))))


def lowest_gap(strata: Sequence[StratumResult]) -> StratumResult | None:
    """The stratum with the lowest gap, head or tail; None where no gap was measured."""
    worst = min(strata, key=_badness, default=None)
    return worst if worst is not None and isinstance(worst.gap, Estimate) else None


def requirement_of(verdict: Verdict, stratum: str) -> Requirement | None:
    """The worst of the policy's rules that judged this stratum, if one did."""
    rules = [rule for rule in verdict.requirements if rule.stratum == stratum]
    return min(rules, key=lambda rule: _WORST.index(rule.outcome), default=None)


def cost_of(report: Report, stratum: str, side: Side) -> CostSummary | None:
    """The cost of one side in one stratum, if it was worked out."""
    found = (row for row in report.cost if row.stratum == stratum and row.side == side)
    return next(found, None)


def latency_of(report: Report, stratum: str, side: Side) -> LatencySummary | None:
    """The speed of one side in one stratum, if it was measured."""
    found = (row for row in report.latency if row.stratum == stratum and row.side == side)
    return next(found, None)


def _badness(stratum: StratumResult) -> tuple[bool, float, str]:
    gap = stratum.gap
    if isinstance(gap, Estimate):
        return (False, gap.value, stratum.name)
    return (True, 0.0, stratum.name)

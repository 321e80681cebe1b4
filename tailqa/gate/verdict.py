"""Policy and estimates → verdict.

Every critical stratum must pass its own one-sided test (intersection–union, Berger 1982), which
needs no correction for their number. Comparisons are made on raw values; only words are rounded.
"""

import math
from collections.abc import Mapping, Sequence

from tailqa.core.estimate import Measured, TooFew
from tailqa.core.query import Stratum
from tailqa.core.report import Outcome, Requirement, StratumResult, Verdict
from tailqa.gate.policy import Policy
from tailqa.gate.words import gap_words, more_queries, share_words

NO_CRITICAL = "critical strata"
_ORDER: tuple[Outcome, ...] = ("fail", "inconclusive", "pass")


def decide(
    strata: Sequence[StratumResult],
    one_sided: Mapping[str, Measured],
    policy: Policy | None = None,
    *,
    queries_needed: Mapping[str, int] | None = None,
    expected: Sequence[Stratum] = (),
) -> Verdict:
    """The verdict on `strata`, by `policy` (the built-in one by default).

    `one_sided[name]` is the gap of that stratum at level `policy.level`, `queries_needed[name]`
    how many queries would settle it, `expected` the strata that should be there. A stratum
    passes when its whole interval lies above −margin, fails when it lies below, else it is
    inconclusive; so is one that is missing, unfit to judge or without an interval. The verdict
    fails if a critical stratum fails, else it is inconclusive if one is or there is none, else it
    passes. Supporting strata are in the reasons, advisory ones in the requirements only. One
    requirement per stratum, of its name. Raises ValueError for an interval at another level and
    for two strata of one name.

    >>> decide([], {}).reasons
    ('no critical stratum was tested, so nothing can pass',)
    """
    policy = policy or Policy()
    _check(strata, one_sided, policy)
    needed = queries_needed or {}
    found = {result.name for result in strata}
    requirements = [
        _judge(result, one_sided.get(result.name), policy, needed.get(result.name))
        for result in strata
    ] + [
        Requirement(
            name=stratum.name,
            tier=stratum.tier,
            outcome="inconclusive",
            detail=f"{stratum.name}: missing from the results",
        )
        for stratum in expected
        if stratum.name not in found
    ]
    if not any(requirement.tier == "critical" for requirement in requirements):
        requirements.append(
            Requirement(
                name=NO_CRITICAL,
                tier="critical",
                outcome="inconclusive",
                detail="no critical stratum was tested, so nothing can pass",
            )
        )
    return Verdict(
        outcome=_worst(requirements),
        reasons=_reasons(requirements),
        requirements=tuple(requirements),
        policy=policy.name,
        margin=policy.margin,
    )


def _check(
    strata: Sequence[StratumResult], one_sided: Mapping[str, Measured], policy: Policy
) -> None:
    names = [result.name for result in strata]
    if len(set(names)) < len(names):
        raise ValueError(f"strata must have different names, got {names}")
    for name, gap in one_sided.items():
        if not isinstance(gap, TooFew) and not math.isclose(gap.level, policy.level, abs_tol=1e-9):
            raise ValueError(
                f"one_sided[{name!r}] must be at level {policy.level:g} "
                f"(1 − 2·alpha), got {gap.level:g}"
            )


def _judge(
    result: StratumResult, gap: Measured | None, policy: Policy, needed: int | None
) -> Requirement:
    unfit = _unfit(result, policy)
    if unfit:
        outcome: Outcome = "inconclusive"
        words = "; ".join(unfit)
    elif gap is None or isinstance(gap, TooFew):
        outcome = "inconclusive"
        words = "no interval of the gap" + (f": {gap.reason}" if gap else "")
    else:
        outcome = _side(gap.low, gap.high, -policy.margin)
        words = gap_words(gap, policy.margin, outcome)
        if outcome == "inconclusive":
            words += more_queries(needed, result.n)
    return Requirement(
        name=result.name, tier=result.tier, outcome=outcome, detail=f"{result.name}: {words}"
    )


def _side(low: float, high: float, limit: float) -> Outcome:
    if low > limit:
        return "pass"
    return "fail" if high < limit else "inconclusive"


def _unfit(result: StratumResult, policy: Policy) -> list[str]:
    """Why the answers of this stratum cannot carry a verdict; empty when they can."""
    reasons = []
    asked = result.n + result.failed + result.ungraded
    if result.n < policy.min_queries:
        reasons.append(f"{result.n} graded queries, at least {policy.min_queries} needed")
    if result.n:
        accuracy = (result.both + result.teacher_only) / result.n
        if accuracy < policy.teacher_floor:
            share, floor = share_words(accuracy, policy.teacher_floor)
            reasons.append(
                f"the teacher is right on {share} only, floor {floor}: "
                "its answers are no yardstick here"
            )
    for what, count, limit in (
        ("failed", result.failed, policy.max_failed_rate),
        ("ungraded", result.ungraded, policy.max_ungraded_rate),
    ):
        if asked and count / asked > limit:
            share, most = share_words(count / asked, limit)
            reasons.append(f"{count} of {asked} queries {what} ({share}, at most {most})")
    return reasons


def _worst(requirements: Sequence[Requirement]) -> Outcome:
    critical = {rule.outcome for rule in requirements if rule.tier == "critical"}
    return next(outcome for outcome in _ORDER if outcome in critical)


def _reasons(requirements: Sequence[Requirement]) -> tuple[str, ...]:
    """Critical before supporting, what blocks first; the order of the strata within."""
    critical = [rule for rule in requirements if rule.tier == "critical"]
    supporting = [
        rule for rule in requirements if rule.tier == "supporting" and rule.outcome != "pass"
    ]
    return tuple(
        rule.detail for rule in sorted(critical, key=lambda rule: _ORDER.index(rule.outcome))
    ) + tuple(f"{rule.detail} (supporting: reported, does not block)" for rule in supporting)

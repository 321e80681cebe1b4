"""The requirements of a verdict as every output shows them: order, units, words.

A requirement's `limit` is on the scale and of the sign of its `estimate`: the limit of a gap with
a margin of 5 points is −0.05.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tailqa.core.estimate import Estimate
from tailqa.core.query import Tier
from tailqa.core.report import Outcome, Quantity, Requirement, Verdict
from tailqa.report import format as shown
from tailqa.report.escape import one_line

MEANING: dict[Outcome, str] = {
    "pass": "the student can replace the teacher",
    "fail": "the student cannot replace the teacher",
    "inconclusive": "the data do not decide",
}
OUTCOME_STYLE: dict[Outcome, str] = {
    "pass": "green",
    "fail": "red",
    "inconclusive": "yellow",
}
TIERS: tuple[Tier, ...] = ("critical", "supporting", "advisory")
SHORT_DIGEST = 12
"""Characters of a digest that are shown."""

_NAME_LENGTH = 100
_MOST_MORE = 6
"""How many decimals more than usual are tried."""
_OUTCOMES: tuple[Outcome, ...] = ("fail", "inconclusive", "pass")
_PLAIN = shown.Unit(symbol="", tiny=True)
_USD = shown.Unit(symbol="USD", tiny=True)
_UNITS: dict[Quantity, shown.Unit] = {
    "gap": shown.POINTS,
    "overall gap": shown.POINTS,
    "interaction": shown.POINTS,
    "score": shown.POINTS,
    "retention": shown.PERCENT,
    "prompts": shown.PERCENT,
    "strata": shown.PERCENT,
    # A KL in nats or a share: the name of the requirement says which.
    "fidelity": _PLAIN,
    # The number of attempts has no unit; the other figures of a pipeline have one of their own.
    "cost": shown.Unit(symbol=""),
    "cost ratio": shown.Unit(symbol="times", decimals=2),
}
_COST_UNITS: dict[str | None, shown.Unit] = {
    **dict.fromkeys(("prompt_tokens", "completion_tokens", "tokens_per_resolved"), shown.TOKENS),
    **dict.fromkeys(("resolved", "uncaught", "given_up", "escalated"), shown.PERCENT),
    **dict.fromkeys(("mean_s", "p50_s", "p95_s", "p99_s", "seconds_per_resolved"), shown.SECONDS),
    **dict.fromkeys(("usd_per_query", "usd_per_resolved"), _USD),
}


def blocking_first(requirements: Sequence[Requirement]) -> tuple[Requirement, ...]:
    """Critical before supporting before advisory; in each what fails first, then as given."""
    return tuple(
        sorted(
            requirements,
            key=lambda rule: (TIERS.index(rule.tier), _OUTCOMES.index(rule.outcome)),
        )
    )


def unit_of(rule: Requirement) -> shown.Unit:
    """The unit of what was measured, so fine that no end of the interval looks like the limit.

    >>> from tailqa.core.estimate import Estimate
    >>> gap = Estimate(value=-.01, low=-.0497, high=.03, level=.9, method="tango", n=900)
    >>> close = Requirement(name="a", tier="critical", outcome="pass", detail="", estimate=gap,
    ...     limit=-.05)
    >>> shown.bracketed(gap, unit_of(close))
    '−1.00 [−4.97, +3.00]'
    """
    unit, gap, limit = _UNITS[rule.quantity], rule.estimate, rule.limit
    if rule.quantity == "cost":
        unit = _COST_UNITS.get(rule.key, unit)
    if not isinstance(gap, Estimate) or limit is None:
        return unit
    ends = [end for end in (gap.low, gap.high) if end != limit]
    decimals = len(unit.number(limit).partition(".")[2])
    for more in range(_MOST_MORE):
        if unit.number(limit) not in {unit.number(end) for end in ends}:
            break
        unit = replace(unit, decimals=decimals + more, tiny=False)
    return unit


def name_words(rule: Requirement) -> str:
    """The name, safe on one line."""
    return one_line(rule.name, _NAME_LENGTH)


def level_words(requirements: Sequence[Requirement]) -> str:
    """The level of all intervals, as in 90 %; `interval` where they differ, empty without one."""
    measured = (rule.estimate for rule in requirements)
    levels = {shown.level(gap) for gap in measured if isinstance(gap, Estimate)}
    return levels.pop() if len(levels) == 1 else "interval" if levels else ""


def limit_words(rule: Requirement) -> str:
    """The limit with its unit; a dash where the requirement has none."""
    if rule.limit is None:
        return shown.NONE
    unit = unit_of(rule)
    return f"{unit.number(rule.limit)} {unit.symbol}".rstrip()


def n_words(rule: Requirement) -> str:
    """How many queries it was read from; a dash where none were looked at."""
    n = rule.estimate.n if rule.estimate else rule.n
    return shown.NONE if n is None else shown.count(n)


def settling_words(rule: Requirement) -> str:
    """How many queries would settle what is not settled, where that is known; else empty."""
    if rule.outcome != "inconclusive" or rule.queries_needed is None:
        return ""
    return shown.count(rule.queries_needed)


def advisory_reasons(verdict: Verdict) -> tuple[str, ...]:
    """What advisory requirements found that did not pass, where the verdict does not say it."""
    return tuple(
        f"{rule.detail} (advisory)"
        for rule in blocking_first(verdict.requirements)
        if rule.tier == "advisory" and rule.outcome != "pass"
        if not any(rule.detail in reason for reason in verdict.reasons)
    )


def tally(verdict: Verdict) -> str:
    """How the critical requirements came out.

    >>> tally(Verdict(outcome="pass", reasons=(), policy="", requirements=tuple(
    ...     Requirement(name=name, tier="critical", outcome=outcome, detail="")
    ...     for name, outcome in (("a", "pass"), ("b", "fail"), ("c", "pass")))))
    '3 critical requirements: 1 fail, 2 pass'
    """
    found = Counter(rule.outcome for rule in verdict.requirements if rule.tier == "critical")
    n = found.total()
    counts = ", ".join(f"{found[outcome]} {outcome}" for outcome in _OUTCOMES if found[outcome])
    plural = "requirement" if n == 1 else "requirements"
    return f"{shown.count(n)} critical {plural}: {counts}" if n else "no critical requirement"


def policy_words(verdict: Verdict) -> str:
    """The policy's name and the beginning of its digest.

    >>> policy_words(Verdict(outcome="pass", reasons=(), requirements=(), policy="strict",
    ...     policy_digest="9f2c" * 16))
    'policy strict, digest 9f2c9f2c9f2c'
    """
    name = f"policy {one_line(verdict.policy, _NAME_LENGTH)}"
    digest = verdict.policy_digest
    return f"{name}, digest {one_line(digest[:SHORT_DIGEST])}" if digest else name


def facts(rule: Requirement) -> str:
    """What was found and what was asked for, on lines of their own.

    >>> gap = Estimate(value=-.12, low=-.17, high=-.07, level=.9, method="tango", n=200)
    >>> print(facts(Requirement(name="rare", tier="critical", outcome="fail", estimate=gap,
    ...     detail="rare: student 12.0 points worse", limit=-.05)))
    rare: student 12.0 points worse
    tier: critical
    outcome: fail
    measured: −12.0 points (90 % interval −17.0 to −7.0, n = 200)
    limit: −5.0 points
    """
    lines = [one_line(rule.detail), f"tier: {rule.tier}", f"outcome: {rule.outcome}"]
    if rule.estimate is not None:
        lines.append(f"measured: {one_line(shown.figure(rule.estimate, unit_of(rule)))}")
    if rule.limit is not None:
        lines.append(f"limit: {limit_words(rule)}")
    if settling_words(rule):
        lines.append(f"queries to settle it: about {settling_words(rule)}")
    return "\n".join(lines)

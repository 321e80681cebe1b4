"""Findings in words and numbers."""

import math
from dataclasses import dataclass, replace

from tailqa.core.estimate import Estimate
from tailqa.core.operations import Option
from tailqa.core.report import Outcome
from tailqa.gate.rules import COST, Rule

MAX_DIGITS = 6
_ABOUT: dict[str, dict[Outcome, str]] = {
    "margin": {"pass": "inside", "fail": "outside", "inconclusive": "straddles"},
    "floor": {"pass": "above", "fail": "below", "inconclusive": "straddles"},
    "limit": {"pass": "below", "fail": "above", "inconclusive": "straddles"},
}
_FIDELITY = {
    "kl": "mean KL",
    "same_top1": "same top-1",
    "acceptance": "acceptance of drafted tokens",
}
_OPTION: dict[Option, str] = {
    "teacher": "the teacher",
    "student": "the student",
    "escalated": "the student with escalation",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Unit:
    """How a figure is written: times `factor`, with at least `digits` digits."""

    factor: float
    name: str
    digits: int = 1


_TIMES = _Unit(factor=1, name="times the teacher's")
_SECONDS = _Unit(factor=1, name="s")
_TOKENS = _Unit(factor=1, name="tokens")
_USD = _Unit(factor=1, name="USD")
_POINTS = _Unit(factor=100, name="points")
_PERCENT = _Unit(factor=100, name="%")
_NATS = _Unit(factor=1, name="nats per token", digits=3)
_COST: dict[str, tuple[str, _Unit]] = {
    "attempts": ("attempts per query", _Unit(factor=1, name="")),
    "prompt_tokens": ("prompts per query", _TOKENS),
    "completion_tokens": ("completions per query", _TOKENS),
    "resolved": ("resolved share", _PERCENT),
    "uncaught": ("share of uncaught errors", _PERCENT),
    "given_up": ("share given up", _PERCENT),
    "escalated": ("share escalated", _PERCENT),
    "mean_s": ("mean time", _SECONDS),
    "p50_s": ("p50", _SECONDS),
    "p95_s": ("p95", _SECONDS),
    "p99_s": ("p99", _SECONDS),
    "tokens_per_resolved": ("tokens per resolved query", _TOKENS),
    "seconds_per_resolved": ("time per resolved query", _SECONDS),
    "usd_per_query": ("money per query", _USD),
    "usd_per_resolved": ("money per resolved query", _USD),
}
"""What each figure is called, and its unit."""


def subject(rule: Rule, pipeline: str | None = None) -> str:
    """What a rule is about, as the first words of a reason; of a cost, in which pipeline.

    >>> subject(Rule(name="all traffic: gap", quantity="overall gap", tier="critical", limit=-.1))
    'all traffic'
    """
    if rule.quantity == "fidelity":
        return f"fidelity, {_FIDELITY[rule.key or '']}"
    if rule.quantity in COST:
        figure = f"{_COST[rule.key or ''][0]} of {_OPTION[rule.option]}"
        return f"{figure}, pipeline {pipeline}" if pipeline else figure
    return rule.stratum or rule.name.removesuffix(": gap")


def finding_words(rule: Rule, found: Estimate, outcome: Outcome, *, sequential: bool) -> str:
    """A measured figure against its limit; never so rounded that it looks like another finding.

    >>> rule = Rule(name="x: gap", quantity="gap", tier="critical", limit=-0.05, stratum="x")
    >>> gap = Estimate(value=-0.12, low=-0.171, high=-0.072, level=0.9, method="tango", n=200)
    >>> finding_words(rule, gap, "fail", sequential=False).split("), ")
    ['student 12.0 points worse [7.2, 17.1] (90 % interval, n = 200',
     'outside the margin of 5.0 points']
    """
    unit = _unit(rule)
    digits = max(_digits(end, rule.limit, unit) for end in (found.low, found.high))
    # A loss is told as so many points worse, and its interval is one of points worse.
    ends = (-found.high, -found.low) if _is_loss(rule, found.value) else (found.low, found.high)
    low, high = (_number(end, unit, digits) for end in ends)
    kind = "confidence sequence" if sequential else "interval"
    said = (
        f"{_figure(rule, found.value, unit, digits)} [{low}, {high}] "
        f"({100 * found.level:g} % {kind}, n = {found.n:,}), {_against(rule, outcome, digits)}"
    )
    if outcome == "inconclusive" and math.isclose(found.value, rule.limit, abs_tol=1e-9):
        said += "; the estimate lies on it, so no number of queries is known that would settle it"
    return said


def sequential_words(rule: Rule, n: int, outcome: Outcome) -> str:
    """The finding of a test that has no interval.

    >>> rule = Rule(name="x: retention", quantity="retention", tier="critical", limit=0.9)
    >>> sequential_words(rule, 412, "pass")
    'a test after every query, 412 in all, found it above the floor of 90.0 %'
    """
    if outcome == "inconclusive":
        return f"a test after every query, {n:,} in all, did not settle it"
    finding = _against(rule, outcome, _unit(rule).digits)
    return f"a test after every query, {n:,} in all, found it {finding}"


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
    digits = _digits(share, limit, _PERCENT)
    return f"{_number(share, _PERCENT, digits)} %", f"{_number(limit, _PERCENT, digits)} %"


def _unit(rule: Rule) -> _Unit:
    if rule.quantity in COST:
        unit = _TIMES if rule.quantity == "cost ratio" else _COST[rule.key or ""][1]
        return replace(unit, digits=_least_digits(rule.limit, unit))
    if rule.key == "kl":
        return _NATS
    return _PERCENT if rule.quantity in ("retention", "fidelity") else _POINTS


def _against(rule: Rule, outcome: Outcome, digits: int) -> str:
    unit = _unit(rule)
    what = "limit" if not rule.above else "margin" if unit is _POINTS else "floor"
    limit = _number(abs(rule.limit), unit, digits)
    name = "" if rule.quantity == "cost ratio" else unit.name
    return f"{_ABOUT[what][outcome]} the {what} of {limit} {name}".rstrip()


def _figure(rule: Rule, value: float, unit: _Unit, digits: int) -> str:
    size = f"{_number(abs(value), unit, digits)} {unit.name}"
    if rule.quantity == "retention":
        return f"student keeps {size} of the teacher's accuracy"
    if rule.quantity in ("fidelity", *COST):
        return size.rstrip()
    if rule.quantity == "interaction":
        lost = f"{size} {'more' if value < 0 else 'less'} than" if value else "as much as"
        return f"the tail lost {lost} the head"
    if value == 0:
        return "no gap"
    mean = "mean score of the student" if rule.quantity == "score" else "student"
    return f"{mean} {size} {'worse' if value < 0 else 'better'}"


def _is_loss(rule: Rule, value: float) -> bool:
    return value < 0 and rule.quantity not in ("retention", "fidelity", *COST)


def _number(value: float, unit: _Unit, digits: int) -> str:
    text = f"{unit.factor * value:,.{digits}f}"
    return text.replace("-", "−") if text.strip("-0.") else text.lstrip("-")


def _digits(value: float, limit: float, unit: _Unit) -> int:
    """The fewest digits that keep `value` on its side of `limit` in print."""
    most = unit.digits + MAX_DIGITS - 1
    for digits in range(unit.digits, most):
        if value == limit or _number(value, unit, digits) != _number(limit, unit, digits):
            return digits
    return most


def _least_digits(limit: float, unit: _Unit) -> int:
    """As many as three significant ones of a limit take, or its policy writes.

    >>> [_least_digits(limit, _USD) for limit in (12.0, 0.004, 0.97, 1.0625, 350.0)]
    [1, 5, 3, 4, 0]
    """
    size = limit * unit.factor
    least = max(0, 2 - math.floor(math.log10(size)))
    most = least + MAX_DIGITS
    return next((d for d in range(least, most) if math.isclose(round(size, d), size)), most)

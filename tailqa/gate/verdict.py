"""Policy and estimates → verdict.

Every critical requirement must pass its own one-sided test (intersection–union, Berger 1982),
which needs no correction for their number. Comparisons are made on raw values; only words are
rounded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.query import Stratum
from tailqa.core.report import (
    AuditFinding,
    NoiseFloor,
    Outcome,
    Quantity,
    Requirement,
    StratumResult,
    Verdict,
)
from tailqa.gate.fitness import few_in_all, no_yardstick, noisy, too_small
from tailqa.gate.prompts import judge_prompts
from tailqa.gate.rules import COST, Evidence, Rule
from tailqa.gate.schema import Policy
from tailqa.gate.words import finding_words, more_queries, sequential_words, subject

NO_CRITICAL = "critical strata"
_ORDER: tuple[Outcome, ...] = ("fail", "inconclusive", "pass")
_ABOUT_ANSWERS: tuple[Quantity, ...] = ("gap", "retention", "score", "overall gap", "interaction")


def decide(
    policy: Policy,
    strata: Sequence[StratumResult],
    rules: Sequence[Rule],
    tested: Mapping[str, Evidence],
    *,
    noise: NoiseFloor | None = None,
    audit: Sequence[AuditFinding] | None = None,
    expected: Sequence[Stratum] = (),
) -> Verdict:
    """The verdict of `policy` on `strata`, from what was `tested` of its `rules`, by rule name.

    `noise` is the teacher against itself, `audit` what is known of the prompts (None where they
    were not recorded), `expected` the strata that should be there. A requirement passes when its
    whole interval lies on the right side of its limit, fails when it lies on the other, else it
    is inconclusive; so is one whose stratum is missing or unfit to judge, that has no interval,
    or a margin below the noise. The verdict fails if a critical requirement fails, else it is
    inconclusive if one is or no answers were tested, else it passes. Supporting requirements are
    in the reasons, advisory ones among the requirements only. Raises ValueError for an interval
    at a lower level than the policy's and for two strata of one name.

    >>> policy = Policy(name="p", defaults={"gap": {"margin": 0.05}})
    >>> decide(policy, [], [], {}).reasons
    ('no critical stratum was tested, so nothing can pass',)
    """
    _check(policy, strata, tested)
    bench = _Bench(
        policy=policy,
        strata={result.name: result for result in strata},
        tested=tested,
        noise=noise,
        audit=audit,
    )
    requirements = [bench.judge(rule) for rule in rules]
    requirements += [_missing(stratum) for stratum in expected if stratum.name not in bench.strata]
    if not any(
        requirement.tier == "critical" and requirement.quantity in (*_ABOUT_ANSWERS, "strata")
        for requirement in requirements
    ):
        requirements.append(
            Requirement(
                name=NO_CRITICAL,
                tier="critical",
                outcome="inconclusive",
                detail="no critical stratum was tested, so nothing can pass",
                quantity="strata",
            )
        )
    return Verdict(
        outcome=_worst(requirements),
        reasons=_reasons(requirements),
        requirements=tuple(requirements),
        policy=policy.name,
        margin=_common_margin(rules),
        policy_digest=policy.digest,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Bench:
    """All that a rule is judged by."""

    policy: Policy
    strata: Mapping[str, StratumResult]
    tested: Mapping[str, Evidence]
    noise: NoiseFloor | None
    audit: Sequence[AuditFinding] | None

    def judge(self, rule: Rule) -> Requirement:
        if rule.quantity == "prompts":
            n = sum(found.n + found.failed + found.ungraded for found in self.strata.values())
            return judge_prompts(rule, self.audit, n)
        found = self.tested.get(rule.name)
        reasons = self._unfit(rule)
        outcome: Outcome = "inconclusive"
        if reasons:
            words = "; ".join(reasons)
        elif found is None:
            words = "no interval"
        else:
            outcome, words = _read(rule, found)
        settles = found is not None and not reasons and outcome == "inconclusive"
        return Requirement(
            name=rule.name,
            tier=rule.tier,
            outcome=outcome,
            detail=f"{subject(rule, found.pipeline if found else None)}: {words}",
            quantity=rule.quantity,
            stratum=rule.stratum,
            estimate=found.estimate if found else None,
            limit=rule.limit,
            queries_needed=found.queries_needed if found and settles else None,
            key=rule.key,
        )

    def _unfit(self, rule: Rule) -> list[str]:
        """Why nothing can be said about a rule; empty where something can."""
        if rule.quantity == "fidelity":
            return []
        if rule.stratum is None:
            spoilt = [
                f"{name}: {reason}"
                for name, result in self.strata.items()
                for reason in no_yardstick(result, self.policy.of(name))
            ]
            if rule.quantity in COST:
                spoilt += few_in_all(self.strata.values(), self.policy.defaults)
            return [*spoilt, *noisy(rule, self.noise)]
        result = self.strata.get(rule.stratum)
        if result is None:
            return ["missing from the results"]
        held = self.policy.of(rule.stratum)
        return [*too_small(result, held), *no_yardstick(result, held), *noisy(rule, self.noise)]


def _check(policy: Policy, strata: Sequence[StratumResult], tested: Mapping[str, Evidence]) -> None:
    names = [result.name for result in strata]
    if len(set(names)) < len(names):
        raise ValueError(f"strata must have different names, got {names}")
    for name, found in tested.items():
        estimate = found.estimate
        if isinstance(estimate, Estimate) and estimate.level < policy.interval_level - 1e-9:
            raise ValueError(
                f"tested[{name!r}] must be at level {policy.interval_level:g} (1 − 2·alpha) "
                f"or above, got {estimate.level:g}"
            )


def _read(rule: Rule, found: Evidence) -> tuple[Outcome, str]:
    """What a test says of a rule, and in words."""
    estimate = found.estimate
    if isinstance(estimate, TooFew):
        if found.outcome is None:
            return "inconclusive", f"no interval: {estimate.reason}"
        return found.outcome, sequential_words(rule, estimate.n, found.outcome)
    sequential = found.outcome is not None
    outcome = found.outcome or _side(rule, estimate)
    words = finding_words(rule, estimate, outcome, sequential=sequential)
    if outcome == "inconclusive":
        words += more_queries(found.queries_needed, estimate.n)
    return outcome, words


def _side(rule: Rule, found: Estimate) -> Outcome:
    if found.low > rule.limit:
        return "pass" if rule.above else "fail"
    if found.high < rule.limit:
        return "fail" if rule.above else "pass"
    return "inconclusive"


def _missing(stratum: Stratum) -> Requirement:
    return Requirement(
        name=stratum.name,
        tier=stratum.tier,
        outcome="inconclusive",
        detail=f"{stratum.name}: missing from the results",
        quantity="strata",
        stratum=stratum.name,
    )


def _common_margin(rules: Sequence[Rule]) -> float | None:
    """The margin that all critical strata share (without any, all strata), if they do."""
    of_strata = [rule for rule in rules if rule.stratum is not None]
    critical = [rule for rule in of_strata if rule.tier == "critical"] or of_strata
    limits = {rule.limit for rule in critical if rule.quantity == "gap"}
    without = {rule.stratum for rule in critical} - {
        rule.stratum for rule in critical if rule.quantity == "gap"
    }
    return -limits.pop() if len(limits) == 1 and not without else None


def _worst(requirements: Sequence[Requirement]) -> Outcome:
    critical = {rule.outcome for rule in requirements if rule.tier == "critical"}
    return next(outcome for outcome in _ORDER if outcome in critical)


def _reasons(requirements: Sequence[Requirement]) -> tuple[str, ...]:
    """Critical before supporting, what blocks first; the order of the rules within."""
    critical = [rule for rule in requirements if rule.tier == "critical"]
    supporting = [
        rule for rule in requirements if rule.tier == "supporting" and rule.outcome != "pass"
    ]
    critical.sort(key=lambda rule: _ORDER.index(rule.outcome))
    said = [rule.detail for rule in critical]
    said += [f"{rule.detail} (supporting: reported, does not block)" for rule in supporting]
    return tuple(dict.fromkeys(said))

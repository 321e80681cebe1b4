"""Verdicts written by hand, with every tier, outcome and quantity."""

from dataclasses import replace

from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.query import Tier
from tailqa.core.report import Outcome, Report, Requirement, Verdict
from tests.report.conftest import make_report

DIGEST = "9f2c" * 16
HOSTILE = (
    "\x1b[2J\x00\ufffe\ud800\u202e</testcase>]]>&amp;<b>*x*</b> `c` |p| [l](http://x) "
    "@all #1 www.x.y"
)


def interval(value: float, low: float, high: float, n: int = 200) -> Estimate:
    return Estimate(value=value, low=low, high=high, level=0.9, method="tango", n=n)


def rule(name: str, outcome: Outcome, tier: Tier = "critical", **changes: object) -> Requirement:
    values: dict[str, object] = {"detail": f"{name}: judged {outcome}"}
    return Requirement(name=name, outcome=outcome, tier=tier, **(values | changes))  # type: ignore[arg-type]


def requirements() -> tuple[Requirement, ...]:
    return (
        rule(
            "head/plain: gap",
            "inconclusive",
            "supporting",
            stratum="head/plain",
            estimate=interval(-0.05, -0.09, -0.014),
            limit=-0.05,
            queries_needed=1478,
        ),
        rule(
            "tail/phrasing: gap",
            "inconclusive",
            stratum="tail/phrasing",
            estimate=interval(-0.1, -0.1529, -0.0497),
            limit=-0.05,
            queries_needed=478,
        ),
        rule(
            "tail/multi-step: gap",
            "fail",
            stratum="tail/multi-step",
            estimate=interval(-0.375, -0.437, -0.313),
            limit=-0.05,
        ),
        rule(
            "tail/terminology: retention",
            "pass",
            quantity="retention",
            stratum="tail/terminology",
            estimate=interval(0.972, 0.951, 0.993, 1200),
            limit=0.9,
        ),
        rule(
            "all traffic: gap",
            "pass",
            "supporting",
            quantity="overall gap",
            estimate=interval(-0.0081, -0.0112, -0.005, 800),
            limit=-0.05,
        ),
        rule(
            "tail against head",
            "fail",
            "advisory",
            quantity="interaction",
            estimate=interval(-0.172, -0.229, -0.11, 800),
            limit=-0.05,
        ),
        rule(
            "fidelity: kl",
            "inconclusive",
            "advisory",
            quantity="fidelity",
            estimate=TooFew(reason="compare ran without --fidelity", n=0),
            limit=0.05,
        ),
        rule("tail/rare: gap", "inconclusive", quantity="strata", stratum="tail/rare"),
    )


def verdict(
    rules: tuple[Requirement, ...] | None = None, outcome: Outcome = "fail", **changes: object
) -> Verdict:
    rules = requirements() if rules is None else rules
    values: dict[str, object] = {
        "reasons": tuple(item.detail for item in rules if item.tier == "critical"),
        "policy": "default",
        "policy_digest": DIGEST,
    }
    return Verdict(outcome=outcome, requirements=rules, **(values | changes))  # type: ignore[arg-type]


def named(text: str) -> tuple[Report, Verdict]:
    """A report and a verdict in which everything that people and models write is `text`."""
    report = make_report()
    return (
        replace(
            report,
            teacher=replace(report.teacher, name=text),
            student=replace(report.student, name=text),
            suite=replace(report.suite, name=text, version=text),
        ),
        verdict(
            tuple(
                rule(
                    text, outcome, tier, detail=text, estimate=TooFew(reason=text, n=0), limit=-0.05
                )
                for tier, outcome in (
                    ("critical", "fail"),
                    ("supporting", "inconclusive"),
                    ("advisory", "fail"),
                )
            ),
            reasons=(text,),
            policy=text,
            policy_digest=text,
        ),
    )

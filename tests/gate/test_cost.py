"""Limits on cost: what a policy may say, the rules it makes, and what is said of the findings."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from tailqa.core.errors import InputError
from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.operations import Figure
from tailqa.core.report import StratumResult
from tailqa.gate import Evidence, Policy, applied, decide, load_policy, rules, show_policy
from tailqa.gate.words import subject
from tests.report.conftest import stratum

GAP = {"gap": {"margin": 0.05}}
PIPELINE = "rag (digest 5f1d0c3a9b27)"
SHARES = {"resolved", "uncaught", "given_up", "escalated"}


def policy(tier: str = "critical", option: str = "student", **limits: object) -> Policy:
    return Policy(name="p", defaults=GAP, cost={"tier": tier, "option": option, **limits})


def found(low: float, high: float, *, value: float | None = None, n: int = 800) -> Estimate:
    middle = (low + high) / 2 if value is None else value
    return Estimate(value=middle, low=low, high=high, level=0.9, method="m", n=n)


def judge(held: Policy, estimate: Estimate | TooFew, data: StratumResult | None = None, **more):
    """The one requirement on cost, where `estimate` is what was found about it."""
    data = data or stratum("tail/x", (400, 10, 10, 80))
    every = rules(held, {data.name: data.tier})
    (about,) = [rule for rule in every if rule.name.startswith("cost")]
    evidence = {about.name: Evidence(estimate=estimate, pipeline=PIPELINE, **more)}
    verdict = decide(held, [data], every, evidence)
    (requirement,) = [item for item in verdict.requirements if item.name == about.name]
    return requirement


GOOD = "version: 1\nname: p\ndefaults: {gap: {margin: 0.05}}\ncost:\n  p95_s: {max_ratio: 1.0}\n"
FAULTS = {
    "no limit": ("max_ratio: 1.0", "", "cost.p95_s: needs at least one of max, max_ratio, min"),
    "no figure": ("p95_s: {max_ratio: 1.0}", "tier: critical", "cost: needs a limit on at least"),
    "unknown figure": ("p95_s", "p96_s", "cost.p96_s: is not a known key; did you mean p9"),
    "unknown limit": ("max_ratio", "maximum_ratio", "is not a known key; did you mean max_ratio?"),
    "unknown option": (
        "p95_s:",
        "option: teacher\n  p50_s: {max: 1}\n  p95_s:",
        ":5: cost.option: must be 'student' or 'escalated' (got 'teacher')",
    ),
    "tier of the suite": ("p95_s:", "tier: suite\n  p95_s:", ":5: cost.tier: must be 'critical'"),
    "zero": ("1.0", "0.0", ":5: cost.p95_s.max_ratio: must be greater than 0 (got 0.0)"),
    "negative": ("max_ratio: 1.0", "max: -2", "cost.p95_s.max: must be greater than 0 (got -2)"),
    "infinite": ("1.0", ".inf", ":5: cost.p95_s.max_ratio: must be a finite number"),
    "not a number": ("1.0", ".nan", "cost.p95_s.max_ratio: must be a finite number"),
    "text": ("1.0", "fast", "cost.p95_s.max_ratio: must be a valid number"),
    "max below min": (
        "max_ratio: 1.0",
        "min: 3.0, max: 2",
        ":5: cost.p95_s: max must be above min: nothing lies between them",
    ),
    "max_ratio on min_ratio": (
        "max_ratio: 1.0",
        "min_ratio: 1, max_ratio: 1.0",
        "cost.p95_s: max_ratio must be above min_ratio",
    ),
    "a share of 1": ("p95_s: {max_ratio: 1.0}", "resolved: {min: 1.0}", "must be less than 1"),
    "a share in percent": (
        "p95_s: {max_ratio: 1.0}",
        "uncaught: {max: 5}",
        ":5: cost.uncaught.max: must be less than 1 (got 5)",
    ),
}


@pytest.mark.parametrize(("old", "new", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_named_by_its_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        load_policy(file)
    assert any(words in str(fault) for fault in caught.value.faults), str(caught.value)


def test_a_fault_in_it_hides_no_other(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(GOOD.replace("1.0", "-1") + "strata: {tail/x: {gap: null}}\n")
    with pytest.raises(InputError) as caught:
        load_policy(file)
    assert [fault.key for fault in caught.value.faults] == ["cost.p95_s.max_ratio", "strata.tail/x"]


@pytest.mark.parametrize("figure", get_args(Figure))
def test_every_figure_may_be_limited_from_both_sides(figure: Figure) -> None:
    limits = {"max": 0.9, "max_ratio": 3.0, "min": 0.1, "min_ratio": 0.5}
    made = [rule for rule in rules(policy(**{figure: limits}), {}) if rule.key == figure]
    assert [(rule.name, rule.quantity, rule.limit, rule.above) for rule in made] == [
        (f"cost: {figure} max", "cost", 0.9, False),
        (f"cost: {figure} max_ratio", "cost ratio", 3.0, False),
        (f"cost: {figure} min", "cost", 0.1, True),
        (f"cost: {figure} min_ratio", "cost ratio", 0.5, True),
    ]
    assert {rule.tier for rule in made} == {"critical"}
    assert subject(made[0]).endswith(" of the student")
    if figure in SHARES:
        with pytest.raises(ValidationError, match="less than 1"):
            policy(**{figure: {"max": 1.5}})
    else:
        assert policy(**{figure: {"max": 1.5}}).cost.limits[figure].max == 1.5


def test_names_say_which_way_the_student_is_used() -> None:
    held = policy("supporting", "escalated", p95_s={"max": 2.0})
    (rule,) = [rule for rule in rules(held, {"x": "critical"}) if rule.quantity == "cost"]
    assert (rule.name, rule.option, rule.tier) == (
        "cost, escalated: p95_s max",
        "escalated",
        "supporting",
    )
    assert subject(rule, PIPELINE) == f"p95 of the student with escalation, pipeline {PIPELINE}"


def test_a_policy_without_it_keeps_the_digest_it_had() -> None:
    # As computed before there were limits on cost.
    digest = "b40fdf5ada8ef5bd738fc18e72fec65bf9f1ebf058c001c116eaf304d5f3af7e"
    assert Policy(name="p", defaults=GAP).digest == digest
    assert policy(p95_s={"max": 2.0}).digest != digest
    assert policy(p95_s={"max": 2.0}).digest != policy(p95_s={"max": 2.5}).digest


def test_it_is_shown_with_every_default_and_comment() -> None:
    held = Policy(name="p", defaults=GAP, cost={"p95_s": {"max_ratio": 1.0}})
    assert show_policy(held).splitlines()[-4:] == [
        "cost:  # what the pipeline makes of the student, run with --pipeline",
        "  tier: supporting  # critical, supporting or advisory",
        "  option: student  # the student alone, or with what it cannot escalated",
        "  p95_s: {max_ratio: 1.0}  # seconds end to end",
    ]
    assert applied(held, {})["cost"] == {
        "tier": "supporting",
        "option": "student",
        "p95_s": {"max_ratio": 1.0},
    }


SAID = {
    "ratio above": (
        {"p95_s": {"max_ratio": 1.0}},
        found(1.6, 2.0),
        "fail",
        "p95 of the student, pipeline rag (digest 5f1d0c3a9b27): 1.80 times the teacher's "
        "[1.60, 2.00] (90 % interval, n = 800), above the limit of 1.00",
    ),
    "ratio below": ({"p95_s": {"max_ratio": 1.0}}, found(0.6, 0.999), "pass", "[0.600, 0.999]"),
    "on the limit": ({"p95_s": {"max_ratio": 1.0}}, found(0.6, 1.0), "inconclusive", "straddles"),
    "never rounded onto it": (
        {"p95_s": {"max_ratio": 1.0}},
        found(0.6, 0.99996),
        "pass",
        "[0.60000, 0.99996] (90 % interval, n = 800), below the limit of 1.00000",
    ),
    "the limit as it is written": (
        {"p95_s": {"max_ratio": 1.0625}},
        found(1.1, 1.3),
        "fail",
        "above the limit of 1.0625",
    ),
    "seconds": ({"p99_s": {"max": 30}}, found(20, 25), "pass", "22.5 s [20.0, 25.0] (90 % int"),
    "tokens": (
        {"prompt_tokens": {"max": 1500}},
        found(1600.2, 1800),
        "fail",
        "prompts per query of the student, pipeline rag (digest 5f1d0c3a9b27): 1,700 tokens "
        "[1,600, 1,800] (90 % interval, n = 800), above the limit of 1,500 tokens",
    ),
    "attempts have no unit": (
        {"attempts": {"max": 1.5}},
        found(1.1, 1.3),
        "pass",
        "1.20 [1.10, 1.30] (90 % interval, n = 800), below the limit of 1.50",
    ),
    "money": (
        {"usd_per_resolved": {"max": 0.004}},
        found(0.0028, 0.0034),
        "pass",
        "0.00310 USD [0.00280, 0.00340] (90 % interval, n = 800), below the limit of 0.00400 USD",
    ),
    "little money": (
        {"usd_per_query": {"max": 2e-6}},
        found(2.1e-6, 2.5e-6),
        "fail",
        "above the limit of 0.00000200 USD",
    ),
    "share": (
        {"resolved": {"min": 0.8}},
        found(0.81, 0.85),
        "pass",
        "resolved share of the student, pipeline rag (digest 5f1d0c3a9b27): 83.0 % [81.0, 85.0] "
        "(90 % interval, n = 800), above the floor of 80.0 %",
    ),
    "share below": ({"resolved": {"min": 0.8}}, found(0.7, 0.79), "fail", "below the floor of 80"),
    "small share": ({"uncaught": {"max": 0.02}}, found(0.01, 0.03), "inconclusive", "2.00 % [1.00"),
    "saturated": (
        {"p95_s": {"max": 2.0}},
        TooFew(reason="saturated: generation", n=800),
        "inconclusive",
        "pipeline rag (digest 5f1d0c3a9b27): no interval: saturated: generation",
    ),
}


@pytest.mark.parametrize(("limits", "estimate", "outcome", "words"), SAID.values(), ids=SAID.keys())
def test_against_its_limit(limits, estimate, outcome, words) -> None:
    requirement = judge(policy(**limits), estimate)
    assert requirement.outcome == outcome
    assert words in requirement.detail
    assert (requirement.key, requirement.stratum) == (next(iter(limits)), None)


def test_what_would_settle_it_is_said() -> None:
    requirement = judge(policy(p95_s={"max": 2.0}), found(1.5, 2.5, value=1.9), queries_needed=9000)
    assert requirement.detail.endswith("; about 9,000 queries would settle it")


def test_answers_that_are_no_yardstick_spoil_it() -> None:
    data = replace(stratum("tail/x", (400, 10, 10, 80)), ungraded=50)
    requirement = judge(policy(p95_s={"max": 2.0}), found(1, 1.5), data)
    assert requirement.outcome == "inconclusive"
    assert "tail/x: 50 of 550 queries ungraded" in requirement.detail


def test_too_few_queries_in_all_decide_nothing() -> None:
    few, enough = (stratum("tail/x", (n, 1, 1, 1)) for n in (46, 47))
    held = policy(p95_s={"max": 2.0})
    assert "49 graded queries in all, at least 50 needed" in judge(held, found(1, 1.5), few).detail
    assert judge(held, found(1, 1.5), enough).outcome == "pass"


def test_cost_alone_passes_nothing() -> None:
    held = Policy(
        name="p",
        defaults=GAP | {"tier": "supporting"},
        cost={"tier": "critical", "p95_s": {"max": 2.0}},
    )
    every = rules(held, {"tail/x": "critical"})
    evidence = {"cost: p95_s max": Evidence(estimate=found(1, 1.5), pipeline=PIPELINE)}
    verdict = decide(held, [stratum("tail/x", (400, 10, 10, 80))], every, evidence)
    assert verdict.outcome == "inconclusive"
    assert "no critical stratum was tested, so nothing can pass" in verdict.reasons


def test_shipped_policies_say_nothing_of_it() -> None:
    for name in ("default", "retention", "strict"):
        assert load_policy(name).cost is None


def test_the_part_of_the_strict_policy_that_is_commented_out_holds(tmp_path: Path) -> None:
    from tailqa.gate.load import SHIPPED

    head, mark, rest = (SHIPPED / "strict.yaml").read_text().partition("# cost:\n")
    file = tmp_path / "strict.yaml"
    file.write_text(head + (mark + rest).replace("# ", ""))
    assert set(load_policy(file).cost.limits) == {"p95_s", "usd_per_resolved"}

"""Every quantity that a policy may limit: both sides of the limit, the limit itself, the words."""

import pytest

from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.report import AuditFinding, NoiseFloor, StratumResult
from tailqa.gate import Evidence, Policy, decide, rules

NONE = TooFew(reason="not looked at by the gate", n=0)
SILENT = {"tier": "advisory", "gap": {"margin": 0.5}}


def stratum(cells=(160, 10, 10, 20), **more):
    both, teacher_only, student_only, neither = cells
    values = {"failed": 0, "ungraded": 0, "tier": "critical", "weight": 1.0}
    return StratumResult(
        name="tail/x",
        kind="tail",
        both=both,
        teacher_only=teacher_only,
        student_only=student_only,
        neither=neither,
        gap=NONE,
        retention=NONE,
        flips=NONE,
        teacher_accuracy=NONE,
        student_accuracy=NONE,
        mcnemar_p=None,
        **(values | more),
    )


def found(low, high, *, level=0.9):
    return Estimate(value=(low + high) / 2, low=low, high=high, level=level, method="m", n=1200)


def judge(policy, name, estimate, *, data=None, outcome=None, **more):
    """The requirement of that name, where `estimate` is what was found about it."""
    data = data or stratum()
    all_rules = rules(policy, {data.name: data.tier})
    tested = {name: Evidence(estimate=estimate, outcome=outcome)}
    verdict = decide(policy, [data], all_rules, tested, **more)
    (requirement,) = [rule for rule in verdict.requirements if rule.name == name]
    return requirement


def policy(defaults=None, **sections):
    return Policy(name="p", defaults=defaults or SILENT, **sections)


RETENTION = policy({"retention": {"floor": 0.9}})
SCORE = policy({"score": {"margin": 0.05}})
OVERALL = policy(overall={"tier": "critical", "margin": 0.03})
TAIL = policy(interaction={"tier": "critical", "margin": 0.1})
KL = policy(fidelity={"tier": "critical", "max_kl": 0.1})
TOP = policy(fidelity={"tier": "critical", "min_same_top1": 0.9})
KEPT, MEAN, ALL = "tail/x: retention", "tail/x: score", "all traffic: gap"
TESTS = {
    "retention above": (RETENTION, KEPT, found(0.91, 0.97), "pass", "above the floor of 90.0 %"),
    "retention on the floor": (RETENTION, KEPT, found(0.9, 0.97), "inconclusive", "straddles"),
    "retention below": (
        RETENTION,
        KEPT,
        found(0.80, 0.88),
        "fail",
        "tail/x: student keeps 84.0 % of the teacher's accuracy [80.0, 88.0] "
        "(90 % interval, n = 1,200), below the floor of 90.0 %",
    ),
    "retention just below": (RETENTION, KEPT, found(0.8, 0.9 - 1e-9), "fail", "below"),
    "score inside": (SCORE, MEAN, found(-0.04, 0.02), "pass", "inside the margin of 5.0 points"),
    "score outside": (
        SCORE,
        MEAN,
        found(-0.1, -0.06),
        "fail",
        "tail/x: mean score of the student 8.0 points worse [6.0, 10.0]",
    ),
    "score on the margin": (SCORE, MEAN, found(-0.05, 0.01), "inconclusive", "straddles"),
    "overall inside": (OVERALL, ALL, found(-0.02, 0.01), "pass", "all traffic: student 0.5 points"),
    "overall outside": (OVERALL, ALL, found(-0.09, -0.04), "fail", "margin of 3.0 points"),
    "tail outside": (
        TAIL,
        "tail against head",
        found(-0.5, -0.3),
        "fail",
        "tail against head: the tail lost 40.0 points more than the head [30.0, 50.0] "
        "(90 % interval, n = 1,200), outside the margin of 10.0 points",
    ),
    "tail better": (
        TAIL,
        "tail against head",
        found(0.01, 0.03),
        "pass",
        "the tail lost 2.0 points less than the head",
    ),
    "tail and head alike": (
        TAIL,
        "tail against head",
        found(-0.02, 0.02),
        "pass",
        "the tail lost as much as the head",
    ),
    "KL below": (
        KL,
        "fidelity: kl",
        found(0.02, 0.04),
        "pass",
        "fidelity, mean KL: 0.030 nats per token [0.020, 0.040] (90 % interval, n = 1,200), "
        "below the limit of 0.100 nats per token",
    ),
    "KL above": (KL, "fidelity: kl", found(0.12, 0.2), "fail", "above the limit"),
    "KL on the limit": (KL, "fidelity: kl", found(0.05, 0.1), "inconclusive", "straddles"),
    "same top-1 above": (TOP, "fidelity: same_top1", found(0.91, 0.95), "pass", "above the floor"),
    "same top-1 below": (TOP, "fidelity: same_top1", found(0.7, 0.8), "fail", "below the floor"),
    "fidelity at a higher level": (
        TOP,
        "fidelity: same_top1",
        found(0.91, 0.95, level=0.95),
        "pass",
        "95 % interval",
    ),
    "nothing measured": (KL, "fidelity: kl", NONE, "inconclusive", "no interval: not looked at"),
}


@pytest.mark.parametrize(
    ("held", "name", "estimate", "outcome", "words"), TESTS.values(), ids=TESTS.keys()
)
def test_against_its_limit(held, name, estimate, outcome, words):
    requirement = judge(held, name, estimate)
    assert requirement.outcome == outcome
    assert requirement.tier == "critical"
    assert words in requirement.detail


@pytest.mark.parametrize("outcome", ["pass", "fail", "inconclusive"])
def test_a_sequential_outcome_is_not_read_off_the_interval(outcome):
    straddling = found(-0.9, 0.9)
    requirement = judge(
        policy({"gap": {"margin": 0.05}}), "tail/x: gap", straddling, outcome=outcome
    )
    assert requirement.outcome == outcome
    assert "(90 % confidence sequence, n = 1,200)" in requirement.detail


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("pass", "a test after every query, 400 in all, found it above the floor of 90.0 %"),
        ("fail", "a test after every query, 400 in all, found it below the floor of 90.0 %"),
        ("inconclusive", "a test after every query, 400 in all, did not settle it"),
    ],
)
def test_a_sequential_test_without_an_interval(outcome, words):
    none = TooFew(reason="it has no interval", n=400)
    requirement = judge(RETENTION, KEPT, none, outcome=outcome)
    assert (requirement.outcome, requirement.detail) == (outcome, f"tail/x: {words}")


@pytest.mark.parametrize(("held", "name"), [(OVERALL, ALL), (TAIL, "tail against head")])
def test_answers_that_are_no_yardstick_spoil_what_is_over_all_strata(held, name):
    requirement = judge(held, name, found(-0.01, 0.01), data=stratum(ungraded=40))
    assert requirement.outcome == "inconclusive"
    assert "tail/x: 40 of 240 queries ungraded (16.7 %, at most 2.0 %)" in requirement.detail


def test_few_queries_in_a_stratum_do_not_spoil_what_is_over_all():
    requirement = judge(OVERALL, ALL, found(-0.01, 0.01), data=stratum((9, 0, 0, 1)))
    assert requirement.outcome == "pass"


@pytest.mark.parametrize(("share", "outcome"), [(0.03, "pass"), (0.0301, "inconclusive")])
def test_noise_over_all_traffic(share, outcome):
    noise = NoiseFloor(how="another order", strata=(), overall=found(share, share))
    assert judge(OVERALL, ALL, found(-0.01, 0.01), noise=noise).outcome == outcome


def finding(n, of=200, *, side="student", kind="truncation"):
    message = "The prompt is cut."
    return AuditFinding(kind=kind, side=side, n=n, of=of, message=message, examples=())


PROMPTS = policy(prompts={"tier": "critical", "max_share": {"truncation": 0.02}})
AUDITS = {
    "nothing found": ((), "pass", "prompts, truncation: nothing found in"),
    "another kind": ((finding(200, kind="bos"),), "pass", "nothing found"),
    "on the limit": (
        (finding(4),),
        "pass",
        "prompts, truncation: student: The prompt is cut (4 of 200 queries, 2.0 %; at most 2.0 %)",
    ),
    "above it": ((finding(5),), "fail", "5 of 200 queries, 2.5 %; at most 2.0 %"),
    "one side above it": ((finding(1), finding(9, side="teacher")), "fail", "teacher: The prompt"),
    "rounds to the limit": ((finding(2001, 100_000),), "fail", "2.001 %; at most 2.000 %"),
    "nothing looked at": ((finding(0, 0),), "pass", "0 of 0 queries"),
    "not recorded": (None, "inconclusive", "the prompts of this run were not recorded"),
}


@pytest.mark.parametrize(("audit", "outcome", "words"), AUDITS.values(), ids=AUDITS.keys())
def test_prompts(audit, outcome, words):
    requirement = judge(PROMPTS, "prompts: truncation", NONE, audit=audit)
    assert requirement.outcome == outcome
    assert words in requirement.detail
    assert (requirement.quantity, requirement.limit) == ("prompts", 0.02)


def test_good_prompts_alone_pass_nothing():
    data = stratum(tier="supporting")
    all_rules = rules(PROMPTS, {data.name: data.tier})
    verdict = decide(PROMPTS, [data], all_rules, {}, audit=())
    assert verdict.outcome == "inconclusive"
    assert verdict.reasons[0] == "no critical stratum was tested, so nothing can pass"


def test_all_traffic_can_carry_a_verdict():
    all_rules = rules(OVERALL, {"tail/x": "critical"})
    tested = {ALL: Evidence(estimate=found(-0.01, 0.01))}
    assert decide(OVERALL, [stratum()], all_rules, tested).outcome == "pass"

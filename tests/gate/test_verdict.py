import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.query import Stratum
from tailqa.core.report import NoiseFloor, NoiseResult, StratumResult
from tailqa.gate import Evidence, Policy, decide, load_policy, rules

NONE = TooFew(reason="not looked at by the gate", n=0)
GOOD = (160, 10, 10, 20)


def stratum(name="tail/x", *, tier="critical", cells=GOOD, failed=0, ungraded=0, **more):
    both, teacher_only, student_only, neither = cells
    more.setdefault("teacher_accuracy", NONE)
    return StratumResult(
        name=name,
        kind="tail",
        tier=tier,
        weight=0.5,
        both=both,
        teacher_only=teacher_only,
        student_only=student_only,
        neither=neither,
        failed=failed,
        ungraded=ungraded,
        gap=NONE,
        retention=NONE,
        flips=NONE,
        student_accuracy=NONE,
        mcnemar_p=None,
        **more,
    )


def gap(low, high, *, value=None, level=0.9, n=200):
    middle = (low + high) / 2 if value is None else value
    return Estimate(value=middle, low=low, high=high, level=level, method="tango", n=n)


BUILT_IN = load_policy().model_copy(update={"prompts": None})


def with_margin(margin, **more):
    return Policy(name="other", defaults={"gap": {"margin": margin}, **more})


def judge(strata, intervals, policy=BUILT_IN, *, needed=None, **more):
    """The verdict where each stratum has one rule, and `intervals` are by stratum."""
    found = rules(policy, {item.name: item.tier for item in strata})
    tested = {
        rule.name: Evidence(
            estimate=intervals[rule.stratum], queries_needed=(needed or {}).get(rule.stratum)
        )
        for rule in found
        if rule.stratum in intervals
    }
    return decide(policy, strata, found, tested, **more)


PASS, FAIL, STRADDLE = gap(-0.03, 0.03), gap(-0.171, -0.072), gap(-0.06, 0.01)
# (both, teacher_only, student_only, neither) → one critical stratum's outcome and its reason.
ONE_STRATUM = {
    "inside": ({}, PASS, "pass", "inside the margin of 5.0 points"),
    "student better": ({}, gap(0.02, 0.08), "pass", "student 5.0 points better [2.0, 8.0]"),
    "outside": ({}, FAIL, "fail", "outside the margin of 5.0 points"),
    "straddles": ({}, STRADDLE, "inconclusive", "straddles the margin of 5.0 points"),
    "just above the margin": ({}, gap(-0.05 + 1e-12, 0.0), "pass", "inside"),
    "lower limit on the margin": ({}, gap(-0.05, 0.0), "inconclusive", "straddles"),
    "rounds to a pass, is none": (
        {},
        gap(-0.050004, 0.0),
        "inconclusive",
        "[0.0000, 5.0004] (90 % interval, n = 200), straddles the margin of 5.0000 points",
    ),
    "upper limit on the margin": ({}, gap(-0.1, -0.05), "inconclusive", "straddles"),
    "just below the margin": (
        {},
        gap(-0.1, -0.05 - 1e-5),
        "fail",
        "[5.001, 10.000] (90 % interval, n = 200), outside the margin of 5.000 points",
    ),
    "no interval": (
        {},
        TooFew(reason="no graded pairs", n=0),
        "inconclusive",
        "no interval: no graded pairs",
    ),
    "interval not passed in": ({}, None, "inconclusive", "no interval"),
    "49 queries": (
        {"cells": (40, 0, 0, 9)},
        PASS,
        "inconclusive",
        "49 graded queries, at least 50 needed",
    ),
    "50 queries": ({"cells": (40, 0, 0, 10)}, PASS, "pass", "inside"),
    "no queries at all": (
        {"cells": (0, 0, 0, 0)},
        None,
        "inconclusive",
        "0 graded queries, at least 50 needed",
    ),
    "one query": (
        {"cells": (1, 0, 0, 0)},
        None,
        "inconclusive",
        "1 graded query, at least 50 needed",
    ),
    "teacher without a clue": (
        {"cells": (3, 5, 83, 179)},
        gap(0.25, 0.33),
        "inconclusive",
        "the teacher is right on 3.0 % only, floor 10.0 %: its answers are no yardstick here",
    ),
    "teacher on the floor": ({"cells": (10, 10, 10, 170)}, PASS, "pass", "inside"),
    "failed within the limit": ({"failed": 4}, PASS, "pass", "inside"),
    "failed above the limit": (
        {"failed": 5},
        PASS,
        "inconclusive",
        "5 of 205 queries failed (2.4 %, at most 2.0 %)",
    ),
    "ungraded above the limit": (
        {"ungraded": 5},
        PASS,
        "inconclusive",
        "5 of 205 queries ungraded (2.4 %, at most 2.0 %)",
    ),
    "unfit data never fails a student": ({"ungraded": 90}, FAIL, "inconclusive", "ungraded"),
}


@pytest.mark.parametrize(
    ("data", "interval", "outcome", "words"), ONE_STRATUM.values(), ids=ONE_STRATUM.keys()
)
def test_one_critical_stratum(data, interval, outcome, words):
    tested = {} if interval is None else {"tail/x": interval}
    verdict = judge([stratum(**data)], tested)
    assert verdict.outcome == outcome
    (reason,) = verdict.reasons
    assert reason.startswith("tail/x: ")
    assert words in reason
    (requirement,) = verdict.requirements
    assert (requirement.name, requirement.stratum) == ("tail/x: gap", "tail/x")
    assert (requirement.outcome, requirement.detail) == (outcome, reason)
    assert (requirement.quantity, requirement.limit) == ("gap", -0.05)
    assert requirement.estimate == interval


A, B, C = PASS, FAIL, STRADDLE
SEVERAL = {
    "all pass": ([("critical", A), ("critical", A)], "pass", 2),
    "one fails": ([("critical", A), ("critical", B)], "fail", 2),
    "one straddles": ([("critical", A), ("critical", C)], "inconclusive", 2),
    "a fail beats a straddle": ([("critical", C), ("critical", B)], "fail", 2),
    "supporting fails": ([("critical", A), ("supporting", B)], "pass", 2),
    "supporting passes": ([("critical", A), ("supporting", A)], "pass", 1),
    "advisory fails": ([("critical", A), ("advisory", B)], "pass", 1),
    "nothing critical": ([("supporting", A), ("advisory", A)], "inconclusive", 1),
    "nothing at all": ([], "inconclusive", 1),
}


@pytest.mark.parametrize(("parts", "outcome", "n_reasons"), SEVERAL.values(), ids=SEVERAL.keys())
def test_several_strata(parts, outcome, n_reasons):
    strata = [stratum(f"s{i}", tier=tier) for i, (tier, _) in enumerate(parts)]
    verdict = judge(strata, {f"s{i}": interval for i, (_, interval) in enumerate(parts)})
    assert verdict.outcome == outcome
    assert len(verdict.reasons) == n_reasons
    assert verdict.policy == "default"


def test_the_whole_reason():
    interval = gap(-0.171, -0.072, value=-0.12)
    verdict = judge([stratum("tail/terminology")], {"tail/terminology": interval})
    assert verdict.reasons == (
        "tail/terminology: student 12.0 points worse [7.2, 17.1] (90 % interval, n = 200), "
        "outside the margin of 5.0 points",
    )


def test_what_blocks_comes_first_and_supporting_is_said_to_be():
    parts = {"head": A, "tail/a": C, "tail/b": B, "extra": B}
    strata = [stratum(name, tier="supporting" if name == "extra" else "critical") for name in parts]
    verdict = judge(strata, parts)
    assert [reason.split(":")[0] for reason in verdict.reasons] == [
        "tail/b",
        "tail/a",
        "head",
        "extra",
    ]
    assert verdict.reasons[-1].endswith("(supporting: reported, does not block)")
    assert [rule.stratum for rule in verdict.requirements] == list(parts)


@pytest.mark.parametrize(
    ("needed", "words"),
    [(1250, "; about 1,250 queries would settle it"), (200, "5.0 points"), (None, "5.0 points")],
)
def test_straddling_says_what_would_settle_it(needed, words):
    verdict = judge([stratum()], {"tail/x": STRADDLE}, needed={"tail/x": needed})
    assert verdict.reasons[0].endswith(words)
    assert verdict.requirements[0].queries_needed == needed


@pytest.mark.parametrize("data", [{"failed": 90}, {}])
def test_what_is_settled_or_unfit_needs_no_more_queries(data):
    interval = STRADDLE if data else PASS
    verdict = judge([stratum(**data)], {"tail/x": interval}, needed={"tail/x": 1250})
    assert verdict.requirements[0].queries_needed is None


@pytest.mark.parametrize(
    ("tier", "outcome"),
    [("critical", "inconclusive"), ("supporting", "pass"), ("advisory", "pass")],
)
def test_a_missing_stratum(tier, outcome):
    expected = [
        Stratum(name="tail/x", kind="tail", weight=0.5, tier="critical"),
        Stratum(name="gone", kind="tail", weight=0.5, tier=tier),
    ]
    verdict = judge([stratum()], {"tail/x": PASS}, expected=expected)
    assert verdict.outcome == outcome
    assert verdict.requirements[-1].detail == "gone: missing from the results"


def test_a_stricter_policy():
    policy = with_margin(0.02, min_queries=300).model_copy(update={"level": 0.975})
    verdict = judge([stratum()], {"tail/x": gap(-0.01, 0.01, level=0.95)}, policy)
    assert (verdict.policy, verdict.outcome) == ("other", "inconclusive")
    assert (verdict.margin, verdict.policy_digest) == (0.02, policy.digest)
    assert "200 graded queries, at least 300 needed" in verdict.reasons[0]


def test_all_that_is_unfit_is_said_at_once():
    data = stratum(cells=(1, 1, 8, 30), failed=10, ungraded=10)
    (reason,) = judge([data], {"tail/x": PASS}).reasons
    assert reason.count(";") == 3


@pytest.mark.parametrize(
    ("accuracy", "above_chance", "outcome"),
    [
        (gap(0.26, 0.40, level=0.95), True, "pass"),
        (gap(0.25, 0.40, level=0.95), True, "inconclusive"),
        (gap(0.20, 0.40, level=0.95), True, "inconclusive"),
        (NONE, True, "inconclusive"),
        (gap(0.20, 0.40, level=0.95), False, "pass"),
    ],
)
def test_a_teacher_must_be_above_guessing(accuracy, above_chance, outcome):
    policy = with_margin(0.05, above_chance=above_chance)
    data = stratum(cells=(60, 2, 2, 136), chance=0.25, teacher_accuracy=accuracy)
    verdict = judge([data], {"tail/x": PASS}, policy)
    assert verdict.outcome == outcome
    if outcome != "pass":
        words = "the teacher is right on 31.0 %, not shown to be above the 25.0 % of guessing"
        assert words in verdict.reasons[0]


def noise(flipped, n=1000):
    result = NoiseResult(name="tail/x", n=n, flipped=flipped, changed=flipped, flips=NONE)
    return NoiseFloor(how="another batch size", strata=(result,), overall=NONE)


@pytest.mark.parametrize(
    ("floor", "outcome"),
    [(None, "pass"), (noise(50), "pass"), (noise(51), "inconclusive"), (noise(0, n=0), "pass")],
)
def test_a_margin_below_the_noise_decides_nothing(floor, outcome):
    verdict = judge([stratum()], {"tail/x": PASS}, noise=floor)
    assert verdict.outcome == outcome
    if outcome != "pass":
        assert verdict.reasons == (
            "tail/x: the teacher's own answers, asked again, flip on 5.1 % of the queries, more "
            "than the margin of 5.0 %",
        )


def test_intervals_at_a_lower_level_are_refused():
    words = r"tested\['tail/x: gap'\] must be at level 0.9 .*got 0.8"
    with pytest.raises(ValueError, match=words):
        judge([stratum()], {"tail/x": gap(-0.01, 0.01, level=0.8)})


def test_two_strata_of_one_name_are_refused():
    with pytest.raises(ValueError, match="strata must have different names"):
        judge([stratum(), stratum()], {"tail/x": PASS})


@pytest.mark.parametrize(
    ("strata", "margin"),
    [
        ({}, 0.05),
        ({"tail/x": {"gap": {"margin": 0.03}}}, None),
        ({"head": {"gap": {"margin": 0.03}}}, 0.05),
        ({"tail/*": {"gap": {"margin": 0.03}}}, 0.03),
        ({"tail/x": {"gap": None, "retention": {"floor": 0.9}}}, None),
    ],
)
def test_the_margin_is_the_one_that_all_critical_strata_share(strata, margin):
    policy = Policy(name="p", defaults={"gap": {"margin": 0.05}}, strata=strata)
    data = [stratum("head", tier="supporting"), stratum("tail/x"), stratum("tail/y")]
    assert judge(data, {}, policy).margin == margin


def test_without_critical_strata_the_margin_is_that_of_all():
    assert judge([stratum(tier="supporting")], {"tail/x": PASS}).margin == 0.05


def test_a_reason_that_two_rules_share_is_said_once():
    policy = with_margin(0.05, retention={"floor": 0.9})
    verdict = judge([stratum(ungraded=90)], {"tail/x": PASS}, policy)
    assert [rule.name for rule in verdict.requirements] == ["tail/x: gap", "tail/x: retention"]
    assert len(verdict.reasons) == 1


LIMITS = st.floats(-1, 1)


@given(LIMITS, LIMITS, st.floats(0.001, 0.5), st.sampled_from(["critical", "supporting"]))
def test_never_rounds_up_to_a_pass(one, other, margin, tier):
    interval = gap(min(one, other), max(one, other))
    verdict = judge([stratum(tier=tier)], {"tail/x": interval}, with_margin(margin))
    if verdict.outcome == "pass":
        assert tier == "critical"
        assert interval.low > -margin
    if verdict.outcome == "fail":
        assert interval.high < -margin


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200), st.integers(0, 200))
def test_rates_are_compared_unrounded(failed, ungraded, both, neither):
    data = stratum(cells=(both, 0, 0, neither), failed=failed, ungraded=ungraded)
    asked = both + neither + failed + ungraded
    fit = (
        both + neither >= 50
        and 100 * both >= 10 * (both + neither)
        and 100 * failed <= 2 * asked
        and 100 * ungraded <= 2 * asked
    )
    assert (judge([data], {"tail/x": PASS}).outcome == "pass") == fit

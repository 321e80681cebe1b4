"""Policies: what holds for a stratum, what two policies share, what a run does not fit."""

import importlib

import pytest
from pydantic import ValidationError

from tailqa.core.errors import InputError
from tailqa.gate import Policy, applied, load_policy, rules, shipped_policies
from tailqa.gate.schema import StratumPolicy

GAP = {"gap": {"margin": 0.05}}
TIERS = {"head": "supporting", "tail/x": "critical", "tail/y": "critical"}


def policy(strata=None, defaults=GAP, **sections):
    return Policy(name="p", defaults=defaults, strata=strata or {}, **sections)


def test_the_built_in_policy_writes_out_every_default():
    built_in = load_policy()
    assert built_in.defaults == StratumPolicy(gap={"margin": 0.05})
    assert built_in.defaults.model_fields_set >= set(StratumPolicy.model_fields) - {
        "retention",
        "score",
    }
    assert (built_in.name, built_in.level, built_in.strata) == ("default", 0.95, {})
    assert built_in.overall is built_in.interaction is built_in.fidelity is None
    assert built_in.prompts.tier == "supporting"


@pytest.mark.parametrize("name", shipped_policies())
def test_a_shipped_policy_fits_any_run_and_says_for_whom_it_is(name):
    shipped = load_policy(name)
    assert shipped.name == name
    assert {rule.tier for rule in rules(shipped, TIERS) if rule.stratum == "tail/x"} == {"critical"}
    file = importlib.import_module("tailqa.gate.load").SHIPPED / f"{name}.yaml"
    assert file.read_text().startswith("# For ")


def test_the_strict_policy_asks_for_more_than_the_built_in_one():
    strict, built_in = load_policy("strict"), load_policy()
    assert strict.defaults.gap.margin < built_in.defaults.gap.margin
    assert strict.defaults.min_queries > built_in.defaults.min_queries
    assert strict.prompts.tier == "critical"


@pytest.mark.parametrize(
    ("level", "alpha", "interval"), [(0.95, 0.05, 0.9), (0.975, 0.025, 0.95), (0.99, 0.01, 0.98)]
)
def test_levels_come_without_dust(level, alpha, interval):
    held = policy(level=level)
    assert (held.alpha, held.interval_level) == (alpha, interval)


def test_later_patterns_win_and_say_only_what_differs():
    held = policy(
        {
            "tail/*": {"tier": "critical", "gap": {"margin": 0.03}, "min_queries": 200},
            "tail/y": {"gap": None, "retention": {"floor": 0.8}},
        }
    )
    assert held.of("head") == held.defaults
    assert (held.of("tail/x").gap.margin, held.of("tail/x").min_queries) == (0.03, 200)
    last = held.of("tail/y")
    assert (last.gap, last.retention.floor, last.min_queries) == (None, 0.8, 200)
    assert (last.tier, last.teacher_floor) == ("critical", 0.1)


def test_a_name_with_the_signs_of_a_pattern_is_found_by_itself():
    held = policy({"steps [3-4]": {"gap": {"margin": 0.01}}})
    assert held.of("steps [3-4]").gap.margin == 0.01
    assert held.faults(["steps [3-4]"]) == []


def test_tiers_are_the_suite_s_unless_the_policy_says_otherwise():
    held = policy({"head": {"tier": "critical"}, "tail/y": {"tier": "advisory"}})
    assert {rule.stratum: rule.tier for rule in rules(held, TIERS)} == {
        "head": "critical",
        "tail/x": "critical",
        "tail/y": "advisory",
    }


def test_every_rule_has_its_name_limit_and_side():
    held = policy(
        defaults=GAP | {"retention": {"floor": 0.9}, "score": {"margin": 0.1}},
        overall={"margin": 0.03},
        interaction={"margin": 0.2, "tier": "critical"},
        fidelity={"max_kl": 0.1, "min_same_top1": 0.9, "min_acceptance": 0.6},
        prompts={"max_share": {"bos": 0.0, "template": 1.0}},
    )
    found = rules(held, {"x": "critical"})
    assert [(rule.name, rule.limit, rule.above, rule.tier) for rule in found] == [
        ("x: gap", -0.05, True, "critical"),
        ("x: retention", 0.9, True, "critical"),
        ("x: score", -0.1, True, "critical"),
        ("all traffic: gap", -0.03, True, "supporting"),
        ("tail against head", -0.2, True, "critical"),
        ("fidelity: kl", 0.1, False, "advisory"),
        ("fidelity: same_top1", 0.9, True, "advisory"),
        ("fidelity: acceptance", 0.6, True, "advisory"),
        ("prompts: bos", 0.0, False, "supporting"),
        ("prompts: template", 1.0, False, "supporting"),
    ]


def test_the_digest_is_that_of_the_content():
    one = policy({"tail/*": {"gap": {"margin": 0.03}}})
    assert one.digest == policy({"tail/*": {"gap": {"margin": 0.03}}}).digest
    # A default that is written out is the same rule.
    assert (
        one.digest
        == policy({"tail/*": {"gap": {"margin": 0.03}}}, defaults=GAP | {"min_queries": 50}).digest
    )
    assert one.digest != policy().digest
    assert one.digest != policy({"tail/*": {"gap": {"margin": 0.031}}}).digest
    assert len(one.digest) == 64


def test_the_order_of_patterns_is_part_of_the_digest():
    first, second = {"tail/*": {"min_queries": 60}}, {"tail/x": {"min_queries": 70}}
    assert policy(first | second).digest != policy(second | first).digest


def test_what_is_set_back_to_the_default_counts():
    held = policy({"tail/*": {"min_queries": 200}, "tail/y": {"min_queries": 50}})
    assert held.of("tail/y").min_queries == 50
    assert held.digest != policy({"tail/*": {"min_queries": 200}, "tail/y": {}}).digest


def test_a_stratum_that_is_not_there_is_refused_with_those_that_are():
    held = policy({"tail/z": {}, "tail/*": {}, "rare*": {}})
    with pytest.raises(InputError) as caught:
        rules(held, TIERS)
    there = "matches no stratum of this run, which has head, tail/x, tail/y"
    assert str(caught.value) == f"policy p: strata.tail/z: {there}\npolicy p: strata.rare*: {there}"


@pytest.mark.parametrize(
    ("strata", "defaults", "key"),
    [
        ({}, {}, "defaults"),
        ({}, {"min_queries": 10}, "defaults"),
        ({"tail/x": {"gap": None}}, GAP, "strata.tail/x"),
    ],
)
def test_a_policy_must_say_which_is_tested(strata, defaults, key):
    with pytest.raises(InputError) as caught:
        rules(policy(strata, defaults), TIERS)
    rule = "must say which is tested: at least one of gap, retention, score"
    assert str(caught.value) == f"policy p: {key}: {rule}"


def test_patterns_that_leave_nothing_together_are_found_with_the_run():
    retention = {"retention": {"floor": 0.9}}
    held = policy({"tail/*": {"gap": None} | retention, "tail/y": {"retention": None}})
    assert held.faults() == []
    with pytest.raises(InputError, match=r"strata: must say which is tested: .*, for tail/y"):
        rules(held, TIERS)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"defaults": {"gap": {"margin": 0}}}, ("defaults", "gap", "margin")),
        ({"defaults": {"gap": {"margin": 1}}}, ("defaults", "gap", "margin")),
        ({"defaults": {"gap": {"margin": float("nan")}}}, ("defaults", "gap", "margin")),
        ({"defaults": {"retention": {"floor": 1.01}}}, ("defaults", "retention", "floor")),
        ({"defaults": GAP | {"min_queries": 0}}, ("defaults", "min_queries")),
        ({"defaults": GAP | {"min_queries": None}}, ("defaults", "min_queries")),
        ({"defaults": GAP | {"teacher_floor": -0.1}}, ("defaults", "teacher_floor")),
        ({"defaults": GAP | {"max_failed": 1.1}}, ("defaults", "max_failed")),
        ({"defaults": GAP | {"tier": "vital"}}, ("defaults", "tier")),
        ({"level": 0.5}, ("level",)),
        ({"level": 1.0}, ("level",)),
        ({"version": 2}, ("version",)),
        ({"overall": {"tier": "suite", "margin": 0.1}}, ("overall", "tier")),
        ({"fidelity": {"tier": "critical"}}, ("fidelity",)),
        ({"prompts": {"max_share": {}}}, ("prompts", "max_share")),
        ({"name": ""}, ("name",)),
    ],
)
def test_bad_values_name_their_place(changes, place):
    with pytest.raises(ValidationError) as caught:
        Policy(**({"name": "p", "defaults": GAP} | changes))
    assert {error["loc"] for error in caught.value.errors()} == {place}


def test_the_policy_as_it_applies_has_every_default():
    held = applied(policy({"tail/y": {"gap": {"margin": 0.02}}}), TIERS)
    assert held["strata"]["tail/y"] == {
        "tier": "critical",
        "gap": {"margin": 0.02},
        "min_queries": 50,
        "teacher_floor": 0.1,
        "above_chance": True,
        "max_failed": 0.02,
        "max_ungraded": 0.02,
    }
    assert held["strata"]["head"]["tier"] == "supporting"


def test_public_names_are_sorted_and_there():
    # tailqa.gate is also the public function of that name, so the room is fetched as a module.
    room = importlib.import_module("tailqa.gate")
    assert list(room.__all__) == sorted(room.__all__)
    assert all(hasattr(room, name) for name in room.__all__)

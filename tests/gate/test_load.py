"""Policy files: all faults at once, each with its place, and shown so that they load again."""

import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailqa.core.errors import InputError
from tailqa.gate import Policy, load_policy, rules, shipped_policies, show_policy
from tailqa.gate.load import SHIPPED

GOOD = """\
version: 1
name: mine
defaults:
  gap: {margin: 0.05}
strata:
  tail/terminology: {tier: critical, gap: {margin: 0.03}}
prompts: {max_share: {bos: 0.0}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


def faults(file: Path, text: str) -> list[str]:
    """What is wrong with `text`, each without the folder."""
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_policy(file)
    return [str(fault).replace(str(file), "policy.yaml") for fault in caught.value.faults]


def test_a_file_by_path(file):
    file.write_text(GOOD)
    policy = load_policy(file)
    assert (policy.name, policy.of("tail/terminology").gap.margin) == ("mine", 0.03)
    assert load_policy(str(file)) == policy


WHICH = "must say which is tested: at least one of gap, retention, score"
ONE_FAULT = {
    "margin of 1": ("margin: 0.05", "margin: 1.0", ":4: defaults.gap.margin: must be less than 1"),
    "margin of 0": ("margin: 0.05", "margin: 0", ":4: defaults.gap.margin: must be greater than 0"),
    "margin of 5 points": ("margin: 0.03", "margin: 5", ":6: strata.tail/terminology.gap.margin:"),
    "margin as text": ("margin: 0.05", "margin: 5 %", ":4: defaults.gap.margin: must be a valid"),
    "not a number": ("margin: 0.05", "margin: .nan", ":4: defaults.gap.margin: must be a finite"),
    "unknown key": ("defaults:", "level: 0.9\ndefalts:", "defalts: is not a known key; did you"),
    "key of another section": ("{tier: critical, ", "{max_kl: 3, ", ":6: strata.tail/terminology."),
    "another version": (
        "version: 1",
        "version: 2",
        ":1: version: this tailqa reads version 1 of the policy format (got 2)",
    ),
    "no version": ("version: 1\n", "", ":1: version: is required"),
    "no name": ("name: mine\n", "", ":1: name: is required"),
    "unknown tier": ("tier: critical", "tier: vital", ":6: strata.tail/terminology.tier: must be"),
    "neither gap nor retention": (
        "gap: {margin: 0.05}",
        "min_queries: 9",
        f":3: defaults: {WHICH}",
    ),
    "a stratum with neither": (
        "gap: {margin: 0.03}",
        "gap: null",
        f":6: strata.tail/terminology: {WHICH}",
    ),
    "unknown finding": ("bos: 0.0", "boss: 0.0", ":7: prompts.max_share"),
    "share above 1": ("bos: 0.0", "bos: 2.0", ":7: prompts.max_share.bos: must be less than or eq"),
    "a key twice": ("name: mine", "name: a\nname: b", ":3: name: duplicate key, first given on"),
    "not YAML": ("defaults:", "defaults: [", "is not valid YAML: "),
}


@pytest.mark.parametrize(("old", "new", "words"), ONE_FAULT.values(), ids=ONE_FAULT.keys())
def test_one_fault_is_named_by_its_place(file, old, new, words):
    assert old in GOOD
    found = faults(file, GOOD.replace(old, new, 1))
    assert any(words in fault for fault in found), found
    assert all(fault.startswith("policy.yaml:") for fault in found)


def test_all_faults_come_at_once(file):
    found = faults(
        file,
        "name: mine\nlevel: 95\ndefaults:\n  gap: {margin: 7}\n  min_querys: 3\n"
        "strata:\n  tail/x: {gap: null}\noverall: {tier: suite}\n",
    )
    assert found == [
        "policy.yaml:1: version: is required",
        "policy.yaml:2: level: must be less than 1 (got 95)",
        "policy.yaml:4: defaults.gap.margin: must be less than 1 (got 7)",
        "policy.yaml:5: defaults.min_querys: is not a known key; did you mean min_queries?",
        "policy.yaml:8: overall.tier: must be 'critical', 'supporting' or 'advisory' (got 'suite')",
        "policy.yaml:8: overall.margin: is required",
        f"policy.yaml:7: strata.tail/x: {WHICH}",
    ]


@pytest.mark.parametrize("text", ["", "- a list\n", "42\n", "# only a comment\n"])
def test_what_is_no_policy_at_all(file, text):
    assert faults(file, text)


def test_a_stratum_that_is_not_there_is_named_with_its_line(file):
    file.write_text(GOOD)
    with pytest.raises(InputError) as caught:
        rules(load_policy(file), {"head/plain": "critical", "tail/term": "critical"})
    assert str(caught.value) == (
        f"{file}:6: strata.tail/terminology: matches no stratum of this run, "
        "which has head/plain, tail/term"
    )


@pytest.mark.parametrize("name", ["srict", "no/such.yaml", "x" * 5000, "zero\0byte", "."])
def test_unknown_names_list_the_known(name):
    with pytest.raises(InputError) as caught:
        load_policy(name)
    words = "is neither a file nor a shipped policy (default, retention, strict)"
    assert str(caught.value) == f"{name}: {words}"


def test_a_file_comes_before_a_shipped_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("strict").write_text(GOOD)
    assert load_policy("strict").name == "mine"


PIECES = st.sampled_from(
    [
        *("version: 1", "name: a", "defaults:", "strata:", "  gap: {margin: 0.05}", "  tail/*:"),
        *("    gap: null", "overall: {margin: .5}", "level: 0.9", "  retention: {floor: 1}", "["),
        *("prompts:", "  max_share: {bos: 0}", "fidelity: {max_kl: 1e9}", "  - a", "%", "? x", "}"),
        *("defaults: {gap: {margin: 0.05}}", "strata: {x: {min_queries: 1}}", "description: 1"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES).map("\n".join)))
def test_any_text_gives_a_policy_or_faults(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text, encoding="utf-8", errors="replace")
    try:
        policy = load_policy(file)
    except InputError as error:
        places = {fault.file for fault in error.faults}
    else:
        places = {str(file)} if policy.faults() == [] else set()
    assert places == {str(file)}


NAMES = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
MARGINS = st.fixed_dictionaries({"margin": st.floats(0, 1, exclude_min=True, exclude_max=True)})
STRATA = st.fixed_dictionaries(
    {},
    optional={
        "tier": st.sampled_from(["critical", "suite", "advisory"]),
        "gap": MARGINS,
        "score": st.none() | MARGINS,
        "min_queries": st.integers(1, 10**9),
        "above_chance": st.booleans(),
        "max_failed": st.floats(0, 1),
    },
)
LIMITS = st.fixed_dictionaries({"max_ratio": st.floats(1e-9, 1e9)}, optional={"max": st.just(7)})
COSTS = st.fixed_dictionaries(
    {"usd_per_query": LIMITS},
    optional={"option": st.sampled_from(["student", "escalated"]), "p95_s": LIMITS},
)
POLICIES = st.builds(
    Policy,
    name=NAMES,
    description=st.text(st.characters(codec="utf-8")),
    level=st.floats(0.5, 1, exclude_min=True, exclude_max=True),
    defaults=STRATA.map(lambda held: {"gap": {"margin": 0.1}} | held),
    strata=st.dictionaries(NAMES, STRATA, max_size=3),
    overall=st.none() | MARGINS,
    prompts=st.none() | st.just({"max_share": {"bos": 0.1, "length": 1.0}}),
    cost=st.none() | COSTS,
)


@settings(max_examples=200, deadline=None)
@given(POLICIES)
def test_what_is_shown_loads_as_the_same_policy(tmp_path_factory, policy):
    file = tmp_path_factory.getbasetemp() / "shown.yaml"
    file.write_text(show_policy(policy), encoding="utf-8", newline="")
    assert load_policy(file).digest == policy.digest


@pytest.mark.parametrize("name", shipped_policies())
def test_what_holds_for_a_run_loads_and_decides_alike(file, name):
    policy, tiers = load_policy(name), {"head": "supporting", "tail/x": "critical"}
    file.write_text(show_policy(policy, tiers))
    assert rules(load_policy(file), tiers) == rules(policy, tiers)


def test_every_key_is_explained():
    text = show_policy(load_policy("strict"))
    keys = [line for line in text.splitlines() if re.match(r"  [a-z]|(level|overall)", line)]
    assert len(keys) > 10
    assert [line for line in keys if "  # " not in line] == []


def test_shipped_files_stay_on_a_screen():
    for path in SHIPPED.glob("*.yaml"):
        assert max(map(len, path.read_text().splitlines())) <= 100
        assert math.isclose(load_policy(path).level, 0.95)

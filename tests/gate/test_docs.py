"""docs/policies.md: its example is a policy that loads, and it names every key."""

import re
from pathlib import Path
from typing import get_args

import pytest

import tailqa
from tailqa.core.operations import Figure
from tailqa.core.report import AuditKind
from tailqa.gate import load_policy, rules, shipped_policies
from tailqa.gate.cost import Cost, Limits
from tailqa.gate.schema import Fidelity, Policy, StratumPolicy
from tests.gate.operations import operations
from tests.report.conftest import make_report, stratum

PAGE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text("utf-8")


def test_the_example_holds_what_it_says(tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "policy.yaml").write_text(example)
    policy = load_policy(tmp_path / "policy.yaml")
    tiers = dict.fromkeys(("head", "tail/terminology", "tail/dialect"), "supporting")
    found = {rule.name: (rule.tier, rule.limit) for rule in rules(policy, tiers)}
    assert found["head: gap"] == ("supporting", -0.05)
    assert found["tail/terminology: gap"] == ("critical", -0.03)
    assert found["tail/dialect: retention"] == ("critical", 0.9)
    assert "tail/dialect: gap" not in found
    assert found["cost, escalated: usd_per_resolved max"] == ("critical", 0.004)
    # What the example writes out for every stratum are the defaults.
    assert policy.defaults == load_policy().defaults


def test_the_reasons_of_the_example_are_those_it_shows(tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "policy.yaml").write_text(example)
    strata = [
        stratum("head", (720, 10, 10, 60), kind="head", weight=0.8),
        stratum("tail/terminology", (100, 0, 0, 0), weight=0.1),
        stratum("tail/dialect", (100, 0, 0, 0), weight=0.1),
    ]
    verdict = tailqa.gate(make_report(strata, operations=operations()), tmp_path / "policy.yaml")
    assert [line for line in shown.splitlines() if line not in verdict.reasons] == []
    assert len(shown.splitlines()) == 3


@pytest.mark.parametrize("model", [Policy, StratumPolicy, Fidelity, Cost, Limits])
def test_every_key_is_on_the_page(model):
    assert [key for key in model.model_fields if not re.search(rf"\b{key}\b", PAGE)] == []


def test_every_kind_of_finding_figure_and_shipped_policy_is_on_the_page():
    names = (*get_args(AuditKind), *get_args(Figure), *shipped_policies())
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_the_defaults_of_the_table_are_those():
    for key, field in StratumPolicy.model_fields.items():
        (shown,) = re.findall(rf"^\| `{key}` \| (.*?) \|", PAGE, re.MULTILINE) or [""]
        default = shown.strip().strip("`")
        if field.default is None:
            assert default == ""
        else:
            assert default.lower() in {str(field.default).lower(), f"{field.default}0"}

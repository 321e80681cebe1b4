"""Policy and estimates → verdict: pass, fail or inconclusive, with the reasons."""

from tailqa.gate.load import load_policy, shipped_policies
from tailqa.gate.rules import COST, Evidence, Rule, rules
from tailqa.gate.schema import Policy
from tailqa.gate.shown import applied, show_policy
from tailqa.gate.verdict import decide

__all__ = [
    "COST",
    "Evidence",
    "Policy",
    "Rule",
    "applied",
    "decide",
    "load_policy",
    "rules",
    "shipped_policies",
    "show_policy",
]

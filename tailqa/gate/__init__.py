"""Policy and estimates → verdict: pass, fail or inconclusive, with the reasons."""

from tailqa.gate.policy import Policy
from tailqa.gate.verdict import decide

__all__ = ["Policy", "decide"]

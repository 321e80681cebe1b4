"""What a run leaves in an experiment tracker that a team already has."""

from tailqa.tracking.registry import (
    PASSED_ALIAS,
    Marked,
    ModelVersion,
    alias_name,
    check,
    mark,
    model_version,
)
from tailqa.tracking.runs import Comparison, Logged, log_run, policy_text

__all__ = [
    "PASSED_ALIAS",
    "Comparison",
    "Logged",
    "Marked",
    "ModelVersion",
    "alias_name",
    "check",
    "log_run",
    "mark",
    "model_version",
    "policy_text",
]

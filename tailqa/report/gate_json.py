"""A verdict as JSON, for programs."""

from dataclasses import asdict

from tailqa.core.report import Report, Verdict
from tailqa.report.json_text import json_text

GATE_FORMAT_VERSION = 1


def render_gate_json(report: Report, verdict: Verdict) -> str:
    """The verdict as JSON, the same text for the same verdict on the same report.

    Keys: `format_version`, `outcome`, `reasons`, `policy` (name, digest, margin), `teacher`,
    `student`, `suite` (name, version, digest) and `requirements`, in the verdict's order and with
    the fields of `Requirement`. Where nothing was measured, `estimate` is null or has a `reason`
    instead of a `value`. Raises ResultError where a number is not finite.
    """
    suite = report.suite
    return json_text(
        {
            "format_version": GATE_FORMAT_VERSION,
            "outcome": verdict.outcome,
            "reasons": verdict.reasons,
            "policy": {
                "name": verdict.policy,
                "digest": verdict.policy_digest,
                "margin": verdict.margin,
            },
            "teacher": report.teacher.name,
            "student": report.student.name,
            "suite": {"name": suite.name, "version": suite.version, "digest": suite.digest},
            "requirements": [asdict(rule) for rule in verdict.requirements],
        }
    )

"""A verdict as JUnit XML, as GitHub reporters, GitLab and Jenkins read it.

The structure is that of the Jenkins xUnit plugin's schema, junit-10.xsd. GitLab shows the text of
an element and drops its attributes, Jenkins shows both: so what matters stands in both.
"""

import re
from datetime import datetime
from typing import TYPE_CHECKING

from tailqa.core.errors import ResultError
from tailqa.core.report import Report, Requirement, Verdict
from tailqa.report.escape import one_line, visible
from tailqa.report.gate_rows import MEANING, blocking_first, facts, tally

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NO_TIME = "0"
"""Seconds: a requirement is not run, and the schema wants a number."""

_STATUSES = ("failure", "error", "skipped")
# Beside the controls that `visible` shows, XML 1.0 forbids only these (production 2, Char).
_NO_CHARACTER = re.compile("[\ufffe\uffff]")
_PART = re.compile(r"[^\w-]+")


def render_junit(report: Report, verdict: Verdict, *, date: str) -> str:
    """The verdict as JUnit XML: one suite, one test case per requirement, what blocks first.

    A critical requirement that fails is a failure and one that is inconclusive an error, so that
    neither looks green; a supporting or advisory one that does not pass is skipped, with the
    reason. `date` is the day or time of the decision in ISO 8601. Controls and other characters
    that XML cannot hold become visible signs. Raises ResultError for another date.
    """
    from xml.etree.ElementTree import Element, SubElement, indent, tostring

    rules = blocking_first(verdict.requirements)
    found = [_status(rule) for rule in rules]
    counts = {status: found.count(status) for status in _STATUSES}
    blocked = counts["failure"] + counts["error"]
    untold = verdict.outcome != "pass" and not blocked
    totals = {
        "tests": str(len(rules) + untold),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"] + untold),
    }
    root = Element("testsuites", {"name": "tailqa gate", "time": NO_TIME, **totals})
    suite = SubElement(
        root,
        "testsuite",
        {
            "name": _xml(_title(report)),
            **totals,
            "skipped": str(counts["skipped"]),
            "time": NO_TIME,
            "timestamp": _timestamp(date),
        },
    )
    properties = SubElement(suite, "properties")
    for name, value in _properties(report, verdict).items():
        SubElement(properties, "property", {"name": name, "value": _xml(value)})
    classname = _xml(_classname(report))
    for rule in rules:
        _add_case(suite, rule, classname)
    if untold:
        _add_case(suite, _verdict_itself(verdict), classname)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _status(rule: Requirement) -> str:
    """The element that tells of a requirement; empty where it passes."""
    if rule.outcome == "pass":
        return ""
    if rule.tier != "critical":
        return "skipped"
    return "failure" if rule.outcome == "fail" else "error"


def _add_case(suite: "Element", rule: Requirement, classname: str) -> None:
    from xml.etree.ElementTree import SubElement

    attributes = {"classname": classname, "name": _xml(one_line(rule.name)), "time": NO_TIME}
    case = SubElement(suite, "testcase", attributes)
    status = _status(rule)
    if not status:
        SubElement(case, "system-out").text = _xml(facts(rule))
        return
    words = one_line(rule.detail)
    said = {"message": _xml(words), "type": f"{rule.tier} {rule.outcome}"}
    SubElement(case, status, said).text = _xml(facts(rule))


def _verdict_itself(verdict: Verdict) -> Requirement:
    """What blocks where no requirement does: a verdict that does not pass never looks green."""
    reasons = "; ".join(verdict.reasons) or MEANING[verdict.outcome]
    return Requirement(name="verdict", tier="critical", outcome="inconclusive", detail=reasons)


def _title(report: Report) -> str:
    suite = report.suite
    names = (report.student.name, report.teacher.name, suite.name, suite.version)
    student, teacher, name, version = (one_line(text, 100) for text in names)
    return f"tailqa gate: {student} against {teacher} on {name} {version}"


def _classname(report: Report) -> str:
    """`suite.teacher_vs_student`: Jenkins takes what stands before the last dot for a package."""
    names = (report.suite.name, report.teacher.name, report.student.name)
    suite, teacher, student = (_PART.sub("_", text[:100]).strip("_") or "_" for text in names)
    return f"{suite}.{teacher}_vs_{student}"


def _properties(report: Report, verdict: Verdict) -> dict[str, str]:
    values = {
        "outcome": verdict.outcome,
        "requirements": tally(verdict),
        "policy": verdict.policy,
        "policy_digest": verdict.policy_digest,
        "teacher": report.teacher.name,
        "student": report.student.name,
        "suite": f"{report.suite.name} {report.suite.version}",
        "suite_digest": report.suite.digest,
        "tailqa": report.fingerprint.versions.get("tailqa"),
    }
    return {name: one_line(value) for name, value in values.items() if value is not None}


def _timestamp(date: str) -> str:
    """`date` as the schema's writers do it: to the second, without a zone.

    >>> _timestamp("2026-11-24"), _timestamp("2026-11-24T09:30:00.5+00:00")
    ('2026-11-24T00:00:00', '2026-11-24T09:30:00')
    """
    try:
        return datetime.fromisoformat(date).replace(tzinfo=None).isoformat(timespec="seconds")
    except ValueError as error:
        raise ResultError(f"{date!r} is not a date in ISO 8601, such as 2026-11-24") from error


def _xml(text: str) -> str:
    r"""`text` of characters that XML 1.0 can hold.

    >>> _xml("a\x1b[31m\x00\uffff\ud800")
    'a⟨ESC⟩[31m⟨NUL⟩⟨U+FFFF⟩⟨U+D800⟩'
    """
    return _NO_CHARACTER.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", visible(text))

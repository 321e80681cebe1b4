"""The structure is held to junit-10.xsd of the Jenkins xUnit plugin, written out below."""

import re
from dataclasses import replace
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import junitparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.errors import ResultError
from tailqa.report.gate_junit import render_junit
from tests.report.conftest import make_report
from tests.report.gate_verdicts import DIGEST, HOSTILE, named, requirements, rule, verdict

DATE = "2026-11-24"
# Element: (required attributes, allowed attributes, allowed children).
SCHEMA = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp", "hostname", "id", "package", "group"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    **{name: (set(), {"type", "message"}, set()) for name in ("skipped", "error", "failure")},
    "system-out": (set(), set(), set()),
}
SUREFIRE_TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def parsed(text: str) -> Element:
    root = ElementTree.fromstring(text.encode())  # noqa: S314 - our own text
    assert root.tag == "testsuites"
    for element in root.iter():
        required, allowed, children = SCHEMA[element.tag]
        assert required <= set(element.attrib) <= required | allowed
        assert {child.tag for child in element} <= children
        if element.tag in {"testsuites", "testsuite"}:
            assert SUREFIRE_TIME.fullmatch(element.attrib["time"])
    return root


def cases(root: Element) -> dict[str, str]:
    """What each test case shows as, by name; pytest's and Jenkins' words."""
    found = {}
    for case in root.iter("testcase"):
        status = [child.tag for child in case if child.tag != "system-out"]
        found[case.attrib["name"]] = status[0] if status else "passed"
        assert len(status) <= 1
    return found


def test_each_requirement_is_a_test_case_of_its_colour():
    root = parsed(render_junit(make_report(), verdict(), date=DATE))
    # In this order: what blocks is at the top.
    assert list(cases(root).items()) == [
        ("tail/multi-step: gap", "failure"),
        ("tail/phrasing: gap", "error"),
        ("tail/rare: gap", "error"),
        ("tail/terminology: retention", "passed"),
        ("head/plain: gap", "skipped"),
        ("all traffic: gap", "passed"),
        ("tail against head", "skipped"),
        ("fidelity: kl", "skipped"),
    ]
    (suite,) = root
    counts = {"tests": "8", "failures": "1", "errors": "2"}
    for element in (root, suite):
        assert {key: element.attrib[key] for key in counts} == counts
    assert suite.attrib["skipped"] == "3"
    assert suite.attrib["timestamp"] == "2026-11-24T00:00:00"


def test_the_text_says_what_the_attributes_say():
    root = parsed(render_junit(make_report(), verdict(), date=DATE))
    error = next(root.iter("error"))
    assert error.attrib == {
        "message": "tail/phrasing: gap: judged inconclusive",
        "type": "critical inconclusive",
    }
    assert error.text is not None
    assert error.text.splitlines() == [
        "tail/phrasing: gap: judged inconclusive",
        "tier: critical",
        "outcome: inconclusive",
        "measured: −10.00 points (90 % interval −15.29 to −4.97, n = 200)",
        "limit: −5.00 points",
        "queries to settle it: about 478",
    ]
    (passed,) = (case for case in root.iter("testcase") if "retention" in case.attrib["name"])
    assert "measured: 97.2 % (90 % interval 95.1 to 99.3, n = 1,200)" in "".join(passed.itertext())


def test_properties_identify_the_decision():
    root = parsed(render_junit(make_report(), verdict(), date=DATE))
    found = {item.attrib["name"]: item.attrib["value"] for item in root.iter("property")}
    assert found == {
        "outcome": "fail",
        "requirements": "4 critical requirements: 1 fail, 2 inconclusive, 1 pass",
        "policy": "default",
        "policy_digest": DIGEST,
        "teacher": "demo:teacher",
        "student": "demo:student",
        "suite": "demo 1",
        "suite_digest": "c0de" * 16,
        "tailqa": "0.1.0",
    }
    undigested = replace(verdict(), policy_digest=None)
    root = parsed(render_junit(make_report(), undigested, date=DATE))
    assert "policy_digest" not in {item.attrib["name"] for item in root.iter("property")}


def test_dots_of_names_make_no_package():
    report = make_report()
    teacher = replace(report.teacher, name="org/Qwen2.5-7B@v1.0")
    student = replace(report.student, name="./small.Q4_K_M.gguf")
    root = parsed(
        render_junit(replace(report, teacher=teacher, student=student), verdict(), date=DATE)
    )
    (classname,) = {case.attrib["classname"] for case in root.iter("testcase")}
    assert classname == "demo.org_Qwen2_5-7B_v1_0_vs_small_Q4_K_M_gguf"


@pytest.mark.parametrize("outcome", ["fail", "inconclusive"])
@pytest.mark.parametrize("rules", [(), (rule("a", "fail", "advisory"), rule("b", "pass"))])
def test_a_verdict_that_does_not_pass_never_looks_green(outcome, rules):
    """Not even where no requirement says why."""
    verdict_ = verdict(rules, outcome, reasons=("because",))
    root = parsed(render_junit(make_report(), verdict_, date=DATE))
    assert cases(root)["verdict"] == "error"
    assert root.attrib["errors"] == root[0].attrib["errors"] == "1"
    assert root.attrib["tests"] == str(len(list(root.iter("testcase"))))
    assert next(root.iter("error")).attrib["message"] == "because"


def test_a_pass_is_green():
    rules = (rule("a", "pass"), rule("b", "inconclusive", "supporting"))
    root = parsed(render_junit(make_report(), verdict(rules, "pass"), date=DATE))
    assert cases(root) == {"a": "passed", "b": "skipped"}
    assert root.attrib["failures"] == root.attrib["errors"] == "0"


def test_a_second_reader_finds_the_same(tmp_path):
    """junitparser, which takes a file apart by the same schema."""
    path = tmp_path / "gate.xml"
    path.write_text(render_junit(make_report(), verdict(), date=DATE), encoding="utf-8")
    (suite,) = junitparser.JUnitXml.fromfile(str(path))
    stated = (suite.tests, suite.failures, suite.errors, suite.skipped)
    suite.update_statistics()
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == stated == (8, 1, 2, 3)
    kinds = [type(result).__name__ for case in suite for result in case.result]
    assert kinds == ["Failure", "Error", "Error", "Skipped", "Skipped", "Skipped"]
    assert {case.classname for case in suite} == {"demo.demo_teacher_vs_demo_student"}
    assert suite.timestamp == "2026-11-24T00:00:00"


@given(st.text(st.characters() | st.sampled_from("\x00\x08\x1b\ufffe\uffff\ud800\x85<&>\"'\n\t\r")))
def test_any_name_makes_whole_xml(text):
    report, judged = named(text)
    root = parsed(render_junit(report, judged, date=DATE))
    shown = [case.attrib["name"] for case in root.iter("testcase")]
    assert len(shown) == 3
    assert not re.search(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "".join(shown))
    if text.isalnum() and len(text) < 100:
        assert shown[0] == text


def test_hostile_text_stays_text():
    report, judged = named(HOSTILE)
    root = parsed(render_junit(report, judged, date=DATE))
    (first, *_) = root.iter("testcase")
    assert first.attrib["name"].startswith("⟨ESC⟩[2J⟨NUL⟩⟨U+FFFE⟩⟨U+D800⟩⟨U+202E⟩</testcase>]]>")


@pytest.mark.parametrize("date", ["", "yesterday", "24.11.2026"])
def test_another_date_is_refused(date):
    with pytest.raises(ResultError, match="is not a date in ISO 8601"):
        render_junit(make_report(), verdict(), date=date)


def test_long_names_stay_apart():
    rules = tuple(rule("x" * 300 + end, "fail") for end in "ab")
    root = parsed(render_junit(make_report(), verdict(rules), date=DATE))
    assert len(cases(root)) == 2


def test_the_same_verdict_gives_the_same_text():
    first, again = (
        render_junit(make_report(), verdict(requirements()), date=DATE) for _ in range(2)
    )
    assert first == again

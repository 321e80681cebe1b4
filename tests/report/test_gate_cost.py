"""A verdict about cost in every output: the same figures, with their units and the pipeline."""

import json
from xml.etree import ElementTree

import pytest

import tailqa
from tailqa.gate import Policy
from tailqa.report.gate_json import render_gate_json
from tailqa.report.gate_junit import render_junit
from tailqa.report.gate_markdown import render_gate_markdown
from tailqa.report.gate_table import render_gate
from tailqa.report.result import save_report
from tailqa.workflows.decisions import gate_run
from tests.gate.operations import DIGEST, SATURATED, operations
from tests.report.conftest import make_report

POLICY = Policy(
    name="p",
    defaults={"gap": {"margin": 0.3}},
    cost={
        "tier": "critical",
        "option": "escalated",
        "attempts": {"max": 1.6},
        "prompt_tokens": {"max": 1400},
        "resolved": {"min": 0.8},
        "p95_s": {"max_ratio": 1.0, "max": 4.0},
        "p99_s": {"max": 9.0},
        "usd_per_resolved": {"max": 0.004},
    },
)
ROWS = {
    "p95_s max_ratio": ("1.80 [1.74, 1.86]", "800", "1.00 times", "fail"),
    "prompt_tokens max": ("1,480 [1,399, 1,560]", "800", "1,400 tokens", "inconclusive 1,861"),
    "p99_s max": ("-", "800", "9.00 s", "inconclusive"),
    "attempts max": ("1.42 [1.34, 1.50]", "800", "1.60", "pass"),
    "resolved min": ("85.1 [80.5, 89.7]", "800", "80.0 %", "pass"),
    "p95_s max": ("3.60 [3.40, 3.79]", "800", "4.00 s", "pass"),
    "usd_per_resolved max": ("0.00306 [0.00289, 0.00323]", "800", "0.00400 USD", "pass"),
}
SLOWER = (
    f"p95 of the student with escalation, pipeline rag (digest {DIGEST[:12]}): 1.80 times the "
    "teacher's [1.74, 1.86] (90 % interval, n = 800), above the limit of 1.00"
)


@pytest.fixture
def report():
    return make_report(operations=operations({("escalated", "p99_s"): SATURATED}))


def test_on_a_terminal(report):
    text = render_gate(report, tailqa.gate(report, POLICY), width=130, terminal=False)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert [line for line in lines if line.startswith("cost, escalated")] == [
        " ".join((f"cost, escalated: {name}", *cells)) for name, cells in ROWS.items()
    ]
    assert f"* {SLOWER}" in " ".join(lines)


def test_as_markdown(report):
    text = render_gate_markdown(report, tailqa.gate(report, POLICY))
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| cost, escalated")]
    assert [row[2:4] for row in rows[:4]] == [
        ["1.80 times (90 % interval 1.74 to 1.86, n = 800)", "1.00 times"],
        ["1,480 tokens (90 % interval 1,399 to 1,560, n = 800)", "1,400 tokens"],
        [f"not measured ({SATURATED.reason}, n = 800)", "9.00 s"],
        ["1.42 (90 % interval 1.34 to 1.50, n = 800)", "1.60"],
    ]
    assert DIGEST[:12] in text


def test_as_junit(report):
    text = render_junit(report, tailqa.gate(report, POLICY), date="2026-11-24")
    cases = {case.attrib["name"]: case for case in ElementTree.fromstring(text).iter("testcase")}  # noqa: S314
    (slower,) = cases["cost, escalated: p95_s max_ratio"]
    assert (slower.tag, slower.attrib["message"]) == ("failure", SLOWER)
    assert "measured: 1.80 times (90 % interval 1.74 to 1.86, n = 800)" in slower.text
    (saturated,) = cases["cost, escalated: p99_s max"]
    assert (saturated.tag, saturated.attrib["type"]) == ("error", "critical inconclusive")
    (cheaper,) = cases["cost, escalated: usd_per_resolved max"]
    assert "limit: 0.00400 USD" in cheaper.text
    assert DIGEST[:12] in cheaper.text


def test_as_json(report, tmp_path):
    record = gate_run(save_report(report, tmp_path), POLICY, date="2026-11-24").record
    values = json.loads(render_gate_json(record))
    assert (values["pipeline"], values["pipeline_digest"]) == ("rag", DIGEST)
    (slower,) = [
        item for item in values["verdict"]["requirements"] if item["quantity"] == "cost ratio"
    ]
    assert (slower["key"], slower["limit"], slower["detail"]) == ("p95_s", 1.0, SLOWER)
    assert slower["estimate"]["value"] == pytest.approx(1.8)

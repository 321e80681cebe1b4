import json
from dataclasses import fields, replace

import pytest

from tailqa.core.errors import ResultError
from tailqa.core.report import DecisionRecord, Report, Verdict
from tailqa.report.gate_json import render_gate_json
from tests.report.conftest import make_report
from tests.report.gate_verdicts import DIGEST, HOSTILE, interval, named, rule, verdict


def record(report: Report | None = None, judged: Verdict | None = None) -> DecisionRecord:
    report = report or make_report()
    return DecisionRecord(
        date="2026-11-24",
        teacher=report.teacher,
        student=report.student,
        suite=report.suite,
        policy="default",
        policy_digest=DIGEST,
        rules={"level": 0.95, "defaults": {"gap": {"margin": 0.05}}},
        result_digest="ab12" * 16,
        verdict=judged or verdict(),
        run_versions=report.fingerprint.versions,
        tailqa_version="0.1.0",
    )


def test_what_it_holds():
    values = json.loads(render_gate_json(record()))
    assert list(values) == ["format_version", *(field.name for field in fields(DecisionRecord))]
    assert values["format_version"] == 1
    assert (values["policy_digest"], values["result_digest"]) == (DIGEST, "ab12" * 16)
    assert values["rules"] == {"level": 0.95, "defaults": {"gap": {"margin": 0.05}}}
    assert values["student"]["name"] == "demo:student"
    assert values["verdict"]["outcome"] == "fail"
    rules = values["verdict"]["requirements"]
    assert [item["name"] for item in rules] == [item.name for item in verdict().requirements]
    assert rules[1] == {
        "name": "tail/phrasing: gap",
        "tier": "critical",
        "outcome": "inconclusive",
        "detail": "tail/phrasing: gap: judged inconclusive",
        "quantity": "gap",
        "stratum": "tail/phrasing",
        "estimate": {
            "value": -0.1,
            "low": -0.1529,
            "high": -0.0497,
            "level": 0.9,
            "method": "tango",
            "n": 200,
        },
        "limit": -0.05,
        "queries_needed": 478,
        "key": None,
        "n": None,
    }
    assert rules[6]["estimate"] == {"reason": "compare ran without --fidelity", "n": 0}


def test_the_same_decision_gives_the_same_text():
    assert render_gate_json(record()) == render_gate_json(record())


def test_text_of_any_kind_comes_back():
    text = render_gate_json(record(*named(HOSTILE)))
    found = json.loads(text.encode())
    for shown in (found["teacher"]["name"], found["verdict"]["requirements"][0]["name"]):
        assert shown == HOSTILE.replace("\ud800", "⟨U+D800⟩")


def test_a_number_that_is_not_finite_is_refused():
    broken = replace(interval(0, 0, 0), high=float("nan"))
    with pytest.raises(ResultError, match="not finite"):
        render_gate_json(record(judged=verdict((rule("a", "pass", estimate=broken),))))

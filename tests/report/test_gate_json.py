import json
from dataclasses import replace

import pytest

from tailqa.core.errors import ResultError
from tailqa.report import render_gate_json
from tests.report.conftest import make_report
from tests.report.gate_verdicts import DIGEST, HOSTILE, interval, named, rule, verdict


def test_what_it_holds():
    values = json.loads(render_gate_json(make_report(), verdict()))
    rules = values.pop("requirements")
    assert values == {
        "format_version": 1,
        "outcome": "fail",
        "reasons": list(verdict().reasons),
        "policy": {"name": "default", "digest": DIGEST, "margin": None},
        "teacher": "demo:teacher",
        "student": "demo:student",
        "suite": {"name": "demo", "version": "1", "digest": "c0de" * 16},
    }
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
    }
    assert rules[6]["estimate"] == {"reason": "compare ran without --fidelity", "n": 0}


def test_the_same_verdict_gives_the_same_text():
    assert render_gate_json(make_report(), verdict()) == render_gate_json(make_report(), verdict())


def test_text_of_any_kind_comes_back():
    report, judged = named(HOSTILE)
    text = render_gate_json(report, judged)
    assert json.loads(text.encode())["teacher"] == HOSTILE.replace("\ud800", "⟨U+D800⟩")


def test_a_number_that_is_not_finite_is_refused():
    judged = verdict((rule("a", "pass", estimate=replace(interval(0, 0, 0), high=float("nan"))),))
    with pytest.raises(ResultError, match="not finite"):
        render_gate_json(make_report(), judged)

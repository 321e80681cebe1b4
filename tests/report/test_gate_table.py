from dataclasses import replace

import pytest

from tailqa.report.gate_table import render_gate
from tests.report.conftest import make_report
from tests.report.gate_verdicts import HOSTILE, interval, named, rule, verdict

WHOLE = """\
demo:student against its teacher demo:teacher on demo 1

                                            measured                                     queries to
requirement                                   [90 %]      n         limit  outcome        settle it
---------------------------------------------------------------------------------------------------
critical
 tail/multi-step: gap           -37.5 [-43.7, -31.3]    200   -5.0 points  fail
 tail/phrasing: gap           -10.00 [-15.29, -4.97]    200  -5.00 points  inconclusive         478
 tail/rare: gap                                    -      -             -  inconclusive
 tail/terminology: retention       97.2 [95.1, 99.3]  1,200        90.0 %  pass
supporting
 head/plain: gap                   -5.0 [-9.0, -1.4]    200   -5.0 points  inconclusive       1,478
 all traffic: gap                  -0.8 [-1.1, -0.5]    800   -5.0 points  pass
advisory
 tail against head              -17.2 [-22.9, -11.0]    800   -5.0 points  fail
 fidelity: kl                                      -      0        0.0500  inconclusive

  * tail/phrasing: gap: judged inconclusive
  * tail/multi-step: gap: judged fail
  * tail/terminology: retention: judged pass
  * tail/rare: gap: judged inconclusive
  * tail against head: judged fail (advisory)
  * fidelity: kl: judged inconclusive (advisory)

FAIL  the student cannot replace the teacher
4 critical requirements: 1 fail, 2 inconclusive, 1 pass
policy default, digest 9f2c9f2c9f2c"""


def test_the_whole_output():
    assert render_gate(make_report(), verdict(), width=100, terminal=False) == WHOLE


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("terminal", [False, True])
def test_no_line_is_wider_than_asked(width, terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    text = render_gate(make_report(), verdict(), width=width, terminal=terminal)
    assert max(map(len, text.splitlines())) <= width
    for shown in ("tail/multi-step", "inconclusive", "1,478", "policy default"):
        assert shown in text


def test_colours_only_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in render_gate(make_report(), verdict(), terminal=False)
    text = render_gate(make_report(), verdict(), terminal=True, width=100)
    assert "\x1b[1;31mFAIL\x1b[0m" in text
    assert "\x1b[31mfail" in text  # an advisory one: not in bold
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;31m" not in render_gate(make_report(), verdict(), terminal=True)


def test_hostile_text_reaches_no_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    report, judged = named(HOSTILE + "[red]" + "z" * 100_000)
    text = render_gate(report, judged, width=100, terminal=True)
    assert not set("\x1b\x07\x9b\x00\u202e") & set(text)
    assert len(text) < 10_000
    assert render_gate(report, judged, width=80, terminal=False).isascii()


@pytest.mark.parametrize(
    ("outcome", "meaning"),
    [
        ("pass", "PASS  the student can replace the teacher"),
        ("fail", "FAIL  the student cannot replace the teacher"),
        ("inconclusive", "INCONCLUSIVE  the data do not decide"),
    ],
)
def test_the_outcome_and_its_meaning_come_last(outcome, meaning):
    judged = replace(verdict((rule("a", outcome),), outcome), policy_digest=None)
    text = render_gate(make_report(), judged, width=80, terminal=False)
    assert text.splitlines()[-3:] == [
        meaning,
        f"1 critical requirement: 1 {outcome}",
        "policy default",
    ]


def test_intervals_of_different_levels_are_not_named_after_one():
    other = replace(interval(-0.01, -0.02, 0.01), level=0.95)
    rules = (
        rule("a", "pass", estimate=interval(0, -0.02, 0.02)),
        rule("b", "pass", estimate=other),
    )
    text = render_gate(make_report(), verdict(rules, "pass"), width=80, terminal=False)
    assert "[interval]" in text
    assert "[90 %]" not in text


def test_a_reason_that_the_verdict_gives_is_not_given_twice():
    rules = (rule("a", "pass"), rule("b", "fail", "advisory"))
    judged = verdict(rules, "pass", reasons=("b: judged fail (does not block)",))
    text = render_gate(make_report(), judged, width=80, terminal=False)
    assert text.count("b: judged fail") == 1

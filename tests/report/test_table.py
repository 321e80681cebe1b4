from dataclasses import replace

import pytest

from tailqa.core.estimate import TooFew
from tailqa.core.report import OverallResult, Report
from tailqa.report.table import render_terminal
from tests.report.conftest import NONE, make_report, strata, stratum

WHOLE = """\
demo:student against its teacher demo:teacher on demo 1, 720 queries

                   traffic,       teacher,  student,           gap, points
stratum                   %    n         %         %                [95 %]    flips       p  verdict
----------------------------------------------------------------------------------------------------
tail
 tail/multi-step        6.0  180      93.9      10.0  -83.9 [-89.4, -78.4]  -152 +1  <0.001  fail
 tail/terminology       6.0  180      99.4      70.6  -28.9 [-35.9, -21.9]   -52 +0  <0.001  fail
 tail/phrasing          6.0  180      98.9      88.3   -10.6 [-14.6, -6.6]   -20 +1  <0.001  fail
head
 head/plain            82.0  180      98.3      96.1     -2.2 [-5.2, +0.8]    -5 +1    0.31  unclear
all
 by traffic               -  720      98.2      88.8    -9.3 [-11.2, -7.5]
 tail - head              -  720         -         -  -39.2 [-43.7, -34.7]

                               answer p50,        tokens per    time per right
stratum          model                  ms      right answer        answer, ms
------------------------------------------------------------------------------
tail/multi-step  teacher 65.2 [62.6, 68.5]  91.7 [82.5, 103] 69.5 [63.9, 76.5]
                 student 31.1 [29.9, 32.7]  927 [835, 1,039]    311 [286, 342]
tail/terminology teacher 34.1 [32.7, 35.8] 58.0 [52.2, 65.0] 34.3 [31.6, 37.7]
                 student 16.3 [15.6, 17.1] 82.9 [74.6, 92.8] 23.5 [21.6, 25.9]
tail/phrasing    teacher 20.5 [19.7, 21.5] 46.1 [41.5, 51.6] 20.6 [19.0, 22.7]
                 student 9.90 [9.50, 10.4] 52.3 [47.1, 58.6] 11.2 [10.3, 12.3]
head/plain       teacher 20.2 [19.4, 21.2] 45.2 [40.7, 50.6] 20.3 [18.7, 22.3]
                 student 9.80 [9.41, 10.3] 46.8 [42.1, 52.4] 10.1 [9.29, 11.1]
Times from 30 queries per row, one at a time (a p95 takes 72); tokens from the
graded queries; 95 % intervals.

Over all traffic the student does worse than the teacher: a gap of -9.3 points (95 % interval -11.2
to -7.5, n = 720), and a loss shows in 3 of 4 strata.

It breaks most in tail/multi-step (6.0 % of traffic): 10.0 % right against the teacher's 93.9 %,
-83.9 points (95 % interval -89.4 to -78.4, n = 180), 152 answers lost and 1 gained, and the tail as
a whole lost more than the head: -39.2 points (95 % interval -43.7 to -34.7, n = 720).

One right answer in tail/multi-step costs the student 927 tokens [835, 1,039] against the teacher's
91.7 tokens [82.5, 103], at least 8.1 times as many (95 % intervals, n = 180), and 311 ms [286, 342]
against the teacher's 69.5 ms [63.9, 76.5], at least 3.7 times as long (95 % intervals, n = 30).

Retries were not measured: that takes several answers to each query, drawn at random (--samples 5
--temperature 0.8).

Note: The student hit the limit of generated tokens in 12 of 720 answers.

FAIL  the student cannot replace the teacher (default)
  * tail/phrasing: the gap is judged fail against a margin of -5.0 points
  * tail/terminology: the gap is judged fail against a margin of -5.0 points
  * tail/multi-step: the gap is judged fail against a margin of -5.0 points
  * head/plain: the gap is judged inconclusive against a margin of -5.0 points"""


def test_the_whole_output(report: Report) -> None:
    order = sorted(report.verdict.reasons, key=lambda reason: "inconclusive" in reason)
    report = replace(report, verdict=replace(report.verdict, reasons=tuple(order)))
    assert render_terminal(report, width=100, terminal=False) == WHOLE


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize("terminal", [False, True])
def test_no_line_is_wider_than_asked(
    report: Report, width: int, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    text = render_terminal(report, width=width, terminal=terminal)
    assert max(map(len, text.splitlines())) <= width
    for name in ("tail/multi-step", "tail/terminology", "by traffic"):
        assert name in text


def test_wider_terminals_show_more(report: Report) -> None:
    shown = {
        width: render_terminal(report, width=width, terminal=False) for width in (80, 120, 160)
    }
    assert "[91.9, 95.9]" not in shown[80]
    assert "93.9 [91.9, 95.9]" in shown[120]
    assert "answer p95" in shown[120]
    assert "first token" in shown[160]


def test_without_a_terminal_it_is_ascii(report: Report) -> None:
    odd = replace(report.strata[3], name="tail/größte \x1b[31m\u202e")
    text = render_terminal(replace(report, strata=(odd,)), width=100, terminal=False)
    assert text.isascii()
    assert "tail/gr\\xf6\\xdfte <ESC>[31m<U+202E>" in text


def test_colours_only_for_a_terminal(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in render_terminal(report, terminal=False)
    red = "\x1b[31m−83.9"
    assert red in render_terminal(report, terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert red not in render_terminal(report, terminal=True)


def test_hostile_text_reaches_no_terminal(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    hostile = "\x1b[2J\x1b]0;x\x07[red]\u202e\x9b31m\x00" + "z" * 100_000
    verdict = replace(report.verdict, reasons=(hostile,), policy=hostile)
    report = replace(
        report,
        teacher=replace(report.teacher, name=hostile),
        suite=replace(report.suite, name=hostile),
        strata=(replace(report.strata[1], name=hostile),),
        findings=(hostile,),
        verdict=verdict,
    )
    text = render_terminal(report, width=100, terminal=True)
    assert not set("\x1b\x07\x9b\x00\u202e") & set(text)
    assert "[red]" in text
    assert "more characters)" in text
    assert len(text) < 20_000


def test_nothing_measured_says_why() -> None:
    nothing = OverallResult(gap=NONE, teacher_accuracy=NONE, student_accuracy=NONE)
    empty = stratum("tail/empty", (0, 0, 0, 0), gap=TooFew(reason="no graded pair", n=0))
    report = make_report((empty,), overall=nothing, interaction=NONE, latency=(), cost=())
    text = render_terminal(report, width=100, terminal=False)
    row = next(line for line in text.splitlines() if "tail/empty" in line)
    assert " ".join(row.split()) == "tail/empty 6.0 0 - - no graded pair -0 +0 - unclear"
    assert "right answer, ms" not in text


def test_speed_that_was_not_measured_has_no_columns() -> None:
    shown = " ".join(render_terminal(make_report(latency=()), width=100, terminal=False).split())
    assert "p50" not in shown
    assert "speed was not measured" in shown


def test_one_query_is_no_queries(report: Report) -> None:
    suite = replace(report.suite, n_queries=1)
    heading = render_terminal(replace(report, suite=suite), width=100, terminal=False).split("\n")[
        0
    ]
    assert heading.endswith(", 1 query")


def test_worst_tail_first() -> None:
    text = render_terminal(make_report(tuple(reversed(strata()))), width=100, terminal=False)
    names = ["tail/multi-step", "tail/terminology", "tail/phrasing", "head/plain"]
    places = [text.index(name) for name in names]
    assert places == sorted(places)

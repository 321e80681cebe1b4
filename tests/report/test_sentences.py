from dataclasses import replace

import pytest

from tailqa.core.estimate import Measured, TooFew
from tailqa.core.report import OverallResult, Report
from tailqa.report.sentences import three_sentences, what_broke, what_it_costs, where_it_broke
from tests.report.conftest import NONE, cost, estimate, make_report, stratum


def with_gap(gap: Measured, *strata: object) -> Report:
    report = make_report(strata) if strata else make_report()  # type: ignore[arg-type]
    return replace(report, overall=replace(report.overall, gap=gap))


FINE = stratum("tail/a", (90, 3, 3, 4))
LOST = stratum("tail/b", (40, 30, 2, 28), weight=0.18)
BETTER = stratum("tail/c", (60, 2, 30, 8))
HEAD = stratum("head", (95, 1, 2, 2), kind="head", weight=0.82)
BLANK = stratum("tail/d", (0, 0, 0, 0))


@pytest.mark.parametrize(
    ("gap", "strata", "said"),
    [
        (
            estimate(-0.09, -0.11, -0.07, 400),
            (LOST, HEAD),
            "Over all traffic the student does worse than the teacher: a gap of −9.0 points"
            " (95 % interval −11.0 to −7.0, n = 400), and a loss shows in 1 of 2 strata.",
        ),
        (
            estimate(-0.01, -0.03, 0.01, 400),
            (LOST, HEAD),
            "Over all traffic neither model is shown to be better: a gap of −1.0 points"
            " (95 % interval −3.0 to +1.0, n = 400), but a loss shows in 1 of 2 strata.",
        ),
        (
            estimate(-0.01, -0.03, 0.01, 400),
            (FINE, HEAD),
            "Over all traffic neither model is shown to be better: a gap of −1.0 points"
            " (95 % interval −3.0 to +1.0, n = 400), and no loss shows in any of 2 strata.",
        ),
        (
            estimate(0.05, 0.01, 0.09, 400),
            (BETTER, HEAD),
            "Over all traffic the student does better than the teacher: a gap of +5.0 points"
            " (95 % interval +1.0 to +9.0, n = 400), and no loss shows in any of 2 strata.",
        ),
        (
            TooFew(reason="no graded pair in tail/d", n=0),
            (BLANK,),
            "Over all traffic the gap was not measured (no graded pair in tail/d),"
            " and no loss shows in any of 1 stratum, 1 not measured.",
        ),
    ],
)
def test_what_broke(gap: Measured, strata: tuple[object, ...], said: str) -> None:
    assert what_broke(with_gap(gap, *strata)) == said


def test_a_loss_is_only_claimed_where_the_interval_excludes_zero() -> None:
    edge = with_gap(estimate(-0.04, -0.08, 0.0, 400))
    assert "neither model is shown to be better" in what_broke(edge)


def test_where_it_broke_names_the_largest_shown_loss() -> None:
    report = replace(make_report((FINE, HEAD, LOST)), interaction=estimate(-0.2, -0.3, -0.1, 300))
    assert where_it_broke(report) == (
        "It breaks most in tail/b (18.0 % of traffic): 42.0 % right against the teacher's 70.0 %,"
        " −28.0 points (95 % interval −32.0 to −24.0, n = 100), 30 answers lost and 2 gained,"
        " and the tail as a whole lost more than the head:"
        " −20.0 points (95 % interval −30.0 to −10.0, n = 300)."
    )


def test_one_answer_is_no_answers() -> None:
    report = make_report((replace(LOST, teacher_only=1),))
    assert ", 1 answer lost and 2 gained" in where_it_broke(report)


def test_the_tail_is_not_blamed_where_the_interaction_is_unclear() -> None:
    report = replace(make_report((LOST, HEAD)), interaction=estimate(-0.2, -0.5, 0.1, 300))
    assert "the tail as a whole" not in where_it_broke(report)


def test_a_wide_loss_that_is_not_shown_does_not_hide_a_shown_one() -> None:
    wide = stratum("tail/wide", (1, 3, 0, 0), spread=0.9)
    assert where_it_broke(make_report((wide, LOST))).startswith("It breaks most in tail/b")


def test_a_head_that_broke_is_named_too() -> None:
    broken = stratum("head/x", (40, 50, 0, 10), kind="head", weight=0.82)
    assert where_it_broke(make_report((FINE, broken))).startswith("It breaks most in head/x")


@pytest.mark.parametrize(
    ("strata", "said"),
    [
        (
            (FINE, HEAD),
            "No stratum is shown to be broken; the lowest gap is 0.0 points"
            " (95 % interval −4.0 to +4.0, n = 100) in tail/a (6.0 % of traffic).",
        ),
        ((BLANK,), "Where it breaks cannot be told: no stratum has a measured gap."),
        ((), "Where it breaks cannot be told: no stratum has a measured gap."),
    ],
)
def test_where_nothing_broke(strata: tuple[object, ...], said: str) -> None:
    assert where_it_broke(make_report(strata)) == said  # type: ignore[arg-type]


def costs(student: dict[str, Measured], teacher: dict[str, Measured]) -> str:
    rows = (
        replace(cost("tail/b", "teacher", 90, 0.07), **teacher),
        replace(cost("tail/b", "student", 930, 0.31), **student),
    )
    return what_it_costs(make_report((HEAD, LOST), cost=rows))


def test_what_it_costs() -> None:
    assert costs({}, {}) == (
        "One right answer in tail/b costs the student 930 tokens [837, 1,042] against the"
        " teacher's 90.0 tokens [81.0, 101], at least 8.3 times as many (95 % intervals, n = 180),"
        " and 310 ms [285, 341] against the teacher's 70.0 ms [64.4, 77.0],"
        " at least 3.7 times as long (95 % intervals, n = 30)."
    )


def test_a_cheaper_student_saves_what_the_intervals_allow() -> None:
    said = costs({"tokens_per_correct": estimate(40, 38, 42)}, {})
    assert "40.0 tokens [38.0, 42.0] against the teacher's 90.0 tokens [81.0, 101]" in said
    assert "at least 48 % less" in said


def test_overlapping_costs_are_no_difference() -> None:
    said = costs({"tokens_per_correct": estimate(95, 85, 105)}, {})
    assert "no difference shown (95 % intervals, n = 180), and 310 ms" in said


def test_time_that_was_not_measured() -> None:
    missing = TooFew(reason="no speed was measured", n=0)
    said = costs({"seconds_per_correct": missing}, {"seconds_per_correct": missing})
    assert said.endswith(", and an unknown time (no speed was measured).")


def test_a_student_without_a_right_answer() -> None:
    said = costs({"tokens_per_correct": TooFew(reason="no right answer", n=180)}, {})
    assert said.startswith(
        "One right answer in tail/b costs the student an unknown number of tokens"
        " (no right answer), the teacher 90.0 tokens [81.0, 101], and 310 ms"
    )


def test_a_teacher_without_a_right_answer() -> None:
    said = costs({}, {"tokens_per_correct": TooFew(reason="no right answer", n=180)})
    assert "930 tokens [837, 1,042], the teacher an unknown number of tokens" in said


@pytest.mark.parametrize("strata", [(), (BLANK,)])
def test_costs_that_were_not_worked_out(strata: tuple[object, ...]) -> None:
    assert what_it_costs(make_report(strata, cost=())).endswith("was not measured.")  # type: ignore[arg-type]


def test_sentences_without_anything_measured() -> None:
    nothing = OverallResult(gap=NONE, teacher_accuracy=NONE, student_accuracy=NONE)
    report = make_report((BLANK,), overall=nothing, interaction=NONE, latency=(), cost=())
    assert all(sentence.endswith(".") for sentence in three_sentences(report))


def test_hostile_names_are_seen() -> None:
    hostile = replace(LOST, name="\x1b[31mtail\u202e")
    assert "\x1b" not in where_it_broke(make_report((hostile,)))

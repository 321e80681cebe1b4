"""Where the marks of the weekly charts stand."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.weekly import EVERYTHING, Change, Week
from tailqa.report.axis import Axis
from tailqa.report.weekly_chart import accuracy_panels, accuracy_range, alarm_marks
from tailqa.report.weekly_costs import cost_groups
from tailqa.report.weekly_evidence import evidence_panels
from tailqa.report.weekly_frame import BOTTOM, LEFT, RIGHT, frame_of, trace, y_axis
from tailqa.report.weekly_page import render_weekly_page
from tailqa.report.weekly_scopes import scopes_of
from tests.report.weekly_cases import (
    ALARMED,
    ALARMED_AT,
    ALARMED_SINCE,
    NAMES,
    least_weekly,
    make_weekly,
    monday,
)


def weeks_of(series: list[int | None]) -> list[Week]:
    """A week for each number of a series; None has no run."""
    found = []
    last = 0
    for i, number in enumerate(series):
        last = last if number is None else number
        changes = (Change(facet="engine", before="a", after="b"),)
        run = None if number is None else f"{i}"
        found.append(Week(monday=monday(i), series=last, run=run, cause="harness", changes=changes))
    return found


def panels(weekly):
    frame = frame_of(weekly.weeks)
    return frame, {p.name: p for p in accuracy_panels(weekly, frame, scopes_of(weekly))}


def test_no_line_crosses_a_break_or_a_missing_week():
    frame, found = panels(make_weekly())
    student = found["tail/terminology"].traces[1]
    assert student.who == "student"
    starts = [float(part.split()[0]) for part in student.line.split("M")[1:]]
    assert starts == [frame.xs[i] for i in (0, 6, 8, 14, 17, 19)]
    assert student.band.count("Z") == 6
    assert len(student.dots) == 24


def test_what_is_read_out_counts_in_words():
    frame, found = panels(make_weekly())
    assert len(frame.breaks) > 1
    said = found["tail/terminology"].description
    assert said.startswith(f"24 of {len(frame.weeks)} weeks count, {len(frame.breaks)} breaks. ")
    once = replace(frame, breaks=frame.breaks[:1])
    weekly = make_weekly()
    one = next(iter(accuracy_panels(weekly, once, scopes_of(weekly))))
    assert " weeks count, 1 break. " in one.description


def test_a_week_alone_has_a_whisker():
    _, found = panels(make_weekly())
    student = found["tail/dates"].traces[1]
    # Week 20 is missing there, and week 19 begins a series.
    assert student.line.count("M") == 6
    assert student.whiskers.count("M") == 1
    assert len(student.dots) == 23


def test_a_missing_week_is_a_gap_with_its_reason():
    frame, found = panels(make_weekly())
    gaps = found["tail/dates"].gaps
    assert [gap.title for gap in gaps] == [
        "missing, week of 2026-07-06: no run",
        "missing, week of 2026-08-31: no run",
        "missing, week of 2026-10-19, build support-student@r7: 12 queries are too few",
    ]
    assert gaps[2].x < frame.xs[20] < gaps[2].x + gaps[2].width
    titles = [hit.title for hit in found["tail/dates"].hits]
    assert len(titles) == 23
    assert titles[0].startswith("week of 2026-06-01, build support-student@r1: student ")
    assert titles[0].endswith("a loss of 5.0 points accepted, n = 300")


def test_the_alarm_stands_at_its_week_and_the_loss_from_the_week_of_the_change():
    frame, found = panels(make_weekly())
    (mark,) = found[ALARMED].alarms
    student = found[ALARMED].traces[1]
    assert (mark.x, mark.y) in student.dots
    assert mark.x == frame.xs[ALARMED_AT]
    assert mark.begin == pytest.approx(frame.xs[ALARMED_SINCE] - frame.step / 2, abs=0.01)
    assert mark.end == pytest.approx(RIGHT, abs=0.01)
    (over,) = found[NAMES[5]].alarms
    assert over.end == pytest.approx(frame.xs[14] + frame.step / 2, abs=0.01)
    assert [said[0] for said in found[NAMES[5]].said] == [False]


def test_words_of_alarms_near_each_other_are_one():
    weekly = make_weekly()
    frame = frame_of(weekly.weeks)
    first = weekly.alarms[0]
    alarms = [replace(first, monday=monday(i)) for i in (10, 11, 20)]
    marks = alarm_marks(frame, alarms, {10: 100.0, 11: 101.0, 20: 100.0})
    assert [mark.word for mark in marks] == ["alarm", "", "alarm"]
    (late,) = alarm_marks(frame, [replace(first, monday="2025-01-06", since="2025-01-06")], {})
    assert (late.x, late.begin) == (None, LEFT)
    assert alarm_marks(frame, [replace(first, monday="2025-01-06", until="2025-02-03")], {}) == ()


def test_the_margin_is_below_the_teacher_on_the_scale_of_all_panels():
    frame, found = panels(make_weekly())
    low, high = accuracy_range(make_weekly().weeks)
    y = y_axis(frame, low, high)
    (_, place), *_ = found[ALARMED].traces[0].dots
    first = float(found[ALARMED].limit.split()[1].split("L")[0])
    assert first - place == pytest.approx(y.place(0.8) - y.place(0.85), abs=0.02)
    assert found["head/units"].limit == ""
    assert len({panel.y_ticks for panel in found.values()}) == 1


def test_open_alarms_then_past_ones_then_the_largest_losses_come_first():
    weekly = make_weekly()
    names = [scope.name for scope in scopes_of(weekly)]
    assert names[:3] == [EVERYTHING, ALARMED, NAMES[5]]
    changes = {row.scope: row.change.value for row in weekly.comparisons[0].strata}
    rest = [changes[name] for name in names[3:]]
    assert rest == sorted(rest)
    assert len(names) == 21


def test_without_a_comparison_critical_tail_comes_first():
    weekly = replace(make_weekly(), comparisons=())
    names = [scope.name for scope in scopes_of(weekly)]
    assert names[:5] == [EVERYTHING, ALARMED, NAMES[5], "tail/negation", "tail/code-switching"]
    assert names.index("tail/units") < names.index("head/dates")


def test_the_first_week_has_its_month_where_there_is_room():
    half = frame_of(weeks_of([0] * 26))
    assert half.x_ticks[0] == (half.xs[0], "Jun")
    year = frame_of(weeks_of([0] * 52))
    assert [label for _, label in year.x_ticks] == ["Jul", "Sep", "Nov", "2027", "Mar", "May"]


def test_nothing_known_draws_an_empty_plot():
    frame, found = panels(least_weekly())
    (panel,) = found.values()
    assert all(not line.line and not line.dots for line in panel.traces)
    assert panel.y_ticks[-1][1] == "100%"
    assert frame.x_ticks == ((frame.xs[0], "23 Nov"),)
    assert frame_of(()).xs == ()


@given(st.integers(1, 170))
def test_dates_do_not_touch(n):
    ticks = frame_of(weeks_of([0] * n)).x_ticks
    assert all(right - left >= 34 for (left, _), (right, _) in pairwise(ticks))
    assert ticks


@given(st.lists(st.one_of(st.none(), st.integers(0, 3)), min_size=2, max_size=60))
def test_words_of_breaks_touch_no_other_word_and_no_later_line(changes):
    """Each number is how many series begin with the week."""
    number, series = 0, []
    for change in changes:
        number += change or 0
        series.append(None if change is None else number)
    frame = frame_of(weeks_of(series))
    words = [
        (mark.word_x, mark.word_x + 5.5 * len(mark.word), mark.y)
        for mark in frame.breaks
        if mark.word
    ]
    for i, (begin, end, y) in enumerate(words):
        assert begin >= LEFT
        assert end <= RIGHT + 1e-6
        assert 0 < y <= frame.top
        for left, right, height in words[i + 1 :]:
            assert height != y or end <= left or right <= begin


@given(st.lists(st.one_of(st.none(), st.integers(0, 1)), min_size=1, max_size=40))
def test_every_week_that_counts_is_drawn_once(changes):
    number, series = 0, []
    for change in changes:
        number += change or 0
        series.append(None if change is None else number)
    frame = frame_of(weeks_of(series))
    known = {i: (0.5, 0.4, 0.6) for i, item in enumerate(series) if item is not None}
    drawn = trace("student", frame, y_axis(frame, 0, 1), known)
    joined = drawn.line.count("L") + drawn.line.count("M")
    assert joined + drawn.whiskers.count("M") == len(known) == len(drawn.dots)


def test_places_grow_upwards():
    y = y_axis(frame_of(weeks_of([0, 0])), 0.0, 1.0)
    assert isinstance(y, Axis)
    assert y.place(0.0) == BOTTOM > y.place(1.0)


def test_costs_are_on_one_scale_per_figure():
    weekly = make_weekly(n_strata=4)
    frame = frame_of(weekly.weeks)
    whole, groups = cost_groups(weekly, frame, scopes_of(weekly))
    assert [panel.name for panel in whole] == [
        "tokens per right answer",
        "time per right answer",
        "tokens per resolved query",
        "time per resolved query",
        "money per 1,000 resolved queries",
    ]
    assert [line.who for line in whole[2].traces] == ["teacher", "escalated", "student"]
    assert [title for title, _ in whole[2].now] == ["student", "teacher", "escalated"]
    assert whole[4].kind == "USD, n = 300"
    assert [(group.title, len(group.panels)) for group in groups] == [
        ("tokens per resolved query", 4),
        ("time per resolved query", 4),
        ("money per 1,000 resolved queries", 4),
        ("tokens per right answer", 4),
        ("time per right answer", 4),
    ]
    assert groups[2].unit == "USD"
    assert [line.who for line in groups[2].panels[0].traces] == ["teacher", "escalated", "student"]
    assert len({panel.y_ticks for panel in groups[0].panels}) == 1
    assert not groups[0].log


def test_costs_of_what_does_not_count_are_a_gap_with_its_reason():
    weekly = make_weekly(n_strata=10)  # tail/dates does not count in week 20, and so no whole
    frame = frame_of(weekly.weeks)
    whole, groups = cost_groups(weekly, frame, scopes_of(weekly))
    of_stratum = {panel.name: panel for panel in groups[0].panels}
    gaps = [of_stratum[name].gaps for name in ("tail/terminology", "tail/dates")]
    assert [len(found) for found in gaps] == [2, 3]
    assert gaps[1][2].title.endswith("12 queries are too few")
    for panel in (*whole, of_stratum["tail/dates"]):
        assert any(f"week of {monday(20)}" in gap.title for gap in panel.gaps)
        assert frame.xs[20] not in [x for line in panel.traces for x, _ in line.dots]
        assert f"week of {monday(20)}" not in "".join(hit.title for hit in panel.hits)


def test_what_a_pipeline_makes_of_a_query_begins_anew_with_another_pipeline():
    weekly = make_weekly(n_strata=2)
    change = Change(facet="pipeline", before="name chat, digest a", after="name chat, digest b")
    weeks = list(weekly.weeks)
    weeks[22] = replace(weeks[22], changes=(change,))
    weekly = replace(weekly, weeks=tuple(weeks))
    frame = frame_of(weekly.weeks)
    whole, groups = cost_groups(weekly, frame, scopes_of(weekly))
    answers, resolved = whole[0], whole[2]
    assert answers.frame == frame
    assert [mark.word for mark in resolved.frame.breaks] == [
        *(mark.word for mark in frame.breaks),
        "pipeline",
    ]
    assert "pipeline: digest a → b" in resolved.frame.breaks[-1].title
    starts = [float(part.split()[0]) for part in resolved.traces[0].line.split("M")[1:]]
    assert starts[-1] == frame.xs[22]
    assert f"M{frame.xs[22]}" not in answers.traces[0].line
    assert [group.panels[0].frame is not answers.frame for group in groups] == [True] * 3 + [
        False
    ] * 2
    assert "pipeline: digest a → b" in render_weekly_page(weekly)


def test_costs_far_apart_are_on_a_logarithmic_scale():
    weekly = make_weekly(n_strata=2, n_weeks=3)
    far = [
        replace(
            week,
            figures=tuple(
                replace(
                    item,
                    measured=replace(item.measured, value=9e3, low=8e3, high=1e4),
                )
                if item.scope == NAMES[1]
                else item
                for item in week.figures
            ),
        )
        for week in weekly.weeks
    ]
    weekly = replace(weekly, weeks=tuple(far))
    _, groups = cost_groups(weekly, frame_of(weekly.weeks), scopes_of(weekly))
    assert [group.log for group in groups] == [True, True]


def test_without_figures_there_are_no_costs():
    weekly = least_weekly()
    assert cost_groups(weekly, frame_of(weekly.weeks), scopes_of(weekly)) == ((), ())


def test_evidence_of_alarms_and_of_the_three_highest():
    weekly = make_weekly()
    frame = frame_of(weekly.weeks)
    found = evidence_panels(weekly, frame)
    assert [panel.name for panel in found[:2]] == [ALARMED, NAMES[5]]
    assert len(found) == 5
    assert found[0].now == (("ln M", "17.60"), ("alarm from", "7.69"))
    assert found[0].limit
    assert [mark.x for mark in found[0].alarms] == [frame.xs[ALARMED_AT]]
    # The first week of a series says nothing, so no line begins there.
    assert frame.xs[8] not in [x for x, _ in found[0].traces[0].dots]
    assert evidence_panels(least_weekly(), frame) == ()

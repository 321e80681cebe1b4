"""Which run stands for a week, what changed, and where a series begins."""

from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.errors import TailqaError
from tailqa.workflows.weekly_calendar import calendar
from tailqa.workflows.weekly_choice import WeeklyOptions, base_week, chosen_runs, first_monday
from tailqa.workflows.weekly_limits import Limits
from tailqa.workflows.weekly_span import span_of
from tests.workflows.weekly_runs import HEAD, TERMS, MemoryHistory, monday, new_run

TODAY = date(2026, 11, 26)
ANY = Limits(min_queries=1)


def kept(week, build="b", **given):
    return new_run(week, {HEAD: [1, 0]}, build=build, **given).kept


def test_weeks_without_a_run_are_there_and_the_last_run_of_a_week_counts():
    runs = [kept(2, day=6), kept(0, day=1), kept(0, "late", day=5), kept(0, "early", day=0)]
    weeks = calendar(runs, monday(4), limits=ANY)
    assert [week.monday for week in weeks] == [monday(k) for k in range(5)]
    assert [week.n_runs for week in weeks] == [3, 0, 1, 0, 0]
    assert [week.run.build if week.run else None for week in weeks] == [
        "late",
        None,
        "b",
        None,
        None,
    ]


def test_of_two_runs_on_a_day_the_one_that_was_added_later_counts():
    first, second = kept(0, "first"), kept(0, "second")
    runs = [replace(second, added_s=20.0), replace(first, added_s=30.0)]
    (week,) = calendar(runs, monday(0), limits=ANY)
    assert (week.run.build, week.n_runs) == ("first", 2)


def test_the_last_run_that_counts_stands_for_its_week():
    good, small = [1] * 40, [1] * 12
    down = [-1] * 3 + [1] * 37
    runs = [
        new_run(0, {HEAD: marks}, build=build, day=day, facets=facets).kept
        for day, (build, marks, facets) in enumerate(
            [
                ("first", good, {}),
                ("second", good, {}),
                ("debug", small, {"settings": "limit 12"}),
                ("down", down, {}),
            ]
        )
    ]
    weeks = calendar([*runs, kept(1)], monday(1), limits=Limits())
    assert (weeks[0].run.build, weeks[0].n_runs, weeks[0].not_counted) == ("second", 4, None)
    assert [(item.run.build, item.reason) for item in weeks[0].passed_over] == [
        ("debug", "12 graded queries, fewer than 30, in head/plain"),
        ("down", "3 of 40 queries failed or could not be graded, more than 5 %, in head/plain"),
    ]
    assert weeks[1].not_counted == "2 graded queries, fewer than 30, in head/plain"


def of_week(week, build, *, limit=0, day=0):
    """Of 40 queries, or a trial with fewer."""
    settings = {"settings": f"limit {limit}"} if limit else {}
    return new_run(week, {HEAD: [1] * (limit or 40)}, build=build, facets=settings, day=day).kept


def test_a_trial_that_would_count_does_not_begin_a_series():
    runs = [of_week(0, "good"), of_week(1, "good"), of_week(1, "trial", limit=35, day=2)]
    weeks = calendar([*runs, of_week(2, "good")], monday(2), limits=Limits())
    assert [week.series for week in weeks] == [0, 0, 0]
    assert [week.run.build for week in weeks] == ["good"] * 3
    (over,) = weeks[1].passed_over
    assert (over.run.build, over.reason) == ("trial", "another harness than the week before")


def test_a_trial_that_does_not_count_is_no_week_and_no_series():
    runs = [of_week(0, "good"), of_week(1, "trial", limit=5), of_week(2, "good")]
    weeks = calendar(runs, monday(2), limits=Limits())
    assert [week.run and week.run.build for week in weeks] == ["good", None, "good"]
    assert [week.series for week in weeks] == [0, 0, 0]
    assert weeks[2].cause == "nothing"
    assert weeks[1].passed_over[0].reason == "5 graded queries, fewer than 30, in head/plain"


def test_a_harness_that_stays_changed_begins_its_series_with_its_first_week_alone():
    new = {"engine": "torch 2.9"}
    runs = [kept(0), kept(1, day=0), kept(1, day=2, facets=new), kept(2, facets=new)]
    weeks = calendar(runs, monday(2), limits=ANY)
    assert [week.series for week in weeks] == [0, 0, 1]


def test_of_runs_of_which_none_counts_that_with_the_fewest_gaps_is_shown():
    always_few, debug = {HEAD: [1] * 40, TERMS: [1] * 5}, {HEAD: [1] * 4, TERMS: [1] * 5}
    runs = [
        new_run(0, marks, build=build, day=day).kept
        for day, (build, marks) in enumerate(
            [("first", always_few), ("second", always_few), ("debug", debug)]
        )
    ]
    (week,) = calendar(runs, monday(0), limits=Limits())
    assert week.run.build == "second"
    assert week.not_counted == f"5 graded queries, fewer than 30, in {TERMS}"
    assert [item.run.build for item in week.passed_over] == ["debug"]


def test_of_runs_of_which_none_counts_the_last_is_shown():
    runs = [kept(0, "first", day=0), kept(0, "last", day=1)]
    (week,) = calendar(runs, monday(0), limits=Limits())
    assert (week.run.build, week.passed_over) == ("last", ())
    assert week.not_counted == "2 graded queries, fewer than 30, in head/plain"


def test_a_run_that_lacks_several_strata_says_how_many():
    run = new_run(0, {HEAD: [1], "tail/terminology": [1], "tail/steps": [1]}).kept
    reason = "1 graded query, fewer than 30, in head/plain and in 2 more"
    assert Limits().why_not_counted(run) == reason
    assert Limits().why_not_counted(replace(run, strata=())) == "no stratum"


@pytest.mark.parametrize(
    ("changed", "build", "cause", "series"),
    [
        ({}, "b", "nothing", 0),
        ({}, "c", "model", 0),
        ({"engine": "torch 2.9"}, "b", "harness", 1),
        ({"engine": "torch 2.9"}, "c", "both", 1),
        ({"teacher": "other"}, "b", "nothing", 0),
        ({"teacher": "other"}, "c", "model", 0),
        ({"teacher": "other", "data": "demo 2"}, "b", "harness", 1),
        ({"hardware": "8 cores"}, "b", "nothing", 0),
    ],
)
def test_what_a_change_means(changed, build, cause, series):
    runs = [kept(0), kept(2, build, facets=changed)]
    _, _, week = calendar(runs, monday(2), limits=ANY, ignored=("hardware",))
    assert (week.cause, week.series) == (cause, series)
    expected = set(changed) | ({"student"} if build != "b" else set())
    assert {change.facet for change in week.changes} == expected


def test_a_change_back_starts_a_third_series():
    engine = {"engine": "torch 2.9"}
    runs = [kept(0), kept(1, facets=engine), kept(2)]
    assert [week.series for week in calendar(runs, monday(2), limits=ANY)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("since", "first"),
    [
        ("1w", date(2026, 11, 23)),
        ("12w", date(2026, 9, 7)),
        ("90d", date(2026, 8, 24)),
        ("2026-11-22", date(2026, 11, 16)),
        ("9999w", date(2026, 11, 23) - timedelta(weeks=9998)),
    ],
)
def test_from_when_on(since, first):
    assert first_monday(since, TODAY) == first


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("0w", "no time at all"),
        ("2026-11-27", "lies in the future; today is 2026-11-26"),
        ("10000w", "give 12w, 90d or a day"),
        ("12", "give 12w, 90d or a day"),
        ("-3w", "give 12w, 90d or a day"),
        ("2026-02-30", "give 12w, 90d or a day"),
    ],
)
def test_a_time_that_is_none(since, said):
    with pytest.raises(TailqaError, match=said):
        first_monday(since, TODAY)


@given(st.text(max_size=12) | st.from_regex(r"[0-9]{1,5}[dw]|[0-9]{4}-[0-9]{2}-[0-9]{2}"))
def test_any_text_is_a_monday_until_today_or_a_sentence(since):
    with suppress(TailqaError):
        found = first_monday(since, TODAY)
        assert found.weekday() == 0
        assert found <= TODAY


def test_a_base_line_by_day_by_run_and_by_default():
    engine = {"engine": "torch 2.9"}
    runs = [kept(0, "a"), kept(1, "b"), kept(3, "c", facets=engine), kept(4, "d", facets=engine)]
    weeks = calendar(runs, monday(4), limits=ANY)
    assert base_week(weeks, None, TODAY).monday == monday(3)
    assert base_week(weeks, str(monday(1) + timedelta(days=6)), TODAY).monday == monday(1)
    assert base_week(weeks, runs[0].name, TODAY).monday == monday(0)
    assert base_week(weeks, runs[2].run[:10], TODAY).monday == monday(3)
    for base, said in (
        (str(monday(2)), f"the week of {monday(2)} has no run; weeks with one: {monday(4)}, "),
        ("2027-01-01", "lies in the future"),
        ("nonsense", "give a day as in 2026-09-01, or a run that is"),
    ):
        with pytest.raises(TailqaError, match=said):
            base_week(weeks, base, TODAY)


def options(**given):
    return WeeklyOptions(**({"today": TODAY} | given))


def test_the_one_student_and_suite_there_are_need_no_name():
    history = MemoryHistory(new_run(0, {HEAD: [1]}), new_run(1, {HEAD: [1]}))
    assert len(chosen_runs(history, options())) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "choose one with --student: org/a, org/b; tailqa history rename OLD NEW makes one"),
        ({"student": "org/a"}, "several; choose one with --suite: demo, popqa"),
        ({"student": "org/c"}, "no student 'org/c'; it has org/a, org/b"),
        ({"suite": "triviaqa"}, "no suite 'triviaqa'; it has demo, popqa"),
        (
            {"student": "org/b", "suite": "popqa"},
            "no run of 'org/b' on 'popqa'; that student has runs on demo",
        ),
    ],
)
def test_a_choice_that_is_missing_or_unknown(given, said):
    history = MemoryHistory(
        new_run(0, {HEAD: [1]}, student="org/a"),
        new_run(0, {HEAD: [1]}, student="org/a", suite="popqa"),
        new_run(0, {HEAD: [1]}, student="org/b"),
    )
    with pytest.raises(TailqaError, match=said):
        chosen_runs(history, options(**given))


def test_an_empty_history():
    with pytest.raises(TailqaError, match="the history has no run; add one with"):
        chosen_runs(MemoryHistory(), options(student="org/a"))


def test_a_run_of_the_future_but_not_of_another_time_zone():
    tomorrow, later = (new_run(12, {HEAD: [1]}, day=day) for day in (4, 5))
    assert len(chosen_runs(MemoryHistory(tomorrow), options())) == 1
    with pytest.raises(TailqaError, match=r"is dated 2026-11-28, after today \(2026-11-26\)"):
        chosen_runs(MemoryHistory(tomorrow, later), options())


def test_as_of_a_day_nothing_after_it_is_known():
    history = MemoryHistory(*(new_run(week, {HEAD: [1]}) for week in range(5)))
    known = chosen_runs(history, options(today=monday(3), as_of=True))
    assert [run.build for run in known] == ["build-0", "build-1", "build-2"]
    with pytest.raises(TailqaError, match="the history has no run until 2026-08-01"):
        chosen_runs(history, options(today=date(2026, 8, 1), as_of=True))


def test_no_run_in_the_window():
    with pytest.raises(TailqaError, match="no run in the weeks from 2026-11-16 on; the last is of"):
        span_of([kept(0), kept(3)], options(since="2w"))


def test_weeks_before_the_window_are_read_as_far_as_the_series_goes():
    engine = {"engine": "torch 2.9"}
    runs = [new_run(k, {HEAD: [1] * 30}, facets=engine if k > 1 else {}).kept for k in range(13)]
    span = span_of(runs, options(since="3w"))
    assert [week.monday for week in span.shown] == [monday(k) for k in (10, 11, 12)]
    assert [week.monday for week in span.read] == [monday(k) for k in range(2, 13)]
    assert {week.series for week in span.read} == {0}
    assert span.base.monday == monday(2)


def test_no_run_that_counts_in_the_window():
    old = new_run(0, {HEAD: [1] * 30}).kept
    with pytest.raises(TailqaError, match=r"no run that counts .* 2 graded queries, fewer than 30"):
        span_of([old, kept(12, facets={"engine": "torch 2.9"})], options(since="3w"))


def test_a_base_line_long_ago_is_read_but_not_looked_at_by_the_detector():
    runs = [replace(kept(k), date=str(TODAY - timedelta(weeks=119 - k))) for k in range(120)]
    span = span_of(runs, options(since="3w"))
    assert span.base.monday == span.read[0].monday
    assert [week.monday >= span.detected_from for week in span.read] == [False] + [True] * 107

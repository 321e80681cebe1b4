"""Weeks against each other on the same queries, and which queries changed."""

from dataclasses import replace

import numpy as np

from tailqa import stats
from tailqa.report.weekly_rows import flaky_rows
from tests.workflows.weekly_runs import (
    SHARES,
    STEPS,
    TERMS,
    WEIGHTS,
    broken,
    monday,
    new_run,
    of_scope,
    runs_of,
    steady,
    weekly,
)


def test_weeks_are_paired_on_the_queries_that_both_asked():
    weeks = steady(3, 100)
    runs = [new_run(0, weeks[0]), new_run(1, weeks[1]), new_run(2, weeks[2], skip=40)]
    last, base = weekly(runs).comparisons
    assert (last.against, base.against) == ("last week", "base line")
    for comparison, then in ((last, 1), (base, 0)):
        for change in comparison.strata:
            before, after = weeks[then][change.scope][40:], weeks[2][change.scope][40:]
            cells = tuple(
                int(((before == b) & (after == a)).sum())
                for b, a in ((1, 1), (1, 0), (0, 1), (0, 0))
            )
            assert change.cells == cells
            assert change.change == stats.paired_gap(cells)
            assert change.p == stats.mcnemar(cells[1], cells[2])
        assert [change.adjusted_p for change in comparison.strata] == list(
            stats.holm([change.p for change in comparison.strata])
        )
        pooled = stats.pooled_gap([change.cells for change in comparison.strata], [*SHARES])
        assert comparison.overall.change == pooled
        assert sum(comparison.overall.cells) == 180


def test_a_week_shows_accuracies_on_pairs_and_all_traffic_by_weight():
    (marks,) = steady(1, 100)
    (week,) = weekly([new_run(0, marks)]).weeks
    whole, *strata = week.strata
    for item in strata:
        assert item.student == stats.accuracy(int(marks[item.name].sum()), 100)
        assert item.teacher == stats.accuracy(90, 100)
        assert (item.n, item.margin) == (100, 0.05)
    counts = [(int(marks[name].sum()), 100) for name in WEIGHTS]
    assert whole.student == stats.pooled_accuracy(counts, SHARES)
    assert (whole.n, whole.margin) == (300, None)


def test_a_base_line_by_day_and_one_with_another_harness():
    runs = broken(engine="torch 2.9")
    base = weekly(runs, base=str(monday(8))).comparisons[1]
    assert (base.then_monday, base.then_build) == (str(monday(8)), "same")
    report = weekly(runs, base=str(monday(2)))
    assert [comparison.against for comparison in report.comparisons] == ["last week"]
    assert any(f"the week of {monday(2)}, had another harness" in note for note in report.notes)


def test_a_difference_to_last_week_that_is_no_alarm_is_still_said():
    weeks = steady(3, 60, flip=0.0)
    right = np.flatnonzero(weeks[1][TERMS])
    weeks[2] = {**weeks[2], TERMS: weeks[2][TERMS].copy()}
    weeks[2][TERMS][right[:8]] = 0
    report = weekly(runs_of(weeks))
    assert report.alarms == ()
    assert report.headline.startswith(
        "No alarm in 3 weeks of 60 queries per stratum. Against last week: tail/terminology −13.3 ["
    )
    assert report.headline.endswith("points (p = 0.012 by Holm).")


def test_newly_wrong_and_right_with_their_texts_worst_strata_first():
    weeks = steady(2, 100, flip=0.0)
    now = {name: marks.copy() for name, marks in weeks[1].items()}
    for name, n_lost, n_won in ((STEPS, 2, 1), (TERMS, 5, 0)):
        now[name][np.flatnonzero(weeks[0][name])[:n_lost]] = 0
        now[name][np.flatnonzero(weeks[0][name] == 0)[:n_won]] = 1
    report = weekly([new_run(0, weeks[0]), new_run(1, now)])
    assert report.n_changed == {"newly wrong": 7, "newly right": 1, "flaky": 0}
    wrong, right = report.changed[:7], report.changed[7:]
    assert [item.query.stratum for item in wrong] == [TERMS] * 5 + [STEPS] * 2
    assert {item.direction for item in wrong} == {"newly wrong"}
    item = wrong[0]
    assert (item.then.text, item.now.text) == ("yes", "no, says build-1")
    assert (item.then.side, item.now.side, item.teacher.side) == ("student", "student", "teacher")
    assert item.query.prompt == f"Question {int(item.query.query_id[-4:])} of {TERMS}?"
    assert [(item.direction, item.query.stratum) for item in right] == [("newly right", STEPS)]


def test_changed_queries_are_those_of_the_build_not_of_its_second_week():
    weeks = steady(4, 100, flip=0.0, drops={TERMS: (2, 0.1)})
    builds = ("a", "a", "b", "b")
    runs = [new_run(k, marks, build=builds[k]) for k, marks in enumerate(weeks)]
    report = weekly(runs)
    assert report.n_changed["newly wrong"] > 0
    assert {item.then.text for item in report.changed} == {"yes"}
    assert any(
        f"those of build b against the week of {monday(1)}, the last with another build" in note
        for note in report.notes
    )


def test_while_an_alarm_is_open_changed_queries_are_those_of_the_loss():
    report = weekly(runs_of(steady(10, 200, drops={TERMS: (6, 0.2)})))
    assert of_scope(report.alarms, TERMS)[0].open
    assert report.changed[0].query.stratum == TERMS
    assert report.n_changed["newly wrong"] > 25
    assert report.changed[0].then.text == "yes"
    assert any(
        f"of build build-9 against the week of {monday(5)}, the last before {TERMS} got worse" in n
        for n in report.notes
    )


def test_weeks_that_draw_other_queries_are_one_series_where_the_seed_is_ignored():
    weeks = steady(8, 200, drops={TERMS: (5, 0.4)})
    rng = np.random.default_rng(1)
    runs = []
    for number, marks in enumerate(weeks):
        seed = {"settings": f"seed {number}, limit 120"}
        run = new_run(number, marks, facets=seed)
        drawn = {f"{name}-{k:04}" for name in WEIGHTS for k in rng.permutation(200)[:120]}
        runs.append(
            replace(
                run,
                kept=replace(run.kept, seed=number),
                queries=tuple(q for q in run.queries if q.query_id in drawn),
                answers=tuple(a for a in run.answers if a.query_id in drawn),
            )
        )
    report = weekly(runs, ignored=("seed",))
    assert {week.series for week in report.weeks} == {0}
    assert {change.facet for week in report.weeks for change in week.changes} == {"student"}
    assert of_scope(report.alarms, TERMS)[0].since == str(monday(5))
    assert 60 < sum(of_scope(report.comparisons[0].strata, TERMS)[0].cells) < 85
    assert len({week.series for week in weekly(runs).weeks}) == 8
    other = replace(runs[7].kept, facets=runs[7].kept.facets | {"settings": "seed 7, limit 50"})
    broken = weekly([*runs[:7], replace(runs[7], kept=other)], ignored=("seed",))
    assert broken.weeks[-1].series == 1


def test_flaky_queries_are_listed_apart():
    weeks = steady(6, 100, flip=0.0)
    flaky = int(np.flatnonzero(weeks[0][TERMS])[0])
    for number, marks in enumerate(weeks):
        marks[TERMS] = marks[TERMS].copy()
        marks[TERMS][flaky] = (number + 1) % 2
    report = weekly([*runs_of(weeks[:3]), *runs_of(weeks)[4:]], last=5)
    (found,) = report.flaky
    assert (found.query_id, found.stratum) == (f"{TERMS}-{flaky:04}", TERMS)
    # Weeks 0, 1, 2, 4, 5: the fourth has no run.
    assert (found.marks, found.n_flips) == ("101.10", 3)
    assert report.n_changed == {"newly wrong": 0, "newly right": 0, "flaky": 1}


def test_a_flaky_query_that_failed_was_asked():
    weeks = steady(7, 100, flip=0.0)
    flaky = int(np.flatnonzero(weeks[0][TERMS])[0])
    for marks, mark in zip(weeks, (1, 0, -1, 1, -2, 0, 1), strict=True):
        marks[TERMS] = marks[TERMS].copy()
        marks[TERMS][flaky] = mark
    (found,) = weekly(runs_of(weeks)).flaky
    assert (found.marks, found.n_flips) == ("10f1u01", 4)
    (row,) = flaky_rows([found])
    assert row.strip == "●○×●?○●"


def test_no_more_texts_than_a_page_bears(monkeypatch):
    monkeypatch.setattr("tailqa.workflows.weekly_queries.SHOWN", 3)
    weeks = steady(2, 100, drops={TERMS: (1, 0.2)}, flip=0.0)
    report = weekly(runs_of(weeks))
    assert len(report.changed) == 3
    assert report.n_changed["newly wrong"] == 10


def test_the_teachers_answers_that_an_earlier_run_had_already():
    weeks = steady(3, 50)
    runs = runs_of(weeks)
    answers = tuple(
        replace(a, text="new") if a.side == "teacher" and a.query_id.endswith("7") else a
        for a in runs[2].answers
    )
    assert weekly([*runs[:2], replace(runs[2], answers=answers)]).teacher_reused == 150 - 15
    assert weekly(runs[:1]).teacher_reused is None
    imported = [
        replace(run, answers=tuple(replace(answer, text="") for answer in run.answers))
        for run in runs
    ]
    assert weekly(imported).teacher_reused is None
    half = tuple(replace(a, text="") if a.query_id.endswith("7") else a for a in runs[2].answers)
    assert weekly([*runs[:2], replace(runs[2], answers=half)]).teacher_reused == 150 - 15
    other = [runs[0], new_run(1, weeks[1], facets={"teacher": "new"})]
    assert weekly(other).teacher_reused is None

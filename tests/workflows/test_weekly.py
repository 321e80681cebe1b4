"""Histories whose truth is known → what the weekly report says of them."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tailqa import stats
from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.history import KeptFigure
from tailqa.core.weekly import EVERYTHING
from tailqa.workflows.weekly import run_weekly
from tailqa.workflows.weekly_choice import WeeklyOptions
from tests.workflows.weekly_runs import (
    FACETS,
    HEAD,
    STEPS,
    TERMS,
    WEIGHTS,
    MemoryHistory,
    monday,
    new_run,
    steady,
    tokens,
)

SHARES = tuple(weight / sum(WEIGHTS.values()) for weight in WEIGHTS.values())


def weekly(runs, last=None, **given):
    """The report in the week of the last run."""
    last = len(runs) - 1 if last is None else last
    today = monday(last) + timedelta(days=4)
    return run_weekly(
        MemoryHistory(*runs), WeeklyOptions(**({"today": today, "since": "52w"} | given))
    )


def runs_of(weeks, **given):
    return [new_run(number, marks, **given) for number, marks in enumerate(weeks)]


def of_scope(found, scope):
    return [item for item in found if item.scope == scope]


# Alarms


def test_a_stratum_that_drops_is_found_with_its_week_build_and_loss():
    runs = runs_of(steady(12, 200, drops={TERMS: (8, 0.15)}))
    report = weekly(runs, traffic=100_000)
    (alarm,) = of_scope(report.alarms, TERMS)
    assert alarm.since == str(monday(8))
    assert alarm.build == "build-8"
    assert str(monday(8)) <= alarm.monday <= str(monday(10))
    assert (alarm.open, alarm.until, alarm.regained) == (True, str(monday(11)), None)
    assert -0.15 < alarm.loss.value < -0.08
    assert alarm.loss.low < alarm.loss.value < alarm.loss.high < 0
    assert alarm.lost_per_week.value == pytest.approx(-alarm.loss.value * 0.3 * 100_000)
    assert alarm.lost_per_week.low == pytest.approx(-alarm.loss.high * 0.3 * 100_000)
    assert not of_scope(report.alarms, HEAD) + of_scope(report.alarms, STEPS)
    threshold = stats.alarm_log_threshold(104, 4)
    assert {week.log_threshold for week in report.evidence} == {threshold}
    assert [w.log_evidence >= threshold for w in of_scope(report.evidence, TERMS)[-2:]] == [
        True
    ] * 2
    assert of_scope(report.evidence, TERMS)[0].log_evidence is None


def test_the_loss_is_the_difference_of_means_on_the_same_queries():
    weeks = steady(10, 200, drops={TERMS: (7, 0.2)}, flip=0.0)
    report = weekly(runs_of(weeks))
    (alarm,) = of_scope(report.alarms, TERMS)
    before, after = (
        np.mean([marks[TERMS] for marks in part], axis=0) for part in (weeks[:7], weeks[7:])
    )
    expected = stats.mean_estimate(list(after - before))
    assert alarm.loss.value == pytest.approx(expected.value)
    assert (alarm.loss.low, alarm.loss.high) == pytest.approx((expected.low, expected.high))


def test_nothing_moved_in_a_year_of_chance():
    report = weekly(runs_of(steady(30, 60, seed=5)))
    assert report.alarms == ()
    assert report.headline == "Nothing moved in 30 weeks of 60 queries per stratum."


def repaired(until, share=0.0, n_weeks=16):
    bad = steady(n_weeks, 300, drops={TERMS: (6, 0.15)}, seed=2)
    good = steady(n_weeks, 300, drops={TERMS: (6, share)}, seed=2)
    return runs_of([*bad[:until], *good[until:]])


def test_a_repair_ends_the_alarm_and_the_loss_is_that_of_the_bad_weeks():
    report = weekly(repaired(10))
    (alarm,) = of_scope(report.alarms, TERMS)
    assert (alarm.since, alarm.until) == (str(monday(6)), str(monday(9)))
    assert (alarm.open, alarm.regained) == (False, str(monday(10)))
    assert -0.16 < alarm.loss.value < -0.1
    assert report.headline.startswith(
        "No alarm now, in 16 weeks of 300 queries per stratum. Before: tail/terminology lost "
    )
    assert f"in the week of {monday(6)} and got better again in that of {monday(10)}" in (
        report.headline
    )


def test_what_half_a_repair_has_not_brought_back_is_found_again():
    report = weekly(repaired(10, share=0.08))
    first, second = of_scope(report.alarms, TERMS)
    assert (first.open, first.regained) == (False, str(monday(10)))
    assert second.open
    assert second.since == str(monday(10))
    assert first.loss.value < second.loss.value < -0.03


def test_a_loss_that_lasts_stays_open_when_its_evidence_fades():
    """Every build turns queries for good, as many up as down: what was tells less and less."""
    rng = np.random.default_rng(4)
    weeks = steady(26, 300)
    right, lost = rng.random(300) < 0.85, rng.random(300) < 0.1
    for week, marks in enumerate(weeks):
        for value in (False, True):
            right[rng.choice(np.flatnonzero(right == value), 6, replace=False)] ^= True
        marks[TERMS] = (right & ~(lost & (week >= 8))).astype(int)
    report = weekly(runs_of(weeks), false_alarm_weeks=300)
    (alarm,) = of_scope(report.alarms, TERMS)
    last = of_scope(report.evidence, TERMS)[-1]
    assert last.log_evidence < last.log_threshold < alarm.log_evidence
    assert (alarm.open, alarm.since, alarm.until) == (True, str(monday(8)), str(monday(25)))
    assert report.headline.startswith("tail/terminology lost ")


def test_an_alarm_that_began_before_the_window_is_still_one():
    runs = runs_of(steady(14, 200, drops={TERMS: (6, 0.15)}))
    (alarm,) = of_scope(weekly(runs, since="3w").alarms, TERMS)
    (whole,) = of_scope(weekly(runs).alarms, TERMS)
    assert alarm == whole
    assert alarm.monday < str(monday(11))
    assert {week.monday for week in weekly(runs, since="3w").evidence} == {
        str(monday(k)) for k in (11, 12, 13)
    }


def test_an_alarm_that_was_over_before_the_window_is_none():
    assert not of_scope(weekly(repaired(10), since="3w").alarms, TERMS)


def test_queries_in_clusters_are_no_independent_evidence():
    weeks = steady(10, 200, drops={TERMS: (7, 0.15)})
    alone, clustered = (weekly(runs_of(weeks, cluster_size=size)) for size in (0, 20))
    last_alone, last_clustered = (
        of_scope(report.evidence, TERMS)[-1].log_evidence for report in (alone, clustered)
    )
    assert last_clustered < last_alone
    change = of_scope(clustered.comparisons[0].strata, TERMS)[0]
    assert change.change.method.startswith("clustered")
    assert (change.p, change.adjusted_p) == (None, None)
    assert clustered.comparisons[0].overall.change.method.startswith("clustered")
    assert any("Queries come in clusters" in note for note in clustered.notes)
    whole = clustered.weeks[-1].strata[0]
    assert (whole.name, whole.student.method) == (EVERYTHING, "korn-graubard")


# Harness and model


def broken(at=6, n_weeks=12, drop=0.3, **facets):
    weeks = steady(n_weeks, 200, drops={TERMS: (at, drop)})
    return [
        new_run(k, marks, build="same", facets=facets if k >= at else {})
        for k, marks in enumerate(weeks)
    ]


def test_a_change_of_the_harness_is_a_break_and_no_alarm():
    report = weekly(broken(engine="torch 2.9"))
    assert report.alarms == ()
    assert [week.series for week in report.weeks] == [0] * 6 + [1] * 6
    assert [(week.cause, len(week.changes)) for week in report.weeks[5:8]] == [
        ("nothing", 0),
        ("harness", 1),
        ("nothing", 0),
    ]
    assert [c.then_monday for c in report.comparisons] == [str(monday(10)), str(monday(6))]
    firsts = [week for week in of_scope(report.evidence, TERMS) if week.log_evidence is None]
    assert [week.monday for week in firsts] == [str(monday(0)), str(monday(6))]
    assert report.headline == (
        "Nothing moved in 12 weeks of 200 queries per stratum; the harness changed once."
    )
    assert any("the harness changed (engine) and the model did not" in n for n in report.notes)


def test_the_same_drop_without_a_break_is_an_alarm():
    ignoring = weekly(broken(hardware="8 cores"), ignored=("hardware",))
    assert of_scope(ignoring.alarms, TERMS)
    assert {week.series for week in ignoring.weeks} == {0}
    assert [change.facet for change in ignoring.weeks[6].changes] == ["hardware"]
    assert any("Changes of hardware start no new series" in n for n in ignoring.notes)
    assert not of_scope(weekly(broken(hardware="8 cores")).alarms, TERMS)


def test_the_week_of_a_break_compares_nothing():
    report = weekly(broken(at=6, n_weeks=7, engine="torch 2.9"))
    assert (report.comparisons, report.changed, report.n_changed["flaky"]) == ((), (), 0)
    assert report.headline == (
        f"The harness changed in the week of {monday(6)} (engine): a new series starts, and "
        "nothing is compared with the weeks before."
    )
    assert any("there is no earlier week to compare it with" in note for note in report.notes)


def test_model_and_harness_together_cannot_be_told_apart():
    weeks = steady(7, 200, drops={TERMS: (6, 0.3)})
    facets = {"engine": "torch 2.9", "versions": "transformers 6"}
    runs = [new_run(k, marks, facets=facets if k == 6 else {}) for k, marks in enumerate(weeks)]
    report = weekly(runs)
    assert (report.weeks[-1].cause, report.weeks[-1].series, report.alarms) == ("both", 1, ())
    assert report.headline == (
        "Cannot tell: model and harness (engine, versions) changed together in the week of "
        f"{monday(6)}. A new series starts."
    )
    assert any("nobody can tell which of the two moved a figure" in note for note in report.notes)


def test_an_alarm_that_a_break_cuts_off_is_not_open_and_said():
    weeks = steady(10, 200, drops={TERMS: (5, 0.2)})
    engine = {"engine": "torch 2.9"}
    runs = [new_run(k, marks, facets=engine if k >= 8 else {}) for k, marks in enumerate(weeks)]
    report = weekly(runs)
    (alarm,) = of_scope(report.alarms, TERMS)
    assert (alarm.open, alarm.until) == (False, str(monday(7)))
    assert any("what became of it cannot be told" in note for note in report.notes)


def test_another_teacher_goes_on_with_the_student():
    weeks = steady(10, 200, drops={TERMS: (7, 0.15)})
    runs = [
        new_run(k, marks, facets={"teacher": "new"} if k >= 7 else {})
        for k, marks in enumerate(weeks)
    ]
    report = weekly(runs)
    assert {week.series for week in report.weeks} == {0}
    assert of_scope(report.alarms, TERMS)[0].since == str(monday(7))
    assert any("the teacher changed. The student's series goes on" in n for n in report.notes)


# Missing weeks


def test_a_week_without_a_run_is_missing_and_the_detector_goes_over_it():
    runs = runs_of(steady(12, 200, drops={TERMS: (8, 0.15)}))
    report = weekly([*runs[:4], *runs[5:8], *runs[9:]], last=12)
    missing = {week.monday: week.missing for week in report.weeks if week.missing}
    assert missing == {
        str(monday(4)): "no run",
        str(monday(8)): "no run",
        str(monday(12)): "no run yet",
    }
    (alarm,) = of_scope(report.alarms, TERMS)
    assert (alarm.since, alarm.build, alarm.open) == (str(monday(9)), "build-9", True)
    assert report.headline.endswith(f"The last run is of the week of {monday(11)}.")
    assert len(of_scope(report.evidence, TERMS)) == 10


def test_strata_that_are_small_lost_or_failed_are_missing_with_the_reason():
    weeks = steady(8, 100)
    small = {**weeks[3], TERMS: weeks[3][TERMS][:20]}
    lost = {name: marks for name, marks in weeks[4].items() if name != TERMS}
    failed = {**weeks[5], TERMS: np.where(np.arange(100) < 9, -1, weeks[5][TERMS])}
    ungraded = {**weeks[6], TERMS: np.where(np.arange(100) < 6, -2, 0)}
    runs = runs_of([*weeks[:3], small, lost, failed, ungraded, weeks[7]])
    report = weekly(runs)
    found = {week.monday: week.strata for week in report.weeks}
    reasons = {
        3: "20 graded queries, fewer than 30",
        4: "the run does not have this stratum",
        5: "9 of 100 queries failed or could not be graded, more than 5 %",
        6: "6 of 100 queries failed or could not be graded, more than 5 %",
    }
    for week, reason in reasons.items():
        by_name = {item.name: item for item in found[str(monday(week))]}
        assert by_name[TERMS].missing == reason
        assert isinstance(by_name[TERMS].student, TooFew)
        assert by_name[HEAD].missing is None
        assert by_name[EVERYTHING].missing == f"without {TERMS} there is no whole"
        for scope in (TERMS, EVERYTHING):
            (said,) = [e for e in of_scope(report.evidence, scope) if e.monday == str(monday(week))]
            assert said.log_evidence is None
    assert report.alarms == ()
    last = weekly(runs[:7]).comparisons[0]
    (change,) = of_scope(last.strata, TERMS)
    assert change.change == TooFew(reason=f"now: {reasons[6]}", n=0)
    assert isinstance(last.overall.change, TooFew)
    assert last.overall.change.reason == f"the whole needs every stratum; missing: {TERMS}"
    assert of_scope(last.strata, HEAD)[0].adjusted_p is not None


def test_a_last_week_that_does_not_count_is_said_on_top():
    weeks = steady(4, 100)
    down = {name: np.where(np.arange(100) < 50, -1, marks) for name, marks in weeks[3].items()}
    reason = "50 of 100 queries failed or could not be graded, more than 5 %"
    report = weekly(runs_of([*weeks[:3], down]))
    assert report.headline == (
        "Nothing moved in 3 weeks of 100 queries per stratum. "
        f"The last week does not count: {reason}."
    )
    partly = weekly(runs_of([*weeks[:3], {**weeks[3], STEPS: down[STEPS]}]))
    assert partly.headline.endswith(f" Missing in the last week: {STEPS} ({reason}).")


def test_two_runs_in_a_week_count_once_the_last_one():
    weeks = steady(4, 100)
    wrong = {name: np.zeros(100, dtype=int) for name in WEIGHTS}
    runs = [*runs_of(weeks), new_run(2, wrong, build="broken", day=0)]
    report = weekly(runs, last=3)
    assert [week.n_runs for week in report.weeks] == [1, 1, 2, 1]
    assert report.weeks[2].build == "build-2"
    assert "One week had more than one run; its last one counts." in report.notes


# Comparisons


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


# Queries


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
    other = [runs[0], new_run(1, weeks[1], facets={"teacher": "new"})]
    assert weekly(other).teacher_reused is None


# Sentences


def test_the_headline_of_a_loss():
    report = weekly(runs_of(steady(12, 200, drops={TERMS: (8, 0.15)})), traffic=100_000)
    (alarm,) = of_scope(report.alarms, TERMS)
    loss, lost = alarm.loss, alarm.lost_per_week
    wrong, least, most = (f"{float(f'{n:.3g}'):,.0f}" for n in (lost.value, lost.low, lost.high))
    assert report.headline == (
        f"tail/terminology lost {-100 * loss.value:.1f} points "
        f"[{-100 * loss.high:.1f}, {-100 * loss.low:.1f}] since {monday(8)}, first seen in build "
        f"build-8; at 100,000 queries a week {wrong} more wrong answers [{least}, {most}]."
    )


def test_a_loss_without_a_new_build_is_said_to_be_that():
    weeks = steady(10, 200, drops={TERMS: (6, 0.3)})
    runs = [new_run(k, marks, build="v2" if k > 1 else "v1") for k, marks in enumerate(weeks)]
    headline = weekly(runs).headline
    assert f"since {monday(6)}, with no new build (v2 since {monday(2)})" in headline
    assert "first seen in build" not in headline


def test_what_a_week_costs_against_last_week_and_the_base_line():
    weeks = steady(3, 100)
    runs = [new_run(k, marks, figures=(tokens(50.0 + k),)) for k, marks in enumerate(weeks)]
    report = weekly(runs, traffic=20_000)
    change = report.comparisons[0].overall.change
    assert isinstance(change, Estimate)
    more = "fewer" if change.value > 0 else "more"
    wrong, base, spent = report.costs
    assert wrong.startswith(
        f"At 20,000 queries a week that is {abs(change.value) * 20_000:.0f} {more}"
    )
    assert wrong.endswith(f"a week than in the week of {monday(1)}, which may be chance (n = 300).")
    assert f"than in the base line ({monday(0)})" in base
    assert spent == (
        "The student takes 1.04 [1.00, 1.08] million tokens a week; in the week of "
        f"{monday(1)} 1.02 [0.980, 1.06] million tokens; in the base line ({monday(0)}) 1.00 "
        "[0.960, 1.04] million tokens."
    )
    assert weekly(runs).costs == (
        "Give --traffic QUERIES, a week's, to see what this costs in a week.",
    )


def test_what_resolving_costs_where_the_runs_had_prices():
    weeks = steady(2, 100)

    def usd(who, value):
        return KeptFigure(
            scope=EVERYTHING,
            who=who,
            figure="usd_per_resolved",
            measured=replace(tokens(0).measured, value=value, low=value - 1e-4, high=value + 1e-4),
        )

    runs = [
        new_run(0, weeks[0], figures=(usd("teacher", 0.01),)),
        new_run(1, weeks[1], figures=(usd("teacher", 0.012), usd("escalated", 0.004))),
    ]
    assert weekly(runs, traffic=10_000).costs[-2:] == (
        "To resolve 10,000 queries a week with the student and escalation takes 40.00 [39.00, 41.00] "
        f"USD a week; in the base line ({monday(0)}) an unknown sum.",
        "To resolve 10,000 queries a week with the teacher alone takes 120.00 [119.00, 121.00] "
        f"USD a week; in the base line ({monday(0)}) 100.00 [99.00, 101.00] USD.",
    )


def test_one_week_alone():
    report = weekly(runs_of(steady(1)))
    assert report.headline == f"One week so far ({monday(0)}): nothing to compare it with."
    assert (report.comparisons, report.alarms, report.changed) == ((), (), ())


def test_strata_that_another_suite_had_do_not_spoil_the_whole():
    weeks = steady(6, 100)
    halves = {HEAD: 0.6, STEPS: 0.1}
    runs = [
        new_run(0, weeks[0]),
        *(
            new_run(k, {name: weeks[k][name] for name in halves}, facets={"data": "demo 2"})
            for k in range(1, 6)
        ),
    ]
    report = weekly(runs)
    assert [stratum.name for stratum in report.strata] == list(halves)
    assert report.weeks[-1].strata[0].missing is None
    whole = report.comparisons[0].overall.change
    assert isinstance(whole, Estimate)
    assert FACETS["data"] in {change.before for change in report.weeks[1].changes}

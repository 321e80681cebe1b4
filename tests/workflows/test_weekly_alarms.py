"""The detector over weeks whose truth is known: found, open, repaired."""

import numpy as np
import pytest

from tailqa import stats
from tailqa.core.weekly import EVERYTHING
from tests.workflows.weekly_runs import (
    HEAD,
    STEPS,
    TERMS,
    monday,
    of_scope,
    runs_of,
    steady,
    weekly,
)


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


def test_an_alarm_stays_open_however_long_ago_it_was():
    runs = runs_of(steady(60, 200, drops={TERMS: (5, 0.2)}))
    (alarm,) = of_scope(weekly(runs, since="6w").alarms, TERMS)
    assert (alarm.open, alarm.since) == (True, str(monday(5)))


def test_an_open_alarm_of_a_stratum_that_is_missing_by_now_is_shown():
    weeks = steady(20, 200, drops={TERMS: (5, 0.2)})
    for marks in weeks[9:]:
        marks[TERMS] = marks[TERMS][:20]
    (alarm,) = of_scope(weekly(runs_of(weeks), since="6w").alarms, TERMS)
    assert (alarm.open, alarm.until) == (True, str(monday(8)))


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

"""What a change of the harness does, and weeks that are missing."""

from dataclasses import replace

import numpy as np

from tailqa.core.estimate import TooFew
from tailqa.core.weekly import EVERYTHING
from tailqa.report.weekly_markdown import render_weekly_markdown
from tailqa.report.weekly_page import render_weekly_page
from tailqa.report.weekly_table import render_weekly
from tests.workflows.weekly_runs import (
    HEAD,
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
        f"The harness changed: engine, in the week of {monday(6)}. A new series starts, and "
        "nothing is compared with the weeks before."
    )
    assert any("there is no earlier week to compare it with" in note for note in report.notes)


def test_a_new_version_of_the_suite_is_said_to_be_one():
    old = {"data": "version 1, digest 0a"}
    new = {"data": "version 2, digest 0b", "hardware": "8 cores"}
    weeks = steady(5, 100)
    runs = [new_run(k, m, build="same", facets=new if k > 3 else old) for k, m in enumerate(weeks)]
    assert weekly(runs, ignored=("hardware",)).headline == (
        f"The suite changed: version 1 → 2, in the week of {monday(4)}. A new series starts, and "
        "nothing is compared with the weeks before."
    )
    assert weekly(runs).headline.startswith(
        "The suite changed: version 1 → 2, and the harness: hardware, in the week of "
    )
    later = weekly([*runs, new_run(5, weeks[4], build="same", facets=new)], ignored=("hardware",))
    assert later.headline.endswith("per stratum; the suite changed once.")


def test_of_settings_with_an_ignored_seed_only_the_others_are_kept():
    settings = ("seed 0, limit 300", "seed 1, limit 50")
    runs = [
        new_run(k, marks, facets={"settings": settings[k]}) for k, marks in enumerate(steady(2))
    ]
    runs[1] = replace(runs[1], kept=replace(runs[1].kept, seed=1))
    changes = weekly(runs, ignored=("seed",)).weeks[1].changes
    assert [(c.before, c.after) for c in changes if c.facet == "settings"] == [
        ("limit 300", "limit 50")
    ]


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
        f"The last week with a run ({monday(3)}) does not count: {reason}. "
        "Before it: nothing moved in 3 weeks of 100 queries per stratum."
    )
    assert (
        render_weekly(report, terminal=False)
        .splitlines()[2]
        .startswith("NO ALARM OPEN, THE LAST RUN DOES NOT COUNT")
    )
    older = f"(of {monday(2)}, not the last run)"
    markdown = render_weekly_markdown(report)
    assert markdown.count(older) == 4
    assert f"last run in the week of {monday(3)}, which does not count" in markdown
    assert render_weekly_page(report).count(f"{older[1:-1]}</small>") == 4
    partly = weekly(runs_of([*weeks[:3], {**weeks[3], STEPS: down[STEPS]}]))
    assert partly.headline.endswith(f" Missing in the last week: {STEPS} ({reason}).")


def test_a_debug_run_does_not_replace_the_good_one_of_its_week():
    """Such as `compare --limit 12`, whose settings would begin a series of its own."""
    weeks = steady(9, 160, drops={TERMS: (6, 0.3)})
    small = {name: marks[:12] for name, marks in weeks[8].items()}
    debug = new_run(8, small, build="debug", facets={"settings": "limit 12"}, day=3)
    before = weekly(runs_of(weeks))
    report = weekly([*runs_of(weeks), debug], last=8)
    assert report.headline == before.headline
    assert report.alarms == before.alarms
    assert report.weeks[-1].n_runs == 2
    (note,) = [note for note in report.notes if "passed over" in note]
    assert note == (
        f"In the week of {monday(8)} 2 runs; counted: {report.weeks[-1].name} of "
        f"{report.weeks[-1].date}; passed over: {debug.kept.name} (12 graded queries, fewer than "
        f"30, in {HEAD} and in 2 more)."
    )


def test_of_two_debug_runs_the_last_is_shown_and_none_counts():
    small = {name: marks[:12] for name, marks in steady(1, 100)[0].items()}
    report = weekly([new_run(0, small, build=name, day=k) for k, name in enumerate("ab")], last=0)
    assert report.weeks[0].build == "b"
    assert any("none of which counts; shown: " in note for note in report.notes)
    reason = "12 graded queries, fewer than 30"
    assert report.headline == (
        f"The last week with a run ({monday(0)}) does not count: {reason}. No week counts so far."
    )


def test_two_runs_in_a_week_count_once_the_last_one():
    weeks = steady(4, 100)
    wrong = {name: np.zeros(100, dtype=int) for name in WEIGHTS}
    runs = [*runs_of(weeks), new_run(2, wrong, build="broken", day=0)]
    report = weekly(runs, last=3)
    assert [week.n_runs for week in report.weeks] == [1, 1, 2, 1]
    assert report.weeks[2].build == "build-2"
    assert "One week had more than one run; its last one counts." in report.notes

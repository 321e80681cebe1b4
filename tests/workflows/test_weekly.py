"""What a weekly report says on top and of its costs."""

from dataclasses import replace

from tailqa.core.estimate import Estimate
from tailqa.core.history import KeptFigure
from tailqa.core.weekly import EVERYTHING
from tailqa.report.weekly_markdown import render_weekly_markdown
from tailqa.report.weekly_words import changed_words
from tailqa.workflows.weekly_headline import headline
from tests.workflows.weekly_runs import (
    FACETS,
    HEAD,
    STEPS,
    TERMS,
    monday,
    new_run,
    of_scope,
    runs_of,
    steady,
    tokens,
    weekly,
)


def test_the_headline_of_a_loss():
    report = weekly(runs_of(steady(12, 200, drops={TERMS: (8, 0.15)})), traffic=100_000)
    (alarm,) = of_scope(report.alarms, TERMS)
    loss, lost = alarm.loss, alarm.lost_per_week
    wrong, least, most = (f"{float(f'{n:.3g}'):,.0f}" for n in (lost.value, lost.low, lost.high))
    assert report.headline == (
        f"tail/terminology lost {-100 * loss.value:.1f} points "
        f"[{-100 * loss.high:.1f}, {-100 * loss.low:.1f}] since {monday(8)}, first seen in "
        "build build-8; in tail/terminology (30 % of the "
        f"traffic, 30,000 queries a week) {wrong} more wrong answers [{least}, {most}] a week."
    )


def test_a_loss_of_all_traffic_says_that_it_is_of_all():
    drops = dict.fromkeys((HEAD, TERMS, STEPS), (8, 0.05))
    report = weekly(runs_of(steady(12, 300, drops=drops)), traffic=100_000)
    of_all = replace(report, alarms=tuple(of_scope(report.alarms, EVERYTHING)))
    said = headline(of_all)
    assert said.startswith("All traffic lost ")
    assert "; over all traffic (100,000 queries a week) " in said
    assert "queries a week of all traffic no longer" in render_weekly_markdown(of_all)


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
        f"Over all traffic (20,000 queries a week) {abs(change.value) * 20_000:.0f} {more}"
    )
    assert wrong.endswith(f"a week than in the week of {monday(1)}, which may be chance (n = 300).")
    assert f"than in the base line ({monday(0)})" in base
    assert spent == (
        "Over all traffic the student takes 1.04 [1.00, 1.08] million tokens a week; in the week "
        f"of {monday(1)} 1.02 [0.980, 1.06] million tokens; in the base line ({monday(0)}) 1.00 "
        "[0.960, 1.04] million tokens."
    )
    assert weekly(runs).costs == (
        "Give --traffic QUERIES, a week's, to see what this costs in a week.",
    )


def test_the_same_build_with_the_same_answers_is_no_number_of_wrong_answers():
    (marks,) = steady(1, 100)
    runs = [new_run(k, marks, build="same") for k in range(2)]
    report = weekly(runs, traffic=20_000)
    assert report.costs == (
        f"Against the week of {monday(0)}: the same build, no answer changed (n = 300).",
        f"Against the base line ({monday(0)}): the same build, no answer changed (n = 300).",
    )
    assert "wrong answers" in weekly([new_run(0, marks), runs[1]], traffic=20_000).costs[0]


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
        "To resolve 10,000 queries a week with the student and escalation takes 40.00 [39.00, "
        f"41.00] USD a week; in the base line ({monday(0)}) an unknown sum.",
        "To resolve 10,000 queries a week with the teacher alone takes 120.00 [119.00, 121.00] "
        f"USD a week; in the base line ({monday(0)}) 100.00 [99.00, 101.00] USD.",
    )


def test_costs_of_another_pipeline_are_not_compared_and_break_no_series():
    weeks = steady(3, 100)
    usd = replace(tokens(0.01), figure="usd_per_resolved", who="student")
    usd = replace(usd, measured=replace(usd.measured, low=0.009, high=0.011))
    runs = [
        new_run(
            k,
            marks,
            build="same",
            figures=(usd, tokens(50.0)),
            facets={"pipeline": f"name chat, digest {'old' if k == 0 else 'new'}"},
        )
        for k, marks in enumerate(weeks)
    ]
    report = weekly(runs, traffic=10_000)
    assert [(week.series, week.cause) for week in report.weeks] == [(0, "nothing")] * 3
    assert [change.facet for change in report.weeks[1].changes] == ["pipeline"]
    spent, resolved = report.costs[-2:]
    assert "not comparable" not in spent
    assert resolved == (
        "To resolve 10,000 queries a week with the student alone takes 100.00 [90.00, 110.00] USD "
        f"a week; in the week of {monday(1)} 100.00 [90.00, 110.00] USD; in the base line "
        f"({monday(0)}) not comparable (pipeline: digest old → new)."
    )
    last, base = (changed_words(comparison) for comparison in report.comparisons)
    assert last.startswith("Nothing that is kept of a run differs")
    assert base.startswith("Nothing but the pipeline differs between the two, which moves no")


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


def test_what_a_week_takes_is_not_that_of_a_week_that_does_not_count():
    weeks = steady(4, 100)
    half = {name: [*marks[:50], *[-1] * 50] for name, marks in weeks[2].items()}
    failed = {name: [-1] * 50 + [*marks[50:]] for name, marks in weeks[3].items()}
    runs = [
        new_run(k, marks, figures=(tokens(50.0 + 40 * k),))
        for k, marks in enumerate([*weeks[:2], half, failed])
    ]
    report = weekly(runs, traffic=20_000)
    assert "does not count" in report.headline
    assert report.costs[-1] == (
        f"Over all traffic the student took 1.80 [1.76, 1.84] million tokens a week in the week of "
        f"{monday(1)}, the last that counts; in the base line ({monday(0)}) 1.00 [0.960, 1.04] "
        "million tokens."
    )
    none = weekly(runs[2:], 3, traffic=20_000)
    assert none.costs[-1] == (
        "What a week takes over all traffic is not known: without head/plain, tail/terminology, "
        "tail/steps there is no whole."
    )

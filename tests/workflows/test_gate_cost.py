"""Verdicts about cost: intervals from the draws of a run's operations, and why there are none."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tailqa
from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.report import Requirement, Stopping
from tailqa.gate import Policy
from tailqa.report.result import save_report
from tailqa.workflows.decisions import gate_run
from tests.gate.operations import DIGEST, NO_PRICES, SATURATED, operations
from tests.report.conftest import make_report

GAP = {"gap": {"margin": 0.05}}


def judge(made, *, level: float = 0.95, option: str = "escalated", **limits: object):
    """The requirements on cost of a report with these operations."""
    held = Policy(name="p", level=level, defaults=GAP, cost={"option": option, **limits})
    requirements = tailqa.gate(make_report(operations=made), held).requirements
    return [rule for rule in requirements if rule.quantity.startswith("cost")]


def one(made, **limits: object) -> Requirement:
    (requirement,) = judge(made, **limits)
    return requirement


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_the_interval_is_that_of_the_draws_at_the_level_of_the_policy(level):
    made = operations()
    drawn = np.sort(made.option("escalated").draws["p95_s"])
    low, high = (drawn[round(share * (len(drawn) - 1))] for share in (1 - level, level))
    found = one(made, level=level, p95_s={"max": 9.0}).estimate
    assert (found.low, found.high) == pytest.approx((low, high), rel=2e-3)
    assert (found.value, found.level, found.n) == (3.6, pytest.approx(2 * level - 1), 800)


def test_a_ratio_is_taken_resample_by_resample():
    made = operations()
    top, bottom = (np.array(made.option(side).draws["p95_s"]) for side in ("escalated", "teacher"))
    requirement = one(made, p95_s={"max_ratio": 1.0})
    found = requirement.estimate
    assert (requirement.quantity, requirement.outcome) == ("cost ratio", "fail")
    assert found.value == pytest.approx(1.8)
    assert found.low == pytest.approx(np.quantile(top / bottom, 0.05), rel=2e-3)
    # What the two share cancels, so it is narrower than the figure itself.
    itself = one(made, p95_s={"max": 9.0}).estimate
    assert (found.high - found.low) / found.value < (itself.high - itself.low) / itself.value


def test_the_option_decides_which_figure_is_judged():
    alone, escalated = (
        one(operations(), option=option, p95_s={"max_ratio": 1.0})
        for option in ("student", "escalated")
    )
    assert (alone.outcome, escalated.outcome) == ("pass", "fail")
    assert "p95 of the student, pipeline rag" in alone.detail
    assert "p95 of the student with escalation, pipeline rag" in escalated.detail


def test_what_would_settle_it_makes_it_settled():
    requirement = one(operations(spread=0.06), p95_s={"max": 3.8})
    assert requirement.outcome == "inconclusive"
    narrower = (800 / requirement.queries_needed) ** 0.5
    assert one(operations(spread=0.06 * narrower), p95_s={"max": 3.8}).outcome == "pass"


NOTHING = {
    "no pipeline": (
        None,
        {"p95_s": {"max": 9.0}},
        "not computed; name a pipeline with --pipeline FILE",
    ),
    "saturated": (
        operations({("escalated", "p95_s"): SATURATED}),
        {"p95_s": {"max": 9.0}},
        "no interval: saturated: generation gets 12.0 requests/s",
    ),
    "saturated, as a ratio": (
        operations({("escalated", "p95_s"): SATURATED}),
        {"p95_s": {"max_ratio": 9.0}},
        "no interval: saturated: generation",
    ),
    "the teacher saturated": (
        operations({("teacher", "p95_s"): SATURATED}),
        {"p95_s": {"max_ratio": 9.0}},
        "no interval: of the teacher: saturated: generation",
    ),
    "no prices": (
        operations({("escalated", "usd_per_query"): NO_PRICES}),
        {"usd_per_query": {"max": 1.0}},
        "the pipeline names no prices",
    ),
    "nothing to compare with": (
        operations(),
        {"escalated": {"max_ratio": 2.0}},
        "no interval: the figure that it is compared with is 0",
    ),
    "never seen": (
        operations({("escalated", "uncaught"): 0.0}),
        {"uncaught": {"max": 0.05}},
        "no interval: 0 % as measured, and no resample differs",
    ),
    "an option that was not run": (
        replace(operations(), options=operations().options[:2]),
        {"p95_s": {"max": 9.0}},
        "the pipeline was not run for the option escalated",
    ),
    "few resamples": (
        operations(resamples=50),
        {"p95_s": {"max": 9.0}, "level": 0.99},
        "50 resamples are too few for a test at 0.99",
    ),
}


@pytest.mark.parametrize(("made", "limits", "words"), NOTHING.values(), ids=NOTHING.keys())
def test_without_a_figure_nothing_passes(made, limits, words):
    requirement = one(made, **limits)
    assert requirement.outcome == "inconclusive"
    assert words in requirement.detail
    assert isinstance(requirement.estimate, TooFew)
    assert (f"pipeline rag (digest {DIGEST[:12]})" in requirement.detail) == (made is not None)


def test_a_saturated_teacher_hides_no_figure_of_the_student():
    made = operations({("teacher", "p95_s"): SATURATED})
    assert one(made, p95_s={"max": 9.0}).outcome == "pass"


def test_resamples_without_a_value_count_as_beyond_any_limit():
    made = operations()
    teacher, student, escalated = made.options
    drawn = escalated.draws["p95_s"]
    for n, outcome in ((20, "pass"), (100, "inconclusive")):
        holed = replace(escalated, draws={"p95_s": (*drawn[n:], *(n * (None,)))})
        found = one(replace(made, options=(teacher, student, holed)), p95_s={"max": 9.0})
        assert found.outcome == outcome


def test_a_run_that_stopped_early_has_no_verdict_about_cost():
    nothing = TooFew(reason="nothing was saved", n=0)
    stopping = Stopping(
        block=32, n_available=9, n_asked=9, asked_tokens=0, saved_tokens=nothing, strata=()
    )
    report = make_report(operations=operations(), stopping=stopping)
    held = Policy(name="p", defaults=GAP, cost={"p95_s": {"max": 9.0}})
    requirement = tailqa.gate(report, held).requirements[-1]
    assert requirement.outcome == "inconclusive"
    assert "this run stopped early" in requirement.detail


def test_the_record_names_the_pipeline(tmp_path: Path):
    report = make_report(operations=operations())
    file = save_report(report, tmp_path)
    assert tailqa.load_report(file) == report
    held = Policy(name="p", defaults=GAP, cost={"p95_s": {"max_ratio": 1.0}})
    record = gate_run(file, held, date="2026-11-24").record
    assert (record.pipeline, record.pipeline_digest) == ("rag", DIGEST)
    assert record.rules["cost"]["p95_s"] == {"max_ratio": 1.0}
    json.dumps(record.rules)
    # A policy that does not ask has not judged it.
    assert gate_run(file, date="2026-11-24").record.pipeline is None


def test_cost_decides_where_it_is_critical():
    pairs = [item for item in make_report().strata if item.name == "head/plain"]
    made = make_report([replace(pairs[0], tier="critical", weight=1.0)], operations=operations())
    wide = {"gap": {"margin": 0.3}}
    outcomes = {
        tier: tailqa.gate(
            made, Policy(name="p", defaults=wide, cost={"tier": tier, "p95_s": {"max": 1.0}})
        ).outcome
        for tier in ("critical", "supporting")
    }
    assert outcomes == {"critical": "fail", "supporting": "pass"}
    assert isinstance(made.operations.option("student").figures["p95_s"], Estimate)

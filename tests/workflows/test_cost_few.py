"""Costs of few queries, and of queries that all came out the same: no interval of width zero."""

import numpy as np
import pytest

from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.operations import ALL_TRAFFIC
from tailqa.workflows.cost import run_operations
from tailqa.workflows.replay_lift import lift_of
from tests.workflows.costed_runs import answers, line, made, once

SIDES = ("teacher", "student")
RETRIED = {"max_attempts": 2, "verifier": {"sensitivity": 0.9, "false_accepts": 0.1}}


def costed(counts, *, tokens=(6, 9), clusters=None, **changes):
    """Both models with the same (right, wrong) queries per stratum."""
    rows = [
        answer
        for side in SIDES
        for name, (right, wrong) in counts.items()
        for answer in answers(name, side, once(right, wrong), tokens, clusters=clusters)
    ]
    run = made(rows, weights=dict.fromkeys(counts, 0.5), clusters=tuple(set(clusters or ())))
    return run_operations(run, line(**changes), resamples=40)


def figures(found, scope=ALL_TRAFFIC, option="student"):
    return found.option(option, scope).figures


def test_of_two_queries_per_stratum_nothing_is_told_but_what_the_pipeline_says():
    found = costed({"head": (2, 0), "tail": (1, 1)}, policy=RETRIED)
    for scope, n in (("head", 2), ("tail", 2), (ALL_TRAFFIC, 4)):
        told = {name: m for name, m in figures(found, scope).items() if isinstance(m, Estimate)}
        assert list(told) == ["escalated"]
        assert (told["escalated"].value, told["escalated"].method) == (0.0, "by construction")
        why = figures(found, scope)["resolved"]
        assert why == TooFew(reason=f"{n} queries, 10 needed", n=n)
    assert {m.reason for m in (r.ratio for r in found.ratios) if isinstance(m, TooFew)} >= {
        "4 queries, 10 needed"
    }
    assert all(trap.occurs == "unclear" for trap in found.traps)
    assert not any(isinstance(item.value, Estimate) for item in found.break_evens)
    assert not any(isinstance(stage.utilisation, Estimate) for stage in found.stages)


def test_a_stratum_that_was_always_right_says_so():
    found = costed({"head": (40, 0), "tail": (20, 20)}, policy=RETRIED)
    head = figures(found, "head")
    for figure, value in (
        ("attempts", "1.1"),
        ("resolved", "99 %"),
        ("uncaught", "0 %"),
        ("given_up", "1 %"),
    ):
        reason = f"{value} as measured, and no resample differs"
        assert head[figure] == TooFew(reason=reason, n=40), figure
    # Neither is there one of tokens, where all answers were equally long.
    for figure, value in (("prompt_tokens", "4.4"), ("tokens_per_resolved", "11.1")):
        reason = f"{value} as measured, and no resample differs"
        assert head[figure] == TooFew(reason=reason, n=40), figure
    for scope in ("tail", ALL_TRAFFIC):
        for figure in ("attempts", "resolved", "uncaught", "given_up"):
            measured = figures(found, scope)[figure]
            assert measured.low < measured.value < measured.high, (scope, figure)


def test_equal_prompts_are_equal_prompts_where_each_is_asked_once():
    prices = {side: {"usd_per_million_prompt_tokens": 5.0} for side in SIDES}
    free = {"teacher": prices["teacher"]}
    for given, usd in ((prices, 4 * 5e-6), (free, 0.0)):
        found = costed({"head": (40, 0), "tail": (20, 20)}, prices=given)
        head = figures(found, "head")
        for figure, value in (("attempts", 1), ("prompt_tokens", 4), ("usd_per_query", usd)):
            measured = head[figure]
            assert (measured.low, measured.high) == pytest.approx((value, value)), figure
    retried = figures(costed({"head": (40, 0)}, prices=free, policy=RETRIED))
    assert retried["usd_per_query"].high == 0.0
    assert isinstance(retried["prompt_tokens"], TooFew)


def test_two_clusters_are_too_few_however_many_queries_they_hold():
    names = ["a"] * 20 + ["b"] * 20
    found = costed({"head": (30, 10)}, clusters=names)
    assert figures(found)["resolved"] == TooFew(reason="2 clusters, 10 needed", n=40)
    assert figures(found)["attempts"].value == 1.0
    apart = costed({"head": (30, 10)})
    assert isinstance(figures(apart)["resolved"], Estimate)


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ([1], "100 % of 1 as measured and predicted with; 10 needed for an interval"),
        ([0, 0, 0], "0 % of 3 as measured and predicted with; 10 needed for an interval"),
        ([1] * 20, "100 % of 20 as measured and predicted with; no resample differs"),
        ([0] * 20, "0 % of 20 as measured and predicted with; no resample differs"),
    ],
)
def test_a_lift_of_few_or_of_equal_retries_has_no_interval(right, said):
    n = len(right)
    found = lift_of(np.array(right, float), np.zeros(n), np.full(n, 9.0))
    assert found.measured == TooFew(reason=said, n=n)
    assert found.draws[0] == right[0]


def test_a_lift_has_an_interval():
    found = lift_of(np.repeat([1.0, 0.0], [3, 9]), np.zeros(12), np.full(12, 9.0)).measured
    assert found.low < found.value == 0.25 < found.high

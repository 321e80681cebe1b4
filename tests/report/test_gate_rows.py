from typing import get_args

import pytest

from tailqa.core.estimate import TooFew
from tailqa.core.operations import Figure
from tailqa.report import format as shown
from tailqa.report.gate_rows import (
    _COST_UNITS,
    blocking_first,
    facts,
    level_words,
    limit_words,
    tally,
    unit_of,
)
from tests.report.gate_verdicts import interval, rule, verdict


def test_what_blocks_comes_first_and_else_the_order_stays():
    rules = tuple(
        rule(f"{tier} {outcome} {index}", outcome, tier)
        for index in (1, 2)
        for outcome in ("pass", "inconclusive", "fail")
        for tier in ("advisory", "critical", "supporting")
    )
    names = [item.name for item in blocking_first(rules)]
    assert names == [
        f"{tier} {outcome} {index}"
        for tier in ("critical", "supporting", "advisory")
        for outcome in ("fail", "inconclusive", "pass")
        for index in (1, 2)
    ]


@pytest.mark.parametrize(
    ("quantity", "limit", "words"),
    [
        ("gap", -0.05, "−5.0 points"),
        ("score", -0.02, "−2.0 points"),
        ("overall gap", -0.005, "−0.5 points"),
        ("interaction", -0.1, "−10.0 points"),
        ("retention", 0.95, "95.0 %"),
        ("prompts", 0.01, "1.0 %"),
        ("fidelity", 0.05, "0.0500"),
        ("strata", None, "–"),
    ],
)
def test_limits_have_the_unit_of_what_is_measured(quantity, limit, words):
    assert limit_words(rule("a", "pass", quantity=quantity, limit=limit)) == words


@pytest.mark.parametrize(
    ("key", "limit", "words"),
    [
        ("attempts", 1.5, "1.50"),
        ("prompt_tokens", 1500.0, "1,500 tokens"),
        ("completion_tokens", 90.5, "90.5 tokens"),
        ("tokens_per_resolved", 2000.0, "2,000 tokens"),
        ("resolved", 0.8, "80.0 %"),
        ("uncaught", 0.05, "5.0 %"),
        ("given_up", 0.1, "10.0 %"),
        ("escalated", 0.3, "30.0 %"),
        ("mean_s", 0.25, "0.250 s"),
        ("p50_s", 1.0, "1.00 s"),
        ("p95_s", 30.0, "30.0 s"),
        ("p99_s", 120.0, "120 s"),
        ("seconds_per_resolved", 2.0, "2.00 s"),
        ("usd_per_query", 0.000002, "2.0e-6 USD"),
        ("usd_per_resolved", 0.004, "0.00400 USD"),
    ],
)
def test_every_figure_of_a_pipeline_has_its_unit(key, limit, words):
    assert limit_words(rule("a", "pass", quantity="cost", key=key, limit=limit)) == words
    over = rule("a", "pass", quantity="cost ratio", key=key, limit=0.9)
    assert limit_words(over) == "0.90 times"


def test_no_figure_of_a_pipeline_is_left_out():
    assert {key for key in get_args(Figure) if key != "attempts"} == set(_COST_UNITS)


@pytest.mark.parametrize(
    ("key", "low", "limit", "words"),
    [
        ("p95_s", 1.9, 2.0, "[1.90, 2.50]"),
        ("p95_s", 1.9996, 2.0, "[1.9996, 2.5000]"),
        ("prompt_tokens", 1500.2, 1500.0, "[1,500.2, 2.5]"),
        ("usd_per_resolved", 0.0039999, 0.004, "[0.0039999, 2.5000000]"),
    ],
)
def test_nor_one_of_a_cost(key, low, limit, words):
    estimate = interval(2.2, low, 2.5)
    close = rule("a", "pass", quantity="cost", key=key, estimate=estimate, limit=limit)
    assert shown.interval(estimate, unit_of(close)) == words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.0496, 0.01, "[−4.96, +1.00]"),
        (-0.05004, 0.01, "[−5.004, +1.000]"),
        (-0.09, -0.0500001, "[−9.00000, −5.00001]"),
        (-0.05, 0.01, "[−5.0, +1.0]"),  # on the limit: nothing tells them apart
        (-0.03, 0.01, "[−3.0, +1.0]"),
    ],
)
def test_no_end_of_an_interval_is_rounded_onto_the_limit(low, high, words):
    close = rule("a", "pass", estimate=interval(-0.01, low, high), limit=-0.05)
    assert shown.interval(close.estimate, unit_of(close)) == words


def test_the_level_is_named_where_there_is_one():
    nothing = rule("a", "inconclusive", estimate=TooFew(reason="none", n=0))
    assert level_words([nothing, rule("b", "pass")]) == ""
    assert level_words([nothing, rule("b", "pass", estimate=interval(0, 0, 0))]) == "90 %"


def test_the_tally_counts_only_what_decides():
    assert tally(verdict(())) == "no critical requirement"
    rules = (rule("a", "fail"), rule("b", "fail", "supporting"), rule("c", "fail", "advisory"))
    assert tally(verdict(rules)) == "1 critical requirement: 1 fail"


def test_the_facts_of_a_cost():
    ratio = rule(
        "cost: p95_s max_ratio",
        "fail",
        quantity="cost ratio",
        key="p95_s",
        estimate=interval(1.8, 1.6, 2.0, 800),
        limit=1.0,
    )
    assert facts(ratio).splitlines()[3:] == [
        "measured: 1.80 times (90 % interval 1.60 to 2.00, n = 800)",
        "limit: 1.00 times",
    ]

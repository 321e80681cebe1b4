import pytest

from tailqa.core.estimate import TooFew
from tailqa.report import format as shown
from tailqa.report.gate_rows import blocking_first, level_words, limit_words, tally, unit_of
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

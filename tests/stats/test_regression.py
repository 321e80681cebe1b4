"""The weekly detector: a second way, theory, properties, and short simulations."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tailqa.stats import WeekEvidence, alarm_log_threshold, regression_evidence
from tailqa.stats.regression import BETS, BLOCK, FADING, SHARES, log_wealth

SILENT = WeekEvidence(log_evidence=None, since=None)
THRESHOLD = alarm_log_threshold(104, 11)
MARKS = arrays(
    np.int8, st.tuples(st.integers(1, 9), st.integers(1, 7)), elements=st.integers(-1, 1)
)


def direct(right, week, memory, stakes=None, units=None):
    """Λ(τ) by the formula, query by query, for every τ of the memory."""
    n = right.shape[1]
    stakes = [1.0] * n if stakes is None else stakes
    units = list(range(n)) if units is None else units
    largest = max(sum(s for s, u in zip(stakes, units, strict=True) if u == unit) for unit in units)
    found = []
    for tau in range(max(1, week + 1 - memory), week + 1):
        changes = dict.fromkeys(units, 0.0)
        for i in range(n):
            after = [mark for mark in right[tau : week + 1, i].tolist() if mark >= 0]
            before = [
                (FADING ** (tau - then), mark)
                for then, mark in enumerate(right[:tau, i].tolist())
                if mark >= 0
            ]
            if after and before:
                earlier = sum(w * mark for w, mark in before) / sum(w for w, _ in before)
                changes[units[i]] += stakes[i] / largest * (sum(after) / len(after) - earlier)
        wealth = (math.prod(1 - bet * change for change in changes.values()) for bet in BETS)
        found.append(sum(share * one for share, one in zip(SHARES, wealth, strict=True)))
    return found


def answers(rng, weeks, n, *, quiet=None, lost=0.0, build_every=0, error=0.0257, accuracy=0.8):
    """A suite asked every week: lasting states, noise, builds of constant accuracy, a loss."""
    states, rows = rng.random(n) < accuracy, []
    for week in range(weeks):
        if build_every and week and week % build_every == 0:
            turned = rng.random(n) < np.where(states, 0.025 / accuracy, 0.025 / (1 - accuracy))
            states = states ^ turned
        if week == quiet:
            states = states & (rng.random(n) >= lost / accuracy / (1 - 2 * error))
        rows.append(states ^ (rng.random(n) < error))
    return np.array(rows, dtype=np.int8)


def evidence(right, **options):
    return [week.log_evidence for week in regression_evidence(right, **options)]


def test_shares_of_the_money_make_all_of_it():
    assert sum(SHARES) == pytest.approx(1)
    assert all(0 < bet < 1 for bet in BETS)


@pytest.mark.parametrize("seed", range(4))
def test_the_formula_query_by_query(seed):
    rng = np.random.default_rng(seed)
    right = rng.integers(-1, 2, (9, 12), dtype=np.int8)
    right[4, 3:], right[0] = -1, np.abs(right[0])
    stakes, units = rng.random(12), rng.integers(0, 5, 12)
    for options in ({}, {"stakes": stakes.tolist()}, {"units": units.tolist()}):
        named = {"weights" if key == "stakes" else key: value for key, value in options.items()}
        weeks = regression_evidence(right, memory=4, **named)
        assert weeks[0] == SILENT
        for week, found in enumerate(weeks[1:], 1):
            ours = direct(right, week, 4, **options)
            assert found.log_evidence == pytest.approx(math.log(sum(ours)))
            assert found.since == max(1, week - 3) + int(np.argmax(ours))


def test_new_queries_every_week_give_the_recursion_of_an_e_detector():
    rng = np.random.default_rng(8)
    weeks, n = 12, 30
    right = np.full((weeks + 1, weeks * n), -1, dtype=np.int8)
    right[0] = rng.random(weeks * n) < 0.8
    sums, ours = np.zeros(len(BETS)), []
    for week in range(weeks):
        asked = slice(week * n, (week + 1) * n)
        right[week + 1, asked] = rng.random(n) < (0.8 if week < 8 else 0.5)
        change = right[week + 1, asked] - right[0, asked]
        sums = np.prod(1 - np.outer(BETS, change), axis=1) * (sums + 1)
        ours.append(math.log(np.dot(SHARES, sums)))
    assert evidence(right)[1:] == pytest.approx(ours)


def test_a_product_of_many_extreme_factors_is_not_lost():
    changes = np.ones((2, 3 * BLOCK + 5))
    changes[1] = -1
    expected = [np.log1p(-np.array(BETS)), np.log1p(np.array(BETS))]
    assert log_wealth(changes) == pytest.approx(np.array(expected) * (3 * BLOCK + 5))


@pytest.mark.parametrize("build_every", [0, 2])
def test_nothing_is_won_on_average_however_often_the_queries_are_asked(build_every):
    rng = np.random.default_rng(5)
    weeks, memory = 7, 4
    money = np.array(
        [
            [math.exp(found) for found in evidence(right, memory=memory)[1:]]
            for right in (answers(rng, weeks, 25, build_every=build_every) for _ in range(600))
        ]
    )
    allowed = np.minimum(np.arange(1, weeks), memory)
    error = money.std(axis=0) / math.sqrt(len(money))
    assert (money.mean(axis=0) <= allowed + 3 * error).all()
    assert (money.mean(axis=0) >= allowed - 5 * error - 0.02).all()


@settings(max_examples=60)
@given(MARKS, st.randoms(use_true_random=False))
def test_the_order_of_queries_does_not_matter(right, random):
    order = random.sample(range(right.shape[1]), right.shape[1])
    ours, other = evidence(right), evidence(right[:, order])
    assert [found is None for found in ours] == [found is None for found in other]
    assert [x for x in ours if x is not None] == pytest.approx([x for x in other if x is not None])


@settings(max_examples=60)
@given(MARKS, st.integers(0, 8), st.integers(-1, 1))
def test_a_query_known_in_one_week_only_says_nothing(right, week, mark):
    known = np.flatnonzero((right >= 0).any(axis=1))
    column = np.full((len(right), 1), -1, dtype=np.int8)
    if len(known):
        column[known[week % len(known)]] = mark
    ours, other = evidence(right), evidence(np.hstack([right, column]))
    assert [found is None for found in ours] == [found is None for found in other]
    assert [x for x in ours if x is not None] == pytest.approx([x for x in other if x is not None])


@settings(max_examples=60)
@given(MARKS)
def test_a_student_that_only_gains_raises_no_alarm(right):
    never_falls = np.maximum.accumulate(np.abs(right), axis=0)
    for week, found in enumerate(evidence(never_falls)[1:], 1):
        assert found <= math.log(week) + 1e-9


def test_the_mirror_image_of_an_alarm_is_none():
    right = answers(np.random.default_rng(3), 20, 300, quiet=16, lost=0.1)
    assert evidence(right)[-1] > THRESHOLD
    assert max(evidence(1 - right)[1:]) < THRESHOLD


def test_queries_of_a_cluster_count_as_one():
    right = answers(np.random.default_rng(4), 10, 40, quiet=7, lost=0.3)
    copied, units = np.repeat(right, 3, axis=1), np.repeat(np.arange(40), 3)
    once = evidence(right)[1:]
    assert evidence(copied, units=units)[1:] == pytest.approx(once)
    assert evidence(copied)[-1] > once[-1] + 1


def test_weights_say_what_a_query_counts():
    rng = np.random.default_rng(6)
    bad, good = answers(rng, 14, 200, quiet=12, lost=0.3), answers(rng, 14, 200)
    both = np.hstack([bad, good])
    alone = evidence(both, weights=[1.0] * 200 + [0.0] * 200)[1:]
    assert alone == pytest.approx(evidence(bad)[1:])
    weights = np.repeat([0.001, 0.004], 200)
    assert evidence(both, weights=weights)[1:] == pytest.approx(
        evidence(both, weights=weights * 7)[1:]
    )
    assert alone[-1] > evidence(both)[-1] > evidence(both, weights=weights)[-1]


def test_weeks_without_answers_are_passed_over():
    right = answers(np.random.default_rng(9), 12, 200, quiet=9, lost=0.2)
    gaps = np.insert(right, [0, 3, 9], -1, axis=0)
    weeks, whole = regression_evidence(gaps), regression_evidence(right)
    kept = [week for week in range(15) if week not in (0, 4, 11)]
    assert [weeks[week] for week in (0, 1, 4, 11)] == [SILENT] * 4
    assert [weeks[week].log_evidence for week in kept] == [week.log_evidence for week in whole]
    assert weeks[-1].since == kept[whole[-1].since] == 12


def test_a_change_is_forgotten_after_the_memory():
    right = np.ones((30, 200), dtype=np.int8)
    right[10:, :40] = 0
    weeks = regression_evidence(right, memory=6)
    assert [weeks[week].since for week in (10, 15)] == [10, 10]
    assert weeks[15].log_evidence > THRESHOLD + 15
    assert weeks[29].log_evidence < THRESHOLD


def test_what_says_nothing_is_none():
    assert regression_evidence(np.zeros((0, 4), dtype=np.int8)) == ()
    assert regression_evidence(np.zeros((3, 0), dtype=np.int8), units=[]) == (SILENT,) * 3
    assert regression_evidence(np.full((2, 3), -1, dtype=np.int8)) == (SILENT,) * 2
    assert regression_evidence(np.array([[1, -1], [-1, 0]], dtype=np.int8)) == (SILENT,) * 2


@pytest.mark.parametrize(
    ("right", "options", "message"),
    [
        ([1, 0], {}, r"shape \(weeks, queries\), got \(2,\)"),
        ([[1, 2]], {}, r"1 \(right\), 0 \(wrong\) and -1"),
        ([[1, 0]], {"weights": [1.0]}, "for each of 2 queries"),
        ([[1, 0]], {"weights": [1.0, math.nan]}, "finite number of at least 0"),
        ([[1, 0]], {"weights": [1.0, -1.0]}, "finite number of at least 0"),
        ([[1, 0]], {"weights": [0.0, 0.0]}, "not all be 0"),
        ([[1, 0]], {"units": [1.5, 2.0]}, "whole number for each"),
        ([[1, 0]], {"units": [1]}, "whole number for each"),
        ([[1, 0]], {"memory": 0}, "memory must be at least 1"),
    ],
)
def test_bad_arguments(right, options, message):
    with pytest.raises(ValueError, match=message):
        regression_evidence(np.array(right), **options)


@pytest.mark.parametrize(
    ("weeks", "n_scopes"), [(0.5, 3), (math.inf, 3), (math.nan, 3), (104, 0), (104, 1.5)]
)
def test_bad_thresholds(weeks, n_scopes):
    with pytest.raises(ValueError, match="must be"):
        alarm_log_threshold(weeks, n_scopes)


@pytest.mark.parametrize("build_every", [0, 1])
def test_no_change_of_accuracy_hardly_ever_alarms(build_every):
    rng = np.random.default_rng(11)
    quiet = [
        max(evidence(answers(rng, 79, 300, build_every=build_every))[1:]) < THRESHOLD
        for _ in range(25)
    ]
    assert sum(quiet) >= 23


@pytest.mark.parametrize(("lost", "weeks"), [(0.05, 3), (0.10, 2)])
def test_a_loss_is_found_in_time_and_dated(lost, weeks):
    rng = np.random.default_rng(12)
    delays, dated = [], []
    for _ in range(60):
        found = regression_evidence(answers(rng, 20, 300, quiet=14, lost=lost))[14:]
        alarms = [k for k, week in enumerate(found) if week.log_evidence >= THRESHOLD]
        delays.append(alarms[0] + 1 if alarms else math.inf)
        dated += [abs(found[alarms[0]].since - 14) <= 1] if alarms else []
    assert np.median(delays) <= weeks
    assert np.mean(dated) >= 0.8

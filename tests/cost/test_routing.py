"""Routing: curves and rules against closed forms, loops by hand and a seeded simulation."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tailqa.core.estimate import Estimate, TooFew
from tailqa.cost.population import unit_weights
from tailqa.cost.route_choice import (
    EVERY,
    Goal,
    choose_rule,
    cross_fitted_calls,
    route_columns,
)
from tailqa.cost.routing import (
    N_SHARES,
    RoutedQueries,
    confidence_curve,
    curve_of,
    least_share,
    mean_recovered,
    recovered,
    stratum_curve,
    traffic_weights,
)

ITEMS = Path(__file__).parents[3] / "shared" / "data" / "routellm_mmlu_items.csv"
SHARES = np.linspace(0, 1, N_SHARES)


def simulated(n, *, seed=0, n_strata=4, tied=False, informative=True):
    """Strata of rising difficulty; the more confident the student, the more it is right."""
    rng = np.random.default_rng(seed)
    stratum = np.arange(n) % n_strata
    chance = rng.beta(4, 1 + 2 * stratum)
    confidence = chance if informative else rng.random(n)
    return RoutedQueries(
        weights=np.full(n_strata, 1 / n_strata),
        stratum=stratum,
        unit=np.arange(n),
        first_half=np.arange(n) // n_strata % 2 == 0,
        teacher=(rng.random(n) < 0.9).astype(float),
        student=(rng.random(n) < chance).astype(float),
        confidence=np.full(n, 0.5) if tied else confidence,
    )


def plain(queries):
    return traffic_weights(queries, np.ones((1, queries.n)), np.ones(queries.n))


def test_a_router_that_knows_nothing_has_an_apgr_of_a_half():
    """In closed form, and in expectation where its confidences are noise."""
    same = simulated(400, tied=True)
    [apgr] = mean_recovered(recovered(confidence_curve(same, plain(same))))
    assert apgr == pytest.approx(0.5, abs=1e-12)
    noise = [simulated(400, seed=seed, informative=False) for seed in range(300)]
    found = [mean_recovered(recovered(confidence_curve(q, plain(q))))[0] for q in noise]
    assert np.mean(found) == pytest.approx(0.5, abs=4 * np.std(found) / 300**0.5)


def test_a_router_that_knows_everything_follows_the_closed_form():
    """Rising to all that can be gained, then flat, then falling where only the student is right."""
    teacher = np.repeat([1.0, 1.0, 0.0, 0.0], [30, 50, 10, 10])
    student = np.repeat([0.0, 1.0, 0.0, 1.0], [30, 50, 10, 10])
    oracle = RoutedQueries(
        weights=np.ones(1),
        stratum=np.zeros(100, dtype=int),
        unit=np.arange(100),
        first_half=np.arange(100) % 2 == 0,
        teacher=teacher,
        student=student,
        confidence=(student - teacher + 1) / 2,
    )
    [curve] = confidence_curve(oracle, plain(oracle))
    expected = np.interp(SHARES, [0, 0.3, 0.9, 1], [0.6, 0.9, 0.9, 0.8])
    np.testing.assert_allclose(curve, expected, atol=1e-12)
    [share] = least_share(recovered(curve[None]), 1.0)
    assert share == pytest.approx(0.2)


def test_the_confidence_curve_is_a_count_by_hand():
    queries = simulated(203, seed=3)
    [weights] = plain(queries)
    order = np.argsort(queries.confidence)
    [curve] = confidence_curve(queries, weights[None])
    for place in (0, 37, 100, 161, 200):
        share, left = SHARES[place], SHARES[place]
        quality = 0.0
        for query in order:
            routed = min(left, weights[query]) / weights[query]
            left -= routed * weights[query]
            quality += weights[query] * (
                routed * queries.teacher[query] + (1 - routed) * queries.student[query]
            )
        assert left == pytest.approx(0, abs=1e-9), share
        assert curve[place] == pytest.approx(quality, abs=1e-9)


def test_strata_are_ordered_on_one_half_and_judged_on_the_other():
    """With an order that is noise, the curve is on average the random line: no optimism."""
    rng = np.random.default_rng(5)
    stratum = np.repeat(np.arange(20), 20)
    found, flattering = [], []
    for _ in range(200):
        queries = RoutedQueries(
            weights=np.full(20, 0.05),
            stratum=stratum,
            unit=np.arange(400),
            first_half=np.arange(400) % 2 == 0,
            teacher=(rng.random(400) < 0.8).astype(float),
            student=(rng.random(400) < 0.6).astype(float),
        )
        curve = stratum_curve(queries, plain(queries), np.ones(20))
        found.append(mean_recovered(recovered(curve))[0])
        gain = np.bincount(stratum, queries.teacher - queries.student)
        own = np.append(0, np.cumsum(np.sort(gain)[::-1])) / gain.sum()
        flattering.append(np.trapezoid(own, dx=1 / 20))
    assert np.mean(found) == pytest.approx(0.5, abs=4 * np.std(found) / 200**0.5)
    assert np.mean(flattering) > 0.7


def test_the_chosen_rule_is_not_flattered():
    """Cross-fitted quality against that of the same rules on a million fresh queries."""
    fresh = simulated(200_000, seed=99)
    goal = Goal(aim="target quality", limit=0.93, cost=np.ones(4))
    told, true = [], []
    for seed in range(150):
        queries = simulated(160, seed=seed)
        calls = cross_fitted_calls("confidence", queries, goal)
        columns = route_columns(queries, np.ones((1, 160)), calls, {}, cascade=True)
        told.append(columns["quality"][0])
        halves = (queries.first_half, ~queries.first_half)
        rules = [choose_rule("confidence", queries, half, goal) for half in halves]
        taken = [np.where(r.calls(fresh), fresh.teacher, fresh.student).mean() for r in rules]
        true.append(np.mean(taken))
    error = np.array(told) - np.array(true)
    assert error.mean() == pytest.approx(0, abs=4 * error.std() / 150**0.5)


@pytest.mark.parametrize("by", ["stratum", "confidence"])
def test_a_rule_meets_its_aim_with_the_fewest_calls(by):
    queries = simulated(800, seed=1)
    everything = np.ones(800, dtype=bool)
    [weights] = plain(queries)
    for limit in (0.5, 0.9, 0.97, 1.0):
        goal = Goal(aim="target quality", limit=limit, cost=np.ones(4))
        rule = choose_rule(by, queries, everything, goal)
        calls = rule.calls(queries)
        quality = weights @ np.where(calls, queries.teacher, queries.student)
        assert rule.reached
        assert quality >= limit * (weights @ queries.teacher) - 1e-9
        if by == "confidence" and calls.any():
            fewer = calls & (queries.confidence < queries.confidence[calls].max())
            less = weights @ np.where(fewer, queries.teacher, queries.student)
            assert less < limit * (weights @ queries.teacher)
    goal = Goal(aim="max teacher share", limit=0.3, cost=np.ones(4))
    rule = choose_rule(by, queries, everything, goal)
    assert 0 < weights @ rule.calls(queries) <= 0.3 + 1e-9


def test_a_threshold_tells_neighbours_apart():
    queries = simulated(80, seed=2)
    goal = Goal(aim="max teacher share", limit=1.0, cost=np.ones(4))
    known = np.unique(queries.confidence)
    rule = choose_rule("confidence", queries, np.ones(80, dtype=bool), goal)
    assert rule.threshold not in known
    all_right = RoutedQueries(
        **{name: getattr(queries, name) for name in ("weights", "stratum", "unit", "first_half")},
        teacher=np.ones(80),
        student=np.zeros(80),
        confidence=queries.confidence,
    )
    rule = choose_rule("confidence", all_right, np.ones(80, dtype=bool), goal)
    assert rule.threshold == EVERY


def test_a_dear_stratum_goes_later():
    queries = simulated(4000)
    everything = np.ones(4000, dtype=bool)
    goal = Goal(aim="max teacher share", limit=0.25, cost=np.ones(4))
    assert choose_rule("stratum", queries, everything, goal).strata.tolist() == [0, 0, 0, 1]
    goal = Goal(aim="max teacher share", limit=0.25, cost=np.array([1, 1, 1, 9.0]))
    assert choose_rule("stratum", queries, everything, goal).strata.tolist() == [0, 0, 1, 0]


def test_what_is_spent_by_stratum_and_in_a_cascade():
    queries = simulated(8)
    calls = np.array([True, False] * 4)
    student, teacher = np.full(8, 10.0), np.full(8, 30.0)
    student[0] = teacher[0] = np.nan
    spent = {"tokens": (student, teacher)}
    once = np.ones((1, 8))
    assert route_columns(queries, once, calls, spent, cascade=False)["tokens"][0] == 20
    assert route_columns(queries, once, calls, spent, cascade=True)["tokens"][0] == 25
    assert route_columns(queries, once, calls, spent, cascade=True)["teacher_share"][0] == 0.5


def test_intervals_cover_the_truth():
    """Quality and APGR of a router by confidence, at 95 %, over 200 simulated runs."""
    big = simulated(400_000, seed=1234)
    [truth] = mean_recovered(recovered(confidence_curve(big, plain(big))))
    covered = 0
    for seed in range(200):
        queries = simulated(240, seed=seed)
        times = unit_weights(queries.stratum, queries.unit, 200, np.random.default_rng(seed))
        weights = traffic_weights(queries, times, np.ones(240))
        found = curve_of("confidence", confidence_curve(queries, weights), level=0.95, n=240).apgr
        assert isinstance(found, Estimate)
        covered += found.low <= truth <= found.high
    assert covered / 200 >= 0.9


def test_a_gap_that_may_be_none_has_no_recovered_share():
    queries = simulated(60)
    queries = RoutedQueries(
        weights=queries.weights,
        stratum=queries.stratum,
        unit=queries.unit,
        first_half=queries.first_half,
        teacher=queries.student,
        student=np.roll(queries.student, 4),
        confidence=queries.confidence,
    )
    times = unit_weights(queries.stratum, queries.unit, 200, np.random.default_rng(0))
    curve = curve_of(
        "confidence",
        confidence_curve(queries, traffic_weights(queries, times, np.ones(60))),
        level=0.95,
        n=60,
    )
    assert isinstance(curve.apgr, TooFew)
    assert isinstance(curve.points[10].quality, Estimate)


@pytest.mark.skipif(not ITEMS.exists(), reason="needs the recorded outcomes of RouteLLM's MMLU")
def test_mmlu_by_subject_is_what_a_plain_loop_gives():
    """GPT-4 against Mixtral over 57 subjects: PGR, APGR and CPT computed again from counts."""
    with ITEMS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    subjects = sorted({row["subject"] for row in rows})
    half = np.random.default_rng(0).random(len(rows)) < 0.5
    stratum = np.array([subjects.index(row["subject"]) for row in rows])
    counts = np.bincount(stratum)
    queries = RoutedQueries(
        weights=counts / len(rows),
        stratum=stratum,
        unit=np.arange(len(rows)),
        first_half=half,
        teacher=np.array([float(row["teacher_correct"]) for row in rows]),
        student=np.array([float(row["student_correct"]) for row in rows]),
    )
    curve = stratum_curve(queries, plain(queries), np.ones(57))
    pgr = recovered(curve)

    # A loop over subjects, with counts: what is gained by each half in the other's order.
    gains = {True: dict.fromkeys(subjects, 0), False: dict.fromkeys(subjects, 0)}
    sizes = {True: dict.fromkeys(subjects, 0), False: dict.fromkeys(subjects, 0)}
    for row, first in zip(rows, half.tolist(), strict=True):
        gains[first][row["subject"]] += int(row["teacher_correct"]) - int(row["student_correct"])
        sizes[first][row["subject"]] += 1
    gap = sum(sum(of_half.values()) for of_half in gains.values())
    steps: list[tuple[np.ndarray, np.ndarray]] = []
    for judged in (True, False):
        rates = {s: gains[not judged][s] / sizes[not judged][s] for s in subjects}
        order = sorted(subjects, key=lambda s: -rates[s])
        share = np.cumsum([0.0] + [counts[subjects.index(s)] / len(rows) for s in order])
        steps.append((share, np.cumsum([0.0] + [gains[judged][s] / gap for s in order])))
    by_hand = sum(np.interp(SHARES, share, gained) for share, gained in steps)
    np.testing.assert_allclose(pgr[0], by_hand, atol=1e-9)
    exact = sum(np.trapezoid(gained, share) for share, gained in steps)
    [apgr] = mean_recovered(pgr)
    assert apgr == pytest.approx(exact, abs=1e-4)
    assert 0.6 < apgr < 0.75
    first = SHARES[np.argmax(by_hand >= 0.5)]
    assert least_share(pgr, 0.5)[0] == pytest.approx(first, abs=1 / (N_SHARES - 1))

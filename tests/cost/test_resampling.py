import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from tailqa.core.estimate import Estimate, TooFew
from tailqa.cost.resampling import per_correct, seconds_per_correct


def rng(seed=0):
    return np.random.default_rng(seed)


def test_wrong_answers_are_paid_for():
    cost = per_correct([10, 10, 10, 10, 10, 50], [True] * 5 + [False], rng=rng())
    assert cost.value == 20
    assert (cost.method, cost.n, cost.level) == ("bootstrap-percentile", 6, 0.95)


def test_against_scipy():
    source = rng(1)
    tokens, correct = source.gamma(4, 10, 300), source.random(300) < 0.6
    other = bootstrap(
        (tokens, correct),
        lambda t, c, axis: t.mean(axis=axis) / c.mean(axis=axis),
        paired=True,
        method="percentile",
        n_resamples=20_000,
        rng=rng(2),
    ).confidence_interval
    ours = per_correct(tokens, correct, rng=rng(3), resamples=20_000)
    assert (ours.low, ours.high) == pytest.approx((other.low, other.high), rel=0.005)


def test_the_seed_decides_and_nothing_else():
    tokens, correct = list(range(1, 41)), [True, False] * 20
    first = per_correct(tokens, correct, rng=rng(5))
    assert first == per_correct(tokens, correct, rng=rng(5))
    assert first != per_correct(tokens, correct, rng=rng(6))


def draw(source, n):
    """Queries whose wrong answers run longer, as they do."""
    correct = source.random(n) < 0.7
    return source.gamma(6, 5, n) * np.where(correct, 1.0, 2.5), correct


TRUTH = 30 * (0.7 + 0.3 * 2.5) / 0.7


def share_held(estimates):
    return np.mean([estimate.low <= TRUTH <= estimate.high for estimate in estimates])


def test_coverage_of_tokens_per_correct():
    source = rng(7)
    estimates = [per_correct(*draw(source, 150), rng=source, resamples=600) for _ in range(800)]
    assert 0.925 < share_held(estimates) < 0.97


def test_coverage_of_seconds_per_correct_with_known_queries():
    source, joint, apart = rng(8), [], []
    for _ in range(800):
        seconds, correct = draw(source, 200)
        timed = source.choice(200, 80, replace=False)
        times = seconds[timed]
        joint.append(seconds_per_correct(times, correct, timed=timed, rng=source, resamples=600))
        apart.append(seconds_per_correct(times, correct, rng=source, resamples=600))
    assert 0.925 < share_held(joint) < 0.97
    # Said in the docstring: independent samples miss that wrong answers also run longer.
    assert share_held(apart) < share_held(joint)


def test_seconds_of_every_query_are_per_correct():
    seconds, correct = draw(rng(9), 60)
    joint = seconds_per_correct(seconds, correct, timed=range(60), rng=rng(1))
    other = per_correct(seconds, correct, rng=rng(1))
    assert joint.value == pytest.approx(other.value)
    assert (joint.low, joint.high) == pytest.approx((other.low, other.high), rel=1e-9)


def test_a_query_timed_twice_stays_one_query():
    seconds, correct = [1.0, 1.2, 2.0, 2.2, 3.0, 3.1], [True] * 5 + [False] * 5
    cost = seconds_per_correct(seconds, correct, timed=[0, 0, 1, 1, 7, 7], rng=rng())
    assert cost.value == pytest.approx(np.mean(seconds) / 0.5)
    assert cost.low < cost.value < cost.high


@pytest.mark.parametrize("right", [0, 4])
def test_few_correct_answers_are_too_few(right):
    correct = [True] * right + [False] * (100 - right)
    expected = TooFew(reason=f"5 correct answers needed, {right} found", n=100)
    assert per_correct([1] * 100, correct, rng=rng()) == expected
    assert seconds_per_correct([1.0] * 9, correct, rng=rng()) == expected


def test_few_times_are_too_few():
    cost = seconds_per_correct([1.0] * 4, [True] * 50, rng=rng())
    assert cost == TooFew(reason="4 timed answers, 5 needed", n=4)


def test_an_infinite_upper_limit_is_too_few():
    correct = [True] * 5 + [False] * 995
    cost = per_correct([1] * 1000, correct, rng=rng(), level=0.995)
    assert cost == TooFew(
        reason="too few correct answers for an upper limit at level 0.995", n=1000
    )


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 4000), st.booleans()), max_size=60),
    st.floats(0.05, 0.999),
    st.integers(0, 99),
)
def test_never_infinite_and_never_outside(rows, level, seed):
    tokens, correct = [row[0] for row in rows], [row[1] for row in rows]
    cost = per_correct(tokens, correct, level=level, rng=rng(seed), resamples=100)
    if isinstance(cost, Estimate):
        assert 0 <= cost.low <= cost.value <= cost.high < math.inf
    else:
        assert sum(correct) < 5 or "upper limit" in cost.reason


def test_many_queries_are_resampled_in_bounded_memory():
    n = 20_000
    cost = per_correct(np.full(n, 7), np.ones(n, dtype=bool), rng=rng(), resamples=300)
    assert (cost.low, cost.value, cost.high) == (7, 7, 7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: per_correct([1, 2], [True], rng=rng()), "tokens and correct must be equally long"),
        (lambda: per_correct([-1], [True], rng=rng()), "tokens must be a list of finite numbers"),
        (lambda: per_correct([math.nan], [True], rng=rng()), "tokens must be a list of finite"),
        (lambda: per_correct([1], [2], rng=rng()), "correct must be a list of true and false"),
        (lambda: per_correct([1], [True], rng=rng(), level=95), "level must lie strictly"),
        (lambda: per_correct([1], [True], rng=rng(), resamples=9), "resamples must be at least"),
        (
            lambda: seconds_per_correct([1.0] * 5, [True] * 9, timed=[0, 1, 2, 3, 9], rng=rng()),
            r"timed must hold one index into correct \(0 to 8\) per time, got 5 for 5 times",
        ),
        (
            lambda: seconds_per_correct([1.0] * 5, [True] * 9, timed=[0, 1], rng=rng()),
            "timed must hold one index",
        ),
        (
            lambda: seconds_per_correct([math.inf], [True], rng=rng()),
            "answer_s must be a list of finite numbers",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()

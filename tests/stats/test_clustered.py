"""Clustered values: hand calculation, second implementations, limits and seeded coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.regression.linear_model import WLS

from tailqa.core.estimate import Estimate, TooFew
from tailqa.stats import (
    clustered_geometric_mean,
    clustered_mean,
    clustered_quantiles,
    clustered_share,
    mean_estimate,
    pooled_accuracy,
)


def answers(rng, n):
    """Positions of `n` answers: long tail, answers of unequal length and level."""
    lengths, levels = rng.geometric(1 / 20, n), rng.normal(0, 0.7, n)
    return [
        np.exp(level + rng.normal(0, 1.0, length) - 4)
        for level, length in zip(levels, lengths, strict=True)
    ]


def clustered_quantile(strata, q, weights=(1.0,)):
    [found] = clustered_quantiles(strata, [q], weights)
    return found


def clusters(rows):
    return [float(row.sum()) for row in rows], [len(row) for row in rows]


def below(rows, limit):
    return clusters([(row < limit).astype(float) for row in rows])


ROWS = answers(np.random.default_rng(3), 60)


def test_the_mean_has_the_clustered_error_of_a_regression():
    values, groups = np.concatenate(ROWS), np.repeat(range(60), [len(row) for row in ROWS])
    fit = WLS(values, np.ones(len(values))).fit(
        cov_type="cluster",
        cov_kwds={"groups": groups, "use_correction": False},
        use_t=True,
    )
    found = clustered_mean([clusters(ROWS)])
    # statsmodels leaves the factor G/(G − 1) to a correction that also counts observations.
    half = scipy_stats.t.ppf(0.975, 59) * fit.bse[0] * math.sqrt(60 / 59)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half))
    assert found.n == len(values)


def test_clusters_of_one_value_are_an_ordinary_mean():
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    found, plain = clustered_mean([(values, [1] * 5)]), mean_estimate(values)
    assert (found.value, found.low, found.high) == pytest.approx(
        (plain.value, plain.low, plain.high)
    )


def test_strata_are_weighted_and_their_variances_add_up():
    parts = [clusters(ROWS[:20]), clusters(ROWS[20:])]
    alone = [clustered_mean([part]) for part in parts]
    whole = clustered_mean(parts, [0.9, 0.1])
    errors = [
        (part.high - part.value) / scipy_stats.t.ppf(0.975, df)
        for part, df in zip(alone, (19, 39), strict=True)
    ]
    half = scipy_stats.t.ppf(0.975, 58) * math.hypot(0.9 * errors[0], 0.1 * errors[1])
    assert whole.value == pytest.approx(0.9 * alone[0].value + 0.1 * alone[1].value)
    assert whole.high - whole.value == pytest.approx(half)


def test_a_skewed_mean_stays_positive():
    rows = ([5.0, 0.001, 0.001], [1, 1, 1])
    assert clustered_mean([rows]).low < 0
    skewed = clustered_mean([rows], skewed=True)
    assert 0 < skewed.low < skewed.value < skewed.high
    assert skewed.low * skewed.high == pytest.approx(skewed.value**2)
    assert clustered_mean([([0.0] * 30, [1] * 30)], skewed=True).value == 0


def test_a_share_without_clusters_is_that_of_clopper_and_pearson():
    found = clustered_share([([1] * 27 + [0] * 3, [1] * 30)])
    # Residual variance carries n − 1, so 30 values are worth 29 of them.
    low, high = (
        scipy_stats.beta.ppf(p, *ab) for p, ab in ((0.025, (26.1, 3.9)), (0.975, (27.1, 2.9)))
    )
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_share_of_everything_is_worth_its_queries():
    found = clustered_share([([50] * 20, [50] * 20)])
    worth = 20 * (scipy_stats.t.ppf(0.975, 20) / scipy_stats.t.ppf(0.975, 19)) ** 2
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(0.025 ** (1 / worth))
    nothing = clustered_share([([0] * 20, [50] * 20)])
    assert nothing.high == pytest.approx(1 - found.low)


def test_positions_that_follow_their_query_are_worth_less():
    alike = clustered_share([([10, 0] * 20, [10] * 40)])
    mixed = clustered_share([([5, 6, 4, 5] * 10, [10] * 40)])
    assert alike.value == mixed.value == 0.5
    assert alike.high - alike.low > 2 * (mixed.high - mixed.low)


def test_a_quantile_without_clusters_is_near_the_order_statistics():
    values = np.random.default_rng(0).lognormal(size=400)
    found = clustered_quantile([[values[i : i + 1] for i in range(400)]], 0.9)
    ordered = np.sort(values)
    ranks = [np.searchsorted(ordered, end) for end in (found.low, found.value, found.high)]
    assert ranks[1] == 359
    for rank, share in ((ranks[0], 0.025), (ranks[2], 0.975)):
        assert rank == pytest.approx(scipy_stats.binom(400, 0.9).ppf(share), abs=2)


def test_weights_move_a_quantile():
    low, high = ([np.array([float(v)]) for v in range(start, start + 40)] for start in (0, 100))
    assert clustered_quantile([low, high], 0.5, [0.9, 0.1]).value < 40
    assert clustered_quantile([low, high], 0.5, [0.1, 0.9]).value > 99
    assert clustered_quantile([low, high], 0.5, [1.0, 0.0]).n == 40


def test_too_few_for_a_far_quantile_says_what_they_are_worth():
    found = clustered_quantile([ROWS], 0.999)
    n = sum(map(len, ROWS))
    assert isinstance(found, TooFew)
    assert found.n == n
    assert "takes 3,688 independent values" in found.reason
    # Fifty positions of one answer that are all the same are one observation.
    stuck = [np.full(50, float(n)) for n in range(5)]
    assert isinstance(clustered_quantile([stuck], 0.5), TooFew)


def test_never_is_later_than_everything():
    rows = [np.array([float(n)]) for n in range(40)] + [np.array([math.inf])] * 10
    found = clustered_quantile([rows], 0.5)
    assert found.value == 24
    many = rows + [np.array([math.inf])] * 40
    assert "too many never do" in clustered_quantile([many], 0.5).reason


def test_a_geometric_mean_is_one_of_logarithms():
    log, plain = clustered_mean([clusters(ROWS)]), clustered_geometric_mean([clusters(ROWS)])
    for end in ("value", "low", "high"):
        assert math.log(getattr(plain, end)) == pytest.approx(getattr(log, end))


@pytest.mark.parametrize("function", [clustered_mean, clustered_share, clustered_geometric_mean])
def test_refusals(function):
    assert function([([], [])]) == TooFew(reason="an interval needs 2 measured queries", n=0)
    assert function([([1.0], [4])]).n == 4
    whole = ([1.0, 0.0, 1.0], [1, 1, 2])
    found = function([whole, ([], [])], [0.5, 0.5])
    assert found.reason == "1 of 2 strata have fewer than 2 measured queries"
    assert not isinstance(function([whole, ([], [])], [1.0, 0.0]), TooFew)
    with pytest.raises(ValueError, match="a count of at least 1"):
        function([([1.0, 2.0], [1, 0])])
    with pytest.raises(ValueError, match="finite sums"):
        function([([1.0, math.nan], [1, 1])])
    with pytest.raises(ValueError, match="one weight per stratum"):
        function([whole], [0.5, 0.5])


def test_refusals_of_a_quantile():
    assert isinstance(clustered_quantile([[]], 0.5), TooFew)
    assert clustered_quantile([ROWS, ROWS[:1]], 0.5, [0.5, 0.5]).reason.startswith("1 of 2 strata")
    with pytest.raises(ValueError, match="NaN"):
        clustered_quantile([[np.array([math.nan]), np.array([1.0])]], 0.5)
    with pytest.raises(ValueError, match="q must lie strictly between 0 and 1"):
        clustered_quantile([ROWS], 1.0)


def test_equal_queries_have_no_known_spread_below_thirty():
    assert isinstance(clustered_mean([([0.0] * 29, [3] * 29)]), TooFew)
    known = clustered_mean([([0.0] * 30, [3] * 30)])
    assert (known.low, known.value, known.high) == (0, 0, 0)


COUNTS = st.lists(
    st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=2,
    max_size=40,
)


@given(COUNTS, COUNTS, st.floats(0, 1))
def test_shares_and_means_keep_their_bounds(first, second, weight):
    strata = [tuple(zip(*rows, strict=True)) for rows in (first, second)]
    weights = [weight, 1 - weight]
    share = clustered_share(strata, weights)
    assert 0 <= share.low <= share.value <= share.high <= 1
    assert share.low < share.high
    mean = clustered_mean(strata, weights, highest=1.0, skewed=True)
    if isinstance(mean, Estimate):
        assert 0 <= mean.low <= mean.value <= mean.high <= 1
        assert mean.value == pytest.approx(share.value)
    plain = pooled_accuracy([(sum(right), sum(n)) for right, n in strata], weights)
    assert share.value == pytest.approx(plain.value)


def coverage(n, times):
    """How often each interval holds what is true of a much larger draw."""
    crowd = np.concatenate(answers(np.random.default_rng(99), 40_000))
    mean, share, p90 = crowd.mean(), (crowd < 0.03).mean(), np.quantile(crowd, 0.9)
    rng, held = np.random.default_rng(1), []
    for _ in range(times):
        rows = answers(rng, n)
        found = (
            (clustered_mean([clusters(rows)], skewed=True), mean),
            (clustered_share([below(rows, 0.03)]), share),
            (clustered_quantile([rows], 0.9), p90),
        )
        held.append([estimate.low <= truth <= estimate.high for estimate, truth in found])
    return np.mean(held, axis=0)


def test_coverage():
    mean, share, p90 = coverage(100, 400)
    assert 0.90 <= mean <= 0.98
    assert 0.92 <= share <= 0.98
    assert 0.92 <= p90 <= 0.98

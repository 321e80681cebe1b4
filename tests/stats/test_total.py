"""The total over values that were not taken, and the ratio of two totals."""

import numpy as np
import pytest

from tailqa.core.estimate import Estimate, TooFew
from tailqa.stats import clustered_mean, stratified_ratio, stratified_total


def test_the_interval_holds_the_total_of_the_unseen_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    hits = []
    for _ in range(2000):
        strata = [rng.gamma(4, 25, 120), rng.gamma(2, 10, 80)]
        seen = [strata[0][:40], strata[1][:30]]
        truth = strata[0][40:].sum() + strata[1][30:].sum()
        total = stratified_total(seen, [80, 50])
        assert isinstance(total, Estimate)
        hits.append(total.low <= truth <= total.high)
    assert 0.93 <= np.mean(hits) <= 0.965


@pytest.mark.parametrize(
    ("strata", "unseen", "reason"),
    [
        ([[1, 2]], [0], "nothing was left to ask"),
        ([[1]], [5], "fewer than 2"),
        ([[3, 3]], [5], "spread is unknown"),
    ],
)
def test_no_interval_where_there_is_none(strata: list, unseen: list, reason: str) -> None:
    found = stratified_total(strata, unseen)
    assert isinstance(found, TooFew)
    assert reason in found.reason


def test_one_count_per_stratum() -> None:
    with pytest.raises(ValueError, match="one count per stratum"):
        stratified_total([[1, 2]], [1, 2])


def test_the_interval_of_a_ratio_holds_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(6)
    truth = (0.8 * 20 + 0.2 * 50) / (0.8 * 10 + 0.2 * 40)
    hits = []
    for _ in range(2000):
        bottoms = [rng.gamma(4, 10 / 4, 60), rng.gamma(4, 40 / 4, 40)]
        tops = [2 * bottoms[0] * rng.gamma(9, 1 / 9, 60), 1.25 * bottoms[1]]
        ratio = stratified_ratio(tops, bottoms, [0.8, 0.2])
        assert isinstance(ratio, Estimate)
        hits.append(ratio.low <= truth <= ratio.high)
    assert 0.93 <= np.mean(hits) <= 0.965


def test_of_one_stratum_it_is_the_clustered_mean() -> None:
    tops, bottoms = [2.0, 9.0, 4.0], [2, 3, 2]
    ratio, mean = stratified_ratio([tops], [bottoms]), clustered_mean([(tops, bottoms)])
    assert isinstance(ratio, Estimate)
    assert isinstance(mean, Estimate)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((mean.value, mean.low, mean.high))


@pytest.mark.parametrize(
    ("tops", "bottoms", "reason"),
    [([[1]], [[2]], "fewer than 2"), ([[3, 3]], [[1, 1]], "spread is unknown")],
)
def test_a_ratio_without_spread_has_no_interval(tops: list, bottoms: list, reason: str) -> None:
    found = stratified_ratio(tops, bottoms)
    assert isinstance(found, TooFew)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("tops", "bottoms", "message"),
    [([[1, 2]], [[1]], "one value per query"), ([[1, 2]], [[0, 0]], "more than 0")],
)
def test_of_a_ratio_bad_values_are_refused(tops: list, bottoms: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stratified_ratio(tops, bottoms)

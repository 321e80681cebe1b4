"""The total over values that were not taken."""

import numpy as np
import pytest

from tailqa.core.estimate import Estimate, TooFew
from tailqa.stats import stratified_total


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

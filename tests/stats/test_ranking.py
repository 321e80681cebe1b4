import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm
from sklearn.metrics import roc_auc_score

from tailqa.core.estimate import TooFew
from tailqa.stats import ranking_auc

VALUES = st.lists(st.integers(-20, 20), min_size=5, max_size=40)


@given(VALUES, VALUES)
def test_against_sklearn_and_scipy(positives, negatives):
    found = ranking_auc(positives, negatives)
    marks = [1] * len(positives) + [0] * len(negatives)
    assert found.value == pytest.approx(roc_auc_score(marks, [*positives, *negatives]))
    pairs = len(positives) * len(negatives)
    assert found.value == pytest.approx(mannwhitneyu(positives, negatives).statistic / pairs)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    swapped = ranking_auc(negatives, positives)
    assert (swapped.low, swapped.high) == pytest.approx((1 - found.high, 1 - found.low))


def test_the_limits_solve_the_equation_they_come_from():
    found = ranking_auc(range(4, 16), range(20))
    z, m, n = norm.ppf(0.975), 12, 20
    for limit in (found.low, found.high):
        q1, q2 = limit / (2 - limit), 2 * limit**2 / (1 + limit)
        # Hanley & McNeil 1982, with the mean of m − 1 and n − 1 in the place of each.
        more = (m + n) / 2 - 1
        variance = limit * (1 - limit) + more * (q1 - limit**2) + more * (q2 - limit**2)
        assert abs(found.value - limit) == pytest.approx(z * math.sqrt(variance / (m * n)))


def test_a_perfect_ranking_has_an_interval_all_the_same():
    found = ranking_auc(range(10, 15), range(10))
    assert (found.value, found.high) == (1, 1)
    assert 0.5 < found.low < 0.9
    assert ranking_auc([1] * 5, [1] * 5).value == 0.5


@pytest.mark.parametrize("sizes", [(4, 100), (100, 4), (0, 0)])
def test_too_few_of_either(sizes):
    found = ranking_auc([1.0] * sizes[0], [0.0] * sizes[1])
    assert found == TooFew(
        reason=f"an AUC needs 5 of each, got {sizes[0]} and {sizes[1]}", n=sum(sizes)
    )


def test_bad_arguments():
    with pytest.raises(ValueError, match="finite"):
        ranking_auc([math.nan] * 5, [1.0] * 5)
    with pytest.raises(ValueError, match="level"):
        ranking_auc([1.0] * 5, [1.0] * 5, level=1)


@pytest.mark.parametrize(
    ("apart", "n_positives", "n_negatives"), [(0, 5, 20), (0.5, 10, 60), (2.3, 40, 160)]
)
def test_coverage(apart, n_positives, n_negatives):
    rng, truth, held = np.random.default_rng(2), norm.cdf(apart / math.sqrt(2)), []
    for _ in range(600):
        found = ranking_auc(rng.normal(apart, 1, n_positives), rng.normal(0, 1, n_negatives))
        held.append(found.low <= truth <= found.high)
    assert 0.93 <= np.mean(held) <= 0.985

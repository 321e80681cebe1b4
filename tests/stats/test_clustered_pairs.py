"""Pairs in clusters: published values, second implementations, limits and seeded coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.regression.linear_model import OLS

from tailqa.core.estimate import Estimate, TooFew
from tailqa.stats import (
    clustered_gap,
    clustered_interaction,
    clustered_noninferiority_p,
    clustered_pooled_gap,
    clustered_retention,
    design_effect,
    noninferiority_n,
    paired_gap,
    pooled_gap,
    retention,
    tail_interaction,
)

CLUSTERS = [(30, 9, 1, 4), (12, 1, 4, 3), (25, 5, 2, 8), (8, 6, 0, 1), (40, 3, 3, 9)]
CELLS = st.tuples(*[st.integers(0, 30)] * 4)


def total(clusters):
    return tuple(map(sum, zip(*clusters, strict=True)))


def t_error(estimate, df):
    return (estimate.high - estimate.low) / 2 / scipy_stats.t.ppf((1 + estimate.level) / 2, df)


def gap(tables):
    _, down, up, _ = total(tables)
    return (up - down) / sum(total(tables))


def test_real_domains(mmlu):
    domains = [*mmlu.values()]
    plain, found = clustered_gap(domains, method="sandwich"), clustered_gap(domains)
    assert round(plain.value, 6) == round(found.value, 6) == -0.124955
    assert round(t_error(plain, 56), 4) == 0.0208
    assert round(t_error(found, 56), 4) == 0.0219
    assert math.sqrt(design_effect(domains)) * 0.003914 == pytest.approx(0.0208, abs=5e-5)


def test_the_sandwich_is_that_of_a_regression():
    values, groups = [], []
    for i, (both, down, up, neither) in enumerate(CLUSTERS):
        values += [0] * (both + neither) + [-1] * down + [1] * up
        groups += [i] * (both + down + up + neither)
    fit = OLS(np.array(values, float), np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    assert t_error(clustered_gap(CLUSTERS, method="sandwich"), 4) == pytest.approx(fit.bse[0])


def test_the_jackknife_leaves_out_one_cluster_of_all_strata():
    strata = [
        {i: CLUSTERS[i] for i in range(5)},
        {i: CLUSTERS[-i - 1] for i in range(5)},
    ]
    weights = (0.7, 0.3)

    def pooled(left_out):
        parts = [[cells for i, cells in one.items() if i != left_out] for one in strata]
        return sum(w * gap(part) for w, part in zip(weights, parts, strict=True))

    squares = sum((pooled(i) - pooled(None)) ** 2 for i in range(5))
    found = clustered_pooled_gap(strata, weights)
    assert found.value == pytest.approx(pooled(None))
    assert t_error(found, 4) == pytest.approx(math.sqrt(squares * 4 / 5))


def test_strata_with_clusters_of_their_own_add_their_variances():
    strata = [dict(enumerate(CLUSTERS)), {f"other {i}": c for i, c in enumerate(CLUSTERS[:4])}]
    parts = [clustered_gap(CLUSTERS), clustered_gap(CLUSTERS[:4])]
    error = math.hypot(0.6 * t_error(parts[0], 4), 0.4 * t_error(parts[1], 3))
    # Nine clusters, less one for either group.
    assert t_error(clustered_pooled_gap(strata, (0.6, 0.4)), 7) == pytest.approx(error)


def test_a_document_that_spans_head_and_tail_moves_both():
    rows = [(90 - i, 2 + i, 2, 6) for i in range(12)]
    shared = clustered_interaction([dict(enumerate(rows))], [dict(enumerate(rows[::-1]))])
    same = clustered_interaction([dict(enumerate(rows))], [dict(enumerate(rows))])
    apart = clustered_interaction(
        [dict(enumerate(rows))], [{-i - 1: cells for i, cells in enumerate(rows)}]
    )
    assert shared.value == apart.value == 0
    # Clusters that differ the other way round in the tail make the difference less certain, and
    # clusters that differ alike leave nothing of it but what independent sides would show.
    assert t_error(shared, 11) == pytest.approx(math.sqrt(2) * t_error(apart, 22))
    side = clustered_gap(rows)
    assert same == tail_interaction(side, side)


def test_interaction_is_tail_minus_head_and_changes_sign():
    head, tail = dict(enumerate(CLUSTERS)), {i: CLUSTERS[4 - i] for i in range(4)}
    found = clustered_interaction([head], [tail])
    mirrored = clustered_interaction([tail], [head])
    assert found.value == pytest.approx(gap(tail.values()) - gap(CLUSTERS))
    assert found.method == "clustered-jackknife-t"
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))


def test_small_strata_take_mover():
    head, tail = dict(enumerate(CLUSTERS)), {1: (9, 1, 0, 0), 2: (8, 0, 1, 1)}
    sides = clustered_gap(CLUSTERS), clustered_gap([*tail.values()])
    assert clustered_interaction([head], [tail]) == tail_interaction(*sides)


@pytest.mark.parametrize("n_clusters", [5, 200])
def test_without_flips_a_cluster_is_one_observation(n_clusters):
    found = clustered_gap([(10, 0, 0, 2)] * n_clusters)
    alone = paired_gap((n_clusters, 0, 0, 0))
    assert (found.low, found.value, found.high) == pytest.approx((alone.low, 0, alone.high))
    kept = clustered_retention([(10, 0, 0, 2)] * n_clusters)
    alone = retention((n_clusters, 0, 0, 0))
    assert (kept.low, kept.value, kept.high) == pytest.approx((alone.low, 1, alone.high))


def test_equal_clusters_with_flips_are_one_observation_each():
    found = clustered_gap([(6, 3, 1, 0)] * 20)
    alone = paired_gap((12, 6, 2, 0))
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))
    assert found.method == "tango-per-cluster"


def test_a_single_flip_is_not_more_certain_than_among_independent_queries():
    clusters = [(5, 0, 0, 0)] * 59 + [(4, 1, 0, 0)]
    found, independent = clustered_gap(clusters), paired_gap(total(clusters))
    assert found.low <= independent.low
    assert found.high == independent.high
    strata = [dict(enumerate(clusters)), dict(enumerate(CLUSTERS))]
    pooled = clustered_pooled_gap(strata, (0.9, 0.1))
    alone = pooled_gap([total(clusters), total(CLUSTERS)], (0.9, 0.1))
    assert pooled.low <= alone.low
    assert pooled.high >= alone.high


def test_retention_by_leaving_out_one_cluster():
    rng = np.random.default_rng(2)
    clusters = documents(rng, 200, (0.6, 0.2, 0.05, 0.15), 1)[0].tolist()

    def kept(tables):
        both, down, up, _ = total(tables)
        return math.log((both + up) / (both + down))

    logs = np.array([kept(clusters[:i] + clusters[i + 1 :]) for i in range(200)])
    error = math.sqrt(((logs - kept(clusters)) ** 2).sum() * 199 / 200)
    found = clustered_retention(clusters)
    half = math.log(found.high / found.low) / 2 / scipy_stats.t.ppf(0.975, 199)
    assert math.log(found.value) == pytest.approx(kept(clusters))
    assert half == pytest.approx(error, rel=1e-3)


def test_a_student_without_right_answers_in_clusters():
    found = clustered_retention([(0, 8, 0, 2), (0, 3, 0, 7), (0, 5, 0, 5)])
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(retention((0, 3, 0, 0)).high)


@pytest.mark.parametrize(
    ("clusters", "reason"),
    [
        ([], "the teacher has no right answer to keep"),
        ([(0, 0, 3, 2), (0, 0, 0, 5)], "the teacher has no right answer to keep"),
        ([(3, 1, 0, 1), (0, 0, 2, 5)], "all right answers of the teacher lie in one cluster"),
    ],
)
def test_no_retention(clusters, reason):
    assert clustered_retention(clusters).reason == reason


def test_refusals():
    short = "an interval needs 2 clusters with graded pairs"
    assert clustered_gap([(9, 1, 0, 0), (0, 0, 0, 0)]) == TooFew(reason=short, n=10)
    assert clustered_gap([]) == TooFew(reason=short, n=0)
    strata = [dict(enumerate(CLUSTERS)), {0: CLUSTERS[0]}]
    reason = "1 of 2 strata have fewer than 2 clusters with graded pairs"
    assert clustered_pooled_gap(strata, (0.5, 0.5)).reason == reason
    assert clustered_pooled_gap(strata, (1.0, 0.0)) == clustered_gap(CLUSTERS)
    assert clustered_interaction(strata[:1], strata[1:]).reason == f"tail: {short}"
    assert clustered_noninferiority_p([(9, 1, 0, 0)], 0.05) == 1
    with pytest.raises(ValueError, match=r"strata\[0\]\[1\].both must be a whole number"):
        clustered_gap([CLUSTERS[0], (-1, 0, 0, 0)])
    with pytest.raises(ValueError, match="method must be one of jackknife, sandwich, got 'hc3'"):
        clustered_gap(CLUSTERS, method="hc3")
    with pytest.raises(ValueError, match="weights must sum to 1"):
        clustered_pooled_gap(strata, (0.5, 0.6))
    with pytest.raises(ValueError, match="level must lie strictly between 0 and 1"):
        clustered_gap(CLUSTERS, level=1)


@given(st.lists(CELLS, max_size=12), st.floats(0.5, 0.99))
def test_limits_hold_the_value_and_stay_in_range(clusters, level):
    found, kept = clustered_gap(clusters, level=level), clustered_retention(clusters, level=level)
    if isinstance(found, Estimate):
        assert -1 <= found.low <= found.value <= found.high <= 1
        assert found.low < found.high
    if isinstance(kept, Estimate):
        assert 0 <= kept.low <= kept.value <= kept.high < math.inf
        assert kept.low < kept.high
    assert design_effect(clusters) >= 1


@given(st.lists(CELLS, max_size=8), st.floats(0.005, 0.3), st.floats(0.01, 0.3))
def test_the_p_value_agrees_with_the_interval(clusters, margin, alpha):
    p = clustered_noninferiority_p(clusters, margin)
    found = clustered_gap(clusters, level=1 - 2 * alpha)
    if isinstance(found, TooFew):
        assert p == 1
    elif abs(p - alpha) > 1e-9:
        assert (p < alpha) == (found.low > -margin)


def documents(rng, n_clusters, shares, times):
    """Clusters of 5 to 15 queries whose chances vary from cluster to cluster (ICC about .09)."""
    chances = rng.dirichlet(np.array(shares) * 10, size=(times, n_clusters))
    return rng.multinomial(rng.integers(5, 16, size=(times, n_clusters)), chances)


def share_held(estimates, truth):
    return np.mean([estimate.low <= truth <= estimate.high for estimate in estimates])


@pytest.mark.slow
@pytest.mark.parametrize(("n_clusters", "seed"), [(15, 1), (60, 2)])
def test_coverage_of_gap_and_retention(n_clusters, seed):
    shares = (0.60, 0.20, 0.10, 0.10)
    drawn = documents(np.random.default_rng(seed), n_clusters, shares, 5000).tolist()
    gaps = share_held([clustered_gap(clusters) for clusters in drawn], -0.10)
    kept = share_held([clustered_retention(clusters) for clusters in drawn], 0.70 / 0.80)
    assert gaps == pytest.approx(0.95, abs=0.012)
    assert kept == pytest.approx(0.95, abs=0.012)


@pytest.mark.slow
def test_coverage_where_clusters_span_strata():
    rng, held = np.random.default_rng(4), []
    head = documents(rng, 30, (0.80, 0.08, 0.05, 0.07), 5000)
    # The first twenty documents have queries in the tail, too, and are worse there alike.
    worse = np.where(np.arange(30) < 20, 0.5 * head[:, :, 1] / head.sum(2), 0.04)
    down = rng.binomial(8, 0.10 + worse)
    up = rng.binomial(8 - down, 0.05)
    for i in range(5000):
        first = dict(enumerate(head[i].tolist()))
        second = {
            c if c < 20 else -c: (8 - d - u, d, u, 0)
            for c, (d, u) in enumerate(zip(down[i].tolist(), up[i].tolist(), strict=True))
        }
        pooled = clustered_pooled_gap([first, second], (0.8, 0.2))
        held.append((pooled, clustered_interaction([first], [second])))
    tail = -0.14 + 0.86 * 0.05
    pooled, difference = zip(*held, strict=True)
    assert share_held(pooled, 0.8 * -0.03 + 0.2 * tail) == pytest.approx(0.95, abs=0.012)
    assert share_held(difference, tail + 0.03) == pytest.approx(0.95, abs=0.012)


def test_the_design_effect_says_how_many_more_queries():
    rng, shares = np.random.default_rng(5), (0.80, 0.08, 0.08, 0.04)
    effect = design_effect(documents(rng, 4000, shares, 1)[0].tolist())
    needed = noninferiority_n(0.16, 0.05) * effect
    drawn = documents(rng, round(needed / 10), shares, 1500).tolist()
    passed = np.mean([clustered_noninferiority_p(clusters, 0.05) < 0.05 for clusters in drawn])
    assert effect > 1.5
    assert passed == pytest.approx(0.80, abs=0.04)

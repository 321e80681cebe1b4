"""Coverage: exact where tables can be enumerated, by seeded simulation elsewhere."""

import numpy as np
import pytest

from tailqa.core.estimate import Estimate
from tailqa.stats import (
    mean_estimate,
    paired_gap,
    pooled_accuracy,
    pooled_gap,
    quantile_estimate,
    retention,
    tail_interaction,
)

MARGIN = 0.05


@pytest.mark.parametrize(
    ("n", "method", "lowest", "mean"),
    [
        (20, "wald", 0.455, 0.875),
        (20, "bonett-price", 0.957, 0.979),
        (20, "tango", 0.948, 0.975),
        (100, "wald", 0.860, 0.939),
        (100, "bonett-price", 0.950, 0.961),
        (100, "tango", 0.933, 0.950),
    ],
)
def test_exact_coverage_of_the_gap(exact, n, method, lowest, mean):
    held = [exact.coverage(n, b, c, method=method) for b, c in exact.grid]
    assert min(held) == pytest.approx(lowest, abs=6e-4)
    assert np.mean(held) == pytest.approx(mean, abs=6e-4)


@pytest.mark.parametrize(
    ("n", "lowest", "mean"),
    [(20, 0.9436, 0.967), (50, 0.9464, 0.957), (100, 0.9364, 0.951), (200, 0.9331, 0.951)],
)
def test_exact_coverage_over_flips_and_gaps(exact, n, lowest, mean):
    flips, gaps = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7), (0, 0.02, 0.05, 0.1, 0.2, 0.3)
    held = [
        exact.coverage(n, (flip + sign * gap) / 2, (flip - sign * gap) / 2)
        for flip in flips
        for gap in gaps
        for sign in ((1, -1) if gap else (1,))
        if gap <= flip
    ]
    assert min(held) == pytest.approx(lowest, abs=6e-4)
    assert np.mean(held) == pytest.approx(mean, abs=1e-3)


@pytest.mark.parametrize(("n", "largest"), [(50, 0.0524), (100, 0.0509), (200, 0.0512)])
def test_exact_size_of_the_one_sided_test(exact, n, largest):
    assert exact.size(n, MARGIN) < largest + 5e-5


def test_the_wald_test_would_pass_too_often(exact):
    assert exact.size(100, MARGIN, method="wald") > 0.10


def draw(rng, n, shares, times):
    return [tuple(map(int, row)) for row in rng.multinomial(n, shares, size=times)]


def share_held(estimates, truth):
    kept = [estimate for estimate in estimates if isinstance(estimate, Estimate)]
    assert len(kept) > 0.99 * len(estimates)
    return np.mean([estimate.low <= truth <= estimate.high for estimate in kept])


@pytest.mark.parametrize(
    ("n", "shares"),
    [
        (60, (0.80, 0.08, 0.04, 0.08)),
        (200, (0.50, 0.20, 0.05, 0.25)),
        (200, (0.10, 0.25, 0.02, 0.63)),
        (500, (0.90, 0.02, 0.02, 0.06)),
    ],
)
def test_retention(n, shares):
    truth = (shares[0] + shares[2]) / (shares[0] + shares[1])
    tables = draw(np.random.default_rng(1), n, shares, 4000)
    assert 0.935 < share_held([retention(table) for table in tables], truth) < 0.97


STRATA = [
    (0.7, 400, (0.90, 0.04, 0.03, 0.03)),
    (0.2, 150, (0.60, 0.20, 0.05, 0.15)),
    (0.1, 150, (0.30, 0.35, 0.03, 0.32)),
]
SMALL = [(0.5, 45, (0.70, 0.12, 0.08, 0.10)), (0.3, 30, STRATA[1][2]), (0.2, 40, STRATA[2][2])]


@pytest.mark.parametrize(
    ("strata", "method"), [(STRATA, "stratified"), (SMALL, "mover-tango")], ids=["large", "small"]
)
def test_pooled_gap(strata, method):
    rng, times = np.random.default_rng(2), 5000
    weights = [weight for weight, _, _ in strata]
    drawn = zip(*(draw(rng, n, shares, times) for _, n, shares in strata), strict=True)
    gaps = [pooled_gap(tables, weights) for tables in drawn]
    truth = sum(weight * (shares[2] - shares[1]) for weight, _, shares in strata)
    assert np.mean([gap.method == method for gap in gaps]) > 0.9
    assert share_held(gaps, truth) == pytest.approx(0.95, abs=0.012)


def test_pooled_accuracy():
    rng, weights = np.random.default_rng(3), (0.7, 0.2, 0.1)
    drawn = [rng.binomial(n, p, 3000) for n, p in ((200, 0.95), (60, 0.7), (60, 0.3))]
    estimates = [
        pooled_accuracy([(int(a), 200), (int(b), 60), (int(c), 60)], weights)
        for a, b, c in zip(*drawn, strict=True)
    ]
    assert 0.938 < share_held(estimates, 0.7 * 0.95 + 0.2 * 0.7 + 0.1 * 0.3) < 0.962


@pytest.mark.parametrize(("n_head", "n_tail"), [(300, 150), (60, 30)])
def test_tail_interaction(n_head, n_tail):
    rng = np.random.default_rng(4)
    heads = draw(rng, n_head, STRATA[0][2], 5000)
    tails = draw(rng, n_tail, STRATA[1][2], 5000)
    found = [tail_interaction(*pair) for pair in zip(heads, tails, strict=True)]
    assert share_held(found, -0.15 + 0.01) == pytest.approx(0.95, abs=0.012)


def test_one_sided_error_where_the_student_is_just_too_bad():
    tables = draw(np.random.default_rng(5), 150, (0.80, 0.10, 0.05, 0.05), 6000)
    passed = np.mean([paired_gap(table, level=0.90).low > -MARGIN for table in tables])
    assert 0.035 < passed < 0.06


@pytest.mark.parametrize(("q", "n"), [(0.5, 25), (0.5, 200), (0.95, 80), (0.95, 200)])
def test_quantiles(q, n):
    rng = np.random.default_rng(6)
    truth = np.exp(np.quantile(rng.standard_normal(2_000_000), q))
    samples = rng.lognormal(size=(1500, n))
    held = share_held([quantile_estimate(sample, q) for sample in samples], truth)
    # Order statistics come in steps, so the interval can only be at least as wide as asked.
    assert 0.937 < held < 0.985


def test_means():
    samples = np.random.default_rng(7).normal(5, 2, size=(3000, 12))
    assert 0.938 < share_held([mean_estimate(sample) for sample in samples], 5) < 0.962

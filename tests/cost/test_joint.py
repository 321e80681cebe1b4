import numpy as np
import pytest
from scipy import stats

from tailqa.cost.joint import correlations, nodes, together

N = 16


def seen(rho, rng, *, n, attempts, teacher=(4.0, 1.0), student=(2.0, 1.0)):
    """Right answers of both models on `n` queries whose chances go together by `rho`."""
    normal = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
    chances = [
        stats.beta.ppf(stats.norm.cdf(normal[:, column]), *fit)
        for column, fit in enumerate((teacher, student))
    ]
    counts = [rng.binomial(attempts, chance) for chance in chances]
    kinds, n_each = np.unique(np.stack(counts, axis=1), axis=0, return_counts=True)
    both = [
        nodes(
            np.broadcast_to(fit, (1, len(kinds), 2)),
            kinds[:, column].astype(float),
            np.full(len(kinds), float(attempts)),
            N,
        )
        for column, fit in enumerate((teacher, student))
    ]
    return chances, both, n_each


@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.6])
def test_the_correlation_is_found(rho):
    rng = np.random.default_rng(3)
    found = []
    for _ in range(12):
        _, both, n_each = seen(rho, rng, n=300, attempts=4)
        found.append(correlations(*both, n_each[None, :])[0])
    assert np.mean(found) == pytest.approx(rho, abs=3 * np.std(found) / np.sqrt(12) + 0.02)
    assert np.std(found) < 0.15


def test_pairs_of_chances_have_the_moments_of_the_queries():
    chances, both, n_each = seen(0.6, np.random.default_rng(5), n=100_000, attempts=3)
    weights = together(*both, np.full((1, len(n_each)), 0.6))
    assert weights.sum(axis=(2, 3)) == pytest.approx(1)
    share = n_each / n_each.sum()

    def mean(of):
        values = of(both[0].p[:, :, :, None], both[1].p[:, :, None, :])
        return share @ (weights * values).sum(axis=(2, 3))[0]

    # What escalation rests on: that both fail, several times.
    for power in (1, 3):
        true = np.mean((1 - chances[0]) * (1 - chances[1]) ** power)
        assert mean(lambda p, q, k=power: (1 - p) * (1 - q) ** k) == pytest.approx(true, rel=0.02)
    assert mean(lambda p, q: p + 0 * q) == pytest.approx(chances[0].mean(), rel=0.01)
    assert mean(lambda p, q: q + 0 * p) == pytest.approx(chances[1].mean(), rel=0.01)


def test_without_a_correlation_the_pairs_are_independent():
    _, both, n_each = seen(0.3, np.random.default_rng(1), n=50, attempts=2)
    weights = together(*both, np.zeros((1, len(n_each))))
    assert weights == pytest.approx(both[0].weights[..., None] * both[1].weights[:, :, None, :])


def test_known_shares_go_with_everything_alike():
    right, tries = np.array([0.0, 2.0]), np.array([2.0, 2.0])
    known = nodes(np.full((1, 2, 2), np.nan), right, tries, N)
    drawn = nodes(np.ones((1, 2, 2)), right, tries, N)
    assert known.p[0, :, 0].tolist() == [0, 1]
    assert correlations(known, drawn, np.array([[30.0, 30.0]])).tolist() == [0]
    weights = together(known, drawn, np.full((1, 2), 0.5))
    assert weights.sum(axis=2) == pytest.approx(drawn.weights)

import numpy as np
import pytest
from scipy import stats
from scipy.special import betaincinv, ndtr

from tailqa.cost.joint import correlations, nodes, together

N = 16


def every(fit, attempts):
    """The nodes of 0 to `attempts` right answers."""
    right = np.arange(attempts + 1.0)
    alike = np.zeros(attempts + 1, dtype=int)
    return nodes(
        np.reshape(fit, (1, 1, 2)), alike, right, np.full(attempts + 1, float(attempts)), N
    )


def seen(rho, rng, *, n, attempts, fits=((4.0, 1.0), (2.0, 1.0))):
    """Chances of `n` queries that go together by `rho`, and how often which pair of counts came."""
    normal = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
    chances = [
        stats.beta.ppf(stats.norm.cdf(normal[:, column]), *fit) for column, fit in enumerate(fits)
    ]
    counts = np.zeros((attempts + 1, attempts + 1))
    np.add.at(counts, tuple(rng.binomial(attempts, chance) for chance in chances), 1)
    return chances, [every(fit, attempts) for fit in fits], counts


@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.6])
def test_the_correlation_is_found(rho):
    rng = np.random.default_rng(3)
    found = []
    for _ in range(12):
        _, both, counts = seen(rho, rng, n=300, attempts=4)
        found.append(correlations(*both, counts[None])[0])
    assert np.mean(found) == pytest.approx(rho, abs=3 * np.std(found) / np.sqrt(12) + 0.02)
    assert np.std(found) < 0.15


@pytest.mark.parametrize("fits", [((4.0, 1.0), (2.0, 1.0)), ((0.9, 0.1), (0.8, 0.2))])
def test_pairs_of_chances_have_the_moments_of_the_queries(fits):
    chances, both, counts = seen(0.6, np.random.default_rng(5), n=200_000, attempts=3, fits=fits)
    weights = together(*both, np.array([0.6]))[0]
    assert weights.sum(axis=(2, 3)) == pytest.approx(1)
    share = counts / counts.sum()

    def mean(of):
        values = of(both[0].p[0][:, None, :, None], both[1].p[0][None, :, None, :])
        return (share * (weights * values).sum(axis=(2, 3))).sum()

    # What escalation rests on: that both fail, several times.
    for power in (1, 3):
        true = np.mean((1 - chances[0]) * (1 - chances[1]) ** power)
        assert mean(lambda p, q, k=power: (1 - p) * (1 - q) ** k) == pytest.approx(true, rel=0.03)
    assert mean(lambda p, q: p + 0 * q) == pytest.approx(chances[0].mean(), rel=0.01)
    assert mean(lambda p, q: q + 0 * p) == pytest.approx(chances[1].mean(), rel=0.01)


@pytest.mark.parametrize("icc", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("right", "other"), [(0, 0), (4, 0), (4, 4)])
def test_expectations_are_those_of_the_density_on_a_fine_grid(icc, right, other):
    total, rho, z = 1 / icc - 1, 0.7, np.linspace(-8, 8, 801)
    fits = (0.9 * total, 0.1 * total), (0.8 * total, 0.2 * total)
    p, q = (betaincinv(*fit, ndtr(z)) for fit in fits)
    x, y = z[:, None], z[None, :]
    density = np.exp(-(x**2 - 2 * rho * x * y + y**2) / (2 * (1 - rho**2)))
    density *= (p**right * (1 - p) ** (4 - right))[:, None]
    density *= (q**other * (1 - q) ** (4 - other))[None, :]
    both = (density * np.outer(1 - p, (1 - q) ** 2)).sum() / density.sum()
    one, two = (every(fit, 4) for fit in fits)
    weights = together(one, two, np.array([rho]))[0, right, other]
    found = (weights * np.outer(1 - one.p[0, right], (1 - two.p[0, other]) ** 2)).sum()
    assert found == pytest.approx(both, rel=0.04, abs=2e-3)


def test_without_a_correlation_the_pairs_are_independent():
    _, (one, two), _ = seen(0.3, np.random.default_rng(1), n=50, attempts=2)
    apart = one.weights[0][:, None, :, None] * two.weights[0][None, :, None, :]
    assert together(one, two, np.zeros(1))[0] == pytest.approx(apart)


def test_known_shares_go_with_everything_alike():
    right, tries = np.array([0.0, 2.0]), np.array([2.0, 2.0])
    alike = np.zeros(2, dtype=int)
    known = nodes(np.full((1, 1, 2), np.nan), alike, right, tries, N)
    drawn = nodes(np.ones((1, 1, 2)), alike, right, tries, N)
    assert known.p[0, :, 0].tolist() == [0, 1]
    assert correlations(known, drawn, np.full((1, 2, 2), 9.0)).tolist() == [0]
    weights = together(known, drawn, np.array([0.5]))[0]
    of_drawn = np.broadcast_to(drawn.weights, (2, 2, N))
    assert weights.sum(axis=2) == pytest.approx(of_drawn, abs=1e-6)

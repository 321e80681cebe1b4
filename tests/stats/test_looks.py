"""Planned looks: published bounds, and scipy's multivariate normal integral as a second way."""

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from tailqa.stats import obrien_fleming_bounds


def test_published_bounds():
    """The published last digits come from a coarser integration; see the next test."""
    published = (3.74955, 2.53993, 2.01604, 1.72014)
    found = obrien_fleming_bounds((0.25, 0.5, 0.75, 1.0), alpha=0.05)
    assert found == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize(
    ("fractions", "alpha"),
    [((0.25, 0.5, 0.75, 1), 0.05), ((0.3, 0.4, 0.9), 0.05), ((0.2, 1), 0.01), ((0.6,), 0.1)],
)
def test_the_bounds_spend_alpha_as_planned(fractions, alpha):
    """The chance to have crossed by each look, by scipy's multivariate normal integral."""
    bounds = obrien_fleming_bounds(fractions, alpha=alpha)
    times = np.array(fractions)
    correlation = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    for looks in range(1, len(fractions) + 1):
        held = multivariate_normal(cov=correlation[:looks, :looks], abseps=1e-9, releps=1e-9)
        spent = 2 * norm.sf(norm.isf(alpha / 2) / math.sqrt(fractions[looks - 1]))
        assert 1 - held.cdf(bounds[:looks]) == pytest.approx(spent, abs=1e-7)


def test_many_and_very_early_looks():
    looks = obrien_fleming_bounds([n / 40 for n in range(1, 41)], alpha=0.05)
    assert list(looks) == sorted(looks, reverse=True)
    # With endless looks the spending is that of the constant boundary z_{α/2} on the walk.
    assert norm.isf(0.05) < looks[-1] < norm.isf(0.025)
    assert obrien_fleming_bounds((1e-4, 1.0))[0] == math.inf
    assert obrien_fleming_bounds((1e-4, 1.0))[1] == pytest.approx(norm.isf(0.05))


@pytest.mark.parametrize("fractions", [(), (0.5, 0.5), (0.5, 1.1), (0, 1), (math.nan,)])
def test_fractions_that_do_not_rise(fractions):
    with pytest.raises(ValueError, match=r"fractions must rise strictly within \(0, 1\]"):
        obrien_fleming_bounds(fractions)


def test_a_share_that_is_none():
    with pytest.raises(ValueError, match="alpha must lie strictly between 0 and 1, got 0"):
        obrien_fleming_bounds((0.5, 1), alpha=0)

"""The chances of teacher and student on one query, together.

What is hard for one model is hard for the other. Each model's chance is Beta by stratum; a Gaussian
copula joins the two (Nelsen, An Introduction to Copulas, 2006, ch. 2), with one correlation per
stratum by maximum likelihood from what both models did on the same queries. Chances that were drawn
apart would promise too much of an escalation: the teacher fails where the student fails.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.cost.outcomes import Chances

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

HIGHEST = 0.9
"""The correlation, either way, beyond which a few attempts cannot tell."""

_TRIED = 37
_SCORES = (-6.0, 6.0, 48)
"""The middles of equal steps on the normal scale: from, to, how many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodes:
    """Values that one model's chance takes, of shape (rows, kinds, n).

    `weights` are by the model's own attempts alone; `mass`, (rows, kinds, scores), is what these
    say of the same chance as a quantile of the stratum, on the normal scale. Both sum to 1 over the
    last axis.
    """

    p: "Floats"
    weights: "Floats"
    mass: "Floats"

    def of(self, rows: slice, kinds: slice) -> "Nodes":
        """Some rows and kinds."""
        return Nodes(
            p=self.p[rows, kinds], weights=self.weights[rows, kinds], mass=self.mass[rows, kinds]
        )

    def cells(self) -> "Floats":
        """Which part of the mass each value stands for, (rows, kinds, n, scores).

        Values and quantiles have one order (Chebyshev, Markov, Stieltjes); each row sums to 1.
        """
        import numpy as np

        def edges(shares: "Floats") -> "Floats":
            up_to = shares.cumsum(axis=2)
            return np.concatenate([np.zeros_like(up_to[..., :1]), up_to / up_to[..., -1:]], axis=2)

        cell, score = edges(self.weights)[..., None], edges(self.mass)[..., None, :]
        begin = np.maximum(cell[:, :, :-1], score[..., :-1])
        end = np.minimum(cell[:, :, 1:], score[..., 1:])
        shared = np.maximum(end - begin, 0.0)
        total = shared.sum(axis=3, keepdims=True)
        cells: Floats = np.divide(shared, total, out=np.zeros_like(shared), where=total > 0)
        return cells


def nodes(fits: "Floats", stratum: "Ints", right: "Floats", tries: "Floats", n: int) -> Nodes:
    """`n` values of p ~ Beta(a, b), given `right` of `tries`, by kind of query, (kinds,) each.

    `fits` are those of the strata, (rows, strata, 2), and `stratum` the one of each kind.

    >>> import numpy as np
    >>> zero = np.array([0])
    >>> even = nodes(np.array([[[1.0, 1.0]]]), zero, zero, zero, 3)
    >>> even.p.round(3).tolist(), even.weights.round(3).tolist()
    ([[[0.113, 0.5, 0.887]]], [[[0.278, 0.444, 0.278]]])
    """
    import numpy as np

    a, b = fits[:, stratum, 0], fits[:, stratum, 1]
    shape = a.shape
    share = np.broadcast_to(right / np.maximum(tries, 1), shape)
    p, weights = Chances(a=a + right, b=b + tries - right, share=share).flat().nodes(n)
    p, weights = p.reshape(*shape, n), weights.reshape(*shape, n)
    return Nodes(p=p, weights=weights, mass=_seen(fits, stratum, right, tries))


def together(one: Nodes, other: Nodes, correlation: "Floats") -> "Floats":
    """Weights of every pair of values of one stratum, (rows, kinds, other kinds, n, m).

    They sum to 1 over the last two axes. `correlation` has shape (rows,). A known share goes with
    everything alike.
    """
    import numpy as np

    cells, other_cells = one.cells(), other.cells()
    rows, kinds, n, scores = cells.shape
    other_kinds, m = other_cells.shape[1:3]
    left = cells.reshape(rows, kinds * n, scores) @ _density(correlation)
    right = other_cells.reshape(rows, other_kinds * m, scores)
    ratio = (left @ right.swapaxes(1, 2)).reshape(rows, kinds, n, other_kinds, m)
    weights = one.weights[:, :, None, :, None] * other.weights[:, None, :, None, :]
    weights = weights * ratio.swapaxes(2, 3)
    found: Floats = weights / weights.sum(axis=(3, 4), keepdims=True)
    return np.where(np.isnan(found), 0.0, found)


def correlations(one: Nodes, other: Nodes, counts: "Floats") -> "Floats":
    """The most likely correlation in every row, (rows,), of one stratum.

    The nodes are of one row; `counts` says how many queries of each pair of kinds a row has,
    (rows, kinds, other kinds). 0 where no pair tells anything, as where all answers were right.

    >>> import numpy as np
    >>> fit = np.full((1, 1, 2), 1.0)
    >>> both = nodes(fit, np.array([0, 0]), np.array([0.0, 4.0]), np.array([4.0, 4.0]), 16)
    >>> correlations(both, both, np.array([[[20.0, 0.0], [0.0, 20.0]]])).tolist()
    [0.9]
    """
    import numpy as np

    tried = np.linspace(-HIGHEST, HIGHEST, _TRIED)
    likely = np.log(one.mass[0] @ _density(tried) @ other.mass[0].T)
    found = np.tensordot(counts, likely, axes=([1, 2], [1, 2]))
    best = found.argmax(axis=1)
    inner = best.clip(1, _TRIED - 2)
    low, middle, high = (found[np.arange(len(found)), inner + step] for step in (-1, 0, 1))
    # The peak of the parabola through the best one and its neighbours.
    bend = low - 2 * middle + high
    move = np.divide(low - high, 2 * bend, out=np.zeros_like(bend), where=bend < 0)
    peak = np.where(best == inner, tried[inner] + move * (tried[1] - tried[0]), tried[best])
    flat = np.ptp(found, axis=1) < 1e-6
    result: Floats = np.where(flat, 0.0, peak)
    return result


def _scores() -> "Floats":
    import numpy as np

    start, end, n = _SCORES
    return np.linspace(start, end, 2 * n + 1, dtype=np.float64)[1::2]


def _before_seen() -> "Floats":
    """The share of all chances at each score."""
    import numpy as np

    density = np.exp(-(_scores() ** 2) / 2)
    share: Floats = density / density.sum()
    return share


def _seen(fits: "Floats", stratum: "Ints", right: "Floats", tries: "Floats") -> "Floats":
    """The same given the attempts, (rows, kinds, scores)."""
    import numpy as np
    from scipy.special import betaincinv, ndtr, xlogy

    z = _scores()
    a, b = fits[..., :1], fits[..., 1:]
    # Both tails from their own end: chances within 1e-16 of 1 count.
    p, wrong = betaincinv(a, b, ndtr(z))[:, stratum], betaincinv(b, a, ndtr(-z))[:, stratum]
    likely = xlogy(right[:, None], p) + xlogy((tries - right)[:, None], wrong)
    likely = likely - likely.max(axis=2, keepdims=True)
    mass = np.exp(likely) * _before_seen()
    mass = mass / mass.sum(axis=2, keepdims=True)
    return np.where(np.isfinite(mass), mass, _before_seen())


def _density(correlation: "Floats") -> "Floats":
    """The Gaussian copula's at every pair of scores, (…, scores, scores), its mean exactly 1."""
    import numpy as np

    rho = correlation[..., None, None]
    x, y = _scores()[:, None], _scores()
    rest = 1 - rho**2
    density = np.exp((rho * x * y - rho**2 * (x**2 + y**2) / 2) / rest) / np.sqrt(rest)
    share = _before_seen()
    found: Floats = density / (density * share[:, None] * share).sum(axis=(-2, -1), keepdims=True)
    return found

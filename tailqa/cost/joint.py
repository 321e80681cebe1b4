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

HIGHEST = 0.9
"""The correlation, either way, beyond which a few attempts cannot tell."""

_TRIED = 37
_FAR = 6.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodes:
    """Values that one model's chance takes, in three arrays of shape (rows, kinds, n).

    `weights` are by the model's own attempts alone and sum to 1 over the last axis; `score` is the
    value's quantile in its stratum, on the normal scale, NaN where the chance is a known share.
    """

    p: "Floats"
    weights: "Floats"
    score: "Floats"

    def of(self, rows: slice, kinds: "npt.NDArray[np.int64]") -> "Nodes":
        """Some rows, and a kind for each of `kinds`."""
        return Nodes(
            p=self.p[rows][:, kinds],
            weights=self.weights[rows][:, kinds],
            score=self.score[rows][:, kinds],
        )


def nodes(fits: "Floats", right: "Floats", tries: "Floats", n: int) -> Nodes:
    """`n` values of p ~ Beta(a, b), `fits` (rows, kinds, 2), given `right` of `tries`, (kinds,).

    >>> import numpy as np
    >>> even = nodes(np.array([[[1.0, 1.0]]]), np.array([0.0]), np.array([0.0]), 3)
    >>> even.p.round(3).tolist(), even.score[0, 0, ::2].round(2).tolist()
    ([[[0.113, 0.5, 0.887]]], [-1.21, 1.21])
    """
    import numpy as np
    from scipy.special import betainc, ndtri

    a, b = fits[..., 0], fits[..., 1]
    shape = a.shape
    share = np.broadcast_to(right / np.maximum(tries, 1), shape)
    p, weights = Chances(a=a + right, b=b + tries - right, share=share).flat().nodes(n)
    p, weights = p.reshape(*shape, n), weights.reshape(*shape, n)
    score = ndtri(betainc(a[..., None], b[..., None], p)).clip(-_FAR, _FAR)
    return Nodes(p=p, weights=weights, score=score)


def together(one: Nodes, other: Nodes, correlation: "Floats") -> "Floats":
    """Weights of every pair of values, (rows, kinds, n, m), that sum to 1 over the last two axes.

    `correlation` has shape (rows, kinds). A known share goes with everything alike.
    """
    weights = _apart(one, other) * _density(one, other, correlation)
    found: Floats = weights / weights.sum(axis=(2, 3), keepdims=True)
    return found


def correlations(one: Nodes, other: Nodes, counts: "Floats") -> "Floats":
    """The most likely correlation in every row, (rows,), of one stratum.

    The nodes are of one row, shape (1, kinds, n); `counts` says how many queries of each kind a
    row has, (rows, kinds). 0 where no kind tells anything, as where all answers were right.

    >>> import numpy as np
    >>> fits = np.full((1, 2, 2), 1.0)
    >>> both = nodes(fits, np.array([0.0, 4.0]), np.array([4.0, 4.0]), 16)
    >>> correlations(both, both, np.array([[20.0, 20.0]])).tolist()
    [0.9]
    """
    import numpy as np

    tried = np.linspace(-HIGHEST, HIGHEST, _TRIED)
    apart = _apart(one, other)
    likely = np.stack(
        [
            np.log((apart * _density(one, other, np.full(apart.shape[:2], rho))).sum(axis=(2, 3)))[
                0
            ]
            for rho in tried
        ],
        axis=1,
    )
    found = counts @ likely
    best = found.argmax(axis=1)
    inner = best.clip(1, _TRIED - 2)
    low, middle, high = (found[np.arange(len(found)), inner + step] for step in (-1, 0, 1))
    # The peak of the parabola through the best one and its neighbours.
    bend = low - 2 * middle + high
    move = np.divide(low - high, 2 * bend, out=np.zeros_like(bend), where=bend < 0)
    peak = np.where(best == inner, tried[inner] + move * (tried[1] - tried[0]), tried[best])
    flat = np.ptp(found, axis=1) < 1e-9
    result: Floats = np.where(flat, 0.0, peak)
    return result


def _apart(one: Nodes, other: Nodes) -> "Floats":
    return one.weights[:, :, :, None] * other.weights[:, :, None, :]


def _density(one: Nodes, other: Nodes, correlation: "Floats") -> "Floats":
    """Of the Gaussian copula at every pair of values."""
    import numpy as np

    rho = correlation[:, :, None, None]
    x, y = one.score[:, :, :, None], other.score[:, :, None, :]
    rest = 1 - rho**2
    density = np.exp((rho * x * y - rho**2 * (x**2 + y**2) / 2) / rest) / np.sqrt(rest)
    return np.where(np.isnan(density), 1.0, density)

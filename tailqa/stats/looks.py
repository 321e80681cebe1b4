"""Planned looks: how large Z must be at each of a few looks that were fixed beforehand."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from tailqa.stats.checks import check_share, two_sided_z

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

N_NODES = 200
LOWEST_Z, HIGHEST_Z = -9.0, 40.0


def obrien_fleming_bounds(fractions: Sequence[float], *, alpha: float = 0.05) -> tuple[float, ...]:
    """One-sided bounds on Z at looks after these fractions of the planned queries.

    Of alpha, f(t) = 2 − 2Φ(z_{α/2}/√t) has been spent by the fraction t (Lan & DeMets, Biometrika
    1983, 70: 659, their O'Brien–Fleming kind); integrated look by look (Armitage, McPherson &
    Rowe, JRSS-A 1969, 132: 235). The looks must not be chosen by what was seen at earlier ones; a
    look too early to spend anything has the bound inf. Raises ValueError unless fractions rise
    strictly within (0, 1] and alpha lies in (0, 1).

    >>> [round(bound, 5) for bound in obrien_fleming_bounds((0.25, 0.5, 0.75, 1.0))]
    [3.74955, 2.53994, 2.01607, 1.72018]
    """
    from scipy.special import ndtr

    times = [float(fraction) for fraction in fractions]
    if not times or not all(a < b for a, b in pairwise([0.0, *times])) or times[-1] > 1:
        raise ValueError(f"fractions must rise strictly within (0, 1], got {tuple(fractions)}")
    z = two_sided_z(1 - check_share("alpha", alpha))
    spent = [0.0, *(2 * float(ndtr(-z / math.sqrt(time))) for time in times)]
    bounds: list[float] = []
    walk = _Walk()
    for time, (before, after) in zip(times, pairwise(spent), strict=True):
        bounds.append(walk.advance(time, after - before))
    return tuple(bounds)


class _Walk:
    """Brownian motion that has stayed below the bounds so far: its density on a few nodes."""

    def __init__(self) -> None:
        import numpy as np

        self._time, self._nodes, self._mass = 0.0, np.zeros(1), np.ones(1)

    def advance(self, time: float, chance: float) -> float:
        """The bound on Z that is first crossed at `time` with this chance; moves on to there."""
        import numpy as np
        from scipy.optimize import brentq
        from scipy.special import ndtr

        step, scale = math.sqrt(time - self._time), math.sqrt(time)

        def excess(z: float) -> float:
            return float(self._mass @ ndtr((self._nodes - z * scale) / step)) - chance

        bound = float(brentq(excess, LOWEST_Z, HIGHEST_Z, xtol=1e-12)) if chance > 0 else math.inf
        unit, weights = np.polynomial.legendre.leggauss(N_NODES)
        half = (min(bound, -LOWEST_Z) - LOWEST_Z) * scale / 2
        nodes = LOWEST_Z * scale + half * (1 + unit)
        distance = (nodes[:, None] - self._nodes) / step
        density = np.exp(-(distance**2) / 2) @ self._mass / (step * math.sqrt(2 * math.pi))
        self._time, self._nodes, self._mass = time, nodes, half * weights * density
        return bound

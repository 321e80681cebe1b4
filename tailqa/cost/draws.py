"""Intervals and ratios from the values that a bootstrap drew."""

import math
from collections.abc import Sequence

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.operations import Figure, OptionCost

METHOD = "bootstrap-percentile"


def from_draws(value: float, draws: Sequence[float | None], *, level: float, n: int) -> Measured:
    """`value` with the percentile interval of `draws` (Efron & Tibshirani 1993, ch. 13).

    Order statistics, not interpolation. The interval holds `value`. TooFew where the value or a
    limit is not finite: so many resamples have none that there is no limit. Raises ValueError
    unless level lies in (0, 1) and there are draws.

    >>> found = from_draws(5.0, list(range(1, 11)), level=0.8, n=40)
    >>> found.low, found.high
    (1.0, 10.0)
    """
    import numpy as np

    if not 0 < level < 1 or not len(draws):
        raise ValueError(f"level must lie in (0, 1) and draws be given, got {level!r}")
    drawn = np.array(draws, dtype=float)
    drawn[np.isnan(drawn)] = np.inf
    tail = (1 - level) / 2
    low = float(np.quantile(drawn, tail, method="lower"))
    high = float(np.quantile(drawn, 1 - tail, method="higher"))
    if not (math.isfinite(value) and math.isfinite(low) and math.isfinite(high)):
        return TooFew(reason="too many resamples have no finite value", n=n)
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        level=level,
        method=METHOD,
        n=n,
    )


def figure_of(option: OptionCost, figure: Figure, *, level: float) -> Measured:
    """A figure of all traffic at another level; what has no draws keeps its reason."""
    measured = option.figures.get(figure, TooFew(reason="it was not computed", n=0))
    draws = option.draws.get(figure)
    if isinstance(measured, TooFew) or not draws:
        return measured if isinstance(measured, TooFew) else _no_draws(measured)
    return from_draws(measured.value, draws, level=level, n=measured.n)


def ratio_of(top: OptionCost, bottom: OptionCost, figure: Figure, *, level: float) -> Measured:
    """`top` over `bottom`, resample by resample, so that what they share cancels.

    >>> from tailqa.core.estimate import Estimate
    >>> def cost(value, draws):
    ...     found = Estimate(value=value, low=0, high=9, level=.95, method="", n=8)
    ...     return OptionCost(option="student", scope="", figures={"p95_s": found},
    ...                       draws={"p95_s": draws})
    >>> found = ratio_of(cost(2.0, (1.0, 4.0)), cost(4.0, (2.0, 8.0)), "p95_s", level=.95)
    >>> found.value, found.low, found.high
    (0.5, 0.5, 0.5)
    """
    import numpy as np

    for option in (top, bottom):
        found = figure_of(option, figure, level=level)
        if isinstance(found, TooFew):
            return found
    above, below = top.figures[figure], bottom.figures[figure]
    assert isinstance(above, Estimate) and isinstance(below, Estimate)  # noqa: S101, PT018
    if below.value <= 0:
        return TooFew(reason="the figure that it is compared with is 0", n=below.n)
    tops, bottoms = (np.asarray(option.draws[figure], dtype=float) for option in (top, bottom))
    ratios = np.full(len(tops), np.inf)
    np.divide(tops, bottoms, out=ratios, where=bottoms > 0)
    return from_draws(
        above.value / below.value, ratios.tolist(), level=level, n=min(above.n, below.n)
    )


def _no_draws(measured: Estimate) -> TooFew:
    return TooFew(reason="its draws were not kept", n=measured.n)

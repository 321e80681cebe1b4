"""Intervals and ratios from the values that a bootstrap drew."""

import math
from collections.abc import Mapping, Sequence

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.operations import Figure, OptionCost
from tailqa.core.words import count_of

METHOD = "bootstrap-percentile"
CERTAIN = "by construction"
LEAST = 10
"""Units that are resampled, below which their resamples tell too little."""

COUNTED: tuple[Figure, ...] = ("attempts", "resolved", "uncaught", "given_up", "escalated")
"""Figures that vary only as far as answers that are right and wrong were both seen."""

RESTING: Mapping[Figure, Figure] = {
    "prompt_tokens": "attempts",
    "completion_tokens": "attempts",
    "usd_per_query": "attempts",
    "tokens_per_resolved": "resolved",
    "seconds_per_resolved": "resolved",
    "usd_per_resolved": "resolved",
}
"""Sums of so much per attempt, or over what was resolved."""

_ROUNDING = 1e-9


def from_draws(
    value: float,
    draws: Sequence[float | None],
    *,
    level: float,
    n: int,
    units: int | None = None,
) -> Measured:
    """`value` with the percentile interval of `draws` (Efron & Tibshirani 1993, ch. 13).

    Order statistics, not interpolation. The interval holds `value`. TooFew below 10 `units` that
    were resampled (`n` by default), and where the value or a limit is not finite: so many
    resamples have none that there is no limit. Raises ValueError unless level lies in (0, 1) and
    there are draws.

    >>> found = from_draws(5.0, list(range(1, 11)), level=0.8, n=40)
    >>> found.low, found.high
    (1.0, 10.0)
    """
    import numpy as np

    if not 0 < level < 1 or not len(draws):
        raise ValueError(f"level must lie in (0, 1) and draws be given, got {level!r}")
    units = n if units is None else units
    if units < LEAST:
        nouns = ("query", "queries") if units == n else ("cluster", "clusters")
        return TooFew(reason=f"{count_of(units, *nouns)}, {LEAST} needed", n=n)
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


def certain(value: float, *, level: float, n: int) -> Estimate:
    """What follows from the pipeline, whatever the models answer."""
    return Estimate(value=value, low=value, high=value, level=level, method=CERTAIN, n=n)


def varying(found: Measured, figure: Figure) -> Measured:
    """`found`; TooFew where it counts answers and no resample differs: nothing of a kind was seen.

    >>> all_right = from_draws(1.0, [1.0] * 40, level=0.95, n=50)
    >>> varying(all_right, "resolved").reason
    '100 % as measured, and no resample differs'
    """
    if figure not in COUNTED or isinstance(found, TooFew) or found.method == CERTAIN:
        return found
    said = f"{found.value:.3g}" if figure == "attempts" else f"{100 * found.value:.3g} %"
    return _unless_alike(found, said)


def resting(found: Measured, figure: Figure, figures: Mapping[Figure, Measured]) -> Measured:
    """`found`; TooFew where no resample differs because none does in the count that it rests on.

    A figure of 0, as of tokens without a price, is 0 however many attempts there are.
    """
    base = figures.get(RESTING.get(figure, figure))
    if not isinstance(base, TooFew) or isinstance(found, TooFew) or found.value == 0:
        return found
    return _unless_alike(found, f"{found.value:.3g}")


def figure_of(option: OptionCost, figure: Figure, *, level: float) -> Measured:
    """A figure of all traffic at another level; what has no draws keeps its reason."""
    measured = option.figures.get(figure, TooFew(reason="it was not computed", n=0))
    draws = option.draws.get(figure)
    if isinstance(measured, TooFew) or not draws:
        return measured if isinstance(measured, TooFew) else _no_draws(measured)
    if measured.method == CERTAIN:
        return certain(measured.value, level=level, n=measured.n)
    return varying(from_draws(measured.value, draws, level=level, n=measured.n), figure)


def ratio_of(top: OptionCost, bottom: OptionCost, figure: Figure, *, level: float) -> Measured:
    """`top` over `bottom`, resample by resample, so that what they share cancels.

    >>> from tailqa.core.estimate import Estimate
    >>> def cost(value, draws):
    ...     found = Estimate(value=value, low=0, high=9, level=.95, method="", n=40)
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
    if above.method == below.method == CERTAIN:
        return certain(above.value / below.value, level=level, n=min(above.n, below.n))
    tops, bottoms = (np.asarray(option.draws[figure], dtype=float) for option in (top, bottom))
    ratios = np.full(len(tops), np.inf)
    np.divide(tops, bottoms, out=ratios, where=bottoms > 0)
    n = min(above.n, below.n)
    found = from_draws(above.value / below.value, ratios.tolist(), level=level, n=n)
    if figure not in COUNTED or isinstance(found, TooFew):
        return found
    return _unless_alike(found, f"{found.value:.3g}")


def _unless_alike(found: Estimate, said: str) -> Measured:
    if found.high - found.low > _ROUNDING * max(1.0, abs(found.value)):
        return found
    return TooFew(reason=f"{said} as measured, and no resample differs", n=found.n)


def _no_draws(measured: Estimate) -> TooFew:
    return TooFew(reason="its draws were not kept", n=measured.n)

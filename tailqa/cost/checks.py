"""Formula against simulation: where there are both, they must agree."""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tailqa.core.estimate import Estimate
from tailqa.core.operations import ALL_TRAFFIC, ClosedForm, Figure
from tailqa.cost.prediction import Predicted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Rows = Mapping[Figure, Floats]

CHECKED: tuple[Figure, ...] = (
    "attempts",
    "prompt_tokens",
    "completion_tokens",
    "resolved",
    "uncaught",
    "given_up",
    "escalated",
)
_SPREAD = 4.0
"""Standard errors of a simulated mean within which its closed form must lie."""

_ROUNDING = 1e-9


def closed_forms(predicted: Predicted, rows: "Rows", *, level: float) -> tuple[ClosedForm, ...]:
    """Figures that have both, all traffic as measured: do formula and simulation agree?

    The formula must lie within 4 standard errors of the simulated mean. None where a timeout or a
    hedge leaves no closed form, or where nothing was simulated. Utilisation has one where requests
    come at a rate of their own.
    """
    if predicted.setting.timed or not predicted.n_requests:
        return ()
    return (*_counts(predicted, rows, level), *_in_use(predicted, level))


def _counts(predicted: Predicted, rows: "Rows", level: float) -> Iterator[ClosedForm]:
    parts: Mapping[Figure, tuple[str, ...]] = {
        "prompt_tokens": ("prompt_tokens", "second_prompt_tokens"),
        "completion_tokens": ("completion_tokens", "second_completion_tokens"),
    }
    for figure in CHECKED:
        names = parts.get(figure, (figure,))
        value = sum(float(predicted.counted[name][0, -1]) for name in names)
        # A count that never came up may have come up in 1 of n.
        spread = max(sum(predicted.spread[name] for name in names), predicted.n_requests**-0.5)
        error = _SPREAD * spread / math.sqrt(predicted.n_requests)
        closed = float(rows[figure][0, -1])
        yield _check(predicted, figure, (closed, value), error=error, level=level)


def _in_use(predicted: Predicted, level: float) -> Iterator[ClosedForm]:
    """Utilisation of stages, both at the rate that is wanted: the simulated one is so by chance.

    How far resamples lie from their own formula says how far row 0 may, in as many times as many
    requests.
    """
    import numpy as np

    setting = predicted.setting
    if setting.rate is None:
        return
    simulated = predicted.in_use * (setting.rate / predicted.throughput)[:, None]
    apart = simulated - predicted.offered
    for place, station in enumerate(setting.stations):
        known = apart[1:, place][np.isfinite(apart[1:, place])]
        if not math.isfinite(apart[0, place]) or len(known) < 2:
            continue
        both = float(predicted.offered[0, place]), float(simulated[0, place])
        error = _SPREAD * float(known.std(ddof=1)) / math.sqrt(predicted.n_runs)
        error = max(error, _ROUNDING * both[0])
        yield _check(predicted, f"utilisation of {station.name}", both, error=error, level=level)


def _check(
    predicted: Predicted, figure: str, both: tuple[float, float], *, error: float, level: float
) -> ClosedForm:
    """Of a figure by formula and as simulated."""
    closed, value = both
    return ClosedForm(
        option=predicted.setting.option,
        scope=ALL_TRAFFIC,
        figure=figure,
        closed=closed,
        simulated=Estimate(
            value=value,
            low=value - error,
            high=value + error,
            level=level,
            method="4 standard errors",
            n=predicted.n_requests,
        ),
        agrees=abs(value - closed) <= error,
    )

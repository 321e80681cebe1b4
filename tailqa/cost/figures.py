"""A prediction → the figures of an option, per stratum and for all traffic."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, get_args

from tailqa.core.answer import Side
from tailqa.core.estimate import Measured, TooFew
from tailqa.core.operations import ALL_TRAFFIC, UNTIMED, Figure, OptionCost
from tailqa.cost.certain import Size, certain_figures, size_of
from tailqa.cost.draws import certain, from_draws, resting, varying
from tailqa.cost.line import Station
from tailqa.cost.money import asked_people, counts_of, hourly_usd, usd_of
from tailqa.cost.offered import Setting
from tailqa.cost.prediction import Predicted
from tailqa.cost.scene import Scene, side_of
from tailqa.cost.schema import Pipeline

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

TIMES: tuple[Figure, ...] = ("mean_s", "p50_s", "p95_s", "p99_s", "seconds_per_resolved")
MONEY: tuple[Figure, ...] = ("usd_per_query", "usd_per_resolved")
KEPT_DIGITS = 7
_TOO_FEW_BEYOND = "too few simulated requests lie beyond it"
NO_PRICES = "the pipeline names no prices"


def figure_rows(predicted: Predicted, pipeline: Pipeline) -> dict[Figure, "Floats"]:
    """Every figure for the data as measured and for each resample, (rows, strata + 1).

    In closed form where there is one, else as the simulation counted.
    """
    import numpy as np

    setting, counts = predicted.setting, counts_of(predicted)
    tokens = {
        name: counts[name] + counts[f"second_{name}"]
        for name in ("prompt_tokens", "completion_tokens")
    }
    per_s = predicted.throughput if setting.rate is None else np.array([setting.rate])
    usd = usd_of(pipeline, setting, counts, asked=asked_people(predicted, counts), per_s=per_s)
    rows: dict[Figure, Floats] = {
        "attempts": counts["attempts"],
        "prompt_tokens": tokens["prompt_tokens"],
        "completion_tokens": tokens["completion_tokens"],
        "resolved": counts["resolved"],
        "uncaught": np.maximum(counts["uncaught"], 0.0),
        "given_up": np.maximum(counts["given_up"], 0.0),
        "escalated": counts["escalated"],
        **predicted.lasting,
        "usd_per_query": usd,
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        for name, total in (
            ("tokens_per_resolved", tokens["prompt_tokens"] + tokens["completion_tokens"]),
            ("seconds_per_resolved", rows["mean_s"]),
            ("usd_per_resolved", usd),
        ):
            rows[name] = np.where(  # type: ignore[index]
                rows["resolved"] > 0, total / rows["resolved"], np.inf
            )
    return rows


def option_costs(
    scene: Scene, predicted: Predicted, pipeline: Pipeline, *, level: float
) -> tuple[OptionCost, ...]:
    """The figures of one option on every stratum, then on all traffic.

    What answers that are right or wrong cannot change is certain. Counts of answers in which no
    resample differs are not told: so are those of a stratum that was always right.
    """
    rows = figure_rows(predicted, pipeline)
    why = unknown_figures(scene, predicted, pipeline, level=level)
    scopes = (*scene.people.strata, ALL_TRAFFIC)
    sure = certain_figures(predicted.setting)
    costs = []
    for column, scope in enumerate(scopes):
        whole = scope == ALL_TRAFFIC and column == len(scopes) - 1
        size = size_of(scene.people, column)
        figures: dict[Figure, Measured] = {}
        for figure in get_args(Figure):
            if figure in sure:
                figures[figure] = certain(sure[figure], level=level, n=size.n)
                continue
            found = why.get(figure) or measured(rows[figure][:, column], level=level, size=size)
            figures[figure] = resting(varying(found, figure), figure, figures)
        draws = {
            figure: tuple(_kept(value) for value in rows[figure][1:, column])
            for figure in get_args(Figure)
            if whole and figure not in why
        }
        option = predicted.setting.option
        costs.append(OptionCost(option=option, scope=scope, figures=figures, draws=draws))
    return tuple(costs)


def measured(column: "Floats", *, level: float, size: Size) -> Measured:
    """The first of `column` with the interval of the others; why not, where there is none.

    >>> import numpy as np
    >>> measured(np.array([2.0, 1.0, 3.0]), level=0.95, size=Size(n=40, units=40)).high
    3.0
    """
    value, draws = float(column[0]), column[1:]
    if math.isnan(value) or _many(draws, math.isnan, level):
        return TooFew(reason=_TOO_FEW_BEYOND, n=size.n)
    if math.isinf(value):
        return TooFew(reason="it has no limit: nothing is resolved", n=size.n)
    return from_draws(value, draws.tolist(), level=level, n=size.n, units=size.units)


def _many(draws: "Floats", is_so: Callable[[float], bool], level: float) -> bool:
    """Whether more than one tail of the interval is so."""
    return sum(map(is_so, draws.tolist())) > (1 - level) / 2 * len(draws)


def unknown_figures(
    scene: Scene, predicted: Predicted, pipeline: Pipeline, *, level: float
) -> Mapping[Figure, TooFew]:
    """Figures that cannot be told at all, with the reason."""
    missing: dict[Figure, TooFew] = {}
    setting = predicted.setting
    # What a query has of an hour's price depends on how many a server finishes.
    timed = (*TIMES, *MONEY) if hourly_usd(pipeline, predicted.setting) else TIMES
    if untimed_sides(scene, setting):
        # Where time decides on attempts, nothing can be told without it.
        lost = get_args(Figure) if setting.timed else timed
        why = "; ".join(filter(None, (UNTIMED, scene.speed_advice)))
        missing |= {figure: TooFew(reason=why, n=0) for figure in lost}
    full = _saturation(predicted, level)
    if full is not None:
        missing |= {figure: TooFew(reason=full, n=scene.people.n) for figure in timed}
    if not pipeline.priced:
        missing |= {figure: TooFew(reason=NO_PRICES, n=0) for figure in MONEY}
    return missing


def untimed_sides(scene: Scene, setting: Setting) -> set[Side]:
    """The models that an option asks and whose speed is not known: they were simulated as if they
    took no time.
    """
    sides: set[Side] = {side_of(setting.option)}
    if setting.rules.escalate_to == "teacher":
        sides.add("teacher")
    return {side for side in sides if scene.speeds[side] is None}


def _saturation(predicted: Predicted, level: float) -> str | None:
    """Which stage has no steady state, or so little room that too many resamples have none."""
    setting, n = predicted.setting, len(predicted.utilisation) - 1
    full, resampled = predicted.saturated, saturated_resamples(predicted)
    often = len(resampled)
    if full is None and often <= (1 - level) / 2 * n:
        return None
    at = full or resampled[0]
    busy = predicted.utilisation[0, setting.stations.index(at)]
    where = f"{at.name} at {setting.rate:.3g} requests/s (utilisation {busy:.2f})"
    if full is not None:
        return f"saturated: {where}"
    return f"close to saturation: {where}, saturated in {often} of {n} resamples"


def saturated_resamples(predicted: Predicted) -> Sequence[Station]:
    """The stage that is saturated, of each resample that has one."""
    rows = range(1, len(predicted.utilisation))
    return [at for row in rows if (at := predicted.saturated_in(row)) is not None]


def _kept(value: float) -> float | None:
    """A draw as result.json keeps it: seven digits, None where it is not finite."""
    return float(f"{value:.{KEPT_DIGITS}g}") if math.isfinite(value) else None

"""The stages of an option: how busy, how long one waits there, and which is the bottleneck."""

import math
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.core.estimate import Measured, TooFew
from tailqa.core.operations import NO_LIMIT, UNTIMED, Option, StageLoad
from tailqa.cost.certain import size_of
from tailqa.cost.figures import measured, untimed_sides
from tailqa.cost.line import Station
from tailqa.cost.offered import Setting
from tailqa.cost.prediction import Predicted
from tailqa.cost.queueing import allen_cunneen_wait
from tailqa.cost.scene import Scene, side_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


def stage_loads(scene: Scene, predicted: Predicted, *, level: float) -> tuple[StageLoad, ...]:
    """Every stage of one option: how busy, how long the wait; the bottleneck is the busiest.

    A model whose speed is not known was simulated as if it took no time. Then the waits are not
    known either, nor how busy a stage is without a formula for it, nor which is the bottleneck.
    """
    import numpy as np

    setting, size = predicted.setting, size_of(scene.people)
    untimed = untimed_sides(scene, setting)
    busy = predicted.offered if untimed else predicted.utilisation

    def of(column: "Floats", reason: str, *, known: bool = True) -> Measured:
        if not known:
            return TooFew(reason=UNTIMED, n=size.n)
        if math.isnan(float(column[0])):
            return TooFew(reason=reason, n=size.n)
        return measured(np.where(np.isnan(column), np.inf, column), level=level, size=size)

    busiest = _bottleneck(setting, busy[0], known=not untimed)
    loads = []
    for place, station in enumerate(setting.stations):
        asked = _side_at(station, setting.option)
        limited = station.servers > 0
        why = "a stage is saturated, or nothing came here"
        loads.append(
            StageLoad(
                option=setting.option,
                stage=station.name,
                visits_per_query=of(
                    predicted.visits[:, place], why, known=not (untimed and setting.timed)
                ),
                utilisation=of(
                    busy[:, place],
                    NO_LIMIT,
                    known=not (untimed and limited and math.isnan(busy[0, place])),
                ),
                wait_s=of(predicted.wait_s[:, place], why, known=not (untimed and limited)),
                service_s=of(predicted.service_s[:, place], why, known=asked not in untimed),
                closed_wait_s=_closed_wait(predicted, place),
                bottleneck=place == busiest,
            )
        )
    return tuple(loads)


def _bottleneck(setting: Setting, busy: "Floats", *, known: bool) -> int:
    """The place of the stage that is used most; -1 where that is not known, or none has a limit."""
    used = {place: float(value) for place, value in enumerate(busy) if not math.isnan(value)}
    limited = [place for place, station in enumerate(setting.stations) if station.servers > 0]
    if not known and any(place not in used for place in limited):
        return -1
    return max(used, key=used.__getitem__, default=-1)


def _side_at(station: Station, option: Option) -> Side | None:
    """The model that answers at a station, where one does."""
    if station.role == "generation":
        return side_of(option)
    return "teacher" if station.role == "teacher" else None


def _closed_wait(predicted: Predicted, place: int) -> float | None:
    """Allen–Cunneen for a stage of several servers, as if requests came to it independently."""
    setting, station = predicted.setting, predicted.setting.stations[place]
    visits = float(predicted.visits[0, place])
    if station.time is None or not station.servers or setting.rate is None or math.isnan(visits):
        return None
    rate, service = setting.rate * visits, station.time.mean_s
    if rate <= 0 or service <= 0 or rate * service >= station.servers:
        return None
    wait: float = allen_cunneen_wait(station.servers, rate, service, 1.0, station.time.squared_cv)
    return wait

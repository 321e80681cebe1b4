"""How an option goes through a pipeline, and how busy that keeps each stage by formula."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.operations import Option
from tailqa.cost.expectations import Expected
from tailqa.cost.line import Rules, Station
from tailqa.cost.scene import Scene, side_of
from tailqa.cost.speed import capacity

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

STEADY = 0.98
"""The utilisation above which a queue is too long in settling to be simulated."""

_FEWEST = 4_000


@dataclass(frozen=True, kw_only=True)
class Setting:
    """An option as the simulation takes it; `rate` is None for a closed loop."""

    option: Option
    stations: tuple[Station, ...]
    rules: Rules
    rate: float | None

    @property
    def timed(self) -> bool:
        """Whether time decides on attempts, so that no closed form holds."""
        return math.isfinite(self.rules.timeout_s) or math.isfinite(self.rules.hedge_after_s)


def offered_load(scene: Scene, setting: Setting, expected: Expected) -> "Floats":
    """Utilisation of every station at the rate of arrivals in closed form, (rows, stations).

    Rate × work per query over the work that the station finishes per second; NaN where it has no
    limit, and in a closed loop, whose rate follows from it.
    """
    import numpy as np

    load = np.full((scene.n_rows, len(setting.stations)), np.nan)
    for place, station in enumerate(setting.stations):
        if station.servers == 0 or setting.rate is None:
            continue
        work = _work_per_query(station, expected)
        if work is not None:
            load[:, place] = setting.rate * work / _capacities(scene, setting, station)
    return load


def steady_requests(load: "Floats") -> int:
    """How many requests a resample needs to be in steady state under the offered `load`, row 0.

    Three relaxation times of M/M/1, 1/(1 − √ρ)² services (Abate & Whitt 1987), and 4,000 at
    least.
    """
    known = [value for value in load[0] if not math.isnan(value)]
    highest = max(known, default=0.0)
    if highest >= STEADY:
        return _FEWEST
    return max(_FEWEST, math.ceil(3 / (1 - math.sqrt(highest)) ** 2))


def station_capacity(scene: Scene, setting: Setting, station: Station, row: int) -> float:
    """The most seconds of work that a station with a limit finishes per second."""
    if station.role in {"stage", "person"}:
        return float(station.servers)
    side = "teacher" if station.role == "teacher" else side_of(setting.option)
    speeds = scene.speeds[side]
    if speeds is None:
        return float(station.servers)
    return capacity(speeds[row], station.servers, station.concurrency)


def busiest(setting: Setting, utilisation: "Floats") -> Station | None:
    """The most saturated stage by the utilisation of each, (stations,); None where none is."""
    full = [
        (value, station)
        for value, station in zip(utilisation, setting.stations, strict=True)
        if setting.rate is not None and value >= STEADY
    ]
    return max(full, key=lambda pair: pair[0])[1] if full else None


def _work_per_query(station: Station, expected: Expected) -> "Floats | None":
    """Seconds of work at a station per query of all traffic, (rows,)."""
    if station.role == "generation":
        return None if expected.own_s is None else expected.own_s[:, -1]
    if station.role == "teacher":
        return None if expected.second_s is None else expected.second_s[:, -1]
    assert station.time is not None  # noqa: S101 - only the models' stations have none
    counts = expected.counts
    if station.role == "person":
        return counts["escalations"][:, -1] * station.time.mean_s
    passes = expected.own_attempts[:, -1] if station.repeats else 1.0 + 0 * counts["calls"][:, -1]
    return passes * station.probability * station.time.mean_s


def _capacities(scene: Scene, setting: Setting, station: Station) -> "Floats":
    import numpy as np

    return np.array([station_capacity(scene, setting, station, row) for row in range(scene.n_rows)])

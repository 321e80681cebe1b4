"""One option of one pipeline, simulated for the data as measured and for every resample of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tailqa.core.operations import Figure, Option
from tailqa.cost.line import Model, Rules, Simulated, Speed, Station, System
from tailqa.cost.queries import Asked
from tailqa.cost.scene import Expected, Scene, expect, side_of
from tailqa.cost.simulation import simulate_many
from tailqa.cost.speed import capacity

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SHARES: Mapping[Figure, float] = {"p50_s": 0.5, "p95_s": 0.95, "p99_s": 0.99}
BEYOND = 10
"""Requests that must lie beyond a percentile for it to be told."""

STEADY = 0.98
"""The utilisation above which a queue is too long in settling to be simulated."""

WARM_UP = 0.1
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


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What became of one option; row 0 as measured, the others resamples.

    `lasting` holds seconds end to end, `counted` what the simulation counted, (rows, strata + 1)
    with all traffic last; NaN where too few requests tell, infinite where a stage is saturated.
    Per station, (rows, stations): `utilisation` (NaN without a limit), mean `wait_s` and
    `service_s` per visit, and `visits` per query. `throughput` is requests per second.
    `n_requests` were counted of row 0, over which the counts have the standard deviations
    `spread`.
    """

    setting: Setting
    expected: Expected
    lasting: Mapping[Figure, "Floats"]
    counted: Mapping[str, "Floats"]
    utilisation: "Floats"
    wait_s: "Floats"
    service_s: "Floats"
    visits: "Floats"
    throughput: "Floats"
    n_requests: int
    spread: Mapping[str, float]

    @property
    def saturated(self) -> Station | None:
        """The stage without a steady state, where there is one."""
        return self.saturated_in(0)

    def saturated_in(self, row: int) -> Station | None:
        """The same of one row, 0 being the data as measured."""
        return _busiest(self.setting, self.utilisation[row])


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


def predict(
    scene: Scene,
    setting: Setting,
    asked: Sequence[tuple[int, Asked]],
    *,
    seed: int,
    steady: bool = True,
) -> Predicted:
    """Simulates `setting` for each (row, requests) of `asked`; rows may come several times.

    Requests of one row are merged before any percentile is read. With the same `seed` two
    options share their random numbers. Where a stage is saturated nothing is simulated: its
    seconds are infinite. `steady` drops the first tenth of the requests, when the queues fill.
    """
    import numpy as np

    expected = expect(scene, setting.option, setting.rules)
    load = offered_load(scene, setting, expected)
    if setting.timed:
        # Late attempts and copies change how much work there is: only the simulation tells.
        load = np.where([at.concurrency > 1 for at in setting.stations], load, np.nan)
    fit = ~np.any(load >= STEADY, axis=1)
    chosen = [(row, ask) for row, ask in asked if fit[row]]
    systems = {row: _system(scene, setting, row) for row in {row for row, _ in chosen}}
    jobs = [(systems[row], ask.load(setting.option)) for row, ask in chosen]
    done = simulate_many(jobs, rng=np.random.default_rng(seed))
    found = _Found(scene, setting, steady=steady)
    by_row: dict[int, list[tuple[Asked, Simulated]]] = {}
    for (row, ask), simulated in zip(chosen, done, strict=True):
        by_row.setdefault(row, []).append((ask, simulated))
    for row, runs in by_row.items():
        found.add(row, runs)
    busy = np.where(np.isnan(load), found.utilisation, load)
    full = np.array([_busiest(setting, row) is not None for row in busy])
    return Predicted(
        setting=setting,
        expected=expected,
        lasting={
            name: np.where(full[:, None], np.inf, rows) for name, rows in found.lasting.items()
        },
        counted=found.counted,
        utilisation=busy,
        wait_s=found.wait_s,
        service_s=found.service_s,
        visits=found.visits,
        throughput=found.throughput,
        n_requests=found.n_requests,
        spread=found.spread,
    )


_COUNTED = (
    "attempts",
    "prompt_tokens",
    "completion_tokens",
    "second_prompt_tokens",
    "second_completion_tokens",
    "escalated",
)
_ENDS = ("resolved", "uncaught", "given_up")


class _Found:
    """Figures out of simulated runs, row by row."""

    def __init__(self, scene: Scene, setting: Setting, *, steady: bool) -> None:
        import numpy as np

        self._scene, self._setting, self._steady = scene, setting, steady
        shape = (scene.n_rows, len(scene.people.strata) + 1)
        stations = (scene.n_rows, len(setting.stations))
        self.lasting: dict[Figure, Floats] = {
            name: np.full(shape, np.inf) for name in ("mean_s", *SHARES)
        }
        self.counted = {name: np.full(shape, np.nan) for name in (*_COUNTED, *_ENDS)}
        self.utilisation, self.wait_s, self.service_s, self.visits = (
            np.full(stations, np.nan) for _ in range(4)
        )
        self.throughput = np.full(scene.n_rows, np.nan)
        self.spread: dict[str, float] = {}
        self.n_requests = 0

    def add(self, row: int, runs: Sequence[tuple[Asked, Simulated]]) -> None:
        import numpy as np

        kept = [self._kept(simulated) for _, simulated in runs]
        stratum = np.concatenate(
            [
                self._scene.people.stratum[ask.query][keep]
                for (ask, _), keep in zip(runs, kept, strict=True)
            ]
        )

        def merged(values: "Sequence[npt.NDArray[np.generic]]") -> "Floats":
            parts = [v[keep].astype(float) for v, keep in zip(values, kept, strict=True)]
            return np.concatenate(parts)

        took = merged([s.finish_s - s.arrival_s for _, s in runs])
        sizes = np.bincount(stratum, minlength=len(self._scene.people.strata))
        for column, inside in enumerate(np.split(took[np.argsort(stratum)], sizes.cumsum()[:-1])):
            self._add_times(row, column, inside)
        self._add_times(row, -1, took)
        counted = {name: merged([getattr(run, name) for _, run in runs]) for name in _COUNTED}
        outcome = merged([s.outcome for _, s in runs])
        counted |= {name: (outcome == code).astype(float) for code, name in enumerate(_ENDS)}
        if row == 0:
            self.spread = {name: float(values.std()) for name, values in counted.items()}
            self.n_requests = len(took)
        for name, values in counted.items():
            sums = np.bincount(stratum, values, len(sizes))
            means = self.counted[name][row]
            np.divide(sums, sizes, out=means[:-1], where=sizes > 0)
            means[-1] = sums.sum() / len(took)
        self._add_stations(row, [simulated for _, simulated in runs])

    def _kept(self, simulated: Simulated) -> "npt.NDArray[np.bool_]":
        import numpy as np

        n = len(simulated.arrival_s)
        keep = np.ones(n, dtype=bool)
        if self._steady:
            keep[np.argsort(simulated.arrival_s, kind="stable")[: int(WARM_UP * n)]] = False
        return keep

    def _add_times(self, row: int, column: int, took: "Floats") -> None:
        import numpy as np

        n, ordered = len(took), np.sort(took)
        self.lasting["mean_s"][row, column] = took.mean() if n else np.nan
        for name, share in SHARES.items():
            # The smallest time that at least this share of the requests does not exceed.
            enough = n * (1 - share) >= BEYOND
            self.lasting[name][row, column] = (
                ordered[math.ceil(share * n) - 1] if enough else np.nan
            )

    def _add_stations(self, row: int, runs: Sequence[Simulated]) -> None:
        import numpy as np

        end = sum(run.end_s for run in runs)
        n = sum(len(run.arrival_s) for run in runs)
        visits = np.sum([run.visits for run in runs], axis=0).astype(float)
        waited, work, busy = (
            np.sum([getattr(run, name) for run in runs], axis=0)
            for name in ("waited_s", "work_s", "busy_s")
        )
        self.throughput[row] = n / end if end > 0 else np.inf
        self.visits[row] = visits / n
        with np.errstate(invalid="ignore", divide="ignore"):
            self.wait_s[row] = np.where(visits > 0, waited / visits, np.nan)
            self.service_s[row] = np.where(visits > 0, work / visits, np.nan)
        for place, station in enumerate(self._setting.stations):
            if not station.servers or not end or self._is_timeless(station):
                continue
            if station.concurrency == 1:
                # Sums of many times, which may round to above 1.
                self.utilisation[row, place] = min(1.0, busy[place] / end / station.servers)
            else:
                most = _capacity(self._scene, self._setting, station, row)
                self.utilisation[row, place] = work[place] / end / most

    def _is_timeless(self, station: Station) -> bool:
        """Whether it is a model's whose speed nobody knows."""
        side = "teacher" if station.role == "teacher" else side_of(self._setting.option)
        return station.time is None and self._scene.speeds[side] is None


def _system(scene: Scene, setting: Setting, row: int) -> System:
    main = side_of(setting.option)
    return System(
        stations=setting.stations,
        model=_model(scene, main, row),
        second=_model(scene, "teacher", row) if setting.rules.escalate_to == "teacher" else None,
        rules=setting.rules,
    )


def _model(scene: Scene, side: Literal["teacher", "student"], row: int) -> Model:
    speeds = scene.speeds[side]
    return Model(
        attempts=scene.people.of(side), speed=_timeless() if speeds is None else speeds[row]
    )


def _timeless() -> Speed:
    """Of a model whose speed nobody knows: its seconds are not shown."""
    import numpy as np

    return Speed(
        base_s=0.0,
        prompt_token_s=0.0,
        completion_token_s=0.0,
        noise=np.ones(1),
        slowdown=np.ones(1),
    )


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

    return np.array([_capacity(scene, setting, station, row) for row in range(scene.n_rows)])


def _capacity(scene: Scene, setting: Setting, station: Station, row: int) -> float:
    if station.role in {"stage", "person"}:
        return float(station.servers)
    side = "teacher" if station.role == "teacher" else side_of(setting.option)
    speeds = scene.speeds[side]
    if speeds is None:
        return float(station.servers)
    return capacity(speeds[row], station.servers, station.concurrency)


def _busiest(setting: Setting, utilisation: "Floats") -> Station | None:
    full = [
        (value, station)
        for value, station in zip(utilisation, setting.stations, strict=True)
        if setting.rate is not None and value >= STEADY
    ]
    return max(full, key=lambda pair: pair[0])[1] if full else None

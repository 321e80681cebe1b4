"""The options of one pipeline, simulated for the data as measured and for every resample of it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, tee
from typing import TYPE_CHECKING, Literal

from tailqa.core.operations import Figure, Option
from tailqa.cost.collected import Collected, station_capacity
from tailqa.cost.expectations import Expected, expect
from tailqa.cost.line import Model, Rules, Speed, Station, System
from tailqa.cost.queries import Asked
from tailqa.cost.scene import Scene, side_of
from tailqa.cost.simulation import simulate_numbered

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


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What became of one option; row 0 as measured, the others resamples.

    `lasting` holds seconds end to end, `counted` what the simulation counted, (rows, strata + 1)
    with all traffic last; NaN where too few requests tell, infinite where a stage is saturated.
    Per station, (rows, stations): utilisation by formula, `offered`, and as simulated, `in_use`
    (NaN without either), mean `wait_s` and `service_s` per visit, and `visits` per query.
    `throughput` is requests per second. Row 0 was simulated in `n_runs` runs of the size of a
    resample's; `n_requests` of them were counted, with the standard deviations `spread`.
    """

    setting: Setting
    expected: Expected
    lasting: Mapping[Figure, "Floats"]
    counted: Mapping[str, "Floats"]
    offered: "Floats"
    in_use: "Floats"
    wait_s: "Floats"
    service_s: "Floats"
    visits: "Floats"
    throughput: "Floats"
    n_runs: int
    n_requests: int
    spread: Mapping[str, float]

    @property
    def utilisation(self) -> "Floats":
        """By formula, as simulated where there is none; NaN without a limit."""
        import numpy as np

        return np.where(np.isnan(self.offered), self.in_use, self.offered)

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
    settings: Mapping[Option, Setting],
    asked: Iterable[tuple[int, Asked]],
    *,
    seed: int,
    steady: bool = True,
) -> dict[Option, Predicted]:
    """Simulates all settings for each (row, requests) of `asked`; a row may come again and again.

    Requests of one row are merged before any percentile is read. All options get the same requests
    and share their random numbers. Where a stage is saturated nothing is simulated: its seconds are
    infinite. `steady` drops the first tenth of the requests, when the queues fill.
    """
    import numpy as np

    plans = {option: _Plan.of(scene, setting) for option, setting in settings.items()}
    sent, beside = tee(_sent(scene, plans, asked, np.random.default_rng(seed)))
    jobs = ((one.system, one.ask.load(one.option), one.key) for one in sent)
    found = {
        option: Collected(scene, setting, steady=steady) for option, setting in settings.items()
    }
    n_runs = dict.fromkeys(settings, 0)
    together = zip(simulate_numbered(jobs), beside, strict=True)
    for (row, option), runs in groupby(together, key=lambda run: (run[1].row, run[1].option)):
        several = [(one.ask, simulated) for simulated, one in runs]
        found[option].add(row, several)
        n_runs[option] += len(several) if row == 0 else 0
    return {
        option: _predicted(settings[option], plan, found[option], n_runs[option])
        for option, plan in plans.items()
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """A setting with what its closed forms say: `fit` tells which rows have a steady state."""

    setting: Setting
    expected: Expected
    offered: "Floats"

    @classmethod
    def of(cls, scene: Scene, setting: Setting) -> "_Plan":
        import numpy as np

        expected = expect(scene, setting.option, setting.rules)
        offered = offered_load(scene, setting, expected)
        if setting.timed:
            # Late attempts and copies change how much work there is: only the simulation tells.
            offered = np.full_like(offered, np.nan)
        return cls(setting=setting, expected=expected, offered=offered)

    def fits(self, row: int) -> bool:
        """Whether no stage is saturated."""
        return not bool((self.offered[row] >= STEADY).any())


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Sent:
    """One run: the requests of a row on their way through the system of an option."""

    row: int
    option: Option
    ask: Asked
    system: System
    key: int


def _sent(
    scene: Scene,
    plans: Mapping[Option, _Plan],
    asked: Iterable[tuple[int, Asked]],
    rng: "np.random.Generator",
) -> Iterator[_Sent]:
    import numpy as np

    for row, asks in groupby(asked, key=lambda one: one[0]):
        several = [(ask, int(rng.integers(0, 2**64, dtype=np.uint64))) for _, ask in asks]
        for option, plan in plans.items():
            if not plan.fits(row):
                continue
            system = _system(scene, plan.setting, row)
            for ask, key in several:
                yield _Sent(row=row, option=option, ask=ask, system=system, key=key)


def _predicted(setting: Setting, plan: _Plan, found: Collected, n_runs: int) -> Predicted:
    import numpy as np

    busy = np.where(np.isnan(plan.offered), found.utilisation, plan.offered)
    full = np.array([_busiest(setting, row) is not None for row in busy])
    return Predicted(
        setting=setting,
        expected=plan.expected,
        lasting={
            name: np.where(full[:, None], np.inf, rows) for name, rows in found.lasting.items()
        },
        counted=found.counted,
        offered=plan.offered,
        in_use=found.utilisation,
        wait_s=found.wait_s,
        service_s=found.service_s,
        visits=found.visits,
        throughput=found.throughput,
        n_runs=n_runs,
        n_requests=found.n_requests,
        spread=found.spread,
    )


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

    return np.array([station_capacity(scene, setting, station, row) for row in range(scene.n_rows)])


def _busiest(setting: Setting, utilisation: "Floats") -> Station | None:
    full = [
        (value, station)
        for value, station in zip(utilisation, setting.stations, strict=True)
        if setting.rate is not None and value >= STEADY
    ]
    return max(full, key=lambda pair: pair[0])[1] if full else None

"""The options of one pipeline, simulated for the data as measured and for every resample of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, tee
from typing import TYPE_CHECKING, Literal

from tailqa.core.operations import Figure, Option
from tailqa.cost.collected import Collected
from tailqa.cost.expectations import Expected, expect
from tailqa.cost.line import Model, Speed, Station, System
from tailqa.cost.offered import STEADY, Setting, busiest, offered_load
from tailqa.cost.queries import Asked
from tailqa.cost.scene import Scene, side_of
from tailqa.cost.simulation import simulate_numbered

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


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
        return busiest(self.setting, self.utilisation[row])


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
    """A setting with what its closed forms say."""

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
        """Whether no stage of a row is saturated."""
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
    full = np.array([busiest(setting, row) is not None for row in busy])
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

"""Simulated requests → what became of them, per stratum and per station."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tailqa.core.operations import Figure
from tailqa.cost.line import Simulated, Station
from tailqa.cost.offered import Setting, station_capacity
from tailqa.cost.queries import Asked
from tailqa.cost.scene import Scene, side_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SHARES: Mapping[Figure, float] = {"p50_s": 0.5, "p95_s": 0.95, "p99_s": 0.99}
BEYOND = 10
"""Requests that must lie beyond a percentile for it to be told."""

WARM_UP = 0.1
_COUNTED = (
    "attempts",
    "prompt_tokens",
    "completion_tokens",
    "second_prompt_tokens",
    "second_completion_tokens",
    "escalated",
)
_ENDS = ("resolved", "uncaught", "given_up")


class Collected:
    """Figures out of simulated runs, row by row; what they hold, `Predicted` says.

    `steady` drops the first tenth of the requests, when the queues fill.
    """

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
        # Numbers of two bytes are sorted far sooner than those of eight.
        self._stratum = scene.people.stratum.astype(np.int16)
        self.n_requests = 0

    def add(self, row: int, runs: Sequence[tuple[Asked, Simulated]]) -> None:
        """All simulated requests of one row, merged before any percentile is read."""
        import numpy as np

        counted = [self._counted(len(simulated.arrival_s)) for _, simulated in runs]

        def merged(values: "Sequence[npt.NDArray[Any]]") -> "npt.NDArray[Any]":
            parts = [one[part] for one, part in zip(values, counted, strict=True)]
            return parts[0] if len(parts) == 1 else np.concatenate(parts)

        stratum = self._stratum[merged([ask.query for ask, _ in runs])]
        took = merged([s.finish_s - s.arrival_s for _, s in runs])
        sizes = np.bincount(stratum, minlength=len(self._scene.people.strata))
        by_stratum = took[np.argsort(stratum, kind="stable")]
        for column, inside in enumerate(np.split(by_stratum, sizes.cumsum()[:-1])):
            self._add_times(row, column, inside)
        self._add_times(row, -1, took)
        sums = {}
        for name in _COUNTED:
            values = merged([getattr(run, name) for _, run in runs])
            sums[name] = np.bincount(stratum, values, len(sizes))
            if row == 0:
                self.spread[name] = float(values.std())
        outcome = merged([s.outcome for _, s in runs])
        ends = np.bincount(stratum * np.int64(len(_ENDS)) + outcome, None, len(sizes) * len(_ENDS))
        for name, ended in zip(_ENDS, ends.reshape(-1, len(_ENDS)).T, strict=True):
            sums[name] = ended.astype(float)
            share = ended.sum() / len(took)
            if row == 0:
                self.spread[name] = math.sqrt(share * (1 - share))
        if row == 0:
            self.n_requests = len(took)
        for name, values in sums.items():
            means = self.counted[name][row]
            np.divide(values, sizes, out=means[:-1], where=sizes > 0)
            means[-1] = values.sum() / len(took)
        self._add_stations(row, [simulated for _, simulated in runs])

    def _counted(self, n: int) -> slice:
        """Which of `n` requests, which came one after the other, count."""
        return slice(int(WARM_UP * n) if self._steady else 0, n)

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
        waited, work, lost, busy = (
            np.sum([getattr(run, name) for run in runs], axis=0)
            for name in ("waited_s", "work_s", "lost_s", "busy_s")
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
                most = station_capacity(self._scene, self._setting, station, row)
                self.utilisation[row, place] = (work[place] + lost[place]) / end / most

    def _is_timeless(self, station: Station) -> bool:
        """Whether it is a model's whose speed nobody knows."""
        side = "teacher" if station.role == "teacher" else side_of(self._setting.option)
        return station.time is None and self._scene.speeds[side] is None

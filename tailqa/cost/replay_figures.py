"""Simulated replays → the figures that are predicted of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.estimate import Measured
from tailqa.core.replay import FIGURES, ReplayedFigureName
from tailqa.cost.draws import from_draws
from tailqa.cost.line import Simulated, Station

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """Figures, and by stage the utilisation and the mean wait per visit."""

    figures: Mapping[ReplayedFigureName, Measured]
    utilisation: Mapping[str, Measured]
    wait_s: Mapping[str, Measured]


def figures_of(rounds: Sequence[Simulated]) -> dict[ReplayedFigureName, float]:
    """The figures of one simulated replay, all rounds together."""
    import numpy as np

    def all_of(name: str) -> "Floats":
        return np.concatenate([getattr(one, name) for one in rounds]).astype(float)

    seconds = all_of("finish_s") - all_of("arrival_s")
    tokens = all_of("prompt_tokens") + all_of("completion_tokens")
    tokens = tokens + all_of("second_prompt_tokens") + all_of("second_completion_tokens")
    outcome = all_of("outcome")
    p50, p95, p99 = (float(value) for value in np.quantile(seconds, (0.5, 0.95, 0.99)))
    return {
        "attempts": float(all_of("attempts").mean()),
        "tokens": float(tokens.mean()),
        "resolved": float((outcome == 0).mean()),
        "uncaught": float((outcome == 1).mean()),
        "given_up": float((outcome == 2).mean()),
        "escalated": float(all_of("escalated").mean()),
        "mean_s": float(seconds.mean()),
        "p50_s": p50,
        "p95_s": p95,
        "p99_s": p99,
    }


def summed_up(
    plain: Sequence[Sequence[Simulated]],
    shaken: Sequence[Sequence[Simulated]],
    stations: Sequence[Station],
    level: float,
    n: int,
) -> Predicted:
    """Values from the `plain` replays, intervals from the `shaken` ones, of `n` queries."""
    import numpy as np

    def measured(values: "Floats", draws: "Floats") -> Measured:
        return from_draws(float(values.mean()), draws.tolist(), level=level, n=n)

    values, draws = ([figures_of(rounds) for rounds in part] for part in (plain, shaken))
    busy, busy_draws = (
        np.stack([_busy(rounds, stations) for rounds in p]) for p in (plain, shaken)
    )
    waits, wait_draws = (np.stack([_waits(rounds) for rounds in p]) for p in (plain, shaken))
    names = [station.name for station in stations]
    return Predicted(
        figures={
            name: measured(
                np.array([row[name] for row in values]), np.array([row[name] for row in draws])
            )
            for name in FIGURES
        },
        utilisation={
            names[at]: measured(busy[:, at], busy_draws[:, at])
            for at, station in enumerate(stations)
            if station.servers
        },
        wait_s={name: measured(waits[:, at], wait_draws[:, at]) for at, name in enumerate(names)},
    )


def _busy(rounds: Sequence[Simulated], stations: Sequence[Station]) -> "Floats":
    import numpy as np

    servers = np.array([max(1, station.servers) for station in stations])
    busy: Floats = np.sum([one.busy_s for one in rounds], axis=0) / servers
    return busy / sum(one.end_s for one in rounds)


def _waits(rounds: Sequence[Simulated]) -> "Floats":
    import numpy as np

    visits = np.sum([one.visits for one in rounds], axis=0)
    waits: Floats = np.sum([one.waited_s for one in rounds], axis=0) / np.maximum(visits, 1)
    return waits

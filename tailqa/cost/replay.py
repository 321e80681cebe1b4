"""What a replay will look like: the same closed loop, simulated many times from one half."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.core.operations import Option
from tailqa.core.replay import FIGURES, ReplayedFigureName
from tailqa.cost.line import Load, Model, Rules, Speed, Station, System, Times
from tailqa.cost.population import SIDES, Population, stratum_fits
from tailqa.cost.replay_figures import Predicted, figures_of, summed_up
from tailqa.cost.scene import Scene, side_of
from tailqa.cost.simulation import simulate_many
from tailqa.cost.speed import TimedQueries, fitted_speed, refitted_speed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is simulated: one option's pipeline, its models' speed, and how often who asks.

    `lift` holds the draws of the measured lift, the value itself first; None without one. `timed`
    are the timed answers by side. Each of the `rounds` is a closed loop of its own with so many
    requests.
    """

    option: Option
    stations: Sequence[Station]
    rules: Rules
    lift: "Floats | None"
    clients: int
    think: Times
    timed: Mapping[Side, TimedQueries]
    rounds: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What the fit half says of queries, by the answers of the run.

    `held_out_units` says how many units (clusters, or queries) each stratum has in the other half.
    """

    people: Population
    held_out_units: Sequence[int]
    icc: float | None = None


def predict(basis: Basis, plan: Plan, *, replications: int, level: float, seed: int) -> Predicted:
    """Figures of the replay that is to come, each with the interval where it will lie.

    The values are means over replications from the fit half as it was measured. For the interval
    every replication also resamples the fit half (its clusters and its timed answers), and draws
    a held-out half from that, as large as the real one: error of measurement and the luck of the
    replay are both in it.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    people = basis.people
    units = [_picked_units(basis, rng) for _ in range(replications)]
    everyone = [np.flatnonzero(people.stratum == s) for s in range(len(people.strata))]
    plain = _Requests(basis, plan, np.ones((1, people.n)))
    shaken = _Requests(basis, plan, np.stack([_counts(people, fit) for fit, _ in units]))
    speeds = {side: fitted_speed(timed) for side, timed in plan.timed.items()}
    system = _system(basis, plan, speeds, None if plan.lift is None else float(plan.lift[0]))
    jobs = []
    for _ in range(replications):
        jobs += [(system, load) for load in plain.loads(0, everyone, rng, fresh=True)]
    for row, (_, held_out) in enumerate(units):
        redrawn = {
            side: _redrawn_speed(timed, speeds[side], rng) for side, timed in plan.timed.items()
        }
        lift = None if plan.lift is None else float(plan.lift[rng.integers(len(plan.lift))])
        other = _system(basis, plan, redrawn, lift)
        jobs += [(other, load) for load in shaken.loads(row, held_out, rng)]
    found = list(simulate_many(jobs, rng=rng))
    n = len(plan.rounds)
    replays = [found[start : start + n] for start in range(0, len(found), n)]
    return summed_up(replays[:replications], replays[replications:], plan.stations, level, people.n)


def hindsight(
    people: Population, asked: "Ints", plan: Plan, *, replications: int, seed: int
) -> dict[ReplayedFigureName, float]:
    """The figures by the answers of the run to the very queries that were asked.

    `people` holds these queries, `asked` the one of each request. What a prediction from other
    queries is off by, this is not: what is left is the model's, or the luck of the draw.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    basis = Basis(people=people, held_out_units=())
    requests = _Requests(basis, plan, np.ones((1, people.n)))
    speeds = {side: fitted_speed(timed) for side, timed in plan.timed.items()}
    lift = None if plan.lift is None else float(plan.lift[0])
    system = _system(basis, plan, speeds, lift)
    jobs = [(system, load) for _ in range(replications) for load in requests.loads_of(asked, rng)]
    found = list(simulate_many(jobs, rng=rng))
    n = len(plan.rounds)
    values = [figures_of(found[start : start + n]) for start in range(0, len(found), n)]
    return {name: float(np.mean([row[name] for row in values])) for name in FIGURES}


class _Requests:
    """Requests by traffic, with chances from the posteriors of every row of weights."""

    def __init__(self, basis: Basis, plan: Plan, weights: "Floats") -> None:
        people = basis.people
        self._plan = plan
        self._scene = Scene(
            people=people,
            weights=weights,
            fits={side: stratum_fits(people, side, weights, basis.icc) for side in SIDES},
            speeds=dict.fromkeys(SIDES),
        )

    def loads(
        self,
        row: int,
        available: "Sequence[Ints]",
        rng: "np.random.Generator",
        *,
        fresh: bool = False,
    ) -> Iterator[Load]:
        """Of the queries `available` per stratum; one keeps its chance, unless it is `fresh`."""
        import numpy as np

        n = sum(self._plan.rounds)
        queries = np.concatenate(available)
        sizes = np.array([len(part) for part in available])
        stratum = rng.choice(len(sizes), size=n, p=self._scene.people.weights)
        start = (np.cumsum(sizes) - sizes)[stratum]
        place = start + (rng.random(n) * sizes[stratum]).astype(int)

        if fresh:
            chances = self._scene.draw(row, queries[place], rng)
        else:
            chances = {side: p[place] for side, p in self._scene.draw(row, queries, rng).items()}
        return self._rounds(queries[place], chances)

    def loads_of(self, asked: "Ints", rng: "np.random.Generator") -> Iterator[Load]:
        """Of these queries, one per request in the order of sending."""
        import numpy as np

        everyone = np.arange(self._scene.people.n)
        chances = {side: p[asked] for side, p in self._scene.draw(0, everyone, rng).items()}
        return self._rounds(asked, chances)

    def _rounds(self, asked: "Ints", chances: Mapping[Side, "Floats"]) -> Iterator[Load]:
        import numpy as np

        plan, own = self._plan, chances[side_of(self._plan.option)]
        for last, size in zip(np.cumsum(plan.rounds), plan.rounds, strict=True):
            part = slice(last - size, last)
            yield Load(
                query=asked[part],
                chance=own[part],
                second_chance=chances["teacher"][part],
                prompt_factor=np.ones(size),
                completion_factor=np.ones(size),
                clients=plan.clients,
                think=plan.think,
            )


def _picked_units(basis: Basis, rng: "np.random.Generator") -> tuple[list["Ints"], list["Ints"]]:
    """Per stratum the queries of a resampled fit half, and of a held-out half drawn from it."""
    import numpy as np

    fit, held_out = [], []
    people = basis.people
    for stratum, n_held_out in enumerate(basis.held_out_units):
        inside = np.flatnonzero(people.stratum == stratum)
        members = [inside[people.unit[inside] == u] for u in np.unique(people.unit[inside])]
        first = rng.integers(len(members), size=len(members))
        second = first[rng.integers(len(members), size=n_held_out)]
        fit.append(np.concatenate([members[place] for place in first]))
        held_out.append(np.concatenate([members[place] for place in second]))
    return fit, held_out


def _counts(people: Population, queries: "Sequence[Ints]") -> "Floats":
    import numpy as np

    return np.bincount(np.concatenate(queries), minlength=people.n).astype(float)


def _system(basis: Basis, plan: Plan, speeds: Mapping[Side, Speed], lift: float | None) -> System:
    def model_of(side: Side) -> Model:
        return Model(attempts=basis.people.of(side), speed=speeds[side])

    return System(
        stations=tuple(plan.stations),
        model=model_of(side_of(plan.option)),
        rules=plan.rules if lift is None else replace(plan.rules, lift=lift),
        # Only where it answers was its speed rehearsed.
        second=model_of("teacher") if plan.rules.escalate_to == "teacher" else None,
    )


def _redrawn_speed(timed: TimedQueries, whole: Speed, rng: "np.random.Generator") -> Speed:
    import numpy as np

    n = len(timed.answer_s)
    drawn = rng.multinomial(n, np.full(n, 1 / n)).astype(float)
    return refitted_speed(timed, drawn, whole)

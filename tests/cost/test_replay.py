"""Prediction of a replay: against worlds whose truth is known, and its own limits."""

import dataclasses

import numpy as np
import pytest

from tailqa.core.estimate import Estimate
from tailqa.cost.line import Load, Model, Rules, Speed, Station, System, Times
from tailqa.cost.population import Tried, TriedQuery, population
from tailqa.cost.replay import Basis, Plan, hindsight, predict
from tailqa.cost.replay_figures import figures_of
from tailqa.cost.simulation import simulate
from tailqa.cost.speed import TimedQueries

STATIONS = (
    Station(name="search", servers=2, time=Times(kind="gamma", first=4.0, second=0.005)),
    Station(name="generation", servers=1, time=None, role="generation", after=(0,), repeats=True),
    Station(name="teacher", servers=1, time=None, role="teacher", shares=1),
)
RULES = Rules(max_attempts=2, sensitivity=0.95, false_accepts=0.1, escalate_to="teacher")
SHARES = (0.7, 0.3)
HARD = ((4.0, 1.0), (1.0, 1.0))
N_REQUESTS = 300


class World:
    """Queries of two strata with true chances and lengths of their own, in two halves."""

    def __init__(self, seed: int, n: int = 120) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.stratum = np.repeat([0, 1], n // 2)
        self.student = np.array([rng.beta(*HARD[s]) for s in self.stratum])
        self.teacher = self.student + 0.6 * (1 - self.student)
        self.length = rng.gamma(4.0, 5.0, n) + 1
        self.n = n

    def tried(self, samples: int = 5) -> list[TriedQuery]:
        def attempts(chance: float, length: float) -> tuple[Tried, ...]:
            return tuple(
                Tried(right=bool(right), prompt_tokens=20.0, completion_tokens=length)
                for right in self.rng.random(samples) < chance
            )

        return [
            TriedQuery(
                id=str(i),
                stratum=int(self.stratum[i]),
                unit=str(i),
                teacher=attempts(self.teacher[i], self.length[i]),
                student=attempts(self.student[i], self.length[i]),
            )
            for i in range(self.n)
        ]

    def timed(self, token_s: float, n: int = 60) -> TimedQueries:
        length = self.rng.choice(self.length, n)
        noise = self.rng.lognormal(-0.02, 0.2, n)
        return TimedQueries(
            query=np.arange(n),
            prompt_tokens=np.full(n, 20.0),
            completion_tokens=length,
            answer_s=token_s * length * noise,
        )


def basis_of(world: World) -> Basis:
    people = population(world.tried(), ["head", "tail"], SHARES)
    return Basis(people=people, held_out_units=[world.n // 2] * 2)


def plan_of(world: World, rounds: tuple[int, ...] = (150, 150)) -> Plan:
    return Plan(
        option="escalated",
        stations=STATIONS,
        rules=RULES,
        lift=None,
        clients=3,
        think=Times(kind="constant"),
        timed={"teacher": world.timed(0.003), "student": world.timed(0.001)},
        rounds=rounds,
    )


def lived(world: World) -> dict[str, float]:
    """A replay on a world's queries as they truly are."""
    rng, people = world.rng, population(world.tried(), ["head", "tail"], SHARES)
    noise = np.random.default_rng(0).lognormal(-0.02, 0.2, 2000)

    def model(attempts, token_s: float) -> Model:
        speed = Speed(
            base_s=0.0,
            prompt_token_s=0.0,
            completion_token_s=token_s,
            noise=noise / noise.mean(),
            slowdown=np.ones(1),
        )
        return Model(attempts=attempts, speed=speed)

    system = System(
        stations=STATIONS,
        model=model(people.student, 0.001),
        second=model(people.teacher, 0.003),
        rules=RULES,
    )
    rounds = []
    for _ in range(2):
        stratum = rng.choice(2, size=N_REQUESTS // 2, p=SHARES)
        query = stratum * (world.n // 2) + rng.integers(world.n // 2, size=N_REQUESTS // 2)
        load = Load(
            query=query,
            chance=world.student[query],
            second_chance=world.teacher[query],
            prompt_factor=np.ones(len(query)),
            completion_factor=np.ones(len(query)),
            clients=3,
        )
        rounds.append(simulate(system, load, rng=rng))
    return figures_of(rounds)


@pytest.mark.slow
def test_a_replay_lies_in_its_interval_as_often_as_it_should() -> None:
    inside: dict[str, list[bool]] = {}
    for seed in range(40):
        predicted = predict(
            basis_of(World(seed)),
            plan_of(World(seed)),
            replications=60,
            level=0.9,
            seed=seed,
        )
        seen = lived(World(1000 + seed))
        for name in ("attempts", "tokens", "resolved", "escalated", "mean_s", "p50_s", "p95_s"):
            found = predicted.figures[name]  # type: ignore[index]
            assert isinstance(found, Estimate)
            inside.setdefault(name, []).append(found.low <= seen[name] <= found.high)
    shares = {name: np.mean(found) for name, found in inside.items()}
    # 40 draws at .9: fewer than 31 inside happen once in a hundred times.
    assert min(shares.values()) >= 31 / 40, shares
    assert np.mean(list(shares.values())) >= 0.85, shares


def test_the_same_seed_predicts_the_same_and_a_lift_helps() -> None:
    basis, plan = basis_of(World(1)), plan_of(World(1))
    first, again = (predict(basis, plan, replications=20, level=0.9, seed=3) for _ in range(2))
    assert first == again
    lifted = dataclasses.replace(plan, lift=np.array([0.8, 0.7, 0.9]))
    helped = predict(basis, lifted, replications=20, level=0.9, seed=3)
    plain, better = first.figures["escalated"], helped.figures["escalated"]
    assert isinstance(plain, Estimate)
    assert isinstance(better, Estimate)
    assert better.value < plain.value - 0.02


def test_stages_without_a_limit_have_no_utilisation() -> None:
    free = dataclasses.replace(STATIONS[0], servers=0)
    plan = dataclasses.replace(plan_of(World(2)), stations=(free, *STATIONS[1:]))
    found = predict(basis_of(World(2)), plan, replications=20, level=0.9, seed=3)
    assert set(found.utilisation) == {"generation", "teacher"}
    assert set(found.wait_s) == {"search", "generation", "teacher"}


def test_hindsight_knows_the_queries_that_were_asked() -> None:
    world = World(3)
    people, plan = basis_of(world).people, plan_of(world, rounds=(200,))
    hard = np.argsort(world.student)[:10]
    seen = {
        name: hindsight(people, np.resize(asked, 200), plan, replications=10, seed=0)
        for name, asked in (("hard", hard), ("all", np.arange(world.n)))
    }
    assert seen["hard"]["escalated"] > seen["all"]["escalated"] + 0.1
    assert seen["hard"]["attempts"] > seen["all"]["attempts"]

"""Lines to simulate: a plain one, and three with everything that a pipeline can have."""

import numpy as np

from tailqa.cost.line import Attempts, Load, Model, Rules, Speed, Station, System, Times

EXPONENTIAL = Times(kind="gamma", first=1.0, second=1.0)
QUERIES = 40


def model(seed: int = 0, *, per_token_s: float = 0.01, slowdown: tuple[float, ...] = (1.0,)):
    """40 queries with 3 attempts each, and a noise of 20 %."""
    rng = np.random.default_rng(seed)
    noise = rng.gamma(25.0, 0.04, 50)
    return Model(
        attempts=Attempts(
            first=np.arange(0, 3 * QUERIES + 1, 3),
            n_right=rng.integers(0, 4, QUERIES),
            prompt_tokens=rng.integers(50, 200, 3 * QUERIES).astype(float),
            completion_tokens=rng.integers(10, 100, 3 * QUERIES).astype(float),
            unseen_length=rng.choice([0.7, 1.4], QUERIES),
        ),
        speed=Speed(
            base_s=0.05,
            prompt_token_s=0.0005,
            completion_token_s=per_token_s,
            noise=noise / noise.mean(),
            slowdown=np.array(slowdown),
        ),
    )


def load(n: int, rate: float | None, seed: int = 0, *, clients: int = 0) -> Load:
    rng = np.random.default_rng(seed)
    ones = np.ones(n)
    chances = rng.beta(3, 2, QUERIES)
    query = rng.integers(0, QUERIES, n)
    return Load(
        query=query,
        chance=chances[query],
        second_chance=np.sqrt(chances)[query],
        prompt_factor=ones,
        completion_factor=ones,
        arrival_s=None if rate is None else np.cumsum(rng.exponential(1 / rate, n)),
        clients=clients,
    )


def plain(n_stages: int = 5, servers: int = 1, time: Times = EXPONENTIAL) -> System:
    return System(
        stations=tuple(
            Station(name=f"stage {s}", servers=servers, time=time, after=(s - 1,) if s else ())
            for s in range(n_stages)
        ),
        model=model(),
        rules=Rules(),
    )


def forked() -> System:
    """Two searches at a time, retries with back-off and added context, a person at the end."""
    return System(
        stations=(
            Station(name="embed", servers=2, time=Times(kind="gamma", first=2, second=0.05)),
            Station(
                name="search",
                servers=1,
                time=Times(kind="lognormal", first=-2.0, second=0.5),
                after=(0,),
                repeats=True,
            ),
            Station(name="words", servers=0, time=EXPONENTIAL, probability=0.3, after=(0,)),
            Station(name="answer", servers=3, time=None, role="generation", after=(1, 2)),
            Station(name="check", servers=1, time=Times(kind="constant", first=0.1), after=(3,)),
            Station(name="person", servers=4, time=EXPONENTIAL, role="person"),
        ),
        model=model(),
        rules=Rules(
            max_attempts=3,
            sensitivity=0.9,
            false_accepts=0.2,
            lift=0.1,
            added_prompt_tokens=50,
            back_off_s=0.2,
            back_off_factor=2,
            escalate_to="person",
            person_right=0.95,
        ),
    )


def shared() -> System:
    """Two servers that work on four requests at a time, chains of two calls, a teacher."""
    return System(
        stations=(
            Station(name="search", servers=2, time=Times(kind="empirical", values=(0.1, 0.2, 0.9))),
            Station(
                name="answer", servers=2, concurrency=4, time=None, role="generation", after=(0,)
            ),
            Station(name="teacher", servers=1, concurrency=3, time=None, role="teacher"),
        ),
        model=model(slowdown=(1.0, 1.2, 1.5, 1.9)),
        second=model(1, per_token_s=0.02, slowdown=(1.0, 1.4, 2.0)),
        rules=Rules(
            max_attempts=2,
            sensitivity=0.95,
            false_accepts=0.1,
            calls=2,
            escalate_to="teacher",
            second_attempts=2,
        ),
    )


def impatient() -> System:
    """A time limit and a second copy of what takes long."""
    return System(
        stations=(
            Station(name="search", servers=1, time=Times(kind="gamma", first=1.5, second=0.1)),
            Station(name="answer", servers=3, time=None, role="generation", after=(0,)),
            Station(name="check", servers=0, time=Times(kind="constant", first=0.2), after=(1,)),
            Station(name="teacher", servers=2, time=None, role="teacher"),
        ),
        model=model(),
        second=model(1, per_token_s=0.015),
        rules=Rules(
            max_attempts=3,
            sensitivity=0.9,
            false_accepts=0.2,
            timeout_s=1.6,
            hedge_after_s=0.9,
            back_off_s=0.1,
            escalate_to="teacher",
        ),
    )


WITH_RETRIES = {"forked": (forked, 1.8), "shared": (shared, 1.1), "impatient": (impatient, 1.2)}
"""By name: the line, and arrivals per second that keep it busy without saturating it."""

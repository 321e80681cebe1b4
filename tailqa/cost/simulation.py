"""A pipeline simulated event by event: what becomes of every request under queues and retries."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tailqa.cost.line import Load, Simulated, System
from tailqa.cost.line_checks import check_load, check_system

if TYPE_CHECKING:
    import numpy as np

    from tailqa.cost.kernel.packing import Run


def simulate(system: System, load: Load, *, rng: "np.random.Generator") -> Simulated:
    """Send the requests of `load` through `system`, one entry of the result per request.

    The same state of `rng`, of which one number is drawn, gives the same result. The draws of a
    request depend on its place in the load alone, not on the order of events, so two systems
    that are simulated from the same state share them as far as they ask the same (common random
    numbers). Raises ValueError for a system or load that does not fit, naming parameter and
    rule. The first call on a machine compiles for about ten seconds; numba keeps that on disk.

    >>> import numpy as np
    >>> from tailqa.cost import Attempts, Model, Rules, Speed, Station, Times
    >>> ones = np.ones(3)
    >>> asked = Attempts(
    ...     first=np.array([0, 1]), n_right=np.array([1]), unseen_length=np.ones(1),
    ...     prompt_tokens=ones[:1], completion_tokens=ones[:1],
    ... )
    >>> speed = Speed(
    ...     base_s=0.0, prompt_token_s=0.0, completion_token_s=0.0,
    ...     noise=ones[:1], slowdown=ones[:1],
    ... )
    >>> search = Station(name="search", servers=1, time=Times(kind="constant", first=2.0))
    >>> line = System(
    ...     stations=(search,), model=Model(attempts=asked, speed=speed), rules=Rules()
    ... )
    >>> load = Load(
    ...     query=np.zeros(3, int), chance=ones, second_chance=ones, prompt_factor=ones,
    ...     completion_factor=ones, arrival_s=np.array([0.0, 1.0, 9.0]),
    ... )
    >>> simulate(line, load, rng=np.random.default_rng(0)).finish_s.tolist()
    [2.0, 4.0, 11.0]
    """
    [found] = simulate_many([(system, load)], rng=rng, workers=1)
    return found


def simulate_many(
    jobs: Sequence[tuple[System, Load]],
    *,
    rng: "np.random.Generator",
    workers: int | None = None,
) -> Iterator[Simulated]:
    """Simulate each (system, load) on `workers` threads (all cores); results in their order.

    They come as they are done, while the threads go on with those after them.

    Each job has a number of its own from `rng`, in order, whatever the threads do. Equal states
    of `rng` give the jobs of two calls the same numbers by place. A system that occurs in many
    jobs is checked and packed once. Raises ValueError as `simulate` does, and for workers below 1.

    >>> import numpy as np
    >>> list(simulate_many([], rng=np.random.default_rng(0)))
    []
    """
    import numpy as np

    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers!r}")
    keys = rng.integers(0, 2**64, size=len(jobs), dtype=np.uint64)
    packed = _packed([system for system, _ in jobs])
    for system, load in jobs:
        check_load(load, system)

    def result(n: int) -> Simulated:
        system, load = jobs[n]
        return _simulated(packed[id(system)], load, int(keys[n]))

    return _in_threads(result, len(jobs), min(workers or os.cpu_count() or 1, len(jobs)))


def _in_threads(result: Callable[[int], Simulated], n: int, threads: int) -> Iterator[Simulated]:
    if threads <= 1:
        yield from map(result, range(n))
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(result, range(n))


def _packed(systems: Sequence[System]) -> "dict[int, Run]":
    from tailqa.cost.kernel.packing import packed

    runs: dict[int, Run] = {}
    for system in systems:
        if id(system) not in runs:
            check_system(system)
            runs[id(system)] = packed(system)
    return runs


def _simulated(run: "Run", load: Load, key: int) -> Simulated:
    from tailqa.cost.kernel.events import go
    from tailqa.cost.kernel.packing import loaded, with_room
    from tailqa.cost.kernel.records import COUNTS, NUMBERS, STATIONS

    run = loaded(run, load, key)
    while not go(run.world):
        run = with_room(run, 2 * len(run.arrays["slots"]))
    numbers = dict(zip(NUMBERS, run.arrays["numbers"], strict=True))
    counts = dict(zip(COUNTS, run.arrays["counts"], strict=True))
    counts["escalated"] = counts["escalated"] == 1
    stations = run.arrays["stations"]
    return Simulated(
        **numbers,
        **counts,
        **{name: stations[name].copy() for name in STATIONS},
        end_s=float(run.world[0]["end_s"]),
    )

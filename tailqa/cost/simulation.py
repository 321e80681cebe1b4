"""A pipeline simulated event by event: what becomes of every request under queues and retries."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import starmap
from typing import TYPE_CHECKING

from tailqa.cost.line import Load, Simulated, System
from tailqa.cost.line_checks import check_load, check_speeds, check_system

if TYPE_CHECKING:
    import numpy as np

    from tailqa.cost.kernel.packing import Run

_SHARED = 4
"""Systems whose packed form is held: those of the options that take turns."""


def simulate(system: System, load: Load, *, rng: "np.random.Generator") -> Simulated:
    """Send the requests of `load` through `system`, one entry of the result per request.

    The same state of `rng`, of which one number is drawn, gives the same result. The draws of a
    request depend on its place in the load alone, not on the order of events, so two systems
    that are simulated from the same state share them as far as they ask the same (common random
    numbers). Raises ValueError for a system or load that does not fit, naming parameter and
    rule. The first call on a machine compiles for about ten seconds; numba keeps that on disk.

    >>> import numpy as np
    >>> from tailqa.cost.line import Attempts, Model, Rules, Speed, Station, Times
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
    jobs: Iterable[tuple[System, Load]],
    *,
    rng: "np.random.Generator",
    workers: int | None = None,
) -> Iterator[Simulated]:
    """Simulate each (system, load) on `workers` threads (all cores); results in their order.

    The threads work while jobs are still being made, and while results are taken. Each job has a
    number of its own from `rng`, in order, whatever the threads do. Equal states of `rng` give the
    jobs of two calls the same numbers by place. What systems that take turns share is checked and
    packed once. Raises ValueError for workers below 1, and as `simulate` does once the first
    result is asked for.

    >>> import numpy as np
    >>> list(simulate_many([], rng=np.random.default_rng(0)))
    []
    """
    import numpy as np

    _check_workers(workers)
    numbered = (
        (system, load, int(rng.integers(0, 2**64, dtype=np.uint64))) for system, load in jobs
    )
    return simulate_numbered(numbered, workers=workers)


def simulate_numbered(
    jobs: Iterable[tuple[System, Load, int]], *, workers: int | None = None
) -> Iterator[Simulated]:
    """As `simulate_many`, of jobs that bring their numbers of 64 bits: equal ones share draws.

    >>> list(simulate_numbered([]))
    []
    """
    _check_workers(workers)
    return _in_threads(_ready(jobs), workers or os.cpu_count() or 1)


def _check_workers(workers: int | None) -> None:
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers!r}")


def _in_threads(
    ready: "Iterable[tuple[Run, System, Load, int]]", threads: int
) -> Iterator[Simulated]:
    if threads == 1:
        yield from starmap(_simulated, ready)
        return
    waiting: deque[Future[Simulated]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for job in ready:
            waiting.append(pool.submit(_simulated, *job))
            # Enough that no thread waits for work, few enough that results do not pile up.
            if len(waiting) > 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _ready(
    jobs: Iterable[tuple[System, Load, int]],
) -> "Iterator[tuple[Run, System, Load, int]]":
    from tailqa.cost.kernel.packing import packed, with_speeds

    # Held, so that no other object gets the address of one of theirs.
    lately: dict[tuple[int, ...], tuple[System, Run]] = {}
    for system, load, key in jobs:
        shared = _all_but_speeds(system)
        before = lately.pop(shared, None)
        if before is None:
            check_system(system)
            before = system, packed(system)
        elif system is not before[0]:
            check_speeds(system)
            before = system, with_speeds(before[1], system)
        lately[shared] = before
        if len(lately) > _SHARED:
            del lately[next(iter(lately))]
        yield before[1], system, load, key


def _all_but_speeds(system: System) -> tuple[int, ...]:
    """Which very stations, rules and attempts a system holds."""
    second = None if system.second is None else system.second.attempts
    held = (system.stations, system.rules, system.model.attempts, second)
    return tuple(id(part) for part in held)


def _simulated(run: "Run", system: System, load: Load, key: int) -> Simulated:
    from tailqa.cost.kernel.events import go
    from tailqa.cost.kernel.packing import loaded, with_room
    from tailqa.cost.kernel.records import COUNTS, NUMBERS, STATIONS

    check_load(load, system)
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

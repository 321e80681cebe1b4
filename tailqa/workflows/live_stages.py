"""The stages of a pipeline as they are lived through: servers, queues, waits and answers."""

import asyncio
import time
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.core.operations import Option
from tailqa.core.query import Query
from tailqa.core.replay import LivedStage
from tailqa.cost.line import Rules, Station, Times
from tailqa.cost.scene import side_of
from tailqa.workflows.answerer import Answerer, Made
from tailqa.workflows.live_waits import called_off, drawn, limit_of

if TYPE_CHECKING:
    import numpy as np

IN_GRAPH = ("stage", "generation")
WITH_MODEL = ("generation", "teacher")


@dataclass(frozen=True, kw_only=True)
class Line:
    """What an option is lived through with: the pipeline, who answers, and who asks.

    `second` is the teacher that refused requests are escalated to. `queries` holds one query per
    request, in order of sending, which are numbered from `first`; every client sends the next of
    them when it has thought. Draws depend on `seed`, `purpose`, option and number alone. With
    `refused` the numbers in it are refused and all others accepted, whatever the answers are.
    """

    option: Option
    stations: Sequence[Station]
    rules: Rules
    model: Answerer
    second: Answerer | None
    queries: Sequence[Query]
    clients: int
    think: Times
    seed: int
    purpose: str = "replay"
    first: int = 0
    refused: Container[int] | None = None


@dataclass(frozen=True, kw_only=True)
class TimedAnswer:
    """One answer of a model, and the seconds that it kept the device busy."""

    side: Side
    made: Made
    seconds: float


@dataclass(kw_only=True)
class Travelling:
    """A request on its way. `left_behind` are answers in the making that nobody waits for."""

    number: int
    query: Query
    rng: "np.random.Generator"
    start_s: float
    attempts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    timeouts: int = 0
    hedges: int = 0
    failed: int = 0
    escalated: bool = False
    uncaught: bool = False
    given_up: bool = False
    drawn: int = 0
    over: set[int] = field(default_factory=set)
    left_behind: list["asyncio.Task[Made]"] = field(default_factory=list)

    def count(self, made: Made) -> None:
        """Adds what an attempt took."""
        self.prompt_tokens += made.prompt_tokens
        self.completion_tokens += made.completion_tokens
        self.failed += made.fault is not None


@dataclass(kw_only=True)
class Stage:
    """A station, its servers (first come, first served) and what they did.

    Without `room` nobody waits; stations of models on one device have the same one.
    """

    station: Station
    room: asyncio.Semaphore | None
    servers: int
    busy_s: float = 0.0
    waited_s: float = 0.0
    visits: int = 0

    async def enter(self) -> None:
        """Waits for a server."""
        came = time.perf_counter()
        if self.room is not None:
            await self.room.acquire()
        self.waited_s += time.perf_counter() - came
        self.visits += 1

    def leave(self, began: float) -> None:
        """Gives the server back that has worked since `began`."""
        self.busy_s += time.perf_counter() - began
        if self.room is not None:
            self.room.release()

    async def work(self, seconds: float) -> None:
        """Waits for a server, and for it to work so long."""
        await self.enter()
        began = time.perf_counter()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.leave(began)


class Stages:
    """All stages of a line, and the ways of a request through them.

    `answered` holds every answer of a model.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._all = _made(line)
        self.answered: list[TimedAnswer] = []
        by_role = {stage.station.role: stage for stage in self._all}
        self.generation = by_role["generation"]
        self.outside = {role: by_role[role] for role in ("teacher", "person") if role in by_role}

    def lived(self) -> tuple[LivedStage, ...]:
        """What every stage has done so far."""
        return tuple(
            LivedStage(
                name=stage.station.name,
                servers=stage.servers,
                busy_s=stage.busy_s,
                waited_s=stage.waited_s,
                visits=stage.visits,
            )
            for stage in self._all
        )

    async def through(self, request: Travelling, refused: str | None) -> Made:
        """One attempt: through every stage of the graph, or those that it has not passed yet."""
        tasks: dict[int, asyncio.Task[Made | None]] = {}

        async def visit(index: int, stage: Stage, seconds: float | None) -> Made | None:
            for before in stage.station.after:
                if before in tasks:
                    # Whoever is taken off here must not take others off.
                    await asyncio.shield(tasks[before])
            made = None
            if stage is self.generation:
                made = await self._generate(request, refused)
            elif seconds is not None:
                await stage.work(seconds)
            request.over.add(index)
            return made

        for index, stage in enumerate(self._all):
            again = stage.station.repeats or stage is self.generation
            if stage.station.role in IN_GRAPH and (again or index not in request.over):
                # Drawn here, in the order of the stages, whenever their turn comes.
                seconds = _seconds(stage.station, request.rng)
                tasks[index] = asyncio.create_task(visit(index, stage, seconds))
        try:
            await asyncio.gather(*tasks.values())
        finally:
            await called_off(list(tasks.values()))
        made = tasks[self._all.index(self.generation)].result()
        assert made is not None  # noqa: S101 - the generation stage makes one
        return made

    async def answer(
        self,
        request: Travelling,
        stage: Stage,
        model: Answerer,
        refused: str | None,
        over: asyncio.Event | None = None,
    ) -> Made:
        """An answer of a model, in its turn; given up then where it is `over` without it."""
        await stage.enter()
        if over is not None and over.is_set():
            stage.leave(time.perf_counter())
            raise asyncio.CancelledError
        line = self._line
        side = "teacher" if stage.station.role == "teacher" else side_of(line.option)
        seed = f"{line.purpose}:{line.seed}:{line.option}:{request.number}:{request.drawn}"
        request.drawn += 1

        async def work() -> Made:
            began = time.perf_counter()
            loop = asyncio.get_running_loop()
            try:
                made = await loop.run_in_executor(
                    model.worker, model.attempt, request.query, seed, refused
                )
                busy_s = time.perf_counter() - began
                self.answered.append(TimedAnswer(side=side, made=made, seconds=busy_s))
                return made
            finally:
                if over is not None:
                    over.set()
                stage.leave(began)

        working = asyncio.create_task(work())
        try:
            # A model at work cannot be called off: it keeps its server until it is done.
            made = await asyncio.shield(working)
        except asyncio.CancelledError:
            request.left_behind.append(working)
            raise
        request.count(made)
        return made

    async def _generate(self, request: Travelling, refused: str | None) -> Made:
        """The model's answer; a copy of it is sent where it takes longer than hedging allows."""
        over_already = asyncio.Event()

        def copy() -> "asyncio.Task[Made]":
            return asyncio.create_task(
                self.answer(request, self.generation, self._line.model, refused, over_already)
            )

        # A device makes one answer after the other, so the first copy is always done first.
        copies = [copy()]
        try:
            over, _ = await asyncio.wait(copies, timeout=limit_of(self._line.rules.hedge_after_s))
            if not over:
                request.hedges += 1
                copies.append(copy())
            return await copies[0]
        finally:
            await called_off(copies)


def _seconds(station: Station, rng: "np.random.Generator") -> float | None:
    """The time of a visit; None where the stage is skipped, or a model takes its own."""
    if station.time is None:
        return None
    passes = rng.random() < station.probability
    seconds = drawn(station.time, rng)
    return seconds if passes else None


def _made(line: Line) -> list[Stage]:
    """Stages with servers of their own; a device has one server for all models on it."""
    devices: dict[int, asyncio.Semaphore] = {}
    stages = []
    for station in line.stations:
        if station.role in WITH_MODEL:
            model = line.model if station.role == "generation" else line.second
            assert model is not None  # noqa: S101 - a station of the teacher's has a teacher
            room = devices.setdefault(id(model.worker), asyncio.Semaphore(1))
            stages.append(Stage(station=station, room=room, servers=1))
        else:
            own = asyncio.Semaphore(station.servers) if station.servers else None
            stages.append(Stage(station=station, room=own, servers=station.servers))
    return stages

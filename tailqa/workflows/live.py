"""A pipeline lived through: clients in closed loop, retries, escalation, real answers and waits."""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tailqa.core.answer import Side
from tailqa.core.query import Query
from tailqa.core.replay import Ending, LivedRequest, LivedStage
from tailqa.workflows.answerer import Answerer, Made
from tailqa.workflows.live_stages import Line, Stages, Travelling, drawn, in_time


@dataclass(kw_only=True)
class Lived:
    """What became of it, filled as it happens, so that an interruption loses nothing.

    `wall_s` is when the last request was over.
    """

    requests: list[LivedRequest] = field(default_factory=list)
    stages: tuple[LivedStage, ...] = ()
    wall_s: float = 0.0
    interrupted: bool = False


def live(line: Line, done: Callable[[LivedRequest], None]) -> Lived:
    """Sends every request of the line; `done` is told of each as it ends.

    Ctrl-C ends it: what is finished is returned, `interrupted`.
    """
    lived = Lived()
    running = _Running(line, lived, done)
    try:
        # Waits of an epoll loop are whole milliseconds, those of select are not.
        with asyncio.Runner(loop_factory=_select_loop) as runner:
            runner.run(running.all_clients())
    except KeyboardInterrupt:
        lived.interrupted = True
    lived.stages = running.stages.lived()
    lived.wall_s = max((request.finish_s for request in lived.requests), default=0.0)
    return lived


def _select_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


class _Running:
    """One option as it runs."""

    def __init__(self, line: Line, lived: Lived, done: Callable[[LivedRequest], None]) -> None:
        self._line, self._lived, self._done = line, lived, done
        self._start = 0.0
        self._next = 0
        self.stages = Stages(line)

    async def all_clients(self) -> None:
        self._start = time.perf_counter()
        async with asyncio.TaskGroup() as self._group:
            for _ in range(self._line.clients):
                self._group.create_task(self._client())

    async def _client(self) -> None:
        import numpy as np

        line = self._line
        while self._next < len(line.queries):
            number = self._next
            self._next += 1
            # What a request draws does not depend on which client sends it, nor when.
            rng = np.random.default_rng([line.seed, number])
            request = Travelling(
                number=number, query=line.queries[number], rng=rng, start_s=self._now()
            )
            for _ in range(line.rules.calls):
                await self._call(request)
                if request.given_up:
                    break
            self._group.create_task(self._record(request, self._now()))
            await asyncio.sleep(drawn(line.think, rng))

    async def _record(self, request: Travelling, finish_s: float) -> None:
        # An answer that nobody waits for any more is paid for all the same.
        for work in request.left_behind:
            request.count(await work)
        found = LivedRequest(
            option=self._line.option,
            request=request.number,
            query_id=request.query.id,
            start_s=request.start_s,
            finish_s=finish_s,
            outcome=_outcome(request),
            escalated=request.escalated,
            attempts=request.attempts,
            prompt_tokens=request.prompt_tokens,
            completion_tokens=request.completion_tokens,
            timeouts=request.timeouts,
            hedges=request.hedges,
            failed=request.failed,
        )
        self._lived.requests.append(found)
        self._done(found)

    async def _call(self, request: Travelling) -> None:
        """Attempts until one is accepted, then what escalation there is."""
        rules, refused = self._line.rules, None
        for attempt in range(rules.max_attempts):
            if attempt:
                await asyncio.sleep(rules.back_off_s * rules.back_off_factor ** (attempt - 1))
            made = await self._in_time(request, self.stages.through(request, refused))
            if self._accepted(request, made):
                return
            refused = None if made is None else made.text
        request.escalated |= rules.escalate_to is not None
        match rules.escalate_to:
            case "teacher":
                await self._teacher(request)
            case "person":
                await self._person(request)
            case None:
                request.given_up = True

    async def _teacher(self, request: Travelling) -> None:
        line, refused = self._line, None
        assert line.second is not None  # noqa: S101 - an escalation to a teacher has one
        for _ in range(line.rules.second_attempts):
            stage = self.stages.outside["teacher"]
            answer = self.stages.answer(request, stage, line.second, refused)
            made = await self._in_time(request, answer)
            if self._accepted(request, made):
                return
            refused = None if made is None else made.text
        request.given_up = True

    async def _person(self, request: Travelling) -> None:
        stage, rng = self.stages.outside["person"], request.rng
        assert stage.station.time is not None  # noqa: S101 - a person takes a time
        await stage.work(drawn(stage.station.time, rng))
        request.uncaught |= not rng.random() < self._line.rules.person_right

    async def _in_time(
        self, request: Travelling, attempt: Coroutine[Any, Any, Made]
    ) -> Made | None:
        request.attempts += 1
        made = await in_time(asyncio.create_task(attempt), self._line.rules.timeout_s)
        request.timeouts += made is None
        return made

    def _accepted(self, request: Travelling, made: Made | None) -> bool:
        """What the grader says of it, seen through a verifier that errs by a coin."""
        if made is None or made.fault is not None:
            return False
        rules = self._line.rules
        chance = rules.sensitivity if made.right else rules.false_accepts
        accepted = bool(request.rng.random() < chance)
        request.uncaught |= accepted and not made.right
        return accepted

    def _now(self) -> float:
        return time.perf_counter() - self._start


def _outcome(request: Travelling) -> Ending:
    if request.given_up:
        return "given_up"
    return "uncaught" if request.uncaught else "resolved"


@dataclass(frozen=True, kw_only=True)
class TimedAnswer:
    """One answer alone, timed from the request to its grade, the worker's thread included."""

    side: Side
    query_id: str
    made: Made
    seconds: float


def time_alone(
    models: Mapping[Side, Answerer], queries: Sequence[Query], *, seed: str, warm_ups: int = 2
) -> list[TimedAnswer]:
    """Both models on every query in alternation (AB BA AB …), each answer as `live` makes it.

    The first are made once more before, and not counted. An attempt with a fault has no time.
    """

    async def one(side: Side, number: int, query: Query) -> TimedAnswer:
        loop, model = asyncio.get_running_loop(), models[side]
        began = time.perf_counter()
        made = await loop.run_in_executor(
            model.worker, model.attempt, query, f"{seed}:{side}:{number}", None
        )
        return TimedAnswer(
            side=side, query_id=query.id, made=made, seconds=time.perf_counter() - began
        )

    async def all_of_them() -> list[TimedAnswer]:
        turns = [tuple(models), tuple(reversed(tuple(models)))]
        plan = [*enumerate(queries[:warm_ups]), *enumerate(queries)]
        found = [
            await one(side, number, query) for number, query in plan for side in turns[number % 2]
        ]
        return found[len(models) * min(warm_ups, len(queries)) :]

    with asyncio.Runner(loop_factory=_select_loop) as runner:
        found = runner.run(all_of_them())
    return [answer for answer in found if answer.made.fault is None]

"""A pipeline lived through: clients in closed loop, retries, escalation, real answers and waits."""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from tailqa.core.replay import Ending, LivedRequest, LivedStage
from tailqa.workflows.answerer import Made, answer_seed
from tailqa.workflows.live_stages import Line, Stages, TimedAnswer, Travelling
from tailqa.workflows.live_waits import drawn, in_time


@dataclass(kw_only=True)
class Lived:
    """What became of it, filled as it happens, so that an interruption loses nothing.

    `wall_s` is when the last request was over, `answered` every answer of a model.
    """

    requests: list[LivedRequest] = field(default_factory=list)
    answered: list[TimedAnswer] = field(default_factory=list)
    stages: tuple[LivedStage, ...] = ()
    wall_s: float = 0.0
    interrupted: bool = False


def live(line: Line, done: Callable[[LivedRequest], None] | None = None) -> Lived:
    """Sends every request of the line; `done`, where given, is told of each as it ends.

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
    lived.stages, lived.answered = running.stages.lived(), running.stages.answered
    lived.wall_s = max((request.finish_s for request in lived.requests), default=0.0)
    return lived


def _select_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


class _Running:
    """One option as it runs."""

    def __init__(
        self, line: Line, lived: Lived, done: Callable[[LivedRequest], None] | None
    ) -> None:
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
            query = line.queries[self._next]
            number = line.first + self._next
            self._next += 1
            # What a request draws does not depend on which client sends it, nor when.
            rng = np.random.default_rng(answer_seed(f"{line.purpose}:{line.seed}:{number}"))
            request = Travelling(number=number, query=query, rng=rng, start_s=self._now())
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
        if self._done is not None:
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
        rules, refused = self._line.rules, self._line.refused
        chance = rules.sensitivity if made.right else rules.false_accepts
        if refused is not None:
            chance = 0.0 if request.number in refused else 1.0
        accepted = bool(request.rng.random() < chance)
        request.uncaught |= accepted and not made.right
        return accepted

    def _now(self) -> float:
        return time.perf_counter() - self._start


def _outcome(request: Travelling) -> Ending:
    if request.given_up:
        return "given_up"
    return "uncaught" if request.uncaught else "resolved"

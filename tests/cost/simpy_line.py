"""The simulated line a second time, with simpy's processes: to compare with, not to be fast."""

import math
import random
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy

from tailqa.cost.line import Load, Model, Rules, Station, System, Times

Process = Generator[Any, Any, Any]


def draw(times: Times, rng: random.Random) -> float:
    match times.kind:
        case "constant":
            return times.first
        case "lognormal":
            return rng.lognormvariate(times.first, times.second)
        case "gamma":
            return rng.gammavariate(times.first, times.second)
    return rng.choice(times.values)


class Limited:
    """A queue before some servers, each with one visit at a time; or without limit."""

    def __init__(self, env: simpy.Environment, servers: int) -> None:
        self.env = env
        self.resource = simpy.Resource(env, servers) if servers else None

    def serve(self, work_s: float) -> Process:
        if self.resource is None:
            yield self.env.timeout(work_s)
            return
        with self.resource.request() as turn:
            yield turn
            yield self.env.timeout(work_s)


@dataclass(eq=False)
class Held:
    left_s: float
    over: simpy.Event


@dataclass(eq=False)
class Server:
    held: list[Held] = field(default_factory=list)
    since_s: float = 0.0
    plan: int = 0


class Sharing:
    """Servers that work on several visits at a time, each the slower the more there are."""

    def __init__(self, env: simpy.Environment, station: Station, slowdown: Any) -> None:
        self.env, self.slowdown, self.room = env, slowdown, station.concurrency
        self.servers = [Server() for _ in range(station.servers)]
        self.waiting: deque[simpy.Event] = deque()

    def serve(self, work_s: float) -> Process:
        server = min(self.servers, key=lambda one: len(one.held))
        if len(server.held) == self.room:
            turn = self.env.event()
            self.waiting.append(turn)
            try:
                yield turn
            except simpy.Interrupt:
                if turn in self.waiting:
                    self.waiting.remove(turn)
                raise
            server = min(self.servers, key=lambda one: len(one.held))
        held = Held(work_s, self.env.event())
        self.change(server, lambda: server.held.append(held))
        try:
            yield held.over
        finally:
            self.change(server, lambda: server.held.remove(held))
            if self.waiting:
                self.waiting.popleft().succeed()

    def change(self, server: Server, how: Any) -> None:
        if server.held:
            done = (self.env.now - server.since_s) / self.slowdown[len(server.held) - 1]
            for held in server.held:
                held.left_s -= done
        server.since_s = self.env.now
        how()
        server.plan += 1
        if server.held:
            self.env.process(self.finish_first(server, server.plan))

    def finish_first(self, server: Server, plan: int) -> Process:
        first = min(server.held, key=lambda held: held.left_s)
        yield self.env.timeout(max(first.left_s, 0.0) * self.slowdown[len(server.held) - 1])
        if plan == server.plan and not first.over.triggered:
            first.over.succeed()


class Line:
    """One system under one open load; `latency_s`, `attempts` and `outcome` per request."""

    def __init__(self, system: System, load: Load, seed: int) -> None:
        self.system, self.load, self.rng = system, load, random.Random(seed)
        self.rules: Rules = system.rules
        self.env = simpy.Environment()
        self.lines = [self.line_of(station) for station in system.stations]
        roles = [station.role for station in system.stations]
        self.outside = {r: roles.index(r) for r in ("teacher", "person") if r in roles}
        n = len(load.query)
        self.latency_s = np.zeros(n)
        self.attempts = np.zeros(n, int)
        self.outcome = np.zeros(n, int)

    def line_of(self, station: Station) -> Limited | Sharing:
        model = self.system.second if station.role == "teacher" else self.system.model
        if station.time is None and station.concurrency > 1 and station.servers:
            return Sharing(self.env, station, model.speed.slowdown)
        return Limited(self.env, station.servers)

    def run(self) -> "Line":
        self.env.process(self.send())
        self.env.run()
        return self

    def send(self) -> Process:
        for k, arrival_s in enumerate(self.load.arrival_s):
            yield self.env.timeout(arrival_s - self.env.now)
            self.env.process(self.request(k))

    def request(self, k: int) -> Process:
        arrival_s, uncaught, over = self.env.now, False, set()
        for _ in range(self.rules.calls):
            right = yield from self.call(k, over)
            if right is None:
                self.outcome[k] = 2
                break
            uncaught |= not right
            self.outcome[k] = int(uncaught)
        self.latency_s[k] = self.env.now - arrival_s

    def call(self, k: int, over: set[int]) -> Process:
        """Whether the accepted answer is right; None where none was."""
        rules = self.rules
        for attempt in range(rules.max_attempts):
            if attempt:
                yield self.env.timeout(rules.back_off_s * rules.back_off_factor ** (attempt - 1))
            self.attempts[k] += 1
            right = yield from self.timed(self.through(k, attempt, over))
            if self.accepts(right):
                return right
        if rules.escalate_to == "person":
            number = self.outside["person"]
            yield from self.lines[number].serve(self.seconds(number))
            return self.rng.random() < rules.person_right
        for attempt in range(rules.second_attempts if rules.escalate_to == "teacher" else 0):
            self.attempts[k] += 1
            number = self.outside["teacher"]
            right = yield from self.timed(self.answer(k, attempt, number))
            if self.accepts(right):
                return right
        return None

    def accepts(self, right: bool | None) -> bool:
        chances = {None: 0.0, True: self.rules.sensitivity, False: self.rules.false_accepts}
        return self.rng.random() < chances[right]

    def timed(self, work: Process) -> Process:
        process = self.env.process(self.stoppable(work))
        if math.isinf(self.rules.timeout_s):
            return (yield process)
        yield process | self.env.timeout(self.rules.timeout_s)
        if process.triggered:
            return process.value
        process.interrupt()
        return None

    def stoppable(self, work: Process) -> Process:
        try:
            return (yield from work)
        except simpy.Interrupt:
            return None

    def through(self, k: int, attempt: int, over: set[int]) -> Process:
        """One attempt through the graph; whether its answer is right."""
        stages: dict[int, simpy.Process] = {}
        for number, station in enumerate(self.system.stations):
            if number not in self.outside.values():
                before = self.env.all_of([stages[other] for other in station.after])
                process = self.stoppable(self.stage(k, attempt, number, before, over))
                stages[number] = self.env.process(process)
        try:
            yield self.env.all_of(stages.values())
        except simpy.Interrupt:
            for process in stages.values():
                if process.is_alive:
                    process.interrupt()
            raise
        return next(stages[n].value for n in stages if stages[n].value is not None)

    def stage(
        self, k: int, attempt: int, number: int, before: simpy.Event, over: set[int]
    ) -> Process:
        station = self.system.stations[number]
        yield before
        if station.role == "generation":
            return (yield from self.hedged(k, attempt, number))
        if station.repeats or number not in over:
            if self.rng.random() < station.probability:
                yield from self.lines[number].serve(self.seconds(number))
            over.add(number)
        return None

    def hedged(self, k: int, attempt: int, number: int) -> Process:
        copies = [self.env.process(self.stoppable(self.answer(k, attempt, number)))]
        try:
            if math.isinf(self.rules.hedge_after_s):
                yield copies[0]
            else:
                yield copies[0] | self.env.timeout(self.rules.hedge_after_s)
                if copies[0].is_alive:
                    second = self.answer(k, attempt, number)
                    copies.append(self.env.process(self.stoppable(second)))
                    yield copies[0] | copies[1]
        finally:
            done = next((copy for copy in copies if not copy.is_alive), None)
            for copy in copies:
                if copy.is_alive:
                    copy.interrupt()
        return done.value

    def answer(self, k: int, attempt: int, number: int) -> Process:
        """One attempt of a model at its station; whether it is right."""
        rules, load, rng = self.rules, self.load, self.rng
        teacher = self.system.stations[number].role == "teacher"
        model: Model = self.system.second if teacher else self.system.model
        chance = (load.second_chance if teacher else load.chance)[k]
        if attempt:
            chance += rules.lift * (1 - chance)
        right = rng.random() < chance
        known, query = model.attempts, load.query[k]
        low, high = known.first[query], known.first[query + 1]
        middle = low + known.n_right[query]
        rows = range(low, middle) if right else range(middle, high)
        longer = 1.0 if rows else known.unseen_length[query]
        row = rng.choice(rows or range(low, high))
        prompt = known.prompt_tokens[row] * load.prompt_factor[k]
        prompt += rules.added_prompt_tokens if attempt else 0
        completion = known.completion_tokens[row] * load.completion_factor[k] * longer
        speed = model.speed
        work_s = speed.prompt_token_s * prompt + speed.completion_token_s * completion
        yield from self.lines[number].serve((speed.base_s + work_s) * rng.choice(speed.noise))
        return right

    def seconds(self, number: int) -> float:
        return draw(self.system.stations[number].time, self.rng)

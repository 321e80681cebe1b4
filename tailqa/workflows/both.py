"""Both models asked and graded: the whole suite at once, or in rounds until it is decided."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tailqa.core.answer import Answer, Failed, Pair, Side
from tailqa.core.errors import ModelError, TailqaError
from tailqa.core.ports import Engine, Progress
from tailqa.core.query import Query, Suite
from tailqa.core.report import ModelInfo, Stopping
from tailqa.engine import Look, ResponseStore, answer
from tailqa.gate import Policy
from tailqa.grade import Grader
from tailqa.workflows.asking import Options, graded_pairs, requests
from tailqa.workflows.audit import look_at
from tailqa.workflows.models import Chosen
from tailqa.workflows.noise import Again, ask_again, ask_again_in
from tailqa.workflows.speed import SIDES
from tailqa.workflows.stopping import ask_until_decided, askings, stopping


@dataclass(kw_only=True)
class Asked:
    """What came back. `suite` holds the queries that were asked, `engines` what is still open."""

    suite: Suite
    pairs: tuple[Pair, ...] = ()
    infos: list[ModelInfo] = field(default_factory=list)
    engines: list[Engine] = field(default_factory=list)
    looks: dict[Side, Look] = field(default_factory=dict)
    again: Again | None = None
    stopping: Stopping | None = None


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Asks two models; every answer is in the store before it counts."""

    models: Sequence[Chosen]
    grader: Grader
    options: Options
    store: ResponseStore
    progress: Progress

    def ask_all(self, suite: Suite, parted: str | None) -> Asked:
        """Every query. With a reason to part them, each model is closed before the next opens."""
        asked = Asked(suite=suite)
        self._again_in_dtype(asked)
        if parted is not None:
            logging.getLogger("tailqa").warning(parted)
        else:
            asked.engines = self._open()
        answers = []
        for index, side in enumerate(SIDES):
            engine = asked.engines[index] if parted is None else self._open_one(index)
            answers.append(self._answers(engine, side, suite, self.progress))
            asked.infos.append(engine.info)
            asked.looks[side] = look_at(engine, suite, self.options.seed)
            if side == "teacher":
                self._again(asked, engine)
            if parted is not None:
                engine.close()
            del engine
        asked.pairs = graded_pairs(suite.queries, answers[0], answers[1], self.grader)
        return asked

    def ask_until_decided(self, suite: Suite, policy: Policy, parted: str | None) -> Asked:
        """Queries in random order within strata, in rounds, until the policy is decided.

        Raises TailqaError where the suite or the policy has no test for that, or where the models
        cannot be open together.
        """
        strata = askings(suite, policy, seed=self.options.seed)
        if parted is not None:
            raise TailqaError(f"{parted} --until-decided asks both in turns; run without it")
        asked = Asked(suite=suite, engines=self._open())
        watcher = _Rounds(self.progress, len(suite.queries))
        n_rounds = 0

        def ask(queries: Sequence[Query]) -> tuple[Pair, ...]:
            nonlocal n_rounds
            n_rounds += 1
            part = replace(suite, queries=tuple(queries))
            answers = []
            for engine, side in zip(asked.engines, SIDES, strict=True):
                try:
                    answers.append(self._answers(engine, side, part, watcher))
                except ModelError as error:
                    if n_rounds == 1:
                        raise
                    # A round of queries that a model cannot take must not lose the others.
                    answers.append([Failed(query_id=q.id, reason=str(error)) for q in queries])
            return graded_pairs(part.queries, answers[0], answers[1], self.grader)

        ask_until_decided(strata, ask)
        watcher.close()
        asked.stopping = stopping(strata)
        found = {pair.query.id: pair for stratum in strata for pair in stratum.pairs}
        asked.suite = replace(suite, queries=tuple(q for q in suite.queries if q.id in found))
        asked.pairs = tuple(found[query.id] for query in asked.suite.queries)
        # Only now does an engine know all of what it has to note.
        asked.infos = [engine.info for engine in asked.engines]
        for engine, side in zip(asked.engines, SIDES, strict=True):
            asked.looks[side] = look_at(engine, asked.suite, self.options.seed)
        self._again_in_dtype(asked)
        self._again(asked, asked.engines[0])
        return asked

    def _answers(
        self, engine: Engine, side: Side, suite: Suite, progress: Progress
    ) -> Sequence[Answer]:
        wanted = requests(suite, self.options.seed)
        return answer(engine, self.store, wanted, progress=progress, task=side)

    def _open(self) -> list[Engine]:
        return [self._open_one(index) for index in range(len(self.models))]

    def _open_one(self, index: int) -> Engine:
        return self.models[index].open(batch_size=self.options.batch_size)

    def _again_in_dtype(self, asked: Asked) -> None:
        dtype = self.options.noise_floor_dtype
        if dtype:
            asked.again = ask_again_in(
                dtype, self.models[0], self.store, asked.suite, self.options, progress=self.progress
            )

    def _again(self, asked: Asked, teacher: Engine) -> None:
        if self.options.noise_floor and asked.again is None:
            asked.again = ask_again(
                teacher, self.store, asked.suite, seed=self.options.seed, progress=self.progress
            )


class _Rounds:
    """Progress of many rounds as one task per side."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total = progress, total
        self._started: list[str] = []

    def start(self, task: str, total: int) -> None:  # noqa: ARG002 - that of one round
        if task not in self._started:
            self._started.append(task)
            self._progress.start(task, self._total)

    def advance(self, task: str, n: int, tokens: int = 0, *, reused: bool = False) -> None:
        self._progress.advance(task, n, tokens, reused=reused)

    def finish(self, task: str) -> None:
        """A round is over, the task is not."""

    def close(self) -> None:
        for task in self._started:
            self._progress.finish(task)

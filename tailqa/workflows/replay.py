"""A pipeline really run with the models of a run, against what was predicted of it."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import IO

from tailqa.core.answer import Side
from tailqa.core.errors import TailqaError
from tailqa.core.operations import Option
from tailqa.core.ports import Engine, Progress, Silent
from tailqa.core.query import Query
from tailqa.core.replay import LivedRequest, Replayed
from tailqa.cost.assemble import stations
from tailqa.cost.scene import side_of
from tailqa.grade import Grader
from tailqa.report.replay_result import replay_paths, write_replay
from tailqa.report.run import load_run
from tailqa.workflows.answerer import Answerer
from tailqa.workflows.asking import chosen_grader
from tailqa.workflows.costs import chosen_pipeline
from tailqa.workflows.live import live
from tailqa.workflows.live_stages import Line
from tailqa.workflows.replay_lift import measure_lift
from tailqa.workflows.replay_run import ReplayOptions, asking_of, engines_again, suite_again
from tailqa.workflows.replay_setup import Setup, set_up
from tailqa.workflows.replay_summary import Seen, summary
from tailqa.workflows.speed import SIDES


@dataclass(frozen=True, kw_only=True)
class FinishedReplay:
    """A finished replay and its files in the run folder."""

    replayed: Replayed
    path: Path
    requests: Path


def run_replay(
    folder: Path,
    pipeline: str | None,
    models: tuple[str | None, str | None],
    options: ReplayOptions,
    *,
    progress: Progress | None = None,
) -> FinishedReplay:
    """Opens the models of the run, replays the pipeline, writes replay.json and replay.jsonl.

    `pipeline` is a file or a shipped name, None for the built-in one; `models` are teacher and
    student, None for the embedded ones. Raises TailqaError for all that
    the caller can mend, KeyboardInterrupt before the first request has ended.
    """
    line = chosen_pipeline(pipeline, options.sets)
    if line is None:
        raise TailqaError("a replay needs a pipeline: name a file or a shipped one")
    options = replace(options, created=options.created or date.today().isoformat())
    run = load_run(folder)
    asking = asking_of(run.report, options)
    suite = suite_again(run.report, asking, options.suite)
    setup = set_up(run, line, suite, options)
    grader = chosen_grader(suite, asking)
    engines = engines_again(run.report, models, asking)
    path, requests = replay_paths(folder)
    with requests.open("w", encoding="utf-8") as file:
        replayed = replay_engines(engines, setup, grader, file, progress=progress or Silent())
    for engine in engines:
        engine.close()
    write_replay(replayed, path)
    return FinishedReplay(replayed=replayed, path=path, requests=requests)


def replay_engines(
    engines: Sequence[Engine], setup: Setup, grader: Grader, file: IO[str], *, progress: Progress
) -> Replayed:
    """Rehearses, lives through and predicts every option with an open teacher and student.

    `file` gets a line per finished request. Raises KeyboardInterrupt before the first has ended.
    """
    workers = {engine.info.device: ThreadPoolExecutor(max_workers=1) for engine in engines}
    models: dict[Side, Answerer] = {
        side: Answerer(
            engine=engine,
            grader=grader,
            generation=setup.suite.generation,
            worker=workers[engine.info.device],
            retry_text=setup.pipeline.policy.retry.text,
        )
        for side, engine in zip(SIDES, engines, strict=True)
    }
    seen = Seen(shared=len(workers) == 1)
    try:
        _Running(setup, models, seen, file, progress).all_rounds()
    except KeyboardInterrupt:
        seen.interrupted = True
        if not seen.lived:
            raise
    finally:
        for worker in workers.values():
            worker.shutdown(cancel_futures=True)
    return summary(setup, seen)


@dataclass(frozen=True)
class _Running:
    """A replay as it runs; what is seen is kept as it comes."""

    setup: Setup
    models: Mapping[Side, Answerer]
    seen: Seen
    file: IO[str]
    progress: Progress

    def all_rounds(self) -> None:
        setup, rounds = self.setup, self.setup.options.rounds
        if setup.pipeline.policy.retry.text is not None:
            people = setup.people()
            for side in SIDES:
                self.seen.lifts[side] = measure_lift(
                    side, self.models[side], setup, people, progress=self.progress
                )
        # The same queries for every option, so that they differ by the option alone.
        queries = setup.drawn(setup.halves.held_out, setup.options.requests, "requests")
        for option in setup.chosen:
            self.progress.start(option, len(queries))
        # Round by round, so that a machine that drifts slows all of them, and their rehearsals.
        for number in range(rounds):
            share = slice(number * len(queries) // rounds, (number + 1) * len(queries) // rounds)
            for option in setup.chosen:
                self._rehearse(option, number)
                self._live(option, queries[share], share.start)
        for option in setup.chosen:
            self.progress.finish(option)

    def _rehearse(self, option: Option, number: int) -> None:
        """The fit half in the same pipeline, for the time that answers take in it.

        How long an answer takes depends on what the machine did before it. Every other request
        is refused, so that there are enough answers of a teacher.
        """
        setup, n, first = self.setup, self.setup.options.speed, number * self.setup.options.speed
        line = replace(
            self._line(option, setup.drawn(setup.halves.fit, n, f"rehearsal {number}")),
            rules=replace(setup.rules(option), max_attempts=1, calls=1),
            purpose="rehearsal",
            first=first,
            refused=range(first, first + n, 2),
        )
        lived = live(line)
        if lived.interrupted:
            raise KeyboardInterrupt
        self.seen.rehearsed.setdefault(option, []).append(lived.answered)

    def _live(self, option: Option, queries: Sequence[Query], first: int) -> None:
        def done(request: LivedRequest) -> None:
            self.file.write(f"{json.dumps(asdict(request))}\n")
            self.file.flush()
            self.progress.advance(option, 1, request.completion_tokens)

        lived = live(replace(self._line(option, queries), first=first), done)
        if lived.requests:
            self.seen.lived.setdefault(option, []).append(lived)
        if lived.interrupted:
            raise KeyboardInterrupt

    def _line(self, option: Option, queries: Sequence[Query]) -> Line:
        setup = self.setup
        rules = setup.rules(option)
        return Line(
            option=option,
            stations=stations(setup.pipeline, option),
            rules=rules,
            model=self.models[side_of(option)],
            second=self.models["teacher"] if rules.escalate_to == "teacher" else None,
            queries=queries,
            clients=setup.clients,
            think=setup.think,
            seed=setup.seed,
        )

"""Two models and a suite → a report and its run folder."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from tailqa import report as report_room
from tailqa import suite as suite_room
from tailqa.core.answer import Answer, Answered, Pair, Side
from tailqa.core.ports import Engine, Progress, Request, Silent
from tailqa.core.query import Suite
from tailqa.core.report import ModelInfo, Report, Run, SuiteInfo
from tailqa.engine import Look, ResponseStore, answer, free_bytes
from tailqa.workflows.asking import Options, chosen_grader, chosen_suite, graded_pairs, requests
from tailqa.workflows.audit import audit, look_at
from tailqa.workflows.fidelity import add_fidelity, read_text
from tailqa.workflows.gate import UNJUDGED, chosen_policy, gate
from tailqa.workflows.models import Chosen, choose
from tailqa.workflows.noise import Again, ask_again, ask_again_in, noise_floor
from tailqa.workflows.outcomes import overall_result, stratum_results
from tailqa.workflows.pooling import interaction
from tailqa.workflows.provenance import findings, fingerprint
from tailqa.workflows.residency import FreeBytes, reason_to_part
from tailqa.workflows.rows import answer_rows
from tailqa.workflows.runs import run_folder
from tailqa.workflows.speed import SIDES, Timings, cost_summaries, latency_summaries, time_both


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A finished comparison: the report, the answers and the folder that holds them."""

    run: Run
    folder: Path

    @property
    def report(self) -> Report:
        """The report."""
        return self.run.report


def compare(teacher: str, student: str, suite: str | Path = "demo", **options: object) -> Report:
    """Runs both models on a suite and returns the report; the run folder is written as well.

    `options` are the fields of `Options`, e.g. `limit=50, speed=0, out=Path("outputs")`. Raises
    TailqaError for everything that the caller can mend.
    """
    chosen = Options(**options)  # type: ignore[arg-type]
    return run_compare(teacher, student, str(suite), chosen).report


def run_compare(
    teacher: str,
    student: str,
    suite: str,
    options: Options,
    *,
    progress: Progress | None = None,
    free: FreeBytes = free_bytes,
) -> Finished:
    """The whole job: ask, grade, time, test, decide, write.

    Every answer is in the store before it counts, so a run that is cut off is finished by running
    it again. `free` says how much memory a device has left: where both models do not fit, they run
    one after the other.
    """
    watcher = progress or Silent()
    options = replace(options, created=options.created or date.today().isoformat())
    models = choose(teacher, student, options)
    chosen = chosen_suite(suite, options)
    policy = chosen_policy(options.policy, chosen.strata)
    grader = chosen_grader(chosen, options)
    text = read_text(options.fidelity_texts) if options.fidelity_texts else None
    names = (models[0].name, models[1].name, chosen.name)
    folder = run_folder(options.out, created=options.created, names=names)
    parted = reason_to_part(models, free)
    looks: dict[Side, Look] = {}
    again: Again | None = None
    with ResponseStore(options.store or options.out / "responses.db") as store:
        if options.noise_floor_dtype:
            again = ask_again_in(
                options.noise_floor_dtype, models[0], store, chosen, options, progress=watcher
            )

        def ask(engine: Engine, side: Side) -> Sequence[Answer]:
            nonlocal again
            asked = requests(chosen, options.seed)
            given = answer(engine, store, asked, progress=watcher, task=side)
            looks[side] = look_at(engine, chosen, options.seed)
            if side == "teacher" and options.noise_floor and again is None:
                again = ask_again(engine, store, chosen, seed=options.seed, progress=watcher)
            return given

        infos, answers, engines = _asked(models, ask, parted, options.batch_size)
    pairs = graded_pairs(chosen.queries, answers[0], answers[1], grader)
    times = _timings(chosen, engines, pairs, options, watcher)
    floor = None if again is None else noise_floor(chosen, pairs, again, grader, infos[0])
    report = replace(_report(chosen, infos, pairs, times, options), noise_floor=floor)
    report = report if parted is None else replace(report, findings=(parted, *report.findings))
    if options.fidelity or text is not None:
        report = add_fidelity(report, chosen, engines, pairs, text, progress=watcher)
    for engine in engines:
        engine.close()
    report = replace(report, audit=audit(chosen, pairs, looks))
    report = replace(report, verdict=gate(report, policy))
    run = Run(report=report, answers=answer_rows(pairs))
    folder.mkdir(exist_ok=True)
    report_room.write_run(run, folder)
    return Finished(run=run, folder=folder)


def _asked(
    models: Sequence[Chosen],
    ask: Callable[[Engine, Side], Sequence[Answer]],
    parted: str | None,
    batch_size: int | None,
) -> tuple[list[ModelInfo], list[Sequence[Answer]], list[Engine]]:
    """What identifies both models, their answers, and the engines that are still open.

    With a reason to part them, each model is closed before the next one is loaded.
    """
    if parted is None:
        engines = [model.open(batch_size=batch_size) for model in models]
        answers = [ask(engine, side) for engine, side in zip(engines, SIDES, strict=True)]
        return [engine.info for engine in engines], answers, engines
    logging.getLogger("tailqa").warning(parted)
    infos, answers = [], []
    for model, side in zip(models, SIDES, strict=True):
        engine = model.open(batch_size=batch_size)
        infos.append(engine.info)
        answers.append(ask(engine, side))
        engine.close()
        del engine
    return infos, answers, []


def _timings(
    suite: Suite,
    engines: Sequence[Engine],
    pairs: Sequence[Pair],
    options: Options,
    progress: Progress,
) -> Timings:
    if not options.speed or not engines:
        return {}
    answered = tuple(
        pair.query
        for pair in pairs
        if isinstance(pair.teacher, Answered) and isinstance(pair.student, Answered)
    )
    once = replace(suite, queries=answered, generation=replace(suite.generation, samples=1))
    sample = suite_room.draw(once, options.speed, seed=options.seed)
    stratum_of = {query.id: query.stratum for query in sample.queries}
    timed: dict[str, list[Request]] = {stratum.name: [] for stratum in suite.strata}
    for request in requests(sample, options.seed):
        timed[stratum_of[request.query_id]].append(request)
    teacher, student = engines
    return time_both(teacher, student, timed, progress=progress)


def _report(
    suite: Suite,
    infos: Sequence[ModelInfo],
    pairs: tuple[Pair, ...],
    times: Timings,
    options: Options,
) -> Report:
    teacher, student = infos
    strata = stratum_results(suite.strata, pairs, seed=options.seed)
    names = [stratum.name for stratum in suite.strata]
    return Report(
        teacher=teacher,
        student=student,
        suite=SuiteInfo(
            name=suite.name,
            version=suite.version,
            digest=suite.digest,
            source=suite.source,
            task=suite.task,
            n_queries=len(suite.queries),
        ),
        strata=strata,
        overall=overall_result(strata),
        interaction=interaction(strata),
        latency=latency_summaries(times),
        cost=cost_summaries(names, pairs, times, seed=options.seed),
        verdict=UNJUDGED,
        findings=findings(pairs, teacher, student),
        fingerprint=fingerprint(
            {
                "limit": options.limit,
                "num_fewshot": options.num_fewshot,
                "batch_size": options.batch_size,
                "speed": options.speed,
                **asdict(suite.generation),
                "stop": json.dumps(suite.generation.stop),
            }
        ),
        seed=options.seed,
        created=options.created,
    )

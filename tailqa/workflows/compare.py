"""Two models and a suite → a report and its run folder."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from tailqa import report as report_room
from tailqa import suite as suite_room
from tailqa.core.answer import Answered, Pair
from tailqa.core.ports import Engine, Progress, Request, Silent
from tailqa.core.query import Suite
from tailqa.core.report import Report, Run, SuiteInfo
from tailqa.engine import ResponseStore, answer
from tailqa.gate import Policy
from tailqa.workflows.asking import Options, chosen_grader, chosen_suite, graded_pairs, requests
from tailqa.workflows.gate import verdict_on
from tailqa.workflows.models import open_model, report_names
from tailqa.workflows.outcomes import interaction, overall_result, stratum_results
from tailqa.workflows.provenance import findings, fingerprint
from tailqa.workflows.rows import answer_rows
from tailqa.workflows.runs import run_folder
from tailqa.workflows.speed import Timings, cost_summaries, latency_summaries, time_both


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
) -> Finished:
    """The whole job: ask, grade, time, test, decide, write.

    Every answer is in the store before it counts, so a run that is cut off is finished by running
    it again.
    """
    watcher = progress or Silent()
    options = replace(options, created=options.created or date.today().isoformat())
    chosen = chosen_suite(suite, options)
    grader = chosen_grader(chosen, options)
    names = report_names(teacher, student)
    folder = run_folder(options.out, created=options.created, names=(*names, chosen.name))
    with ResponseStore(options.store or options.out / "responses.db") as store:
        engines = [
            open_model(
                spec,
                name=name,
                device=options.device,
                dtype=options.dtype,
                batch_size=options.batch_size,
            )
            for spec, name in zip((teacher, student), names, strict=True)
        ]
        answers = [
            answer(engine, store, requests(chosen, options.seed), progress=watcher, task=side)
            for engine, side in zip(engines, ("teacher", "student"), strict=True)
        ]
    pairs = graded_pairs(chosen.queries, answers[0], answers[1], grader)
    times = _timings(chosen, engines, pairs, options, watcher)
    report = _report(chosen, engines, pairs, times, options)
    for engine in engines:
        engine.close()
    run = Run(report=report, answers=answer_rows(pairs))
    folder.mkdir(exist_ok=True)
    report_room.write_run(run, folder)
    return Finished(run=run, folder=folder)


def _timings(
    suite: Suite,
    engines: Sequence[Engine],
    pairs: Sequence[Pair],
    options: Options,
    progress: Progress,
) -> Timings:
    if not options.speed:
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
    engines: Sequence[Engine],
    pairs: tuple[Pair, ...],
    times: Timings,
    options: Options,
) -> Report:
    teacher, student = engines
    strata = stratum_results(suite.strata, pairs)
    names = [stratum.name for stratum in suite.strata]
    return Report(
        teacher=teacher.info,
        student=student.info,
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
        verdict=verdict_on(strata, Policy()),
        findings=findings(pairs),
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

"""Two models and a suite → a report and its run folder."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from tailqa import suite as suite_room
from tailqa.core.answer import Answered
from tailqa.core.ports import Progress, Request, Silent
from tailqa.core.report import Report, Run, SuiteInfo
from tailqa.engine import ResponseStore, free_bytes
from tailqa.grade import Grader
from tailqa.report.run import write_run
from tailqa.workflows.asking import Options, chosen_grader, chosen_suite, requests
from tailqa.workflows.audit import audit
from tailqa.workflows.both import Asked, Asker
from tailqa.workflows.costs import chosen_pipeline, with_operations
from tailqa.workflows.drafting import drafting_results
from tailqa.workflows.fidelity import add_fidelity, read_text
from tailqa.workflows.gate import UNJUDGED, chosen_policy, gate
from tailqa.workflows.models import choose
from tailqa.workflows.noise import noise_floor
from tailqa.workflows.outcomes import cluster_findings, overall_result, stratum_results
from tailqa.workflows.pooling import interaction
from tailqa.workflows.provenance import findings, fingerprint
from tailqa.workflows.residency import FreeBytes, reason_to_part
from tailqa.workflows.retries import retry_results
from tailqa.workflows.reuse import Counted, Reuse
from tailqa.workflows.rows import answer_rows
from tailqa.workflows.runs import run_folder
from tailqa.workflows.speed import Timings, cost_summaries, latency_summaries, time_both
from tailqa.workflows.stopping import at_any_time


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A finished comparison: the report, the answers and the folder that holds them.

    `reuse` says of each side how many of its answers the store had already.
    """

    run: Run
    folder: Path
    reuse: tuple[Reuse, ...] = ()

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
    watcher = Counted(progress=progress or Silent())
    options = replace(options, created=options.created or date.today().isoformat())
    models = choose(teacher, student, options)
    chosen = chosen_suite(suite, options)
    policy = chosen_policy(options.policy, chosen.strata)
    pipeline = chosen_pipeline(options.pipeline)
    grader = chosen_grader(chosen, options)
    text = read_text(options.fidelity_texts) if options.fidelity_texts else None
    names = (models[0].name, models[1].name, chosen.name)
    folder = run_folder(options.out, created=options.created, names=names)
    parted = reason_to_part(models, free)
    with ResponseStore(options.store or options.out / "responses.db") as store:
        asker = Asker(models=models, grader=grader, options=options, store=store, progress=watcher)
        if options.until_decided:
            asked = asker.ask_until_decided(chosen, policy, parted)
        else:
            asked = asker.ask_all(chosen, parted)
    report = _report(asked, _timings(asked, options, watcher), grader, options)
    if parted is not None:
        report = replace(report, findings=(parted, *report.findings))
    if options.fidelity or text is not None:
        report = add_fidelity(
            report, asked.suite, asked.engines, asked.pairs, text, progress=watcher
        )
    else:
        report = replace(report, drafting=drafting_results(report, asked.suite, {}))
    for engine in asked.engines:
        engine.close()
    run = with_operations(Run(report=report, answers=answer_rows(asked.pairs)), pipeline)
    run = replace(run, report=replace(run.report, verdict=gate(run.report, policy)))
    folder.mkdir(exist_ok=True)
    write_run(run, folder)
    return Finished(run=run, folder=folder, reuse=watcher.reuse())


def _timings(asked: Asked, options: Options, progress: Progress) -> Timings:
    suite, pairs = asked.suite, asked.pairs
    if not options.speed or not asked.engines:
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
    teacher, student = asked.engines
    return time_both(teacher, student, timed, progress=progress)


def _report(asked: Asked, times: Timings, grader: Grader, options: Options) -> Report:
    suite, pairs = asked.suite, asked.pairs
    teacher, student = asked.infos
    strata = stratum_results(suite.strata, pairs, seed=options.seed)
    names = [stratum.name for stratum in suite.strata]
    report = Report(
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
        findings=(*cluster_findings(strata), *findings(pairs, teacher, student)),
        fingerprint=fingerprint(
            {
                "limit": options.limit,
                "num_fewshot": options.num_fewshot,
                "batch_size": options.batch_size,
                "speed": options.speed,
                "ignore_clusters": options.ignore_clusters,
                **asdict(suite.generation),
                "stop": json.dumps(suite.generation.stop),
            }
        ),
        seed=options.seed,
        created=options.created,
        audit=audit(suite, pairs, asked.looks),
        retries=retry_results(suite.strata, pairs, seed=options.seed),
    )
    if asked.again is not None:
        floor = noise_floor(suite, pairs, asked.again, grader, teacher)
        report = replace(report, noise_floor=floor)
    return report if asked.stopping is None else at_any_time(report, asked.stopping)

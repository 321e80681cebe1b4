"""Two models and a suite → a report and its run folder."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path

from tailqa import report as report_room
from tailqa import suite as suite_room
from tailqa.core.answer import Answer, Answered, Pair
from tailqa.core.errors import TailqaError
from tailqa.core.ports import Engine, Progress, Request, Silent
from tailqa.core.query import Generation, Query, Suite
from tailqa.core.report import Report, Run, SuiteInfo
from tailqa.engine import ResponseStore, answer
from tailqa.gate import Policy
from tailqa.grade import Grader, make_grader
from tailqa.workflows.gate import verdict_on
from tailqa.workflows.models import open_model
from tailqa.workflows.outcomes import interaction, overall_result, stratum_results
from tailqa.workflows.provenance import findings, fingerprint
from tailqa.workflows.rows import answer_rows
from tailqa.workflows.runs import run_folder
from tailqa.workflows.speed import Timings, cost_summaries, latency_summaries, time_both
from tailqa.workflows.suites import CODE_GRADER, load_suite


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a comparison is run, as the flags of the same names; `created` is today by default."""

    sources: Mapping[str, Path] = field(default_factory=dict)
    limit: int | None = None
    num_fewshot: int | None = None
    samples: int | None = None
    temperature: float | None = None
    batch_size: int | None = None
    device: str = "auto"
    dtype: str = "auto"
    seed: int = 0
    speed: int = 30
    out: Path = Path("outputs")
    store: Path | None = None
    trust_suite_code: bool = False
    created: str = ""


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
    chosen = _chosen_suite(suite, options)
    if chosen.grader.name == CODE_GRADER and not options.trust_suite_code:
        raise TailqaError(
            f"the suite {chosen.name} grades with the metric {chosen.grader.options.get('metric')}, "
            "whose code would be run; if you trust it, say --trust-suite-code"
        )
    grader = make_grader(chosen.grader)
    folder = run_folder(
        options.out, created=options.created, teacher=teacher, student=student, suite=chosen.name
    )
    with ResponseStore(options.store or options.out / "responses.db") as store:
        engines = [
            open_model(
                name, device=options.device, dtype=options.dtype, batch_size=options.batch_size
            )
            for name in (teacher, student)
        ]
        answers = [
            answer(engine, store, _requests(chosen, options.seed), progress=watcher, task=side)
            for engine, side in zip(engines, ("teacher", "student"), strict=True)
        ]
    pairs = _pairs(chosen.queries, answers[0], answers[1], grader)
    times = _timings(chosen, engines, pairs, options, watcher)
    report = _report(chosen, engines, pairs, times, options)
    for engine in engines:
        engine.close()
    run = Run(report=report, answers=answer_rows(pairs))
    report_room.write_run(run, folder)
    return Finished(run=run, folder=folder)


def _chosen_suite(name: str, options: Options) -> Suite:
    suite = load_suite(name, sources=options.sources, num_fewshot=options.num_fewshot)
    settings = {
        key: value
        for key, value in (("samples", options.samples), ("temperature", options.temperature))
        if value is not None
    }
    generation = replace(suite.generation, **settings)
    if generation.samples > 1 and generation.temperature == 0:
        raise TailqaError("several samples of a greedy answer are all the same; set --temperature")
    suite = replace(suite, generation=generation)
    return suite_room.draw(suite, options.limit, seed=options.seed) if options.limit else suite


def _requests(suite: Suite, seed: int) -> list[Request]:
    return [
        Request(
            query_id=query.id,
            prompt=query.prompt,
            generation=suite.generation,
            choices=query.choices,
            sample=sample,
            seed=_request_seed(seed, query.id, sample, suite.generation),
        )
        for query in suite.queries
        for sample in range(suite.generation.samples if not query.choices else 1)
    ]


def _request_seed(seed: int, query_id: str, sample: int, generation: Generation) -> int:
    """A seed of its own for every sampled attempt; greedy answers need none, so theirs is 0."""
    if generation.temperature == 0:
        return 0
    text = f"{seed}:{sample}:{query_id}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])


def _pairs(
    queries: Sequence[Query],
    teacher: Sequence[Answer],
    student: Sequence[Answer],
    grader: Grader,
) -> tuple[Pair, ...]:
    def grade(query: Query, given: Answer):  # type: ignore[no-untyped-def]
        return grader.grade(query, given) if isinstance(given, Answered) else None

    sides = zip(queries, teacher, student, strict=True)
    return tuple(
        Pair(
            query=query,
            teacher=first,
            student=second,
            teacher_grade=grade(query, first),
            student_grade=grade(query, second),
        )
        for query, first, second in sides
    )


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
    for request in _requests(sample, options.seed):
        timed[stratum_of[request.query_id]].append(request)
    return time_both(*engines, timed, progress=progress)


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

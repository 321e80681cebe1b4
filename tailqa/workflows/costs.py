"""`tailqa cost`: a stored run and a pipeline file → cost.json and its page."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from tailqa.core.errors import InputError, TailqaError
from tailqa.core.operations import Operations
from tailqa.core.report import Run
from tailqa.cost.load import load_pipeline
from tailqa.cost.schema import Pipeline
from tailqa.cost.settings import sweep_values
from tailqa.report.bench_result import load_bench
from tailqa.report.operations_result import write_operations
from tailqa.report.run import load_run
from tailqa.workflows.cost import run_operations
from tailqa.workflows.sweeps import Swept

PipelineLike = Pipeline | str | Path | None
"""A pipeline, its file, the name of a shipped one, `none`, or None for the built-in one."""

LEFT_OUT = "none"


def chosen_pipeline(
    pipeline: PipelineLike, sets: Mapping[str, str] | None = None
) -> Pipeline | None:
    """The pipeline itself; None for `none`. Raises InputError with every fault of its file."""
    if isinstance(pipeline, Pipeline) or pipeline == LEFT_OUT:
        return pipeline if isinstance(pipeline, Pipeline) else None
    named = {} if pipeline is None else {"name_or_path": pipeline}
    return load_pipeline(**named, sets=sets or {})


def with_operations(run: Run, pipeline: Pipeline | None) -> Run:
    """The run with what `pipeline` makes of it, and with what could be routed to the teacher.

    What cannot be told is left out: of the pipeline with a finding that says why, of routing
    where the teacher is no better.
    """
    if pipeline is None:
        return run
    from tailqa.workflows.route import RouteOptions, route

    report = run.report
    try:
        report = replace(report, operations=run_operations(run, pipeline, seed=report.seed))
    except TailqaError as error:
        finding = f"What the student costs in the pipeline {pipeline.name} is not known: {error}."
        report = replace(report, findings=(*report.findings, finding))
    with suppress(TailqaError):
        routed = RouteOptions(seed=report.seed, created=report.created)
        report = replace(report, routing=route(run, routed))
    return replace(run, report=report)


@dataclass(frozen=True, kw_only=True)
class CostOptions:
    """How a run is costed, as the flags of the same names; no pipeline is the built-in one."""

    pipeline: str | Path | None = None
    sets: Mapping[str, str] = field(default_factory=dict)
    sweep: tuple[str, str] | None = None
    bench: Path | None = None
    resamples: int | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Costed:
    """What a pipeline makes of a run, the models' names, and the page that shows it."""

    operations: Operations
    names: tuple[str, str]
    page: Path


def cost_run(run: Path, options: CostOptions, *, out: Path | None = None) -> Costed:
    """Costs a run folder and writes cost.html and cost.json into `out`, or into the run.

    Raises ResultError for a run or bench that cannot be read, InputError with every fault of the
    pipeline, and TailqaError where the run lacks what the cost takes.
    """
    loaded = load_run(run)
    found = operations_of(loaded, options)
    names = loaded.report.teacher.name, loaded.report.student.name
    written = write_operations(found, names, out or run)
    return Costed(operations=found, names=names, page=written.with_name("cost.html"))


def operations_of(run: Run, options: CostOptions) -> Operations:
    """What the pipeline of `options` makes of a run. Raises as `cost_run` does."""
    pipeline = _pipeline(options, options.sets)
    swept = None
    if options.sweep is not None:
        swept = _swept(options, *options.sweep)
    found = run_operations(
        run,
        pipeline,
        seed=options.seed,
        resamples=options.resamples,
        bench=None if options.bench is None else load_bench(options.bench),
        swept=swept,
    )
    return replace(found, changes=tuple(f"{key}={value}" for key, value in options.sets.items()))


def _swept(options: CostOptions, key: str, text: str) -> Swept:
    found = []
    for value in sweep_values(text):
        try:
            found.append((value, _pipeline(options, {**options.sets, key: str(value)})))
        except InputError as error:
            raise InputError(
                replace(fault, file=fault.file.replace(f"--set {key}", f"--sweep {key}"))
                for fault in error.faults
            ) from None
    return Swept(key=key, pipelines=found)


def _pipeline(options: CostOptions, sets: Mapping[str, str]) -> Pipeline:
    found = chosen_pipeline(options.pipeline, sets)
    if found is None:
        raise TailqaError("tailqa cost needs a pipeline: leave --pipeline out, or name one")
    return found

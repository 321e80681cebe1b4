"""Two models → their speed over batch sizes and prompt lengths, and its run folder."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from tailqa.core.answer import Side
from tailqa.core.bench import SIDES, Bench, BenchModel, PaddingAudit, Roof
from tailqa.core.errors import TailqaError
from tailqa.core.ports import Engine, Progress, Silent
from tailqa.core.query import Suite
from tailqa.cost.padding import padding_counts
from tailqa.engine import Grid, measure_grid, measure_roof
from tailqa.report.bench_page import write_bench_page
from tailqa.report.bench_result import BENCH, load_bench, write_bench
from tailqa.workflows.asking import requests
from tailqa.workflows.bench_summary import cell_of, crossovers_of, ratios_of
from tailqa.workflows.models import Loading, choose
from tailqa.workflows.provenance import fingerprint, model_findings
from tailqa.workflows.residency import lack_of_memory
from tailqa.workflows.runs import run_folder
from tailqa.workflows.suites import load_suite

DEFAULT_BATCHES = {"cpu": (1, 4, 16), "cuda": (1, 8, 64)}
DEFAULT_PROMPTS = {"cpu": (32, 256), "cuda": (128, 1024)}
_BUSY_SHARE = 0.25


@dataclass(frozen=True, kw_only=True)
class BenchOptions(Loading):
    """How a bench is run, as the flags of the same names.

    Empty sizes are those of the device; `suite` is the one whose lengths are audited.
    """

    batch_sizes: tuple[int, ...] = ()
    prompt_lengths: tuple[int, ...] = ()
    new_tokens: int = 32
    repeats: int = 6
    seed: int = 0
    suite: str | None = None
    sources: Mapping[str, Path] = field(default_factory=dict)
    num_fewshot: int | None = None
    out: Path = Path("outputs")
    created: str = ""


@dataclass(frozen=True, kw_only=True)
class FinishedBench:
    """A finished bench and the folder that holds it."""

    bench: Bench
    folder: Path


def run_bench(
    teacher: str, student: str, options: BenchOptions, *, progress: Progress | None = None
) -> FinishedBench:
    """Opens both models, measures, writes bench.json and bench.html. Raises TailqaError."""
    busy = _busy()
    options = replace(options, created=options.created or date.today().isoformat())
    suite = (
        load_suite(options.suite, sources=options.sources, num_fewshot=options.num_fewshot)
        if options.suite
        else None
    )
    models = choose(teacher, student, options)
    folder = run_folder(
        options.out,
        created=options.created,
        names=(models[0].name, models[1].name, "bench"),
        holds=BENCH,
    )
    if lack := lack_of_memory(models):
        raise TailqaError(f"{lack}; a bench needs both, to time them in turn.")
    engines = [model.open() for model in models]
    roofs = _roofs(engines)
    bench = bench_engines(engines, roofs, options, suite=suite, progress=progress)
    bench = replace(bench, findings=(*busy, *bench.findings))
    for engine in engines:
        engine.close()
    folder.mkdir(exist_ok=True)
    write_bench(bench, folder)
    return FinishedBench(bench=bench, folder=folder)


def rerender_bench(folder: Path) -> tuple[Bench, Path]:
    """Writes bench.html again from bench.json; the bench and the page. Raises ResultError."""
    bench = load_bench(folder)
    return bench, write_bench_page(bench, folder)


def bench_engines(
    engines: Sequence[Engine],
    roofs: Sequence[Roof],
    options: BenchOptions,
    *,
    suite: Suite | None = None,
    progress: Progress | None = None,
) -> Bench:
    """The speed of an open teacher and student, and what padding would add to a suite."""
    teacher, student = engines
    grid = _grid(engines, options)
    audits = _audits(suite, engines, grid.batch_sizes, options) if suite else ()
    times = measure_grid(teacher, student, grid, progress=progress or Silent())
    models: dict[Side, BenchModel] = {
        side: BenchModel(info=engine.info, footprint=engine.footprint, roof=roof)
        for side, engine, roof in zip(SIDES, engines, roofs, strict=True)
    }
    ratios = ratios_of(times)
    return Bench(
        teacher=models["teacher"],
        student=models["student"],
        new_tokens=grid.new_tokens,
        repeats=grid.repeats,
        cells=tuple(cell_of(item, models[item.side]) for item in times),
        ratios=ratios,
        crossovers=crossovers_of(ratios),
        padding=audits,
        findings=model_findings(teacher.info, student.info),
        fingerprint=fingerprint(
            {
                "teacher_args": options.teacher_args,
                "student_args": options.student_args,
                "new_tokens": grid.new_tokens,
                "repeats": grid.repeats,
            }
        ),
        seed=options.seed,
        created=options.created,
    )


def _grid(engines: Sequence[Engine], options: BenchOptions) -> Grid:
    cuda = any(engine.info.device.startswith("cuda") for engine in engines)
    kind = "cuda" if cuda else "cpu"
    # Sizes that nobody asked for are made to fit.
    room = min((e.context_tokens for e in engines if e.context_tokens), default=None)
    fitting = (
        DEFAULT_PROMPTS[kind]
        if room is None
        else tuple(max(1, min(n, room - options.new_tokens)) for n in DEFAULT_PROMPTS[kind])
    )
    return Grid(
        batch_sizes=tuple(sorted(set(options.batch_sizes or DEFAULT_BATCHES[kind]))),
        prompt_tokens=tuple(sorted(set(options.prompt_lengths or fitting))),
        new_tokens=options.new_tokens,
        repeats=options.repeats,
        seed=options.seed,
    )


def _roofs(engines: Sequence[Engine]) -> list[Roof]:
    """One measurement per device and dtype; a model on several devices runs on one at a time."""
    wanted = [(e.info.device.partition(",")[0], e.info.dtype) for e in engines]
    measured = {pair: measure_roof(*pair) for pair in dict.fromkeys(wanted)}
    return [measured[pair] for pair in wanted]


def _audits(
    suite: Suite, engines: Sequence[Engine], batch_sizes: Sequence[int], options: BenchOptions
) -> tuple[PaddingAudit, ...]:
    """One audit per tokenizer: both models in one where they count alike."""
    once = replace(suite, generation=replace(suite.generation, samples=1))
    asked = requests(once, options.seed)
    by_lengths: dict[tuple[tuple[int, ...], int | None], list[Side]] = {}
    for side, engine in zip(SIDES, engines, strict=True):
        encoded = [engine.encode(request) for request in asked]
        lengths = tuple(
            len(item.token_ids) + extra
            for item in encoded
            for extra in ([len(ids) for ids in item.choice_ids] or [0])
        )
        by_lengths.setdefault((lengths, engine.context_tokens), []).append(side)
    return tuple(
        _audit(suite, tuple(sides), lengths, context, batch_sizes)
        for (lengths, context), sides in by_lengths.items()
    )


def _audit(
    suite: Suite,
    sides: tuple[Side, ...],
    lengths: Sequence[int],
    context: int | None,
    batch_sizes: Sequence[int],
) -> PaddingAudit:
    # A prompt beyond the context is refused, not padded.
    fit = [n for n in lengths if context is None or n <= context]
    return PaddingAudit(
        suite=f"{suite.name} {suite.version}",
        sides=sides,
        n_rows=len(fit),
        needed_tokens=sum(fit),
        longest_tokens=max(fit, default=0),
        context_tokens=context,
        counts=padding_counts(fit, batch_sizes=batch_sizes, context_tokens=context) if fit else (),
    )


def _busy() -> tuple[str, ...]:
    """A finding where the machine had other work before."""
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load <= _BUSY_SHARE * cores:
        return ()
    return (
        f"The machine was busy before the run (load {load:.1f} on {cores} cores): other work "
        "shared it, and times may be too long.",
    )

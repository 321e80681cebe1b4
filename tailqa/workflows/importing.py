"""Answers that other harnesses recorded → a report and its run folder."""

import platform
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import metadata
from pathlib import Path

from tailqa.core.query import Generation, GraderSpec, Suite
from tailqa.core.report import IMPORTED_FROM, Fingerprint, ModelInfo, Report, Run
from tailqa.records.pairing import Imported, pair_up
from tailqa.records.recording import NOT_RECORDED, Recording
from tailqa.records.strata import StrataRule
from tailqa.records.table import SharedColumns, TableSide, read_table
from tailqa.report.run import write_run
from tailqa.workflows.audit import audit
from tailqa.workflows.gate import UNJUDGED, gate
from tailqa.workflows.outcomes import cluster_findings, overall_result, stratum_results
from tailqa.workflows.pooling import interaction
from tailqa.workflows.provenance import findings
from tailqa.workflows.retries import retry_results
from tailqa.workflows.rows import answer_rows
from tailqa.workflows.runs import run_folder
from tailqa.workflows.speed import cost_summaries


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """How recordings become a run, as the flags of the same names; `created` is today by default.

    The names stand in the place of the recorded ones.
    """

    rule: StrataRule = field(default_factory=StrataRule)
    threshold: float | None = None
    teacher_name: str | None = None
    student_name: str | None = None
    name: str | None = None
    out: Path = Path("outputs")
    seed: int = 0
    created: str = ""


def import_table(
    teacher: TableSide, student: TableSide, shared: SharedColumns, options: ImportOptions
) -> tuple[Report, Path]:
    """The run of one table with both outcomes, or of two tables; see `import_recordings`."""
    return import_recordings(*read_table(teacher, student, shared), options)


def import_recordings(
    teacher: Recording, student: Recording, options: ImportOptions
) -> tuple[Report, Path]:
    """Pairs two recordings and writes an ordinary run folder; the report and the folder.

    What was not recorded is not there: no speed, and no cost where there are no tokens. Raises
    InputError for faults of the recordings and ResultError when the folder cannot be written;
    nothing is written before all is known to be right, and a finished run is never overwritten.
    """
    imported = _named(pair_up(teacher, student, options.rule, threshold=options.threshold), options)
    created = options.created or date.today().isoformat()
    names = (imported.teacher.name, imported.student.name, imported.suite.name)
    report = _report(imported, _fingerprint(teacher, student, imported, options), options, created)
    folder = run_folder(options.out, created=created, names=names)
    folder.mkdir(exist_ok=True)
    write_run(Run(report=report, answers=answer_rows(imported.pairs)), folder)
    return report, folder


def _named(imported: Imported, options: ImportOptions) -> Imported:
    def renamed(model: ModelInfo, name: str | None) -> ModelInfo:
        return replace(model, name=name or model.name)

    return replace(
        imported,
        teacher=renamed(imported.teacher, options.teacher_name),
        student=renamed(imported.student, options.student_name),
        suite=replace(imported.suite, name=options.name or imported.suite.name),
    )


def _report(
    imported: Imported, fingerprint: Fingerprint, options: ImportOptions, created: str
) -> Report:
    strata = stratum_results(imported.strata, imported.pairs, seed=options.seed)
    names = [stratum.name for stratum in imported.strata]
    found = findings(imported.pairs, imported.teacher, imported.student)
    report = Report(
        teacher=imported.teacher,
        student=imported.student,
        suite=imported.suite,
        strata=strata,
        overall=overall_result(strata),
        interaction=interaction(strata),
        latency=(),
        cost=cost_summaries(names, imported.pairs, {}, seed=options.seed),
        verdict=UNJUDGED,
        findings=(*imported.findings, *cluster_findings(strata), *found),
        fingerprint=fingerprint,
        seed=options.seed,
        created=created,
        audit=audit(_asked(imported), imported.pairs, {}),
        retries=retry_results(imported.strata, imported.pairs, seed=options.seed),
    )
    return replace(report, verdict=gate(report))


def _asked(imported: Imported) -> Suite:
    """What was asked, as far as it is known: the way of drawing and of grading is not."""
    suite = imported.suite
    return Suite(
        name=suite.name,
        version=suite.version,
        digest=suite.digest,
        source=suite.source,
        task=suite.task,
        generation=Generation(),
        grader=GraderSpec(name=NOT_RECORDED),
        strata=imported.strata,
        queries=tuple(pair.query for pair in imported.pairs),
    )


def _fingerprint(
    teacher: Recording, student: Recording, imported: Imported, options: ImportOptions
) -> Fingerprint:
    """What the import was made from and how; of the machine that answered nothing is known."""
    rule = options.rule
    chosen: dict[str, str | int | float | bool | None] = {
        IMPORTED_FROM: " and ".join(dict.fromkeys((teacher.harness, student.harness))),
        "metric": " and ".join(dict.fromkeys((teacher.metric, student.metric))),
        "threshold": imported.threshold,
        "stratum": rule.column,
        "quantiles": ", ".join(f"{share:g}" for share in rule.quantiles) or None,
        "tail": ", ".join(s.name for s in imported.strata if s.kind == "tail") or None,
        "cluster": rule.cluster,
    }
    return Fingerprint(
        versions={"python": platform.python_version(), "tailqa": metadata.version("tailqa")},
        options={name: value for name, value in chosen.items() if value is not None},
        hardware=NOT_RECORDED,
    )

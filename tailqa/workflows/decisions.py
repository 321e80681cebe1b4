"""A stored run and a policy → a verdict, and the record of the decision."""

import hashlib
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import count
from pathlib import Path

from tailqa.core.errors import ResultError
from tailqa.core.report import DecisionRecord, Report, Verdict
from tailqa.gate import applied, show_policy
from tailqa.report.files import read_bytes, write_atomic
from tailqa.report.gate_json import render_gate_json
from tailqa.report.gate_junit import render_junit
from tailqa.report.gate_markdown import render_gate_markdown
from tailqa.report.result import RESULT, load_report
from tailqa.report.run import load_run
from tailqa.workflows.costs import CostOptions, operations_of
from tailqa.workflows.gate import PolicyLike, chosen_policy, gate, tiers


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A judged run, and the folder that holds it."""

    report: Report
    record: DecisionRecord
    folder: Path

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return self.record.verdict


def gate_run(
    run: Path, policy: PolicyLike = None, *, date: str, costs: CostOptions | None = None
) -> Decided:
    """Judges the run in a folder, or in a result.json; `date` (ISO 8601) goes into the record.

    With `costs` it is costed in that pipeline first, instead of the one that the run was costed
    in. Raises ResultError for a run that cannot be read, InputError for a policy or pipeline with
    faults or one that does not fit the run, and TailqaError where it cannot be costed.
    """
    path = run / RESULT if run.is_dir() else run
    report = load_report(path)
    if costs is not None:
        found = operations_of(load_run(path.parent), costs)
        report = replace(report, operations=found)
    chosen = chosen_policy(policy)
    judged = report.operations if chosen.cost else None
    record = DecisionRecord(
        date=date,
        teacher=report.teacher,
        student=report.student,
        suite=report.suite,
        policy=chosen.name,
        policy_digest=chosen.digest,
        verdict=gate(report, chosen),
        rules=applied(chosen, tiers(report.strata)),
        result_digest=hashlib.sha256(read_bytes(path)).hexdigest(),
        run_versions=report.fingerprint.versions,
        tailqa_version=metadata.version("tailqa"),
        pipeline=judged.name if judged else None,
        pipeline_digest=judged.digest if judged else None,
    )
    return Decided(report=report, record=record, folder=path.parent)


def write_decision(decided: Decided, path: Path | None = None) -> Path:
    """Writes the record to `path` and returns it.

    Without `path` it is put beside result.json under a name that holds its date and policy; a
    record that says something else is never overwritten, the next one gets `_2`, `_3`, … Raises
    ResultError where it cannot be written.
    """
    content = f"{render_gate_json(decided.record)}\n".encode()
    path = path or _free(decided, content)
    try:
        write_atomic(path, content)
    except ResultError as error:
        raise ResultError(f"{error}; choose another place with --record") from error
    return path


def write_outputs(decided: Decided, *, junit: Path | None, summary: Path | None) -> None:
    """Writes the verdict as JUnit XML, and appends it as Markdown; raises ResultError."""
    if junit is not None:
        text = render_junit(decided.report, decided.verdict, date=decided.record.date)
        write_atomic(junit, text.encode())
    if summary is not None:
        added = render_gate_markdown(decided.report, decided.verdict).encode()
        earlier = read_bytes(summary) if summary.exists() else b""
        write_atomic(summary, earlier + added)


def shown_policy(policy: PolicyLike = None, run: Path | None = None) -> str:
    """The policy as YAML with comments; with a run, as it applies to each of its strata.

    Raises InputError and ResultError as `gate_run` does.
    """
    chosen = chosen_policy(policy)
    if run is None:
        return show_policy(chosen)
    report = load_report(run)
    return show_policy(chosen_policy(chosen, report.strata), tiers(report.strata))


def _free(decided: Decided, content: bytes) -> Path:
    record = decided.record
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in record.policy)[:60]
    stem = f"decision_{record.date}_{name}_{record.policy_digest[:8]}"
    numbered = (
        decided.folder / (f"{stem}.json" if n == 1 else f"{stem}_{n}.json") for n in count(1)
    )
    return next(path for path in numbered if not path.exists() or path.read_bytes() == content)

"""A run folder and its verdict → a run of MLflow, and a mark on a registered model version."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tailqa import tracking
from tailqa.core.report import Outcome, Verdict
from tailqa.report.files import read_bytes
from tailqa.report.gate_markdown import render_gate_markdown
from tailqa.report.page import PAGE, SUMMARY
from tailqa.report.result import RESULT, load_report
from tailqa.tracking import PASSED_ALIAS, Comparison, Logged, Marked, ModelVersion

DEFAULT_EXPERIMENT = "tailqa"


@dataclass(frozen=True, kw_only=True)
class TrackingOptions:
    """Where to log, and the model version that a verdict is about."""

    uri: str
    experiment: str = DEFAULT_EXPERIMENT
    model: ModelVersion | None = None
    alias: str = PASSED_ALIAS


def check_tracking(options: TrackingOptions) -> None:
    """Raises TrackingError where logging would fail, before anything is run."""
    tracking.check(options.uri, options.model)


def track_run(
    run: Path,
    options: TrackingOptions,
    *,
    verdict: Verdict,
    judged: Sequence[Path] = (),
) -> Logged:
    """Logs the run in a folder, or in a result.json, with its pages where there are any.

    `verdict` is the last one on it, `judged` the files that came of it; those files, the
    decision records in the folder and the verdict in Markdown go into the folder `gate` of the
    run. Raises ResultError where the run cannot be read, and TrackingError.
    """
    path = run / RESULT if run.is_dir() else run
    report = load_report(path)
    note = render_gate_markdown(report, verdict)
    pages = [path.parent / name for name in (PAGE, SUMMARY)]
    records = {*path.parent.glob("decision_*.json"), *judged}
    with tempfile.TemporaryDirectory() as folder:
        stem = judged[0].stem if judged else "verdict"
        summary = Path(folder, f"{stem}.md")
        summary.write_text(note, encoding="utf-8")
        return tracking.log_run(
            options.uri,
            options.experiment,
            Comparison(
                report=report,
                digest=hashlib.sha256(read_bytes(path)).hexdigest(),
                name=path.parent.resolve().name,
                files=[path, *(page for page in pages if page.exists())],
                verdict=verdict,
                note=note,
                tailqa_version=metadata.version("tailqa"),
                judged=[*sorted(records), summary],
            ),
        )


def mark_version(
    options: TrackingOptions,
    model: ModelVersion,
    outcome: Outcome,
    *,
    runs: Sequence[Logged],
    policy: str,
) -> Marked:
    """Writes the verdict on a model version; `runs` are what it was judged by.

    Raises TrackingError.
    """
    tags = {"tailqa.run": ", ".join(run.run_id for run in runs), "tailqa.policy": policy}
    return tracking.mark(options.uri, model, options.alias, outcome, tags)

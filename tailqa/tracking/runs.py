"""One comparison as one run of MLflow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tailqa.core.report import Report, Verdict
from tailqa.tracking.connection import address, connected
from tailqa.tracking.content import metrics, parameters
from tailqa.tracking.names import TAG_CHARACTERS, VALUE_CHARACTERS, cut
from tailqa.tracking.refusals import code

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run, RunTag

RESULT_TAG = "tailqa.result"
VERDICT_FOLDER = "gate"
_DONE = "FINISHED"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What is logged: a report and its files.

    `digest` is the SHA-256 of its result.json, by which it is found again. `verdict` is the last
    one on it, `note` that one in Markdown, `judged` the files that came of it.
    """

    report: Report
    digest: str
    name: str
    files: Sequence[Path]
    verdict: Verdict
    note: str
    tailqa_version: str
    judged: Sequence[Path] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Logged:
    """A run of MLflow; `new` is False where the comparison was there already."""

    run_id: str
    experiment: str
    new: bool
    url: str | None


def log_run(uri: str, experiment: str, comparison: Comparison) -> Logged:
    """Logs a comparison to the server at `uri`; once, however often it is called.

    A run that was cut off is finished. Of one that is there, only the verdict (tags, description
    and the files in `judged`) is renewed. Raises TrackingError.
    """
    with connected(uri) as client:
        experiment_id = _experiment(client, experiment)
        run = _earlier(client, experiment_id, comparison.digest)
        new = run is None
        if run is None:
            run = client.create_run(
                experiment_id,
                start_time=_start_ms(comparison.report.created),
                tags={RESULT_TAG: comparison.digest},
                run_name=cut(comparison.name, VALUE_CHARACTERS),
            )
        run_id = str(run.info.run_id)
        if run.info.status != _DONE:
            _log_content(client, run, comparison)
        for path in comparison.judged:
            client.log_artifact(run_id, str(path), VERDICT_FOLDER)
        client.log_batch(run_id, tags=_tags(comparison))
        if run.info.status != _DONE:
            client.set_terminated(run_id, status=_DONE)
    shown = address(uri).shown
    page = f"{shown}/#/experiments/{experiment_id}/runs/{run_id}"
    return Logged(
        run_id=run_id,
        experiment=experiment,
        new=new,
        url=page if shown.startswith("http") else None,
    )


def _log_content(client: "MlflowClient", run: "Run", comparison: Comparison) -> None:
    from mlflow.entities import Metric, Param

    run_id, at = run.info.run_id, run.info.start_time
    # With the time of the run's start, what was logged before it was cut off is not there twice.
    client.log_batch(
        run_id,
        metrics=[Metric(key, value, at, 0) for key, value in metrics(comparison.report).items()],
        params=[Param(key, value) for key, value in parameters(comparison.report).items()],
    )
    for path in comparison.files:
        client.log_artifact(run_id, str(path))


def _tags(comparison: Comparison) -> "list[RunTag]":
    from mlflow.entities import RunTag

    verdict = comparison.verdict
    tags = {
        "mlflow.source.name": "tailqa",
        "mlflow.note.content": cut(comparison.note, TAG_CHARACTERS),
        "tailqa.version": comparison.tailqa_version,
        "tailqa.verdict": verdict.outcome,
        "tailqa.policy": policy_text(verdict),
    }
    return [RunTag(name, value) for name, value in tags.items()]


def policy_text(verdict: Verdict) -> str:
    """The policy by name and digest.

    >>> policy_text(Verdict(outcome="pass", reasons=(), requirements=(), policy="strict",
    ...                     policy_digest="ab" * 32))
    'strict, digest abababababab'
    """
    digest = verdict.policy_digest
    return f"{verdict.policy}, digest {digest[:12]}" if digest else verdict.policy


def _experiment(client: "MlflowClient", name: str) -> str:
    """The id of the experiment, which is made where there is none."""
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except Exception as error:
            if code(error) != "RESOURCE_ALREADY_EXISTS":  # another process was faster
                raise
            found = client.get_experiment_by_name(name)
    return str(found.experiment_id)


def _earlier(client: "MlflowClient", experiment_id: str, digest: str) -> "Run | None":
    """The run of the comparison with this result.json, finished ones first."""
    runs = client.search_runs([experiment_id], f"tags.\"{RESULT_TAG}\" = '{digest}'", max_results=9)
    return min(runs, key=lambda run: run.info.status != _DONE, default=None)


def _start_ms(created: str) -> int:
    """Milliseconds since 1970: now for a run of today, else the start of its day (UTC)."""
    now = datetime.now(tz=UTC)
    try:
        day = date.fromisoformat(created[:10])
    except ValueError:
        day = now.date()
    if day >= now.date():
        return int(now.timestamp() * 1000)
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)

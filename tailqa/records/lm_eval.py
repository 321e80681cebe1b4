"""Runs of lm-evaluation-harness (`--log_samples`) → a recording."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tailqa.core.query import Task
from tailqa.core.report import ModelInfo
from tailqa.files import Faults, Row, open_file
from tailqa.records.lm_eval_samples import to_item
from tailqa.records.logs import PREFERRED, choose_one, table_at, text_at, title_of
from tailqa.records.recording import NOT_RECORDED, Item, Recording
from tailqa.records.task_logs import (
    DATE,
    Layout,
    TaskLog,
    common_version,
    find_logs,
    one_kind,
    told_apart,
)

_LAYOUT = Layout(
    what="samples_TASK_DATE.jsonl, as lm-eval writes with --log_samples",
    pattern=re.compile(rf"samples_(?P<task>.+)_{DATE}\.jsonl"),
    model=lambda path: path.parent,
    results=lambda _, path, date: path.parent.glob(f"*_{date}.json"),
)
_KINDS: Mapping[object, Task] = {"generate_until": "generate", "multiple_choice": "choose"}


def read_lm_eval(
    folder: Path,
    *,
    tasks: Sequence[str] = (),
    filter_name: str | None = None,
    metric: str | None = None,
) -> Recording:
    """The answers of the one model under `folder` (an `--output_path`, or a folder in it).

    `tasks` are names or patterns, all by default; the task is a column. Of each task the newest
    run is read. A document is known by its hash; of one that a task holds twice, the second is
    `#2`, in the order of `doc_id`. Without `metric` it is the first of `PREFERRED` that all tasks
    have. Raises InputError with every fault of the files; where filters or metrics are not clear;
    for several models; and where a log holds fewer documents than its run had.
    """
    faults = Faults()
    logs, notes = find_logs(folder, _LAYOUT, tasks, faults)
    kind = one_kind(folder, _kinds(logs, faults), faults)
    faults.check()
    where = str(folder)
    filters = {log.task: _keys(log, 1) for log in logs}
    metrics = {log.task: _keys(log, 0) for log in logs}
    kept = choose_one("--filter", filter_name, filters, faults, file=where)
    chosen = choose_one("--metric", metric, metrics, faults, file=where, preferred=PREFERRED)
    faults.check()
    assert kept is not None  # noqa: S101
    assert chosen is not None  # noqa: S101
    for log in logs:
        if table_at(log.results, "higher_is_better", log.task).get(chosen) is False:
            faults.add("--metric", f"of {chosen} in {log.task} less is better; it is no score")
    items = [item for log in logs for item in _items(log, kind, kept, chosen, faults)]
    faults.check()
    return Recording(
        model=_model(logs[-1].results),
        harness=f"lm-eval {logs[-1].results.get('lm_eval_version', NOT_RECORDED)}",
        name=title_of([log.task for log in logs]),
        version=common_version({log.task: _version(log) for log in logs}),
        task=kind,
        metric=chosen if kept == "none" else f"{chosen}, {kept}",
        source=", ".join(log.path.name for log in logs),
        items=tuple(items),
        notes=notes,
    )


def _kinds(logs: Sequence[TaskLog], faults: Faults) -> dict[str, Task]:
    kinds: dict[str, Task] = {}
    for log in logs:
        made = table_at(log.results, "configs", log.task).get("output_type")
        if isinstance(made, str) and made in _KINDS:
            kinds[log.task] = _KINDS[made]
        else:
            rule = f"{log.task} must be of the type {' or '.join(map(str, _KINDS))}"
            faults.add(str(log.path), rule, value=made)
    return kinds


def _keys(log: TaskLog, part: int) -> list[str]:
    """The metrics (0) or filters (1) of a task: the results have keys `metric,filter`."""
    keys = table_at(log.results, "results", log.task)
    pairs = [key.split(",", 1) for key in keys if "," in key]
    return list(dict.fromkeys(pair[part] for pair in pairs if not pair[0].endswith("_stderr")))


def _items(
    log: TaskLog, kind: Task, filter_name: str, metric: str, faults: Faults
) -> Iterator[Item]:
    name, before = str(log.path), len(faults)
    rows = [
        (line, row)
        for line, row in open_file(log.path, faults).rows
        if row.get("filter", "none") == filter_name and _has_hash(name, line, row, faults)
    ]
    wanted = table_at(log.results, "n-samples", log.task).get("effective")
    if len(faults) == before and isinstance(wanted, int) and len(rows) < wanted:
        rule = f"has {len(rows):,} documents where the run had {wanted:,}: it is truncated"
        faults.add(name, rule)
    ids = told_apart(log.task, [(_hash(row), _number(row)) for _, row in rows])
    for item_id, (line, row) in zip(ids, rows, strict=True):
        try:
            yield to_item(
                row,
                item_id=item_id,
                task=log.task,
                kind=kind,
                metric=metric,
                place=f"{name}:{line}",
            )
        except (KeyError, IndexError, TypeError, AttributeError):
            faults.add(name, "is not a sample as lm-eval writes it", line=line)
        except ValueError as error:
            faults.add(name, str(error), line=line, key=metric, value=row.get(metric))


def _has_hash(name: str, line: int, row: Row, faults: Faults) -> bool:
    """Whether the row has what pairs it; what it lacks is noted."""
    before = len(faults)
    if not _hash(row):
        rule = "is required; documents are paired by it"
        faults.add(name, rule, line=line, key="doc_hash", value=row.get("doc_hash"))
    if _number(row) < 0:
        rule = "must be a whole number of at least 0"
        faults.add(name, rule, line=line, key="doc_id", value=row.get("doc_id"))
    return len(faults) == before


def _hash(row: Row) -> str:
    value = row.get("doc_hash")
    return value if isinstance(value, str) else ""


def _number(row: Row) -> int:
    value = row.get("doc_id")
    return value if isinstance(value, int) else -1


def _version(log: TaskLog) -> str:
    version = table_at(log.results, "versions").get(log.task, NOT_RECORDED)
    shots = table_at(log.results, "n-shot").get(log.task)
    return str(version) if shots is None else f"{version}, {shots}-shot"


def _model(results: Mapping[str, Any]) -> ModelInfo:
    config = table_at(results, "config")
    parameters = config.get("model_num_parameters")
    library = text_at(results, "transformers_version")
    engine = f"lm-eval {text_at(config, 'model') or NOT_RECORDED}"
    return ModelInfo(
        name=text_at(results, "model_name") or NOT_RECORDED,
        revision=text_at(config, "model_revision"),
        weights_digest=text_at(config, "model_sha"),
        tokenizer_digest=None,
        template_digest=text_at(results, "chat_template_sha"),
        architecture=None,
        n_parameters=parameters if isinstance(parameters, int) and parameters > 0 else None,
        dtype=(text_at(config, "model_dtype") or NOT_RECORDED).removeprefix("torch."),
        device=text_at(config, "device") or NOT_RECORDED,
        engine=f"{engine}, transformers {library}" if library else engine,
    )

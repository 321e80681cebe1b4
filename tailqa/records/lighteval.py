"""Runs of lighteval (`--save-details`) → a recording."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tailqa.core.query import Task
from tailqa.core.report import ModelInfo
from tailqa.files import Faults, Row, open_file
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
from tailqa.records.values import to_score

_LAYOUT = Layout(
    what="details_TASK_DATE.parquet, as lighteval writes with --save-details",
    pattern=re.compile(rf"details_(?P<task>.+)_{DATE}\.parquet"),
    model=lambda path: path.parent.parent,
    results=lambda folder, _, date: folder.rglob(f"results_{date}.json"),
)
_IDENTITY = ("query", "choices", "gold_index", "instruction", "specific")
_COLUMNS = ("doc", "metric", "model_response")
_Rows = Sequence[tuple[int, Row]]


def read_lighteval(
    folder: Path, *, tasks: Sequence[str] = (), metric: str | None = None
) -> Recording:
    """The answers of the one model under `folder` (an `--output-dir`).

    `tasks` are names (`mmlu:law|5`) or patterns, all by default; the task is a column, and so is
    what a document has in `specific`. Of each task the newest run is read. A document is known
    by a hash of its question, choices and answer (its id is its place in the data); of one that
    is there twice, the second is `#2`. Without `metric` it is the first of `PREFERRED` that all
    tasks have. Tokens are not read: the recorded ids hold the padding of a batch. Raises
    InputError with every fault of the files, for several models, and where the metric is not
    clear.
    """
    faults = Faults()
    logs, notes = find_logs(folder, _LAYOUT, tasks, faults)
    rows = {log.task: _rows(log, faults) for log in logs}
    faults.check()
    kind = one_kind(folder, {task: _kind(found) for task, found in rows.items()}, faults)
    faults.check()
    metrics = {task: _metrics(found) for task, found in rows.items()}
    where = str(folder)
    chosen = choose_one("--metric", metric, metrics, faults, file=where, preferred=PREFERRED)
    faults.check()
    assert chosen is not None  # noqa: S101
    for log in logs:
        if _less_is_better(log, chosen):
            faults.add("--metric", f"of {chosen} in {log.task} less is better; it is no score")
    items = [item for log in logs for item in _items(log, rows[log.task], kind, chosen, faults)]
    faults.check()
    return Recording(
        model=_model(logs[-1].results),
        harness="lighteval",
        name=title_of([log.task for log in logs]),
        version=common_version({log.task: _version(log) for log in logs}),
        task=kind,
        metric=chosen,
        source=", ".join(log.path.name for log in logs),
        items=tuple(items),
        notes=notes,
    )


def _rows(log: TaskLog, faults: Faults) -> _Rows:
    name, before = str(log.path), len(faults)
    table = open_file(log.path, faults)
    missing = [column for column in _COLUMNS if column not in (table.columns or ())]
    if missing and len(faults) == before:
        rule = f"has no column {', '.join(missing)}; the details of lighteval 0.13 are read"
        faults.add(name, rule)
    if missing:
        return ()
    rows = []
    for line, row in table.rows:
        if all(isinstance(row[column], Mapping) for column in _COLUMNS):
            rows.append((line, row))
        else:
            faults.add(name, "is not an answer as lighteval writes it", line=line)
    if not rows and len(faults) == before:
        faults.add(name, "has no rows")
    return rows


def _kind(rows: _Rows) -> Task:
    """Choices were scored where there are log-probabilities and no text."""
    response = table_at(rows[0][1], "model_response")
    return "choose" if response.get("logprobs") and not response.get("text") else "generate"


def _metrics(rows: _Rows) -> list[str]:
    return list(dict.fromkeys(name for _, row in rows for name in table_at(row, "metric")))


def _less_is_better(log: TaskLog, metric: str) -> bool:
    listed = table_at(log.results, "config_tasks", log.task).get("metrics")
    for one in listed if isinstance(listed, list) else ():
        higher = table_at(one).get("higher_is_better")
        if isinstance(higher, Mapping):
            higher = higher.get(metric)
        elif table_at(one).get("metric_name") != metric:
            continue
        if higher is False:
            return True
    return False


def _items(log: TaskLog, rows: _Rows, kind: Task, metric: str, faults: Faults) -> Iterator[Item]:
    name = str(log.path)
    ids = told_apart(log.task, [_document(row["doc"]) for _, row in rows])
    for item_id, (line, row) in zip(ids, rows, strict=True):
        value = table_at(row, "metric").get(metric)
        try:
            score = None if value is None else to_score(value)
            item = _item(row, item_id=item_id, task=log.task, kind=kind, place=f"{name}:{line}")
        except (KeyError, IndexError, TypeError):
            faults.add(name, "is not an answer as lighteval writes it", line=line)
        except ValueError as error:
            faults.add(name, str(error), line=line, key=metric, value=value)
        else:
            reason = f"lighteval gave no {metric}" if value is None else None
            yield replace(item, score=score, reason=reason)


def _document(doc: Any) -> tuple[str, int]:
    """The hash of what is asked, and its number in the data where that is its id."""
    asked = json.dumps([_known(doc.get(key)) for key in _IDENTITY], default=str, sort_keys=True)
    number = str(doc.get("id"))
    return hashlib.sha256(asked.encode()).hexdigest(), int(number) if number.isdecimal() else 0


def _known(value: Any) -> Any:
    """The value without the empty keys that Parquet adds when other rows have them."""
    if isinstance(value, Mapping):
        return {key: _known(part) for key, part in value.items() if part is not None}
    return [_known(part) for part in value] if isinstance(value, list) else value


def _item(row: Row, *, item_id: str, task: str, kind: Task, place: str) -> Item:
    doc: Any = row["doc"]
    response: Any = row["model_response"]
    gold = doc["gold_index"]
    choices = tuple(str(choice) for choice in doc["choices"] or ())
    asked = response.get("input")
    texts = response.get("text") or [""]
    read = response.get("text_post_processed") or [None]
    logprobs = response.get("logprobs") or ()
    return Item(
        id=item_id,
        fields={"doc_id": doc.get("id"), **(doc.get("specific") or {}), "task": task},
        prompt=asked if isinstance(asked, str) else str(doc["query"]),
        references=tuple(choices[n] for n in (gold if isinstance(gold, list) else [gold])),
        choices=choices if kind == "choose" else (),
        text=str(texts[0]) if kind == "generate" else "",
        extracted=read[0] if kind == "generate" else None,
        choice_logprobs=tuple(map(float, logprobs)) if kind == "choose" else None,
        place=place,
    )


def _version(log: TaskLog) -> str:
    config = table_at(log.results, "config_tasks", log.task)
    return f"{config.get('version', NOT_RECORDED)}, {config.get('num_fewshots', 0)}-shot"


def _model(results: Mapping[str, Any]) -> ModelInfo:
    config = table_at(results, "config_general", "model_config")
    name = text_at(table_at(results, "config_general"), "model_name")
    return ModelInfo(
        name=name or text_at(config, "model_name") or NOT_RECORDED,
        revision=text_at(config, "revision"),
        weights_digest=None,
        tokenizer_digest=None,
        template_digest=None,
        architecture=None,
        n_parameters=None,
        dtype=text_at(config, "dtype") or NOT_RECORDED,
        device=str(config.get("device") or NOT_RECORDED),
        engine="lighteval",
    )

"""Logs of inspect-ai (`.eval`, `.json`) → a recording."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tailqa.core.answer import FinishReason
from tailqa.core.report import ModelInfo
from tailqa.core.words import count_of
from tailqa.files import Faults
from tailqa.records.eval_file import EvalFile, read_eval_file
from tailqa.records.logs import choose_one, table_at, text_at
from tailqa.records.recording import NOT_RECORDED, Item, Recording
from tailqa.records.values import to_score

FORMAT = 2
"""The version of the log format that is read."""

_LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
_STOPS: Mapping[object, FinishReason] = {
    "stop": "stop",
    "max_tokens": "length",
    "model_length": "length",
}
_ATTACHMENT = "attachment://"


def read_inspect(path: Path, *, scorer: str | None = None) -> Recording:
    """The answers in the log at `path`; epochs of a sample are answers to one query.

    Scores are numbers in [0, 1], or C (1), P (½), I and N (no answer; 0), as inspect counts them.
    A scorer that gives several values is named with one of them: `scorer.value`. A sample that
    broke, or that a limit ended before it was scored, has failed; one that its scorer left
    unscored is ungraded. Tokens are those of the model that was asked, over all its turns.

    Raises InputError with every fault of the file; for a run that did not succeed, unless all
    its samples are there; and where there are several scorers and none is named.
    """
    faults = Faults()
    log = read_eval_file(path, faults)
    faults.check()
    assert log is not None  # noqa: S101
    _check_whole(path, log, faults)
    faults.check()
    spec = table_at(log.header, "eval")
    task = text_at(spec, "task") or path.stem
    chosen = choose_one("--scorer", scorer, {task: _scorers(log)}, faults, file=str(path))
    faults.check()
    assert chosen is not None  # noqa: S101
    items = tuple(_items(log, chosen, faults))
    faults.check()
    package = text_at(table_at(spec, "packages"), "inspect_ai") or NOT_RECORDED
    return Recording(
        model=_model(spec, package),
        harness=f"inspect-ai {package}",
        name=task,
        version=str(spec.get("task_version", NOT_RECORDED)),
        task="generate",
        metric=chosen,
        source=path.name,
        items=items,
    )


def _check_whole(path: Path, log: EvalFile, faults: Faults) -> None:
    header = log.header
    if header.get("version") != FORMAT:
        rule = f"must have version {FORMAT} of the log format"
        faults.add(str(path), rule, key="version", value=header.get("version"))
    results, spec = table_at(header, "results"), table_at(header, "eval")
    ids = table_at(spec, "dataset").get("sample_ids")
    epochs = table_at(spec, "config").get("epochs") or 1
    planned = len(ids) * epochs if isinstance(ids, list) and isinstance(epochs, int) else None
    wanted = results.get("logged_samples") or results.get("total_samples") or planned
    whole = isinstance(wanted, int) and len(log.samples) >= wanted
    status = header.get("status")
    if status != "success" and not whole:
        cause = text_at(table_at(header, "error"), "message")
        rule = f"the run ended with the status {status}, " + (
            f"with {len(log.samples):,} of {wanted:,} samples"
            if isinstance(wanted, int)
            else "and it is not known whether all samples are there"
        )
        faults.add(str(path), rule + (f": {cause}" if cause else ""))
    elif not whole and wanted is not None:
        faults.add(
            str(path),
            f"has {count_of(len(log.samples), 'sample', 'samples')} where the run had {wanted}",
        )
    if not log.samples:
        faults.add(str(path), "has no samples")


def _scorers(log: EvalFile) -> tuple[str, ...]:
    """All scorers in the log, by name; of those with several values each `scorer.value`."""
    names: dict[str, None] = {}
    for _, sample in log.samples:
        for name, score in table_at(sample, "scores").items():
            value = table_at(score).get("value")
            parts = [f"{name}.{part}" for part in value] if isinstance(value, dict) else [name]
            names.update(dict.fromkeys(parts))
    return tuple(names)


def _items(log: EvalFile, scorer: str, faults: Faults) -> Iterator[Item]:
    spec = table_at(log.header, "eval")
    for place, sample in log.samples:
        found, epoch = sample.get("id"), sample.get("epoch")
        if not isinstance(found, (str, int)) or not isinstance(epoch, int):
            faults.add(place, "a sample must have an id and an epoch")
            continue
        try:
            yield _item(spec, sample, scorer, place)
        except ValueError as error:
            kind = "a score cannot be read"
            faults.add(place, f"sample {found}: {error}", key=scorer, kind=kind)


def _item(spec: Mapping[str, Any], sample: Mapping[str, Any], scorer: str, place: str) -> Item:
    kept = table_at(sample, "attachments")
    score, extracted, reason = _score(sample, scorer)
    broken = _broken(sample, score)
    output = table_at(sample, "output")
    usage = table_at(sample, "model_usage", str(spec.get("model"))) or table_at(output, "usage")
    read = [_count(usage, f"input_tokens{part}") for part in ("", "_cache_read", "_cache_write")]
    target = sample.get("target")
    targets = target if isinstance(target, list) else [target]
    choices = output.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    answer = text_at(output, "completion") or table_at(first, "message").get("content")
    return Item(
        id=str(sample["id"]),
        epoch=sample["epoch"],
        fields={**table_at(sample, "metadata"), "task": spec.get("task")},
        prompt=_prompt(sample.get("input"), kept),
        references=tuple(str(one) for one in targets if one is not None),
        text=_text(answer, kept),
        extracted=extracted,
        score=None if broken else score,
        failed=broken is not None,
        reason=broken or reason,
        prompt_tokens=None if read[0] is None else sum(n for n in read if n is not None),
        completion_tokens=_count(usage, "output_tokens"),
        finish_reason=_STOPS.get(text_at(table_at(first), "stop_reason")),
        place=place,
    )


def _count(usage: Mapping[str, Any], key: str) -> int | None:
    value = usage.get(key)
    return value if isinstance(value, int) and value >= 0 else None


def _score(sample: Mapping[str, Any], scorer: str) -> tuple[float | None, str | None, str | None]:
    """The score, what was read out of the answer, and why there is no score. Raises ValueError."""
    scores = table_at(sample, "scores")
    name, _, part = (scorer, "", "") if scorer in scores else scorer.rpartition(".")
    score = table_at(scores, name)
    value = score.get("value")
    if part:
        value = table_at(value).get(part)
    extracted = text_at(score, "answer")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        reason = text_at(score, "reason") or text_at(score, "explanation")
        return None, extracted, reason or f"{scorer} gave no score"
    known = _LETTERS.get(value) if isinstance(value, str) else None
    return (to_score(value) if known is None else known), extracted, None


def _broken(sample: Mapping[str, Any], score: float | None) -> str | None:
    """Why there is no answer to grade."""
    error, limit = table_at(sample, "error"), table_at(sample, "limit")
    if error:
        return text_at(error, "message") or "an error"
    if sample.get("invalidation"):
        return "invalidated"
    if limit and score is None:
        return f"ended by its limit of {limit.get('type')}"
    return None


def _prompt(given: object, kept: Mapping[str, Any]) -> str:
    """A text, or the messages: of a single one its content, else with roles."""
    if not isinstance(given, list):
        return _text(given, kept)
    messages = [table_at(one) for one in given]
    if len(messages) == 1:
        return _text(messages[0].get("content"), kept)
    return "\n\n".join(f"{one.get('role')}: {_text(one.get('content'), kept)}" for one in messages)


def _text(content: object, kept: Mapping[str, Any]) -> str:
    """The text of a message, with what inspect keeps as an attachment; images are left out."""
    if isinstance(content, list):
        return "".join(_text(table_at(part).get("text"), kept) for part in content)
    if not isinstance(content, str):
        return ""
    if content.startswith(_ATTACHMENT):
        return str(kept.get(content.removeprefix(_ATTACHMENT), content))
    return content


def _model(spec: Mapping[str, Any], package: str) -> ModelInfo:
    given = table_at(spec, "model_args")
    name = text_at(spec, "model") or NOT_RECORDED
    provider = name.split("/")[0]
    return ModelInfo(
        name=name,
        revision=text_at(given, "revision"),
        weights_digest=None,
        tokenizer_digest=None,
        template_digest=None,
        architecture=None,
        n_parameters=None,
        dtype=str(given.get("dtype") or given.get("torch_dtype") or NOT_RECORDED),
        device=text_at(given, "device") or NOT_RECORDED,
        engine=f"inspect-ai {package} ({provider})",
    )

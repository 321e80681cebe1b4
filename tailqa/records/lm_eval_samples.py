"""One row of lm-eval's samples → one answer."""

import json
import re
from collections.abc import Sequence
from typing import Any

from tailqa.core.query import Task
from tailqa.files import Row
from tailqa.records.recording import Item
from tailqa.records.values import to_score


def to_item(row: Row, *, item_id: str, task: str, kind: Task, metric: str, place: str) -> Item:
    """The answer in one row. Raises ValueError when `metric` is no score in [0, 1].

    What is not as lm-eval writes it raises KeyError, IndexError, TypeError or AttributeError.
    """
    value = row.get(metric)
    doc: Any = row["doc"]
    shared: dict[str, Any] = {
        "id": item_id,
        "fields": {"doc_id": row["doc_id"], **doc, "task": task},
        "score": None if value is None else to_score(value),
        "reason": f"lm-eval gave no {metric}" if value is None else None,
        "place": place,
    }
    arguments: Any = row["arguments"]
    requests = [(one["arg_0"], one.get("arg_1")) for one in arguments.values()]
    responses: Any = row["resps"]
    target = str(row["target"])
    if kind == "choose":
        prompt, choices = _choices(requests)
        return Item(
            prompt=prompt,
            choices=choices,
            references=_references(target, choices),
            choice_logprobs=tuple(float(one[0][0]) for one in responses[: len(choices)]),
            **shared,
        )
    kept: Any = row["filtered_resps"]
    return Item(
        prompt=_text(requests[0][0]),
        references=(target,),
        text=_text(responses[0]),
        extracted=_text(kept),
        **shared,
    )


def _choices(requests: Sequence[tuple[Any, Any]]) -> tuple[str, tuple[str, ...]]:
    """The prompt and the choices.

    For acc_mutual_info every choice is scored once more without a prompt, which is left out. Where
    the contexts differ and the rest is the same (Winogrande), the choices are whole texts.
    """
    half = len(requests) // 2
    conditioned = [request for request in requests if request[0] != ""]
    if len(conditioned) == half:
        requests = conditioned
    contexts = {_text(context) for context, _ in requests}
    if len(contexts) == 1:
        return contexts.pop(), tuple(str(continuation) for _, continuation in requests)
    return "", tuple(f"{_text(context)}{continuation}" for context, continuation in requests)


def _references(target: str, choices: Sequence[str]) -> tuple[str, ...]:
    """The right choice; lm-eval writes its index (several as a list), or its text."""
    indices = [int(digits) for digits in re.findall(r"\d+", target)]
    if re.fullmatch(r"\d+|\[[\d, ]+\]", target) and all(n < len(choices) for n in indices):
        return tuple(choices[n] for n in indices)
    return tuple(choice for choice in choices if choice.strip() == target.strip()) or (target,)


def _text(value: Any) -> str:
    """A prompt or an answer; of several answers the first, of messages their JSON."""
    while isinstance(value, list) and value and not isinstance(value[0], dict):
        value = value[0]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

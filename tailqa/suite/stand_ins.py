"""What takes the place of faulty parts of a suite file, so that all the rest can be checked."""

from collections.abc import Callable, Mapping
from typing import Any

HOLE = "\0"
"""The field that stands where none can be read; no row has it, and nothing is said of it."""

Place = tuple[str | int, ...]
Part = dict[str, Any]
Kept = tuple[dict[str, Any], bool]
ANY = None
"""Any name or number in a place."""
DROP = object()
"""Stands for leaving a key out."""
_TEMPLATE = f"{{{HOLE}}}"
_SOURCE = {"file": "x"}
_RULE = {"field": HOLE, "equals": "x"}
_GENERATORS = [{"generator": "x", "size": 1, "seed": 0}]


def _task(data: Mapping[str, Any], _: Place) -> str:
    references = data.get("references")
    chooses = "choices" in data or (isinstance(references, Mapping) and "as" in references)
    return "choose" if chooses else "generate"


def _weights(data: Mapping[str, Any], _: Place) -> object:
    strata = data.get("strata")
    listed = strata if isinstance(strata, list) else []
    weighed = any(isinstance(stratum, dict) and "weight" in stratum for stratum in listed)
    return DROP if weighed else {"count": None}


def _stratum_name(_: Mapping[str, Any], place: Place) -> str:
    return f"{HOLE}{place[1]}"


def _stratum(data: Mapping[str, Any], place: Place) -> dict[str, object]:
    return {"name": _stratum_name(data, place), "kind": "tail", "rule": dict(_RULE)}


def _source(*at: str) -> dict[tuple[str | None, ...], object]:
    keys = ("file", "dataset", "config", "revision", "split")
    return {
        at: _SOURCE,
        **{(*at, key): "x" for key in keys},
        (*at, "reasoning_gym"): _GENERATORS,
    }


STAND_INS: Mapping[tuple[str | None, ...], object] = {
    ("format",): 1,
    ("name",): "unnamed",
    ("version",): "0",
    ("description",): "",
    **_source("source"),
    ("fields",): {HOLE: {"path": [HOLE]}},
    ("fields", ANY): {"path": [HOLE]},
    ("fields", ANY, "path"): [HOLE],
    ("fields", ANY, "pattern"): "x",
    ("fields", ANY, "count"): "x",
    ("fields", ANY, "json"): DROP,
    ("fields", ANY, "strip"): DROP,
    ("id",): HOLE,
    ("duplicates",): "drop",
    ("prompt",): {"template": _TEMPLATE},
    ("prompt", "style"): "chat",
    ("prompt", "system"): "x",
    ("prompt", "template"): _TEMPLATE,
    ("prompt", "messages"): HOLE,
    ("prompt", "delimiter"): DROP,
    ("prompt", "separator"): DROP,
    ("prompt", "few_shot"): {"k": 0, "split": "x"},
    ("prompt", "few_shot", "k"): 1,
    ("prompt", "few_shot", "split"): "x",
    ("prompt", "few_shot", "answer"): HOLE,
    ("prompt", "few_shot", "draw"): DROP,
    ("prompt", "few_shot", "seed"): 0,
    **_source("prompt", "few_shot", "source"),
    ("references",): {"field": HOLE},
    ("references", "field"): HOLE,
    ("references", "as"): DROP,
    ("task",): _task,
    ("choices",): {"field": HOLE},
    ("choices", "field"): HOLE,
    ("choices", "texts"): [_TEMPLATE, _TEMPLATE],
    ("choices", "texts", ANY): _TEMPLATE,
    ("generation",): {},
    ("generation", "max_tokens"): DROP,
    ("generation", "stop"): DROP,
    ("generation", "temperature"): 1.0,
    ("generation", "top_p"): DROP,
    ("generation", "samples"): DROP,
    ("generation", "truncate"): DROP,
    ("grader",): {"name": "exact"},
    ("grader", "name"): "exact",
    ("grader", "options"): {},
    ("cluster",): HOLE,
    ("weights",): _weights,
    ("weights", "count"): HOLE,
    ("strata",): [{"name": HOLE, "kind": "tail", "rule": _RULE}],
    ("strata", ANY): _stratum,
    ("strata", ANY, "name"): _stratum_name,
    ("strata", ANY, "kind"): "tail",
    ("strata", ANY, "tier"): DROP,
    ("strata", ANY, "weight"): DROP,
    ("strata", ANY, "rule"): _RULE,
    ("strata", ANY, "rule", "field"): HOLE,
    ("strata", ANY, "rule", "rarity"): {"fields": [HOLE]},
    ("strata", ANY, "rule", "rarity", "fields"): [HOLE],
    ("strata", ANY, "rule", "rarity", "words"): DROP,
    ("strata", ANY, "rule", "rarity", "language"): DROP,
    ("strata", ANY, "rule", "equals"): "x",
    ("strata", ANY, "rule", "in"): ["x"],
    ("strata", ANY, "rule", "range"): [None, None],
    ("strata", ANY, "rule", "quantile"): [None, None],
    ("strata", ANY, "rule", "cumulative"): [None, None],
}
"""What takes the place of a faulty value, chosen so that no rule is broken by it alone."""


def _one_source(part: Part) -> Kept:
    """A file stays one with a split beside it; otherwise nobody knows which rows are meant."""
    kinds = [kind for kind in ("file", "dataset", "reasoning_gym") if part.get(kind) is not None]
    return ({"file": part["file"]}, True) if kinds == ["file"] else (_SOURCE, False)


def _one_prompt(part: Part) -> Kept:
    if part.get("template") is None and part.get("messages") is not None:
        return {"messages": part["messages"], "style": "chat"}, True
    given = {key: value for key, value in part.items() if value is not None and key != "messages"}
    return {"template": _TEMPLATE} | given, True


def _one_draw(part: Part) -> Kept:
    if (part.get("split") is None) == (part.get("source") is None):
        return {"k": 0, "split": "x"}, True
    return part | {"seed": 0}, True


def _one_measure(part: Part) -> Kept:
    if isinstance(part.get("rarity"), dict) and part.get("field") is None:
        return {"rarity": part["rarity"], "range": [None, None]}, False
    return _RULE | {"field": part.get("field") or HOLE}, False


AS_A_WHOLE: Mapping[tuple[str | None, ...], Callable[[Part], Kept]] = {
    ("source",): _one_source,
    ("fields", ANY): lambda part: ({k: v for k, v in part.items() if k != "count"}, False),
    ("prompt",): _one_prompt,
    ("prompt", "few_shot"): _one_draw,
    ("prompt", "few_shot", "source"): _one_source,
    ("generation",): lambda part: (part | {"samples": 1}, True),
    ("strata", ANY, "rule"): _one_measure,
}
"""Parts whose values are right one by one and do not fit together.

What to keep of them, and whether rows are still read by it.
"""

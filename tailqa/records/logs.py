"""What the readers of other harnesses' logs share."""

import json
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tailqa.files import Faults
from tailqa.records.strata import listed

PREFERRED = ("acc", "exact_match", "em", "extractive_match", "pass@1")
"""What is taken for right and wrong, in this order, where no metric was chosen."""


def read_json(path: Path, faults: Faults) -> dict[str, Any]:
    """The JSON object in the file; empty, with the reason noted, when there is none."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        faults.add(str(path), f"cannot be read: {error.strerror or error}")
        return {}
    return parse_json(raw, str(path), faults)


def parse_json(raw: bytes, name: str, faults: Faults) -> dict[str, Any]:
    """The JSON object in `raw`, which is the file `name`; else empty, with the reason noted."""
    try:
        data = json.loads(raw)
    except json.JSONDecodeError as error:
        faults.add(name, f"is not valid JSON: {error.msg}", line=error.lineno)
        return {}
    except (ValueError, RecursionError):
        faults.add(name, "is not valid JSON")
        return {}
    if not isinstance(data, dict):
        faults.add(name, "must be a JSON object")
        return {}
    return data


def table_at(data: object, *keys: str) -> Mapping[str, Any]:
    """The mapping at `keys`; an empty one where there is none.

    >>> table_at({"a": {"b": {"c": 1}}}, "a", "b"), table_at({"a": 3}, "a", "b")
    ({'c': 1}, {})
    """
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def text_at(data: Mapping[str, Any], key: str) -> str | None:
    """The text at `key`; None where there is none, or nothing in it."""
    value = data.get(key)
    return value if isinstance(value, str) and value else None


def choose_tasks(
    folder: Path, there: Collection[str], patterns: Sequence[str], faults: Faults
) -> tuple[str, ...]:
    """The tasks that `patterns` (names, or with `*` and `?`) choose; all without a pattern."""
    for pattern in patterns:
        if not any(name == pattern or fnmatchcase(name, pattern) for name in there):
            rule = f"matches no task; {folder} has {listed(sorted(there))}"
            faults.add("--task", rule, value=pattern)
    return tuple(
        name
        for name in sorted(there)
        if not patterns or any(name == one or fnmatchcase(name, one) for one in patterns)
    )


def choose_one(
    option: str,
    asked: str | None,
    offered: Mapping[str, Sequence[str]],
    faults: Faults,
    *,
    file: str,
    preferred: Sequence[str] = (),
) -> str | None:
    """What is chosen of what every task offers: as asked, or preferred, or the only one.

    None, with the reason noted, where a task does not have it, or where it is not clear.
    """
    if asked is not None:
        for task, names in offered.items():
            if asked not in names:
                there = f"{task} in {file} has {listed(names) or 'none'}"
                faults.add(option, f"is not there; {there}", value=asked, kind=task)
                return None
        return asked
    common = [name for name in _first(offered) if all(name in own for own in offered.values())]
    found = next((name for name in preferred if name in common), None)
    if found is None and len(common) != 1:
        lists = "; ".join(f"{task}: {listed(names)}" for task, names in offered.items())
        faults.add(file, f"choose one with {option}; there are {lists}")
        return None
    return found or common[0]


def _first(offered: Mapping[str, Sequence[str]]) -> Sequence[str]:
    return next(iter(offered.values()), ())


def title_of(tasks: Sequence[str]) -> str:
    """How several tasks are called together.

    >>> title_of(["arc"]), title_of(["a", "b", "c", "d", "e"])
    ('arc', 'a, b, c and 2 more')
    """
    most = 3
    rest = len(tasks) - most
    return ", ".join(tasks[:most]) + (f" and {rest} more" if rest > 0 else "")

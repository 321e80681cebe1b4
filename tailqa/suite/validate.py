"""A parsed document becomes a SuiteFile, or a list of what is wrong with it."""

import copy
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from tailqa.suite import schema
from tailqa.suite.document import Document, Location
from tailqa.suite.faults import Faults

_STAND_INS: Mapping[str, object] = {
    "format": 1,
    "name": "unnamed",
    "version": "0",
    "description": "",
    "generation": {},
    "grader": "exact",
    "duplicates": "refuse",
}
"""Values that take the place of faulty ones, so that the rest of the file is checked as well."""

_KEYS = sorted(
    {
        field.alias or name
        for model in vars(schema).values()
        if isinstance(model, type) and issubclass(model, BaseModel)
        for name, field in model.model_fields.items()
    }
)


def validate(document: Document, faults: Faults) -> schema.SuiteFile | None:
    """The suite file in `document`; None if too little of it is right to look any further."""
    if not isinstance(document.data, dict):
        faults.add(document.file, "must be keys with values, as in name: my-suite", line=1)
        return None
    try:
        return schema.SuiteFile.model_validate(document.data)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)
    except RecursionError:
        faults.add(document.file, "is nested too deeply")
        return None
    for found in errors:
        _note(found, document, faults)
    try:
        return schema.SuiteFile.model_validate(_repaired(document.data, errors))
    except ValidationError:
        return None


def _note(found: Any, document: Document, faults: Faults) -> None:
    location = _existing(document.data, found["loc"])
    line = document.line(location)
    if found["type"] == "missing":
        rule, value = "is required", None
        location = (*location, found["loc"][-1])
    elif found["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(found["loc"][-1]), _KEYS, n=1)
        rule = "is not a known key" + (f"; did you mean {near[0]}?" if near else "")
        value = None
    else:
        rule = _sentence(found["msg"])
        value = found["input"] if isinstance(found["input"], (str, int, float)) else None
    faults.add(document.file, rule, line=line, key=shown(location), value=value)


def shown(location: Location) -> str:
    """A location as one writes it.

    >>> shown(("strata", 0, "rule"))
    'strata[0].rule'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return text.removeprefix(".")


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ").replace("Input should be", "must be")
    return message[:1].lower() + message[1:]


def _existing(data: object, location: Sequence[str | int]) -> tuple[str | int, ...]:
    """The steps of `location` that the file itself has; pydantic's own are left out."""
    steps: list[str | int] = []
    for step in location:
        in_list = isinstance(data, list) and isinstance(step, int) and step < len(data)
        if in_list or (isinstance(data, dict) and step in data):
            data = data[step]  # type: ignore[index]
            steps.append(step)
    return tuple(steps)


def _repaired(data: dict[str, object], errors: Sequence[Any]) -> dict[str, object]:
    data = copy.deepcopy(data)
    for found in errors:
        location = found["loc"]
        if found["type"] == "extra_forbidden":
            parent: Any = data
            for step in _existing(data, location)[:-1]:
                parent = parent[step]
            if isinstance(parent, dict):
                parent.pop(location[-1], None)
        elif location and location[0] in _STAND_INS:
            data[location[0]] = _STAND_INS[location[0]]
        elif len(location) == 3 and location[0] == "strata" and location[2] in {"kind", "tier"}:
            stratum: Any = data["strata"]
            stratum[location[1]][location[2]] = "tail" if location[2] == "kind" else "critical"
    return data

"""A parsed document becomes a pydantic model, or a list of what is wrong with it."""

import copy
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from tailqa.files.document import Document, Location
from tailqa.files.faults import Faults

if TYPE_CHECKING:
    from pydantic import BaseModel

Model = TypeVar("Model", bound="BaseModel")
StandIns = Mapping[str, object]
Repair = Callable[[dict[str, object], Location], None]
Mend = Callable[[Any], bool]
"""Takes one error of pydantic and mends what it is about; False where that cannot be done."""

_NONE: StandIns = MappingProxyType({})
_MAPPING = re.compile(r"a valid dictionary or (instance of \w+|object to extract fields from)")
_ROUNDS = 20
_UNION = ("union_tag_invalid", "union_tag_not_found")


def validate(
    document: Document,
    model: type[Model],
    faults: Faults,
    *,
    stand_ins: StandIns = _NONE,
    repair: Repair | None = None,
) -> Model | None:
    """The model of what is in `document`; None if too little of it is right to look any further.

    So that the rest of a file with faults can be checked as well, `stand_ins` take the place of
    faulty top-level values, and `repair(data, location)` may mend what lies deeper.
    """
    from pydantic import ValidationError

    if not isinstance(document.data, dict):
        faults.add(document.file, "must be keys with values, as in name: my-name", line=1)
        return None
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    except RecursionError:
        faults.add(document.file, "is nested too deeply")
        return None
    keys = sorted(_keys(model, set()))
    for found in errors:
        _note(found, document, keys, faults)
    try:
        return model.model_validate(_repaired(document.data, errors, stand_ins, repair))
    except ValidationError:
        return None


def validate_all(
    document: Document, data: dict[str, Any], model: type[Model], faults: Faults, mend: Mend
) -> Model | None:
    """As `validate`, for a file whose every part can be mended in `data`, until nothing is wrong.

    What pydantic does not look at before the rest of a part is right is found as well.
    """
    from pydantic import ValidationError

    keys = sorted(_keys(model, set()))
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(data)
        except ValidationError as error:
            errors = error.errors(include_url=False)
        except RecursionError:
            faults.add(document.file, "is nested too deeply")
            return None
        for found in errors:
            if not _is_misspelt(found, errors):
                _note(found, document, keys, faults)
        mended = [mend(found) for found in errors]
        if not all(mended):
            return None
    return None


def _is_misspelt(missing: Any, errors: Sequence[Any]) -> bool:
    """Whether what is missing is there by a similar name, which is a fault of its own."""
    *part, key = missing["loc"] or ("",)
    unknown = [
        str(found["loc"][-1])
        for found in errors
        if found["type"] == "extra_forbidden" and [*found["loc"][:-1]] == part
    ]
    return missing["type"] == "missing" and bool(difflib.get_close_matches(str(key), unknown))


def _keys(model: "type[BaseModel]", seen: "set[type[BaseModel]]") -> set[str]:
    """Every key that a file of this model may hold, at any depth."""
    seen.add(model)
    keys = {field.alias or name for name, field in model.model_fields.items()}
    parts = [part for field in model.model_fields.values() for part in _parts(field.annotation)]
    for part in parts:
        if isinstance(part, type) and hasattr(part, "model_fields") and part not in seen:
            keys |= _keys(part, seen)
    return keys


def _parts(annotation: object) -> list[object]:
    inner = get_args(annotation)
    return [annotation, *(part for item in inner for part in _parts(item))]


def _note(found: Any, document: Document, keys: Sequence[str], faults: Faults) -> None:
    location = _existing(document.data, found["loc"])
    line = document.line(location)
    if found["type"] == "missing":
        rule, value = "is required", None
        location = (*location, found["loc"][-1])
    elif found["type"] == "extra_forbidden":
        key = str(found["loc"][-1])
        near = difflib.get_close_matches(key, [known for known in keys if known != key], n=1)
        rule = "is not a known key" + (f"; did you mean {near[0]}?" if near else "")
        value = None
    elif found["type"] in _UNION:
        # What tells the kinds of a part apart; pydantic quotes its name.
        location = (*location, found["ctx"]["discriminator"].strip("'"))
        line = document.line(location)
        tags, value = found["ctx"].get("expected_tags"), found["ctx"].get("tag")
        rule = f"must be one of {tags}" if tags else "is required"
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
    message = _MAPPING.sub("keys with values", message)
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


def _repaired(
    data: dict[str, object],
    errors: Sequence[Any],
    stand_ins: StandIns,
    repair: Repair | None,
) -> dict[str, object]:
    data = copy.deepcopy(data)
    for found in errors:
        location = found["loc"]
        if found["type"] == "extra_forbidden":
            parent: Any = data
            for step in _existing(data, location)[:-1]:
                parent = parent[step]
            if isinstance(parent, dict):
                parent.pop(location[-1], None)
        elif location and location[0] in stand_ins:
            data[location[0]] = stand_ins[location[0]]
        elif repair is not None:
            repair(data, location)
    return data

"""`--set KEY=VALUE` and the values of `--sweep`: one file, many what-ifs."""

import copy
import dataclasses
import math
from collections.abc import Mapping

from tailqa.core.errors import Fault, InputError
from tailqa.cost.arrivals import KINDS
from tailqa.files import Document, Faults, Location, parse_document

EVERY_WHOLE = 24
"""A sweep over whole numbers takes each of them up to so many."""
POINTS = 20
MOST = 1000
DEEPEST = 20
_SWEEP = "must be START:STOP, START:STOP:COUNT, or values with commas between, as in 1:20 or 1,2,5"


def set_values(
    document: Document, sets: Mapping[str, str], faults: Faults
) -> tuple[Document, dict[Location, str]]:
    """`document` with other values, and where each key of `sets` stands in it.

    A key is a dotted path; an item of a list is named by its index, from 0, or by its `name`. A
    value is YAML. The lines stay those of the file.
    """
    data = copy.deepcopy(document.data)
    places: dict[Location, str] = {}
    for key, text in sets.items():
        value = _parsed(key, text, faults)
        place = None if value is None else _put(data, key, value.data, faults)
        if place is not None:
            places[place] = key
    for place, key in places.items():
        _check_arrivals(data, place, key, faults)
    return dataclasses.replace(document, data=data), places


def sweep_values(text: str) -> tuple[float, ...]:
    """The values of a sweep; whole ones come as int, so that keys that need one take them.

    START:STOP takes every whole number from START to STOP, or 20 values evenly spaced where these
    are not whole or more than 24; START:STOP:COUNT takes COUNT evenly spaced. Raises InputError.

    >>> sweep_values("1:4"), sweep_values("0.5:1.5:3"), sweep_values("1,2.5")
    ((1, 2, 3, 4), (0.5, 1, 1.5), (1, 2.5))
    """
    try:
        values = _swept(text)
    except (ValueError, OverflowError):
        raise InputError([Fault(file="--sweep", rule=_SWEEP, value=text)]) from None
    if len(set(values)) != len(values):
        rule = "takes a value more than once"
        raise InputError([Fault(file="--sweep", rule=rule, value=text)])
    return values


def _swept(text: str) -> tuple[float, ...]:
    if ":" not in text:
        return tuple(_number(part) for part in text.split(","))
    start, stop, *rest = text.split(":")
    low, high = _number(start), _number(stop)
    whole = isinstance(low, int) and isinstance(high, int) and abs(high - low) < EVERY_WHOLE
    count = int(abs(high - low)) + 1 if whole else POINTS
    if rest:
        (asked,) = rest
        count = int(asked)
    if not (2 <= count <= MOST):
        raise ValueError(text)
    step = (high - low) / (count - 1)
    return tuple(_whole(float(f"{low + step * i:.12g}")) for i in range(count))


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return _whole(value)


def _whole(value: float) -> float:
    return int(value) if value.is_integer() else value


def _parsed(key: str, text: str, faults: Faults) -> Document | None:
    found = Faults()
    value = parse_document(text, _named(key), found)
    for fault in found.listed():
        faults.add(fault.file, fault.rule, key=fault.key, value=fault.value)
    return None if len(found) else value


def _named(key: str) -> str:
    return f"--set {key}"


def _put(data: object, key: str, value: object, faults: Faults) -> Location | None:
    """Puts `value` at `key`, making the mappings on the way that are not there."""
    *way, last = key.split(".")
    if not all((*way, last)) or len(way) > DEEPEST:
        faults.add(_named(key), "must be names joined by dots, as in policy.max_attempts")
        return None
    place: list[str | int] = []
    part = data
    for step in way:
        found = _step(part, step, place, key, faults)
        if found is None:
            return None
        if isinstance(part, dict) and part.get(found) is None:
            part[found] = {}
        part = part[found]  # type: ignore[index]
        place.append(found)
    found = _step(part, last, place, key, faults)
    if found is None:
        return None
    part[found] = value  # type: ignore[index]
    return (*place, found)


def _step(
    part: object, step: str, place: list[str | int], key: str, faults: Faults
) -> str | int | None:
    where = ".".join(map(str, place)) or "the file"
    if isinstance(part, dict):
        return step
    if isinstance(part, list):
        names = [item.get("name") if isinstance(item, dict) else None for item in part]
        if step in names:
            return names.index(step)
        if step.isascii() and step.isdigit() and int(step[:9]) < len(part):
            return int(step)
        known = ", ".join(str(name) for name in names if name is not None)
        faults.add(_named(key), f"{where} has no {step!r}; it has {known or len(part)}")
    else:
        faults.add(_named(key), f"{where} is a single value, without keys")
    return None


def _check_arrivals(data: object, place: Location, key: str, faults: Faults) -> None:
    """Says which keys the arrivals of this kind have, and how to change the kind."""
    arrivals = data.get("arrivals") if isinstance(data, dict) else None
    if len(place) < 2 or place[0] != "arrivals" or not isinstance(arrivals, dict):
        return
    kind = arrivals.get("kind")
    known = list(KINDS[kind].model_fields) if isinstance(kind, str) and kind in KINDS else None
    if known is None or place[1] in known:
        return
    rule = f"arrivals of kind {kind} have no {place[1]}, only {', '.join(known[1:])}"
    if place[1] == "rate":
        rule += '; to change the kind: --set "arrivals={kind: poisson, rate: …}"'
        rule += ", to make the trace faster: --set arrivals.speed_up=…" if kind == "trace" else ""
    faults.add(_named(key), rule)
    # The one message is enough.
    arrivals.pop(place[1])

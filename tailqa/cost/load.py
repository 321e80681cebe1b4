"""Pipelines by name or path, read so that every fault names its place."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tailqa.core.errors import Fault, InputError
from tailqa.cost.arrivals import Trace
from tailqa.cost.samples import span_seconds, table_seconds
from tailqa.cost.schema import Pipeline
from tailqa.cost.settings import set_values
from tailqa.cost.times import Empirical
from tailqa.cost.trace import read_trace
from tailqa.files import (
    Document,
    Faults,
    Location,
    find_shipped,
    read_document,
    shipped_folder,
    shipped_names,
    shown,
    validate,
)

SHIPPED = shipped_folder("pipelines")
"""The pipelines that come with tailqa."""

BUILT_IN = "chat"
NO_SETS: Mapping[str, str] = MappingProxyType({})
_STAND_INS: Mapping[str, object] = {
    "version": 1,
    "name": "unnamed",
    "description": "",
    "policy": {},
    "chain": {},
    "arrivals": {"kind": "poisson", "rate": 1.0},
    "prices": {},
}
"""Values that take the place of faulty ones, so that the rest of the file is checked as well."""
_STAGE_STAND_INS: Mapping[str | int, object] = {
    "servers": 1,
    "time": {"kind": "constant", "s": 0.0},
    "concurrency": 1,
    "probability": 1.0,
    "usd_per_server_hour": 0.0,
}


def shipped_pipelines() -> tuple[str, ...]:
    """The names of the pipelines that come with tailqa.

    >>> shipped_pipelines()
    ('agent', 'chat', 'rag')
    """
    return shipped_names(SHIPPED)


def load_pipeline(
    name_or_path: str | Path = BUILT_IN, sets: Mapping[str, str] = NO_SETS
) -> Pipeline:
    """The pipeline in the file at a path, or the shipped one of that name.

    `sets` gives other values to dotted keys, as `--set KEY=VALUE` does. Files that the pipeline
    names lie relative to it, those that `sets` names relative to the current folder. Raises
    InputError with every fault, or with the names there are.

    >>> load_pipeline("rag", {"stages.generation.servers": "2"}).generation.servers
    2
    """
    path = find_shipped(name_or_path, SHIPPED, what="pipeline")
    faults = Faults()
    document = read_document(path, faults)
    pipeline, places = None, dict[Location, str]()
    if document is not None:
        document, places = set_values(document, sets, faults)
        pipeline = _read(document, places, faults)
    if len(faults):
        raise InputError(_by_set(fault, str(path), places) for fault in faults.listed())
    assert pipeline is not None  # noqa: S101 - without faults there is one
    return pipeline


def _read(document: Document, places: Mapping[Location, str], faults: Faults) -> Pipeline | None:
    if isinstance(document.data, dict) and "version" not in document.data:
        faults.add(document.file, "is required", line=1, key="version")
    pipeline = validate(document, Pipeline, faults, stand_ins=_STAND_INS, repair=_repair_stage)
    if pipeline is None:
        return None
    for place, rule, value in pipeline.faults():
        line = document.line(place)
        faults.add(document.file, rule, line=line, key=shown(place), value=value)
    for place, part in pipeline.files():
        key = "otel" if isinstance(part, Empirical) and part.otel is not None else "file"
        set_here = any(_is_under(shown((*place, key)), shown(changed)) for changed in places)
        folder = Path() if set_here else Path(document.file).parent
        _read_file(folder / part.source, part, document, (*place, key), faults)
    return pipeline


def _repair_stage(data: dict[str, Any], location: Location) -> None:
    if len(location) > 2 and location[0] == "stages" and location[2] in _STAGE_STAND_INS:
        _, index, key, *_ = location
        data["stages"][index][key] = _STAGE_STAND_INS[key]


def _read_file(
    path: Path, part: Empirical | Trace, document: Document, place: Location, faults: Faults
) -> None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        rule = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
        faults.add(document.file, rule, line=document.line(place), key=shown(place))
        return
    if isinstance(part, Trace):
        rows = read_trace(path, part, faults)
        if rows is not None:
            part.remember(rows, digest)
    elif part.otel is not None:
        part.remember(span_seconds(path, part.span or "", faults), digest)
    else:
        part.remember(table_seconds(path, part.column or "", faults), digest)


def _by_set(fault: Fault, file: str, places: Mapping[Location, str]) -> Fault:
    """`fault`, said to be in the `--set` that brought the value, where one did."""
    if fault.file != file or fault.key is None:
        return fault
    for place, key in places.items():
        start = shown(place)
        if _is_under(fault.key, start):
            below = fault.key[len(start) :].lstrip(".") or None
            return Fault(file=f"--set {key}", key=below, rule=fault.rule, value=fault.value)
    return fault


def _is_under(key: str, start: str) -> bool:
    return key == start or key.startswith((f"{start}.", f"{start}["))

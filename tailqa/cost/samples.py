"""Measured times out of a table, or out of an OpenTelemetry export."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tailqa.cost.times import LONGEST_S
from tailqa.files import MISSING, Faults, compile_path, open_file

LISTED = 20
_SECONDS = f"must be seconds, from 0 to {LONGEST_S:,.0f}"


def table_seconds(path: Path, column: str, faults: Faults) -> tuple[float, ...]:
    """The seconds in a column of a CSV, JSONL or Parquet file; what is wrong with it is noted."""
    before = len(faults)
    table = open_file(path, faults)
    if table.columns is not None and column not in table.columns:
        there = ", ".join(table.columns[:LISTED])
        faults.add(table.name, f"has no column {column!r}; it has {there}", line=1)
        return ()
    try:
        get = compile_path(column)
    except ValueError as error:
        faults.add(table.name, str(error), key=column)
        return ()
    seconds: list[float] = []
    for line, row in table.rows:
        value = get(row)
        number = as_number(value)
        if number is not None and 0 <= number <= LONGEST_S:
            seconds.append(number)
        else:
            got = None if value is MISSING else value
            faults.add(table.name, _SECONDS, line=line, key=column, value=got)
    if not seconds and len(faults) == before:
        faults.add(table.name, "has no rows")
    return tuple(seconds)


def as_number(value: object) -> float | None:
    """`value` as a finite number, where it is one or spells one.

    >>> as_number("0.25"), as_number(True), as_number("nan")
    (0.25, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def span_seconds(path: Path, span: str, faults: Faults) -> tuple[float, ...]:
    """The durations of the spans of that name in an OTLP JSON file; faults are noted.

    The file is one document, or one per line as the collector's file exporter writes them:
    resourceSpans[].scopeSpans[].spans[], times in nanoseconds, as text or as whole numbers
    (OpenTelemetry Protocol, JSON Protobuf encoding).
    """
    before = len(faults)
    name = str(path)
    there: Counter[str] = Counter()
    seconds: list[float] = []
    for line, found in _spans(path, faults):
        there[str(found.get("name"))] += 1
        if found.get("name") != span:
            continue
        start, end = (_nanoseconds(found.get(key)) for key in _ENDS)
        if start is None or end is None:
            faults.add(name, f"a span {span} has no {' and '.join(_ENDS)}", line=line)
        elif not 0 <= end - start <= LONGEST_S * 1e9:
            faults.add(name, f"a span {span} ends before it starts, or was never ended", line=line)
        else:
            seconds.append((end - start) / 1e9)
    if not seconds and len(faults) == before:
        names = ", ".join(other for other, _ in there.most_common(LISTED))
        known = f"; it has {names}" if there else "; it has no spans at all"
        faults.add(name, f"has no span {span!r}{known}")
    return tuple(seconds)


_ENDS = ("startTimeUnixNano", "endTimeUnixNano")


def _nanoseconds(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    return None


def _spans(path: Path, faults: Faults) -> Iterator[tuple[int | None, dict[str, object]]]:
    for line, document in _documents(path, faults):
        for resource in _objects(document.get("resourceSpans")):
            for scope in _objects(resource.get("scopeSpans")):
                for span in _objects(scope.get("spans")):
                    yield line, span


def _objects(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _documents(path: Path, faults: Faults) -> Iterator[tuple[int | None, dict[str, object]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        faults.add(str(path), "is not valid UTF-8")
        return
    except (OSError, ValueError) as error:
        faults.add(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}")
        return
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        yield from _lines(path, text, faults)
        return
    if isinstance(whole, dict):
        yield None, whole
    else:
        faults.add(str(path), "must be a JSON object with resourceSpans, or one per line")


def _lines(path: Path, text: str, faults: Faults) -> Iterator[tuple[int | None, dict[str, object]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as error:
            problem = getattr(error, "msg", "it is nested too deeply")
            faults.add(str(path), f"is not valid JSON: {problem}", line=number)
            continue
        if isinstance(document, dict):
            yield number, document
        else:
            faults.add(str(path), "must be a JSON object with resourceSpans", line=number)

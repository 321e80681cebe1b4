"""Values → JSON text, the same for the same values, and back with faults in one sentence."""

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailqa.core.errors import ResultError
from tailqa.report.escape import storable

if TYPE_CHECKING:
    from pydantic import ValidationError

# A line break is never part of a JSON string, so this can only be an array of numbers.
_NUMBERS = re.compile(r"\[\n\s+([-+.\deE,\s]+?)\s+\]")


def json_text(values: object) -> str:
    """`values` as JSON, arrays of numbers on one line; raises ResultError where one is not finite.

    >>> print(json_text({"raw_s": [0.5, 2]}))
    {
      "raw_s": [0.5, 2]
    }
    """
    try:
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise ResultError("the report holds a number that is not finite") from error
    return storable(_NUMBERS.sub(lambda match: f"[{' '.join(match[1].split())}]", text))


def parsed(content: bytes, path: Path, *, version: int) -> dict[str, Any]:
    """The object in `content` of the file `path`.

    Raises ResultError unless it is whole JSON of this format version with finite numbers.
    """
    try:
        values = json.loads(content, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path} is not whole JSON: {error}") from error
    if not isinstance(values, dict):
        raise ResultError(f"{path} is not a report: it holds no object")
    found = values.get("format_version")
    if found != version:
        raise ResultError(
            f"{path} has format version {found!r}, this tailqa reads {version}: "
            "use the version of tailqa that wrote it, or run the comparison again"
        )
    return values


def first_fault(error: "ValidationError") -> str:
    """Where and what the first fault is; the names of union members are no part of the place."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"] if part not in {"Estimate", "TooFew"})
    return f"{place}: {fault['msg'][0].lower()}{fault['msg'][1:]}"


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value

"""Rows become fields."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping

from tailqa.files.paths import MISSING, Row, compile_path, parse_path
from tailqa.suite.schema import FieldSpec

Extract = Callable[[Row], object]


def compile_field(spec: FieldSpec) -> Extract:
    """A function from a row to the value of one field, or MISSING where no path leads to one.

    The first path that the row has wins; then a text is parsed as JSON, and each
    text (also in a list) is searched for `pattern` (its first group, or the whole match) or
    counted for `count`, and stripped, as the field says.
    The function raises ValueError when the value does not allow that.

    >>> steps = compile_field(FieldSpec(path=["solution", "answer"], count="<<"))
    >>> steps({"answer": "<<1+1=2>> <<2*2=4>>"})
    2
    >>> final = compile_field(FieldSpec(path=["answer"], pattern="#### (.+)"))
    >>> final({"answer": "so it is\\n#### 18"})
    '18'
    """
    getters = [compile_path(path) for path in spec.path]
    uses, is_json = _uses(spec), spec.is_json

    def extract(row: Row) -> object:
        for get in getters:
            value = get(row)
            if value is not MISSING:
                if is_json and isinstance(value, str):
                    value = _parsed(value)
                for use in uses:
                    value = _each(use, value)
                return value
        return MISSING

    return extract


def missing_columns(
    fields: Mapping[str, FieldSpec], used: Iterable[str], columns: Iterable[str]
) -> list[tuple[str, str]]:
    """The used fields none of whose paths starts at one of `columns`, with those paths.

    >>> missing_columns({"a": FieldSpec(path=["x", "y.z"])}, ["a"], ["y", "b"])
    []
    >>> missing_columns({"a": FieldSpec(path=["x", "z"])}, ["a"], ["y", "b"])
    [('a', 'x or z')]
    """
    known = set(columns)
    return [
        (name, " or ".join(fields[name].path))
        for name in used
        if not any(path in known or parse_path(path)[0] in known for path in fields[name].path)
    ]


def to_number(value: object) -> float:
    """A finite number out of a number or a text that holds one.

    Raises ValueError for everything else.

    >>> to_number("12"), to_number(0.5)
    (12.0, 0.5)
    """
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("must be a number")
    return number


def _uses(spec: FieldSpec) -> list[Callable[[str], object]]:
    uses: list[Callable[[str], object]] = []
    if spec.pattern is not None:
        uses.append(_first_group(re.compile(spec.pattern)))
    if spec.count is not None:
        uses.append(_counted(re.compile(spec.count)))
    if spec.strip:
        uses.append(str.strip)
    return uses


def _each(use: Callable[[str], object], value: object) -> object:
    if isinstance(value, list):
        return [_each(use, item) for item in value]
    return use(value) if isinstance(value, str) else value


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("is not valid JSON") from error


def _first_group(regex: re.Pattern[str]) -> Callable[[str], object]:
    def search(text: str) -> object:
        match = regex.search(text)
        found = match and match[1 if regex.groups else 0]
        if found is None:
            raise ValueError(f"does not match the pattern {regex.pattern}")
        return found

    return search


def _counted(regex: re.Pattern[str]) -> Callable[[str], object]:
    return lambda text: sum(1 for _ in regex.finditer(text))

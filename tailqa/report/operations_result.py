"""cost.json, written and read back, and what `tailqa cost` leaves in a folder."""

import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tailqa.core.errors import ResultError
from tailqa.core.operations import Operations
from tailqa.report.files import read_bytes, write_atomic
from tailqa.report.json_text import first_fault, json_text, parsed

if TYPE_CHECKING:
    from pydantic import TypeAdapter

COST = "cost.json"
COST_FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """What cost.json holds: the operations and the names that they are shown with."""

    teacher: str
    student: str
    operations: Operations
    format_version: int = COST_FORMAT_VERSION


def render_operations_json(operations: Operations, names: tuple[str, str]) -> str:
    """`operations` as JSON, the same text for the same operations. Raises ResultError.

    A draw that is not finite becomes null; any other number that is not is refused.
    """
    teacher, student = names
    file = _File(teacher=teacher, student=student, operations=finite_draws(operations))
    values = _adapter().dump_python(file)
    return json_text({"format_version": values.pop("format_version"), **values})


def write_operations(operations: Operations, names: tuple[str, str], folder: Path) -> Path:
    """Writes cost.html and, last, cost.json into `folder`; raises ResultError."""
    # Whoever only reads a report does without the charts.
    from tailqa.report.operations_page import write_operations_page

    write_operations_page(operations, names, folder)
    path = folder / COST
    write_atomic(path, f"{render_operations_json(operations, names)}\n".encode())
    return path


def load_operations(path: Path) -> tuple[Operations, tuple[str, str]]:
    """The operations in a cost.json, or in a folder that holds one, and both models' names.

    Raises ResultError in one sentence where the file is missing, cut off, of another format
    version, or not such a report, and says at which key.
    """
    path = path / COST if path.is_dir() else path
    content = read_bytes(path)
    parsed(content, path, version=COST_FORMAT_VERSION)
    from pydantic import ValidationError

    try:
        file = _adapter().validate_json(content, strict=True)
    except ValidationError as error:
        raise ResultError(f"{path} is not a report of costs: {first_fault(error)}") from error
    return file.operations, (file.teacher, file.student)


def finite_draws(operations: Operations) -> Operations:
    """The same operations; a draw that is not finite is None, which JSON can hold."""
    options = tuple(
        replace(
            row,
            draws={
                figure: tuple(x if x is not None and math.isfinite(x) else None for x in draws)
                for figure, draws in row.draws.items()
            },
        )
        for row in operations.options
    )
    return replace(operations, options=options)


@cache
def _adapter() -> "TypeAdapter[_File]":
    from pydantic import TypeAdapter

    return TypeAdapter(_File)

"""bench.json, written and read back, and the folder of a bench."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tailqa.core.bench import BENCH_FORMAT_VERSION, Bench
from tailqa.core.errors import ResultError
from tailqa.report.bench_page import write_bench_page
from tailqa.report.files import read_bytes, write_atomic
from tailqa.report.json_text import first_fault, json_text, parsed

if TYPE_CHECKING:
    from pydantic import TypeAdapter

BENCH = "bench.json"


def render_bench_json(bench: Bench) -> str:
    """`bench` as JSON, the same text for the same bench. Raises ResultError."""
    values = _adapter().dump_python(bench)
    return json_text({"format_version": values.pop("format_version"), **values})


def write_bench(bench: Bench, folder: Path) -> Path:
    """Writes bench.html and, last, bench.json into `folder`; raises ResultError."""
    write_bench_page(bench, folder)
    path = folder / BENCH
    write_atomic(path, f"{render_bench_json(bench)}\n".encode())
    return path


def load_bench(path: Path) -> Bench:
    """The bench in a bench.json, or in a folder that holds one.

    Raises ResultError in one sentence where the file is missing, cut off, of another format
    version, or not a bench, and says at which key.
    """
    path = path / BENCH if path.is_dir() else path
    content = read_bytes(path)
    parsed(content, path, version=BENCH_FORMAT_VERSION)
    from pydantic import ValidationError

    try:
        return _adapter().validate_json(content, strict=True)
    except ValidationError as error:
        raise ResultError(f"{path} is not a bench: {first_fault(error)}") from error


@cache
def _adapter() -> "TypeAdapter[Bench]":
    from pydantic import TypeAdapter

    return TypeAdapter(Bench)

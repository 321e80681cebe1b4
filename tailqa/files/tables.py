"""Rows out of JSONL, CSV and Parquet files, one at a time, each with its line."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tailqa.files.faults import Faults
from tailqa.files.paths import Row

SUFFIXES = (".jsonl", ".csv", ".parquet")


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows with their line (for Parquet, datasets and generators: the row number, from 1).

    `name` is the file that faults are in, `title` what a report calls the source; `columns` is
    None where every row may have its own.
    """

    name: str
    title: str
    rows: Iterator[tuple[int, Row]]
    columns: tuple[str, ...] | None = None


def open_file(path: Path, faults: Faults) -> Table:
    """The rows of the file at `path`; what is wrong with it is noted while it is read."""
    name = str(path)
    empty = Table(name=name, title=path.name, rows=iter(()))
    if path.suffix not in SUFFIXES:
        faults.add(name, "must end in .jsonl, .csv or .parquet")
        return empty
    try:
        path.open("rb").close()
    except (OSError, ValueError) as error:
        faults.add(name, f"cannot be read: {getattr(error, 'strerror', None) or error}")
        return empty
    if path.suffix == ".jsonl":
        return Table(name=name, title=path.name, rows=_jsonl(path, faults))
    return _csv(path, faults) if path.suffix == ".csv" else _parquet(path, faults)


def _jsonl(path: Path, faults: Faults) -> Iterator[tuple[int, Row]]:
    with path.open("rb") as file:
        for line, text in _decoded(file, str(path), faults):
            if text is None or not text.strip():
                continue
            try:
                row = json.loads(text)
            except (ValueError, RecursionError) as error:
                problem = getattr(error, "msg", "it is nested too deeply")
                faults.add(str(path), f"is not valid JSON: {problem}", line=line)
                continue
            if isinstance(row, dict):
                yield line, row
            else:
                faults.add(str(path), "must be a JSON object", line=line)


def _csv(path: Path, faults: Faults) -> Table:
    name = str(path)
    rows = _csv_rows(path, faults)
    header = next(rows, None)
    if header is None:
        faults.add(name, "has no header")
        return Table(name=name, title=path.name, rows=iter(()))
    columns = tuple(header[1])
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        faults.add(name, "duplicate column", line=1, key=column)

    def as_mappings() -> Iterator[tuple[int, Row]]:
        for line, cells in rows:
            if len(cells) == len(columns):
                yield line, dict(zip(columns, cells, strict=True))
            elif cells:
                rule = f"has {len(cells)} columns where the header has {len(columns)}"
                faults.add(name, rule, line=line, kind="has another number of columns")

    return Table(name=name, title=path.name, rows=as_mappings(), columns=columns)


def _csv_rows(path: Path, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    broken: set[int] = set()

    def lines(file: IO[bytes]) -> Iterator[str]:
        for line, text in _decoded(file, str(path), faults):
            if text is None:
                broken.add(line)
            yield text or "\n"

    with path.open("rb") as file:
        reader = csv.reader(lines(file), strict=True)
        line = 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                faults.add(str(path), f"is not valid CSV: {error}", line=line)
                return
            if cells is None:
                return
            if broken.isdisjoint(range(line, reader.line_num + 1)):
                yield line, cells
            line = reader.line_num + 1


def _parquet(path: Path, faults: Faults) -> Table:
    from pyarrow import ArrowException, parquet

    name = str(path)
    try:
        file = parquet.ParquetFile(path)
        columns = tuple(file.schema_arrow.names)
    except (ArrowException, OSError) as error:
        faults.add(name, f"is not valid Parquet: {_first_line(error)}")
        return Table(name=name, title=path.name, rows=iter(()))

    def rows() -> Iterator[tuple[int, Row]]:
        line = 0
        try:
            for batch in file.iter_batches():
                for line, row in enumerate(batch.to_pylist(), line + 1):  # noqa: B020
                    yield line, row
        except (ArrowException, OSError, UnicodeDecodeError) as error:
            faults.add(name, f"cannot be read: {_first_line(error)}", line=line + 1)

    return Table(name=name, title=path.name, rows=rows(), columns=columns)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _decoded(file: IO[bytes], name: str, faults: Faults) -> Iterator[tuple[int, str | None]]:
    """Each line as text, or None where it is not UTF-8, which is noted."""
    for line, raw in enumerate(file, 1):
        try:
            text: str | None = raw.decode("utf-8-sig" if line == 1 else "utf-8")
        except UnicodeDecodeError:
            faults.add(name, "is not valid UTF-8", line=line)
            text = None
        yield line, text

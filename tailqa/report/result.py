"""result.json and answers.parquet, written and read back."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailqa.core.errors import ResultError
from tailqa.core.report import FORMAT_VERSION, AnswerRow, Report
from tailqa.report.escape import storable
from tailqa.report.files import read_bytes, write_atomic
from tailqa.report.json_text import first_fault, json_text, parsed
from tailqa.report.operations_result import finite_draws

if TYPE_CHECKING:
    import pyarrow
    from pydantic import TypeAdapter

RESULT = "result.json"
ANSWERS = "answers.parquet"


def render_json(report: Report) -> str:
    """`report` as JSON, the same text for the same report; result.json adds a line feed.

    The field `n` of each stratum is derived from its cells. Raises ResultError where a number is
    not finite, but for draws of the operations, which become null.
    """
    if report.operations:
        report = replace(report, operations=finite_draws(report.operations))
    values = _adapter().dump_python(report)
    values = {"format_version": values.pop("format_version"), **values}
    values["strata"] = [
        _before(dumped, "both", "n", stratum.n)
        for dumped, stratum in zip(values["strata"], report.strata, strict=True)
    ]
    return json_text(values)


def save_report(report: Report, folder: Path) -> Path:
    """Writes result.json into `folder` and returns its path; raises ResultError."""
    path = folder / RESULT
    write_atomic(path, f"{render_json(report)}\n".encode())
    return path


def load_report(path: Path | str) -> Report:
    """The report in a result.json, or in a run folder that holds one.

    Raises ResultError in one sentence where the file is missing, cut off, of another format
    version, or not a report, and says at which key.
    """
    path = Path(path)
    path = path / RESULT if path.is_dir() else path
    content = read_bytes(path)
    values = parsed(content, path, version=FORMAT_VERSION)
    from pydantic import ValidationError

    try:
        report = _adapter().validate_json(content, strict=True)
    except ValidationError as error:
        raise ResultError(f"{path} is not a report: {first_fault(error)}") from error
    for index, stratum in enumerate(report.strata):
        if values["strata"][index].get("n") != stratum.n:
            raise ResultError(
                f"{path} is not a report: strata.{index}.n is not the sum of its cells"
            )
    return report


def save_answers(rows: Sequence[AnswerRow], folder: Path) -> Path:
    """Writes answers.parquet into `folder` and returns its path; raises ResultError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    columns = {name: [_storable(getattr(row, name)) for row in rows] for name in schema.names}
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=schema), buffer, compression="zstd")
    path = folder / ANSWERS
    write_atomic(path, buffer.getvalue().to_pybytes())
    return path


def load_answers(folder: Path) -> tuple[AnswerRow, ...]:
    """The rows of answers.parquet in `folder`; raises ResultError where it is not such a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pydantic import ValidationError

    path = folder / ANSWERS
    content = read_bytes(path)
    try:
        # `read_table` would import what reads folders of files, for 0.4 s.
        table = pq.ParquetFile(pa.BufferReader(content)).read()
    except (pa.ArrowException, OSError) as error:
        raise ResultError(f"{path} is not a whole Parquet file") from error
    known = _schema()
    if table.schema.names == known.names[:-1]:  # before there was mean_logprob
        known = known.remove(len(known) - 1)
    if not table.schema.equals(known):
        raise ResultError(f"{path} does not have the columns of answers.parquet")
    try:
        return _rows_adapter().validate_python(table.to_pylist())
    except ValidationError as error:
        raise ResultError(f"{path} does not hold answers: row {first_fault(error)}") from error


@cache
def _adapter() -> "TypeAdapter[Report]":
    from pydantic import TypeAdapter

    return TypeAdapter(Report)


@cache
def _rows_adapter() -> "TypeAdapter[tuple[AnswerRow, ...]]":
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[AnswerRow, ...])


@cache
def _schema() -> "pyarrow.Schema":
    import pyarrow as pa

    text, texts = pa.string(), pa.list_(pa.string())
    required = {
        "query_id": text,
        "stratum": text,
        "cluster": None,
        "side": text,
        "sample": pa.int32(),
        "status": text,
        "prompt": text,
        "references": texts,
        "choices": texts,
        "text": text,
        "extracted": None,
        "score": None,
        "reason": None,
        "prompt_tokens": None,
        "completion_tokens": None,
        "finish_reason": None,
        "choice_logprobs": None,
        "mean_logprob": None,
    }
    optional = {
        "score": pa.float64(),
        "prompt_tokens": pa.int32(),
        "completion_tokens": pa.int32(),
        "choice_logprobs": pa.list_(pa.float64()),
        "mean_logprob": pa.float64(),
    }
    return pa.schema(
        [
            pa.field(name, kind or optional.get(name, text), nullable=kind is None)
            for name, kind in required.items()
        ]
    )


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    return [_storable(item) for item in value] if isinstance(value, tuple) else value


def _before(values: dict[str, Any], key: str, name: str, value: Any) -> dict[str, Any]:
    """`values` with `name` put in front of `key`."""
    at = list(values).index(key)
    items = list(values.items())
    return dict([*items[:at], (name, value), *items[at:]])

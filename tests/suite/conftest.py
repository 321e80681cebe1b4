import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Row = dict[str, Any]

ROWS: list[Row] = [
    {"id": "a", "question": "1+1?", "answer": "2", "group": "easy", "size": 1, "uses": 6},
    {"id": "b", "question": "2+2?", "answer": "4", "group": "easy", "size": 2, "uses": 2},
    {"id": "c", "question": "17*23?", "answer": "391", "group": "hard", "size": 9, "uses": 1},
    {"id": "d", "question": "19*29?", "answer": "551", "group": "hard", "size": 8, "uses": 1},
]


def basic(**changes: Any) -> dict[str, Any]:
    suite: dict[str, Any] = {
        "name": "sums",
        "version": "1",
        "source": {"file": "rows.jsonl"},
        "fields": ["id", "question", "answer", "group", "size", "uses"],
        "id": "id",
        "prompt": {"template": "Q: {question}\nA:"},
        "references": "answer",
        "grader": "numeric",
        "strata": [
            {
                "name": "easy",
                "kind": "head",
                "weight": 0.75,
                "rule": {"field": "group", "equals": "easy"},
            },
            {
                "name": "hard",
                "kind": "tail",
                "weight": 0.25,
                "rule": {"field": "group", "equals": "hard"},
            },
        ],
    }
    suite.update(changes)
    return {key: value for key, value in suite.items() if value is not None}


def one_line_each(suite: dict[str, Any]) -> str:
    """YAML with one line per key and per stratum, so that faults stand on lines one can count."""
    lines = []
    for key, value in suite.items():
        if key == "strata" and value:
            lines += ["strata:", *(f"- {json.dumps(stratum)}" for stratum in value)]
        else:
            lines.append(f"{key}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows.jsonl and suite.yaml (the basic suite with changes) and returns the latter."""

    def _write(rows: Sequence[Row] | None = None, text: str | None = None, **changes: Any) -> Path:
        write_rows(tmp_path / "rows.jsonl", ROWS if rows is None else rows)
        path = tmp_path / "suite.yaml"
        path.write_text(one_line_each(basic(**changes)) if text is None else text)
        return path

    return _write


@pytest.fixture
def rows() -> list[Row]:
    return [dict(row) for row in ROWS]


@pytest.fixture
def save() -> Callable[[Path, Sequence[Row]], Path]:
    return write_rows


@pytest.fixture
def strata() -> list[dict[str, Any]]:
    return [dict(stratum) for stratum in basic()["strata"]]

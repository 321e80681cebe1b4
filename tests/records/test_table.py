"""Tables of outcomes: what was written is read, in every format, and every fault has its line."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.answer import Scored
from tailqa.core.errors import InputError
from tailqa.records.pairing import pair_up
from tailqa.records.recording import Recording
from tailqa.records.strata import StrataRule
from tailqa.records.table import SharedColumns, TableSide, read_table

Row = dict[str, Any]
DATA = Path(__file__).parents[2].parent / "shared" / "data"
BY_KEY = SharedColumns(id=("key",))


def write(path: Path, rows: Sequence[Row]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def read(path: Path, shared: SharedColumns = BY_KEY, **more: str) -> tuple[Recording, Recording]:
    """Columns `t` and `s` of one file."""
    return read_table(
        TableSide(path=path, name="big", score="t", **more),  # type: ignore[arg-type]
        TableSide(path=path, name="small", score="s"),
        shared,
    )


def scores(recording: Recording) -> list[float | None]:
    return [item.score for item in recording.items]


rows = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.integers(0, 10**9),
            "t": st.sampled_from([0, 1]) | st.floats(0, 1),
            "s": st.floats(0, 1),
            "level": st.text('abc ,;\n"é', min_size=1, max_size=6),
        }
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_what_was_written_is_read(suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("tables")

    @given(rows)
    def check(given: list[Row]) -> None:
        given = [row | {"t": float(row["t"])} for row in given]
        teacher, student = read(write(folder / f"rows{suffix}", given))
        assert scores(teacher) == [row["t"] for row in given]
        assert scores(student) == [row["s"] for row in given]
        assert [item.id for item in teacher.items] == [str(row["key"]) for row in given]
        assert [item.fields["level"] for item in student.items] == [row["level"] for row in given]

    check()


@given(st.binary(max_size=60), st.sampled_from([".csv", ".jsonl", ".parquet"]))
def test_any_file_is_read_or_refused(tmp_path_factory: Any, content: bytes, suffix: str) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(b"key,t,s\n" * (suffix == ".csv") + content)
    try:
        for recording in read(path):
            assert recording.items
    except InputError as error:
        assert all(fault.file == str(path) for fault in error.faults)  # noqa: PT017


def test_two_files_are_paired_by_key(tmp_path: Path) -> None:
    ours = write(tmp_path / "big.csv", [{"key": "a", "ok": "yes"}, {"key": "b", "ok": "no"}])
    theirs = write(tmp_path / "small.jsonl", [{"key": "b", "r": {"f1": 0.25}}, {"key": "a"}])
    teacher, student = read_table(
        TableSide(path=ours, name="big", score="ok"),
        TableSide(path=theirs, name="small", score="r.f1"),
        BY_KEY,
    )
    assert (scores(teacher), scores(student)) == ([1.0, 0.0], [0.25, None])
    assert student.items[1].reason == "there is no value in r.f1"
    assert (teacher.name, teacher.source) == ("table", "big.csv and small.jsonl")
    found = pair_up(teacher, student, StrataRule())
    assert [pair.query.id for pair in found.pairs] == ["a", "b"]


def test_all_that_may_be_in_a_row(tmp_path: Path) -> None:
    row = {"a": 1, "b": "x", "run": 0, "q": "2+2?", "gold": ["4", "four"], "t": True, "s": False,
           "said": " 4\n", "in": 7, "out": 2.0}  # fmt: skip
    path = write(tmp_path / "rows.jsonl", [row])
    shared = SharedColumns(id=("a", "b"), epoch="run", prompt="q", reference="gold")
    teacher, student = read(
        path, shared, answer="said", prompt_tokens="in", completion_tokens="out"
    )
    (item,) = teacher.items
    assert (item.id, item.epoch, item.prompt) == ("1/x", 0, "2+2?")
    assert (item.references, item.text, item.score) == (("4", "four"), " 4\n", 1.0)
    assert (item.prompt_tokens, item.completion_tokens) == (7, 2)
    assert item.place == f"{path}:1"
    assert (student.items[0].text, student.items[0].prompt_tokens) == ("", None)


def test_without_an_id_a_row_is_a_query(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", [{"t": 1, "s": 0}, {"t": 0, "s": 0}])
    teacher, student = read(path, SharedColumns())
    assert [item.id for item in teacher.items] == [item.id for item in student.items] == ["2", "3"]


Refused = Callable[[Callable[[], object]], list[str]]


def test_every_fault_of_the_rows_at_once(tmp_path: Path, faults: Refused) -> None:
    path = write(
        tmp_path / "rows.csv",
        [
            {"key": "a", "t": "1.5", "s": "nan", "in": "3.5"},
            {"key": "", "t": "perhaps", "s": "1", "in": "-1"},
        ],
    )
    rule = "must be a score in [0, 1], true or false, right or wrong"
    count = "must be a whole number of at least 0"
    assert faults(lambda: read(path, prompt_tokens="in")) == [
        f"{path}:2: t: {rule} (got '1.5')",
        f"{path}:2: in: {count} (got '3.5')",
        f"{path}:3: t: {rule} (got 'perhaps')",
        f"{path}:3: key: has no value",
        f"{path}:3: in: {count} (got '-1')",
        f"{path}:2: s: {rule} (got 'nan')",
    ]


def test_unknown_columns_list_those_there_are(tmp_path: Path, faults: Refused) -> None:
    path = write(tmp_path / "rows.jsonl", [{"t": 1}, {"u": 0, "id": 3}])
    rule = "has no column of this name; there are t, u, id"
    assert faults(lambda: read(path)) == [f"{path}: s: {rule}", f"{path}: key: {rule}"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.tsv", "", "must end in .jsonl, .csv or .parquet"),
        ("rows.csv", "", "has no header"),
        ("rows.csv", "key,t,s\n", "has no rows"),
        ("rows.jsonl", "", "has no rows"),
        ("rows.parquet", "PAR1", "is not valid Parquet"),
    ],
)
def test_files_without_a_table(
    name: str, content: str, message: str, tmp_path: Path, faults: Refused
) -> None:
    (tmp_path / name).write_text(content)
    (found,) = faults(lambda: read(tmp_path / name))
    assert found.startswith(f"{tmp_path / name}: {message}")


def test_two_files_need_an_id(tmp_path: Path, faults: Refused) -> None:
    row = [{"t": 1}]
    sides = [
        TableSide(path=write(tmp_path / f"{name}.csv", row), name=name, score="t")
        for name in ("a", "b")
    ]
    assert faults(lambda: read_table(sides[0], sides[1], SharedColumns())) == [
        "--id: is needed to pair the rows of two files"
    ]


def test_real_items_give_the_published_cells() -> None:
    """57 subjects; the published counts leave out five items that were in the training data."""
    if not DATA.exists():
        pytest.skip("the real items are not here")
    path = DATA / "routellm_mmlu_items.csv"
    found = pair_up(
        *read_table(
            TableSide(path=path, name="GPT-4", score="teacher_correct"),
            TableSide(path=path, name="Mixtral", score="student_correct"),
            SharedColumns(id=("subject", "item")),
        ),
        StrataRule(column="subject"),
    )
    cells = Counter(
        (pair.query.stratum, pair.teacher_grade.correct, pair.student_grade.correct)
        for pair in found.pairs
        if isinstance(pair.teacher_grade, Scored) and isinstance(pair.student_grade, Scored)
    )
    removed = 0
    names = ("both", "teacher_only", "student_only", "neither")
    with (DATA / "routellm_mmlu_counts.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            ours = [cells[row["dom"], t, s] for t in (True, False) for s in (True, False)]
            assert all(n >= int(row[name]) for n, name in zip(ours, names, strict=True))
            removed += sum(ours) - sum(int(row[name]) for name in names)
    assert (len(found.strata), len(found.pairs), removed) == (57, 14_042, 5)

"""Tables of outcomes (CSV, JSONL, Parquet) → a recording of each side."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tailqa.files import MISSING, Faults, Row, compile_path, open_file
from tailqa.files.paths import parse_path
from tailqa.records.recording import Item, Recording, unrecorded_model
from tailqa.records.strata import listed
from tailqa.records.values import to_count, to_score, to_text

HARNESS = "a table"
VERSION = "as imported"
TWO_FILES = "table"
_Value = TypeVar("_Value")
_Rows = Sequence[tuple[int, Row]]


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSide:
    """The answers of the model `name`: the file, and where in a row they stand.

    A place is a column, or a path into one (`result.score`).
    """

    path: Path
    name: str
    score: str
    answer: str | None = None
    prompt_tokens: str | None = None
    completion_tokens: str | None = None

    @property
    def places(self) -> tuple[str | None, ...]:
        """All places that the side names."""
        return (self.score, self.answer, self.prompt_tokens, self.completion_tokens)


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedColumns:
    """What both sides share. Several `id` columns make one id; without one it is the row's line.

    Rows of one id are told apart by `epoch`, a whole number.
    """

    id: tuple[str, ...] = ()
    epoch: str | None = None
    prompt: str | None = None
    reference: str | None = None

    @property
    def places(self) -> tuple[str | None, ...]:
        """All places that are shared."""
        return (*self.id, self.epoch, self.prompt, self.reference)


def read_table(
    teacher: TableSide, student: TableSide, shared: SharedColumns
) -> tuple[Recording, Recording]:
    """The answers of both models, out of one file or of two.

    An outcome is 0 or 1, true or false, right or wrong (and the like), or a score in [0, 1]; a
    row without one is ungraded. Raises InputError with every fault of the files and their rows,
    an unknown column among them.
    """
    faults = Faults()
    one_file = teacher.path == student.path
    if not shared.id and not one_file:
        faults.add("--id", "is needed to pair the rows of two files")
    if one_file:
        rows = _rows(teacher.path, (*teacher.places, *student.places, *shared.places), faults)
        both = (rows, rows)
    else:
        both = (
            _rows(teacher.path, (*teacher.places, *shared.places), faults),
            _rows(student.path, (*student.places, *shared.places), faults),
        )
    first, second = (
        tuple(_items(side, shared, rows, faults))
        for side, rows in zip((teacher, student), both, strict=True)
    )
    faults.check()
    name = teacher.path.stem if one_file else TWO_FILES
    source = " and ".join(dict.fromkeys((teacher.path.name, student.path.name)))
    return _recording(teacher, first, name, source), _recording(student, second, name, source)


def _rows(path: Path, places: Sequence[str | None], faults: Faults) -> _Rows:
    """The rows, or none of them when a place cannot be looked up in any."""
    before = len(faults)
    table = open_file(path, faults)
    rows = list(table.rows)
    if not rows and len(faults) == before:
        faults.add(table.name, "has no rows")
    if len(faults) > before:
        return ()
    columns = table.columns or tuple({str(name): None for _, row in rows for name in row})
    for place in dict.fromkeys(place for place in places if place is not None):
        try:
            known = place in columns or parse_path(place)[0] in columns
        except ValueError as error:
            faults.add(table.name, str(error), key=place)
            continue
        if not known:
            rule = f"has no column of this name; there are {listed(columns)}"
            faults.add(table.name, rule, key=place)
    return rows if len(faults) == before else ()


def _recording(side: TableSide, items: tuple[Item, ...], name: str, source: str) -> Recording:
    return Recording(
        model=unrecorded_model(side.name),
        harness=HARNESS,
        name=name,
        version=VERSION,
        task="generate",
        metric="outcome",
        source=source,
        items=items,
    )


def _items(side: TableSide, shared: SharedColumns, rows: _Rows, faults: Faults) -> Iterator[Item]:
    if not rows:
        return
    reader = _Reader(str(side.path), faults)
    ids = [reader.cell(place, to_text, required=True) for place in shared.id]
    epoch = reader.cell(shared.epoch, to_count, required=True)
    score = reader.cell(side.score, to_score)
    prompt = reader.cell(shared.prompt, to_text)
    answer = reader.cell(side.answer, _as_written)
    references = reader.cell(shared.reference, _texts)
    prompt_tokens = reader.cell(side.prompt_tokens, to_count)
    completion_tokens = reader.cell(side.completion_tokens, to_count)
    for line, row in rows:
        reader.line = line
        found = score(row)
        yield Item(
            id="/".join(get(row) or "" for get in ids) or str(line),
            epoch=1 if shared.epoch is None else epoch(row) or 0,
            fields=row,
            prompt=prompt(row) or "",
            references=references(row) or (),
            text=answer(row) or "",
            score=found,
            reason=f"there is no value in {side.score}" if found is None else None,
            prompt_tokens=prompt_tokens(row),
            completion_tokens=completion_tokens(row),
            place=f"{side.path}:{line}",
        )


class _Reader:
    """Reads cells; what cannot be read is noted, with its line, and is None."""

    def __init__(self, file: str, faults: Faults) -> None:
        self._file, self._faults, self.line = file, faults, 0

    def cell(
        self, place: str | None, read: Callable[[object], _Value], *, required: bool = False
    ) -> Callable[[Row], _Value | None]:
        """A function from a row to what `read` makes of the value at `place`."""
        if place is None:
            return lambda _: None
        get = compile_path(place)

        def find(row: Row) -> _Value | None:
            value = get(row)
            if value is MISSING or value == "":
                if required:
                    self._faults.add(self._file, "has no value", line=self.line, key=place)
                return None
            try:
                return read(value)
            except ValueError as error:
                self._faults.add(self._file, str(error), line=self.line, key=place, value=value)
                return None

        return find


def _as_written(value: object) -> str:
    return value if isinstance(value, str) else to_text(value)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_as_written(item) for item in (value if isinstance(value, list) else [value]))

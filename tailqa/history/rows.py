"""Runs as rows of tables, and back."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any, TypeVar

import sqlalchemy as sa

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.history import KeptFigure, KeptRun, KeptStratum

Row = dict[str, Any]

_PLAIN = (
    "name",
    "student",
    "build",
    "teacher",
    "suite",
    "suite_version",
    "suite_digest",
    "verdict",
    "policy",
    "policy_digest",
    "n_queries",
    "tailqa_version",
    "format_version",
    "pipeline",
    "added_s",
)
_STRATUM = tuple(KeptStratum.__dataclass_fields__)
_COLUMN = {"both": "both_right", "neither": "both_wrong"}
"""Columns that are not named as their fields: in SQL `both` is a word of the language."""

_AT_ONCE = 5_000
"""Values that are looked up in one statement."""

_T = TypeVar("_T")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    r"""`text` that every database takes: zero bytes and lone surrogates as visible signs.

    >>> storable("a\x00\ud800")
    'a⟨NUL⟩⟨U+D800⟩'
    """
    if text.isascii() and "\x00" not in text:  # nearly all, and much faster
        return text
    return _UNSTORABLE.sub(_sign, text)


def insert_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Inserts rows that hold no dates, past what SQLAlchemy does with each value.

    A week is ten thousand rows: that takes a third of the time.
    """
    if not rows:
        return
    names = list(rows[0])
    signs = ", ".join([placeholder(connection)] * len(names))
    statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({signs})"  # noqa: S608
    connection.exec_driver_sql(statement, [tuple(row.values()) for row in rows])


def find_ids(connection: sa.Connection, table: sa.Table, keys: Sequence[bytes]) -> dict[bytes, int]:
    """The ids of the rows that are there, by their digests."""
    found: dict[bytes, int] = {}
    for part in batches(keys):
        signs = ", ".join([placeholder(connection)] * len(part))
        statement = f"SELECT digest, id FROM {table.name} WHERE digest IN ({signs})"  # noqa: S608
        rows = connection.exec_driver_sql(statement, tuple(part))
        found |= {bytes(digest): number for digest, number in rows}
    return found


def placeholder(connection: sa.Connection) -> str:
    """What stands for a value in a statement of the driver's own."""
    return "?" if connection.dialect.name == "sqlite" else "%s"


def run_row(run: KeptRun, key: int) -> Row:
    """The row of the table `runs`."""
    row = {name: getattr(run, name) for name in _PLAIN}
    row |= {"id": key, "digest": run.run, "date": date.fromisoformat(run.date)}
    return stored(row | {"seed": str(run.seed)})


def part_rows(run: KeptRun, key: int) -> dict[str, list[Row]]:
    """The rows of `facets`, `strata` and `figures`."""
    facets = [{"run": key, "facet": facet, "value": said} for facet, said in run.facets.items()]
    strata = [
        {
            "run": key,
            "position": position,
            **{_COLUMN.get(name, name): getattr(stratum, name) for name in _STRATUM},
        }
        for position, stratum in enumerate(run.strata)
    ]
    figures = [
        {
            "run": key,
            "position": position,
            "scope": item.scope,
            "who": item.who,
            "figure": item.figure,
            **_measured_row(item.measured),
        }
        for position, item in enumerate(run.figures)
    ]
    made = {"facets": facets, "strata": strata, "figures": figures}
    return {table: [stored(row) for row in rows] for table, rows in made.items()}


def kept_run(
    row: Mapping[str, Any],
    facets: Iterable[Mapping[str, Any]],
    strata: Iterable[Mapping[str, Any]],
    figures: Iterable[Mapping[str, Any]],
) -> KeptRun:
    """The run of a row of `runs` and of its parts in their order."""
    return KeptRun(
        run=row["digest"],
        date=row["date"].isoformat(),
        seed=int(row["seed"]),
        facets={item["facet"]: item["value"] for item in facets},
        strata=tuple(map(_stratum, strata)),
        figures=tuple(map(_figure, figures)),
        **{name: row[name] for name in _PLAIN},
    )


def stored(row: Row) -> Row:
    """The row with every text as every database takes it."""
    return {
        name: storable(value) if isinstance(value, str) else value for name, value in row.items()
    }


def groups(rows: Sequence[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    """The rows by their run."""
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["run"], []).append(row)
    return found


def batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The items in parts that a statement can hold.

    >>> [len(part) for part in batches(range(12_000))]
    [5000, 5000, 2000]
    """
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))


def _stratum(row: Mapping[str, Any]) -> KeptStratum:
    return KeptStratum(**{name: row[_COLUMN.get(name, name)] for name in _STRATUM})


def _figure(row: Mapping[str, Any]) -> KeptFigure:
    return KeptFigure(
        scope=row["scope"], who=row["who"], figure=row["figure"], measured=_measured(row)
    )


def _measured_row(measured: Measured) -> Row:
    empty = dict.fromkeys(("value", "low", "high", "level", "method", "reason"))
    return empty | asdict(measured)


def _measured(row: Mapping[str, Any]) -> Measured:
    if row["value"] is None:
        return TooFew(reason=row["reason"], n=row["n"])
    return Estimate(
        value=row["value"],
        low=row["low"],
        high=row["high"],
        level=row["level"],
        method=row["method"],
        n=row["n"],
    )


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    return "⟨NUL⟩" if code == 0 else f"⟨U+{code:04X}⟩"

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

_FIGURE = (
    "scope",
    "who",
    "figure",
    "n",
    "value",
    "low",
    "high",
    "level",
    "method",
    "reason",
)
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
    facets: Iterable[tuple[Any, ...]],
    strata: Iterable[tuple[Any, ...]],
    figures: Iterable[tuple[Any, ...]],
) -> KeptRun:
    """The run of a row of `runs` and of the rows of its parts, in order, without their run.

    Of runs that were added before pipelines had a digest only the name is known.
    """
    name, made_with = row["pipeline"], dict(facets)
    old = "none" if name is None else f"name {name}, digest not recorded"
    made_with.setdefault("pipeline", old)
    return KeptRun(
        run=row["digest"],
        date=row["date"].isoformat(),
        seed=int(row["seed"]),
        facets=made_with,
        strata=tuple(KeptStratum(**dict(zip(_STRATUM, found, strict=True))) for found in strata),
        figures=tuple(map(_figure, figures)),
        **{name: row[name] for name in _PLAIN},
    )


def stored(row: Row) -> Row:
    """The row with every text as every database takes it."""
    return {
        name: storable(value) if isinstance(value, str) else value for name, value in row.items()
    }


def part_columns() -> dict[str, tuple[str, ...]]:
    """The columns of the parts of a run that `kept_run` takes, in its order."""
    strata = tuple(_COLUMN.get(name, name) for name in _STRATUM)
    return {"facets": ("facet", "value"), "strata": strata, "figures": _FIGURE}


def batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The items in parts that a statement can hold.

    >>> [len(part) for part in batches(range(12_000))]
    [5000, 5000, 2000]
    """
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))


def _figure(row: tuple[Any, ...]) -> KeptFigure:
    """Of one row: there are hundreds of thousands of them."""
    scope, who, figure, n, value, low, high, level, method, reason = row
    measured: Measured
    if value is None:
        measured = TooFew(reason=reason, n=n)
    else:
        measured = Estimate(value=value, low=low, high=high, level=level, method=method, n=n)
    return KeptFigure(scope=scope, who=who, figure=figure, measured=measured)


def _measured_row(measured: Measured) -> Row:
    empty = dict.fromkeys(("value", "low", "high", "level", "method", "reason"))
    return empty | asdict(measured)


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    return "⟨NUL⟩" if code == 0 else f"⟨U+{code:04X}⟩"

"""The tables of the weekly page: comparisons, weeks, changes and flaky queries, as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.history import HARNESS
from tailqa.core.weekly import Cause, Change, Comparison, FlakyQuery, PairedChange, Week, Weekly
from tailqa.report import format as shown
from tailqa.report.axis import Axis
from tailqa.report.escape import visible
from tailqa.report.reading import Reading, reading
from tailqa.report.weekly_changes import differing
from tailqa.report.weekly_scopes import scopes_of
from tailqa.report.weekly_words import (
    changed_words,
    comparison_title,
    missing_words,
)

BAR_WIDTH = 140
_SIGNS = {"1": "●", "0": "○", "f": "×", "u": "?", ".": "·"}
_MARK_WORDS = {"1": "right", "0": "wrong", "f": "failed", "u": "ungraded", ".": "not asked"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeRow:
    """One scope of a comparison. `places` are value, low and high on the bar, empty without one."""

    scope: str
    whole: bool
    reading: Reading
    change: Measured
    places: tuple[float, ...]
    cells: tuple[int, int, int, int]
    p: str
    adjusted_p: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonTable:
    """One comparison, in the order of all tables; `zero` is where no change stands on every bar."""

    title: str
    changed: str
    level: str
    zero: float
    rows: tuple[ChangeRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FacetRow:
    """A facet that changed; the first of its week says which week, and how many rows it has."""

    week: Week | None
    n_rows: int
    cause: Cause
    harness: bool
    facet: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FlakyRow:
    """A query and its outcome in each week, as a strip of signs and in words."""

    query_id: str
    stratum: str
    n_flips: int
    strip: str
    spoken: str


def comparison_tables(weekly: Weekly) -> tuple[ComparisonTable, ...]:
    """All comparisons, with their bars on one scale."""
    every = [row for item in weekly.comparisons for row in (*item.strata, item.overall)]
    known = [row.change for row in every if isinstance(row.change, Estimate)]
    low = min([-0.05, *(item.low for item in known)])
    high = max([0.05, *(item.high for item in known)])
    axis = Axis(low=low, high=high, log=False, start=4, end=BAR_WIDTH - 4)
    order = {scope.name: place for place, scope in enumerate(scopes_of(weekly))}
    return tuple(_comparison(item, axis, order) for item in weekly.comparisons)


def changed_weeks(weekly: Weekly) -> tuple[Week, ...]:
    """The weeks whose runs differ from the run before, the latest first."""
    return tuple(week for week in reversed(weekly.weeks) if week.changes)


def facet_rows(weekly: Weekly) -> tuple[FacetRow, ...]:
    """What changed in which week, the latest first."""
    return tuple(
        FacetRow(
            week=week if i == 0 else None,
            n_rows=len(week.changes),
            cause=week.cause,
            harness=change.facet in HARNESS,
            facet=change.facet,
            before=visible(_side(change, 1)),
            after=visible(_side(change, 2)),
        )
        for week in changed_weeks(weekly)
        for i, change in enumerate(week.changes)
    )


def _side(change: Change, side: Literal[1, 2]) -> str:
    """What differs of a facet: before (1) or after (2)."""
    return ", ".join(f"{part[0]} {part[side]}".strip() for part in differing(change))


def week_rows(weekly: Weekly) -> tuple[tuple[Week, tuple[str, ...], bool], ...]:
    """Each week, the latest first, why it or strata of it are missing, and if all of it is."""
    return tuple(
        (week, missing_words(week), week.missing is not None) for week in reversed(weekly.weeks)
    )


def flaky_rows(flaky: Sequence[FlakyQuery]) -> tuple[FlakyRow, ...]:
    """Queries that flip again and again, the most flips first."""
    ordered = sorted(flaky, key=lambda item: (-item.n_flips, item.query_id))
    return tuple(
        FlakyRow(
            query_id=visible(item.query_id),
            stratum=visible(item.stratum),
            n_flips=item.n_flips,
            strip="".join(_SIGNS.get(mark, "?") for mark in item.marks),
            spoken=", ".join(_MARK_WORDS.get(mark, "unknown") for mark in item.marks),
        )
        for item in ordered
    )


def _comparison(comparison: Comparison, axis: Axis, order: Mapping[str, int]) -> ComparisonTable:
    strata = sorted(comparison.strata, key=lambda row: order.get(row.scope, len(order)))
    rows = [*strata, comparison.overall]
    known = [row.change for row in rows if isinstance(row.change, Estimate)]
    return ComparisonTable(
        title=comparison_title(comparison),
        changed=changed_words(comparison),
        level=next((shown.level(item) for item in known), ""),
        zero=axis.place(0.0),
        rows=tuple(_row(row, axis, whole=row is comparison.overall) for row in rows),
    )


def _row(row: PairedChange, axis: Axis, *, whole: bool) -> ChangeRow:
    change = row.change
    ends = (change.value, change.low, change.high) if isinstance(change, Estimate) else ()
    return ChangeRow(
        scope=visible(row.scope),
        whole=whole,
        reading=reading(change),
        change=change,
        places=tuple(axis.place(end) for end in ends),
        cells=row.cells,
        p=shown.p_value(row.p),
        adjusted_p=shown.p_value(row.adjusted_p),
    )

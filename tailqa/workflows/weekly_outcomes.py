"""Marks of several weeks → arrays, one row per week and one column per query."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tailqa.core.history import KeptRun, Marks
from tailqa.core.weekly import WeeklyStratum
from tailqa.workflows.weekly_calendar import CalendarWeek
from tailqa.workflows.weekly_limits import Limits

Rights = npt.NDArray[np.int8]
Letters = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.intp]

UNKNOWN = -1
_CODES = np.full(256, UNKNOWN, dtype=np.int8)
_CODES[ord("0")], _CODES[ord("1")] = 0, 1


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Row w is week `weeks[w]`, column q query `query_ids[q]`; 1 right, 0 wrong, −1 not known.

    `strata` holds those of each series, `columns` the queries of each stratum. `marks` are the
    student's as the history has them, one `Mark` in ASCII each. `counted` is `student` without the
    strata that do not count in a week, for which `missing[w, stratum]` says why. `clusters` holds
    one number per cluster; None where no two queries share one.
    """

    weeks: tuple[CalendarWeek, ...]
    strata: Mapping[int, tuple[WeeklyStratum, ...]]
    query_ids: tuple[str, ...]
    columns: Mapping[str, Indices]
    clusters: Indices | None
    student: Rights
    teacher: Rights
    marks: Letters
    counted: Rights
    missing: Mapping[tuple[int, str], str]

    def shares(self, series: int) -> dict[str, float]:
        """The weights of the strata of a series, scaled to sum to 1."""
        total = sum(stratum.weight for stratum in self.strata[series])
        return {stratum.name: stratum.weight / total for stratum in self.strata[series]}

    def run(self, row: int) -> KeptRun:
        """The run of a week."""
        run = self.weeks[row].run
        assert run is not None  # noqa: S101
        return run

    def units(self, columns: Indices) -> Indices:
        """What is independent of what: the cluster of each column, else each by itself."""
        if self.clusters is None:
            return np.arange(len(columns))
        return np.unique(self.clusters[columns], return_inverse=True)[1]


def outcomes_of(
    weeks: Sequence[CalendarWeek],
    strata: Mapping[int, tuple[WeeklyStratum, ...]],
    marks: Marks,
    limits: Limits,
) -> Outcomes:
    """`weeks` all have a run, and `marks` has a row for each of them; `strata` by series."""
    row_of = {run: row for row, run in enumerate(marks.runs)}
    order = [row_of[week.run.run] for week in weeks if week.run is not None]
    shape = (len(marks.runs), len(marks.query_ids))
    letters, of_teacher = (
        np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(shape)[order]
        for rows in (marks.student, marks.teacher)
    )
    student, teacher = _CODES[letters], _CODES[of_teacher]
    of_query = np.array(marks.strata)
    names = dict.fromkeys(stratum.name for of_series in strata.values() for stratum in of_series)
    columns = {name: np.flatnonzero(of_query == name) for name in names}
    missing = dict(_missing(weeks, strata, limits))
    counted = student.copy()
    for row, name in missing:
        counted[row, columns[name]] = UNKNOWN
    return Outcomes(
        weeks=tuple(weeks),
        strata=strata,
        query_ids=marks.query_ids,
        columns=columns,
        clusters=_clusters(marks),
        student=student,
        teacher=teacher,
        marks=letters,
        counted=counted,
        missing=missing,
    )


def strata_of(runs: Sequence[KeptRun]) -> tuple[WeeklyStratum, ...]:
    """The strata of all `runs`, as the last that has one says: a lost one is not forgotten."""
    found: dict[str, WeeklyStratum] = {}
    for run in reversed(runs):
        for stratum in run.strata:
            found.setdefault(
                stratum.name,
                WeeklyStratum(
                    name=stratum.name, kind=stratum.kind, tier=stratum.tier, weight=stratum.weight
                ),
            )
    return tuple(found.values())


def right_by_week(outcomes: Outcomes, name: str) -> list[tuple[int, int, int]]:
    """Of a stratum, by row: right answers of student and teacher, and pairs.

    Only pairs that are graded on both sides count.
    """
    columns = outcomes.columns[name]
    student, teacher = outcomes.student[:, columns], outcomes.teacher[:, columns]
    graded = (student != UNKNOWN) & (teacher != UNKNOWN)
    sides = ((student == 1) & graded, (teacher == 1) & graded, graded)
    counts = np.stack([side.sum(axis=1) for side in sides], axis=1).tolist()
    return [(right, of_teacher, n) for right, of_teacher, n in counts]


def right_by_unit(outcomes: Outcomes, row: int, name: str) -> tuple[Indices, Indices, Indices]:
    """The same of one week, by unit."""
    columns = outcomes.columns[name]
    student, teacher = outcomes.student[row, columns], outcomes.teacher[row, columns]
    graded = (student != UNKNOWN) & (teacher != UNKNOWN)
    units = outcomes.units(columns[graded])
    n_pairs = np.bincount(units)
    return (
        np.bincount(units[student[graded] == 1], minlength=len(n_pairs)),
        np.bincount(units[teacher[graded] == 1], minlength=len(n_pairs)),
        n_pairs,
    )


def _missing(
    weeks: Sequence[CalendarWeek], strata: Mapping[int, tuple[WeeklyStratum, ...]], limits: Limits
) -> Iterator[tuple[tuple[int, str], str]]:
    for row, week in enumerate(weeks):
        kept = {stratum.name: stratum for stratum in week.run.strata} if week.run else {}
        for stratum in strata[week.series]:
            reason = limits.why_missing(kept.get(stratum.name))
            if reason is not None:
                yield (row, stratum.name), reason


def _clusters(marks: Marks) -> Indices | None:
    """One number per cluster, queries without one each by itself."""
    named = [cluster for cluster in marks.clusters if cluster is not None]
    if len(set(named)) == len(named):
        return None
    labels = [
        f"query {query_id}" if cluster is None else f"cluster {cluster}"
        for query_id, cluster in zip(marks.query_ids, marks.clusters, strict=True)
    ]
    return np.unique(np.array(labels), return_inverse=True)[1]

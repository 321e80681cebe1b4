"""Which queries became wrong or right, with their texts, and which change all the time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tailqa.core.estimate import Estimate
from tailqa.core.history import KeptAnswer, KeptQuery
from tailqa.core.weekly import Alarm, Comparison, FlakyQuery, QueryChange
from tailqa.workflows.weekly_losses import by_loss
from tailqa.workflows.weekly_outcomes import UNKNOWN, Indices, Outcomes, Rights

if TYPE_CHECKING:
    from tailqa.history import History

SHOWN = 200
"""Queries of each direction whose texts are on the page."""

FLIPS = 3
"""From so many changes within one series on, a query is flaky."""

Direction = Literal["newly wrong", "newly right"]


@dataclass(frozen=True, kw_only=True)
class Changed:
    """Queries that changed between two weeks, as many as are shown, and how many there are."""

    queries: tuple[QueryChange, ...]
    n: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """The week that the last one is held against, and in words which one that is."""

    row: int
    which: str


def earlier_week(
    outcomes: Outcomes, series: Sequence[int], alarms: Sequence[Alarm]
) -> Earlier | None:
    """The last week before the worst open loss; without one, the last that had another build.

    Where the build has always been the same, the week before; None where there is none. `series`
    are the rows of the last series.
    """
    *before, now = series
    mondays = {row: outcomes.weeks[row].monday.isoformat() for row in before}
    lost = min((alarm for alarm in alarms if alarm.open), key=by_loss, default=None)
    if lost is not None:
        sound = [row for row in before if mondays[row] < lost.since]
        if sound:
            why = f"the week of {mondays[sound[-1]]}, the last before {lost.scope} got worse"
            return Earlier(row=sound[-1], which=why)
    build = outcomes.run(now).facets.get("student")
    others = [row for row in before if outcomes.run(row).facets.get("student") != build]
    if others and others[-1] != before[-1]:
        why = f"the week of {mondays[others[-1]]}, the last with another build"
        return Earlier(row=others[-1], which=why)
    return Earlier(row=before[-1], which="last week") if before else None


def changed_queries(
    history: "History",
    outcomes: Outcomes,
    then: int,
    now: int,
    *,
    comparison: Comparison,
    flaky: frozenset[int],
) -> Changed:
    """Row `now` against row `then`, the strata that lost most first; flaky columns left out."""
    picked: list[tuple[Direction, int]] = []
    n: dict[str, int] = {}
    directions: tuple[tuple[Direction, int], ...] = (("newly wrong", 0), ("newly right", 1))
    for direction, after in directions:
        found = [
            int(column)
            for name in _worst_first(comparison)
            for column in _moved(outcomes, name, then, now, after)
            if int(column) not in flaky
        ]
        n[direction] = len(found)
        picked += [(direction, column) for column in found[:SHOWN]]
    return Changed(queries=_with_texts(history, outcomes, then, now, picked), n=n)


def flaky_columns(outcomes: Outcomes, rows: Sequence[int]) -> dict[int, int]:
    """Column → how often it changed over these weeks of one series, where that is often."""
    flips = _flips(outcomes.counted[rows])
    return {int(column): int(flips[column]) for column in np.flatnonzero(flips >= FLIPS)}


def flaky_queries(
    outcomes: Outcomes, flips: Mapping[int, int], shown: Sequence[int | None]
) -> tuple[FlakyQuery, ...]:
    """The most changeable first; `shown` has the row of each week shown, None without a run."""
    stratum_of = {
        int(column): name for name, columns in outcomes.columns.items() for column in columns
    }
    order = sorted(flips, key=lambda column: (-flips[column], outcomes.query_ids[column]))
    return tuple(
        FlakyQuery(
            query_id=outcomes.query_ids[column],
            stratum=stratum_of[column],
            n_flips=flips[column],
            marks="".join(
                "." if row is None else chr(outcomes.marks[row, column]) for row in shown
            ),
        )
        for column in order[:SHOWN]
    )


def _flips(marks: Rights) -> Indices:
    """How often each column differs from its last known mark."""
    last = marks[0].copy()
    flips = np.zeros(marks.shape[1], dtype=np.intp)
    for row in marks[1:]:
        known = row != UNKNOWN
        flips += known & (last != UNKNOWN) & (row != last)
        last = np.where(known, row, last)
    return flips


def _worst_first(comparison: Comparison) -> list[str]:
    known = [item for item in comparison.strata if isinstance(item.change, Estimate)]
    known.sort(key=lambda item: item.change.value if isinstance(item.change, Estimate) else 0.0)
    return [item.scope for item in known]


def _moved(outcomes: Outcomes, name: str, then: int, now: int, after: int) -> Indices:
    columns = outcomes.columns[name]
    before = outcomes.counted[then, columns] == 1 - after
    moved: Indices = columns[before & (outcomes.counted[now, columns] == after)]
    return moved


def _with_texts(
    history: "History",
    outcomes: Outcomes,
    then: int,
    now: int,
    picked: Sequence[tuple[Direction, int]],
) -> tuple[QueryChange, ...]:
    runs = [outcomes.run(row).run for row in (then, now)]
    ids = [outcomes.query_ids[column] for _, column in picked]
    if not ids:
        return ()
    queries: dict[str, KeptQuery] = {q.query_id: q for q in history.queries(runs[1], ids)}
    before, after = (
        {(answer.query_id, answer.side): answer for answer in history.answers(run, ids)}
        for run in runs
    )
    found = []
    for direction, column in picked:
        query_id = outcomes.query_ids[column]
        found.append(
            QueryChange(
                direction=direction,
                query=queries[query_id],
                then=before[query_id, "student"],
                now=after[query_id, "student"],
                teacher=after.get((query_id, "teacher")),
            )
        )
    return tuple(found)


def n_reused(before: Sequence[KeptAnswer], after: Sequence[KeptAnswer]) -> int | None:
    """How many of the teacher's answers of one run stand in another, word for word.

    Without a text, as in what was imported, none is known: None where no answer of `after` has one.

    >>> said, none = (
    ...     KeptAnswer(query_id="q1", side="teacher", mark="1", text=text) for text in ("Paris", "")
    ... )
    >>> n_reused([said], [said]), n_reused([none], [none])
    (1, None)
    """
    known = {
        answer.query_id: (answer.mark, answer.text) for answer in before if _of_teacher(answer)
    }
    now = [answer for answer in after if _of_teacher(answer)]
    if not now:
        return None
    return sum(known.get(answer.query_id) == (answer.mark, answer.text) for answer in now)


def _of_teacher(answer: KeptAnswer) -> bool:
    return answer.side == "teacher" and answer.mark not in {"f", "."} and answer.text != ""

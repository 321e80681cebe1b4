"""The student in one week against itself in another, on the same queries."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from tailqa import stats
from tailqa.core.estimate import Cells, Measured, TooFew
from tailqa.core.weekly import EVERYTHING, Comparison, PairedChange
from tailqa.workflows.weekly_calendar import Ignored, changes_between
from tailqa.workflows.weekly_outcomes import UNKNOWN, Outcomes

_EMPTY: Cells = (0, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class _Table:
    """The pairs of one stratum, also by cluster where there are any; or why there are none."""

    cells: Cells
    clusters: Mapping[Hashable, Cells]
    missing: str | None


def compare_weeks(
    outcomes: Outcomes,
    then: int,
    now: int,
    against: str,
    *,
    level: float,
    ignored: Collection[Ignored] = (),
) -> Comparison:
    """Row `now` against row `then` of the same series, stratum by stratum and as a whole.

    Facets that are `ignored` are left out of what changed.
    """
    before, after = outcomes.run(then), outcomes.run(now)
    shares = outcomes.shares(outcomes.weeks[now].series)
    tables = {name: _table(outcomes, name, then, now) for name in shares}
    strata = [_change(name, table, level) for name, table in tables.items()]
    tested = {change.scope: change.p for change in strata if change.p is not None}
    adjusted = dict(zip(tested, stats.holm(list(tested.values())), strict=True))
    return Comparison(
        against=against,
        then_monday=outcomes.weeks[then].monday.isoformat(),
        then_build=before.build,
        changes=tuple(
            change
            for change in changes_between(before, after, ignored=ignored)
            if change.facet not in ignored
        ),
        strata=tuple(replace(item, adjusted_p=adjusted.get(item.scope)) for item in strata),
        overall=PairedChange(
            scope=EVERYTHING,
            cells=_sum([table.cells for table in tables.values()]),
            change=_overall(tables, list(shares.values()), level),
        ),
    )


def _table(outcomes: Outcomes, name: str, then: int, now: int) -> _Table:
    for row, when in ((now, "now"), (then, "then")):
        if (row, name) in outcomes.missing:
            return _Table(
                cells=_EMPTY, clusters={}, missing=f"{when}: {outcomes.missing[row, name]}"
            )
    columns = outcomes.columns[name]
    before, after = outcomes.counted[then, columns], outcomes.counted[now, columns]
    paired = (before != UNKNOWN) & (after != UNKNOWN)
    # The place in (right both times, right only then, right only now, wrong both times).
    kinds = 3 - before[paired].astype(int) * 2 - after[paired]
    cells = _cells(np.bincount(kinds, minlength=4))
    if outcomes.clusters is None:
        return _Table(cells=cells, clusters={}, missing=None)
    labels, units = np.unique(outcomes.clusters[columns[paired]], return_inverse=True)
    counts = np.bincount(units * 4 + kinds, minlength=4 * len(labels)).reshape(-1, 4)
    clusters: dict[Hashable, Cells] = {
        int(label): _cells(row) for label, row in zip(labels, counts, strict=True)
    }
    return _Table(cells=cells, clusters=clusters, missing=None)


def _change(name: str, table: _Table, level: float) -> PairedChange:
    change: Measured
    if table.missing is not None:
        change = TooFew(reason=table.missing, n=0)
    elif table.clusters:
        change = stats.clustered_gap(list(table.clusters.values()), level=level)
    elif sum(table.cells):
        change = stats.paired_gap(table.cells, level=level)
    else:
        change = TooFew(reason="no query was asked both times", n=0)
    # McNemar's test takes queries as independent.
    testable = sum(table.cells) and not table.clusters
    p = stats.mcnemar(table.cells[1], table.cells[2]) if testable else None
    return PairedChange(scope=name, cells=table.cells, change=change, p=p)


def _overall(tables: Mapping[str, _Table], shares: Sequence[float], level: float) -> Measured:
    lacking = [name for name, table in tables.items() if not sum(table.cells)]
    if lacking:
        n = sum(sum(table.cells) for table in tables.values())
        return TooFew(reason=f"the whole needs every stratum; missing: {', '.join(lacking)}", n=n)
    if any(table.clusters for table in tables.values()):
        return stats.clustered_pooled_gap(
            [table.clusters for table in tables.values()], shares, level=level
        )
    return stats.pooled_gap([table.cells for table in tables.values()], shares, level=level)


def _sum(tables: Sequence[Cells]) -> Cells:
    return _cells(np.sum(tables, axis=0))


def _cells(counts: np.ndarray) -> Cells:
    return cast(Cells, tuple(counts.tolist()))

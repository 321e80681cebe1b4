"""The detector over the weeks of each series → evidence and alarms, by stratum and whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tailqa import stats
from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.weekly import EVERYTHING, Alarm, Evidence
from tailqa.workflows.weekly_outcomes import UNKNOWN, Indices, Outcomes

MEMORY = 26
"""Weeks before a week that the detector looks back on."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A stratum, or all traffic, within one series: its share of the traffic and its strata."""

    name: str
    share: float
    shares: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Detected:
    """What the detector says of every week that counts, by scope, and the alarms."""

    evidence: tuple[Evidence, ...]
    alarms: tuple[Alarm, ...]


def detect(
    outcomes: Outcomes,
    rows: Sequence[int],
    *,
    false_alarm_weeks: float,
    level: float,
    traffic: float | None,
    memory: int = MEMORY,
) -> Detected:
    """Evidence in `rows` that the student got worse, and its alarms; every series on its own.

    The page as a whole alarms falsely at most once in `false_alarm_weeks` on average.
    """
    evidence: list[Evidence] = []
    alarms: list[Alarm] = []
    for series in dict.fromkeys(outcomes.weeks[row].series for row in rows):
        shares = outcomes.shares(series)
        scopes = [Scope(name=EVERYTHING, share=1.0, shares=shares)]
        scopes += [Scope(name=name, share=w, shares={name: 1.0}) for name, w in shares.items()]
        threshold = stats.alarm_log_threshold(false_alarm_weeks, len(scopes))
        own = [row for row in rows if outcomes.weeks[row].series == series]
        for scope in scopes:
            found = _Detector(outcomes, scope, own, threshold, memory)
            evidence += found.evidence()
            alarms += found.alarms(level, traffic)
    return Detected(evidence=tuple(evidence), alarms=tuple(alarms))


class _Detector:
    """One scope in one series; weeks in which the scope is missing are left out."""

    def __init__(
        self,
        outcomes: Outcomes,
        scope: Scope,
        rows: Sequence[int],
        threshold: float,
        memory: int,
    ) -> None:
        self.outcomes, self.scope, self.threshold = outcomes, scope, threshold
        self.rows = rows
        self.kept = [
            row for row in rows if not any((row, name) in outcomes.missing for name in scope.shares)
        ]
        self.found: dict[int, tuple[float, int]] = {}
        if len(self.kept) > 1:
            columns = np.concatenate([outcomes.columns[name] for name in scope.shares])
            said = stats.regression_evidence(
                outcomes.counted[self.kept][:, columns],
                weights=_weights(outcomes, scope),
                units=None if outcomes.clusters is None else outcomes.units(columns).tolist(),
                memory=memory,
            )
            for row, week in zip(self.kept, said, strict=True):
                if week.log_evidence is not None and week.since is not None:
                    self.found[row] = (week.log_evidence, self.kept[week.since])

    def evidence(self) -> Iterator[Evidence]:
        """One per week of the series that has a run."""
        for row in self.rows:
            yield Evidence(
                scope=self.scope.name,
                monday=self._monday(row),
                log_evidence=self.found[row][0] if row in self.found else None,
                log_threshold=self.threshold,
            )

    def alarms(self, level: float, traffic: float | None) -> Iterator[Alarm]:
        """One per stretch of weeks above the threshold; open where it reaches the last week."""
        stretch: list[int] = []
        for row in [*self.found, None]:
            if row is not None and self.found[row][0] >= self.threshold:
                stretch.append(row)
            elif stretch:
                yield self._alarm(stretch, level, traffic)
                stretch = []

    def _alarm(self, stretch: Sequence[int], level: float, traffic: float | None) -> Alarm:
        first, last = stretch[0], stretch[-1]
        # Later weeks know better when it began, unless they speak of another change.
        (log_evidence, since), (_, at_first) = self.found[last], self.found[first]
        since = since if since <= first else at_first
        loss = self._loss(since, last, level)
        ends = last == self.kept[-1] and self.outcomes.weeks[last].series == self._last_series()
        return Alarm(
            scope=self.scope.name,
            monday=self._monday(first),
            since=self._monday(since),
            build=self.outcomes.run(since).build,
            loss=loss,
            log_evidence=log_evidence,
            open=ends,
            lost_per_week=None if traffic is None else scaled(loss, -self.scope.share * traffic),
            until=self._monday(last),
        )

    def _loss(self, since: int, last: int, level: float) -> Measured:
        """Accuracy from `since` to `last` less that before, on queries that were asked in both."""
        before = [row for row in self.kept if row < since]
        after = [row for row in self.kept if since <= row <= last]
        strata = [
            _differences(self.outcomes, self.outcomes.columns[name], before, after)
            for name in self.scope.shares
        ]
        if not before or any(not len(sums) for sums, _ in strata):
            return TooFew(reason="no query was asked before and after", n=0)
        return stats.clustered_mean(strata, list(self.scope.shares.values()), level=level)

    def _monday(self, row: int) -> str:
        return self.outcomes.weeks[row].monday.isoformat()

    def _last_series(self) -> int:
        return self.outcomes.weeks[-1].series


def scaled(measured: Measured, factor: float) -> Measured:
    """The figure times `factor`, its interval too.

    >>> lost = Estimate(value=-.04, low=-.07, high=-.01, level=.95, method="t", n=300)
    >>> scaled(lost, -1000).low
    10.0
    """
    if isinstance(measured, TooFew):
        return measured
    low, high = sorted((measured.low * factor, measured.high * factor))
    return Estimate(
        value=measured.value * factor,
        low=low,
        high=high,
        level=measured.level,
        method=measured.method,
        n=measured.n,
    )


def _weights(outcomes: Outcomes, scope: Scope) -> list[float] | None:
    """Of each query within the scope; None where all weigh the same."""
    if len(scope.shares) == 1:
        return None
    return [
        share / n
        for name, share in scope.shares.items()
        for n in [len(outcomes.columns[name])] * len(outcomes.columns[name])
    ]


def _differences(
    outcomes: Outcomes, columns: Indices, before: Sequence[int], after: Sequence[int]
) -> tuple[list[float], list[int]]:
    """Per cluster, the sum over its queries of (mean after − mean before), and their number."""
    means = []
    for rows in (before, after):
        marks = outcomes.counted[rows][:, columns]
        known = marks != UNKNOWN
        n_known = known.sum(axis=0)
        right = np.where(known, marks, 0).sum(axis=0)
        means.append(np.where(n_known > 0, right / np.maximum(n_known, 1), np.nan))
    change = means[1] - means[0]
    asked = np.isfinite(change)
    units = outcomes.units(columns[asked])
    if not len(units):
        return [], []
    return np.bincount(units, weights=change[asked]).tolist(), np.bincount(units).tolist()

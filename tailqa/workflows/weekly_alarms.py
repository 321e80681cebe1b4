"""The detector over the weeks of each series → evidence and alarms, by stratum and whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tailqa import stats
from tailqa.core.estimate import Measured
from tailqa.core.weekly import EVERYTHING, Alarm, Evidence
from tailqa.workflows.weekly_losses import changed_accuracy, scaled
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
class _Loss:
    """Rows: when it was found, from when to when it lasted, and what `before` it counts."""

    found: int
    since: int
    until: int
    regained: int | None
    log_evidence: float
    before: Sequence[int]


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
    """One scope in one series; weeks in which the scope is missing are left out.

    An alarm is open until as much evidence as raised it says that the student got better again.
    Then the weeks of the loss are taken out and the detector goes on with the others: what a
    repair has not brought back is found again.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        scope: Scope,
        rows: Sequence[int],
        threshold: float,
        memory: int,
    ) -> None:
        self.outcomes, self.scope, self.threshold = outcomes, scope, threshold
        self.memory, self.rows = memory, rows
        self.kept = [
            row for row in rows if not any((row, name) in outcomes.missing for name in scope.shares)
        ]
        self.columns, self.weights = self._queries()
        self.found = self._evidence(self.kept)
        self.losses = list(self._losses())

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
        """One per loss; open where it reaches the last week of the last series."""
        last_series = self.outcomes.weeks[-1].series
        for loss in self.losses:
            lost = self._lost(loss, level)
            reaches = loss.until == self.kept[-1] and loss.regained is None
            yield Alarm(
                scope=self.scope.name,
                monday=self._monday(loss.found),
                since=self._monday(loss.since),
                build=self.outcomes.run(loss.since).build,
                loss=lost,
                log_evidence=loss.log_evidence,
                open=reaches and self.outcomes.weeks[loss.until].series == last_series,
                lost_per_week=None
                if traffic is None
                else scaled(lost, -self.scope.share * traffic),
                until=self._monday(loss.until),
                regained=None if loss.regained is None else self._monday(loss.regained),
            )

    def _queries(self) -> tuple[Indices, list[float] | None]:
        """The columns asked in these weeks, and their weights where not all weigh the same."""
        marks = self.outcomes.counted[self.kept]
        columns, weights = [], []
        for name, share in self.scope.shares.items():
            known = marks[:, self.outcomes.columns[name]] != UNKNOWN
            asked = known.any(axis=0)
            columns.append(self.outcomes.columns[name][asked])
            # Of one query among those of a week; other weeks may ask others.
            each = share * len(self.kept) / max(1, int(known.sum()))
            weights += [each] * int(asked.sum())
        return np.concatenate(columns), weights if len(self.scope.shares) > 1 else None

    def _losses(self) -> Iterator[_Loss]:
        rows, begin = self.kept, 0
        while True:
            stretch = self._stretch([row for row in rows if row >= begin])
            if not stretch:
                return
            since = self.found[stretch[0]][1]
            better = self._evidence([row for row in rows if row >= since], better=True)
            closing = next((row for row in stretch[1:] if self._speaks(better.get(row))), None)
            if closing is None:
                yield self._loss(stretch, rows, None)
                begin = stretch[-1] + 1
                continue
            regained = better[closing][1]
            yield self._loss([row for row in stretch if row < closing], rows, regained)
            rows = [row for row in rows if row < since or row >= regained]
            again = self._evidence(rows)
            self.found |= {row: week for row, week in again.items() if row >= closing}
            begin = closing

    def _loss(self, stretch: Sequence[int], rows: Sequence[int], regained: int | None) -> _Loss:
        first, last = stretch[0], stretch[-1]
        # Later weeks know better when it began, unless they speak of another change.
        since = self.found[last][1]
        since = since if since <= first else self.found[first][1]
        until = last if regained is None else max(row for row in rows if row < regained)
        return _Loss(
            found=first,
            since=min(since, until),
            until=until,
            regained=regained,
            log_evidence=self.found[last][0],
            before=[row for row in rows if row < since],
        )

    def _stretch(self, rows: Sequence[int]) -> list[int]:
        """The first weeks in a row with enough evidence."""
        speaking = [self._speaks(self.found.get(row)) for row in rows]
        if True not in speaking:
            return []
        first = speaking.index(True)
        end = speaking.index(False, first) if False in speaking[first:] else len(rows)
        return list(rows[first:end])

    def _speaks(self, week: tuple[float, int] | None) -> bool:
        return week is not None and week[0] >= self.threshold

    def _evidence(
        self, rows: Sequence[int], *, better: bool = False
    ) -> dict[int, tuple[float, int]]:
        """ln M of each week and the row in which the change began, where these are known.

        That the student got worse; or `better`, which is the same of its wrong answers.
        """
        if len(rows) < 2:
            return {}
        marks = self.outcomes.counted[rows][:, self.columns]
        if better:
            marks = np.where(marks == UNKNOWN, UNKNOWN, 1 - marks)
        clustered = self.outcomes.clusters is not None
        said = stats.regression_evidence(
            marks,
            weights=self.weights,
            units=self.outcomes.units(self.columns).tolist() if clustered else None,
            memory=self.memory,
        )
        return {
            row: (week.log_evidence, rows[week.since])
            for row, week in zip(rows, said, strict=True)
            if week.log_evidence is not None and week.since is not None
        }

    def _lost(self, loss: _Loss, level: float) -> Measured:
        during = [row for row in self.kept if loss.since <= row <= loss.until]
        return changed_accuracy(self.outcomes, self.scope.shares, loss.before, during, level=level)

    def _monday(self, row: int) -> str:
        return self.outcomes.weeks[row].monday.isoformat()

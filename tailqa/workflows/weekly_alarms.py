"""The detector over the weeks of each series → evidence and alarms, by stratum and whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tailqa import stats
from tailqa.core.estimate import Estimate, Measured
from tailqa.core.weekly import EVERYTHING, Alarm, Evidence
from tailqa.workflows.weekly_losses import changed_accuracy, scaled
from tailqa.workflows.weekly_outcomes import UNKNOWN, Indices, Outcomes

MEMORY = 26
"""Weeks before a week that the detector looks back on."""

RECENT = 4
"""Weeks that must show a loss no more before an alarm whose evidence has faded is over."""


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
            found = _Detector(outcomes, scope, own, threshold, memory=memory, level=level)
            evidence += found.evidence()
            alarms += found.alarms(traffic)
    return Detected(evidence=tuple(evidence), alarms=tuple(alarms))


class _Detector:
    """One scope in one series; weeks in which the scope is missing are left out.

    An alarm is open until as much evidence as raised it says that the student got better again;
    then the weeks of the loss are taken out and the detector goes on with the others, so that what
    a repair has not brought back is found again. Or until evidence and loss have both faded.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        scope: Scope,
        rows: Sequence[int],
        threshold: float,
        *,
        memory: int,
        level: float,
    ) -> None:
        self.outcomes, self.scope, self.threshold = outcomes, scope, threshold
        self.rows, self.memory, self.level = rows, memory, level
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

    def alarms(self, traffic: float | None) -> Iterator[Alarm]:
        """One per loss; open where it reaches the last week of the last series."""
        last_series = self.outcomes.weeks[-1].series
        for loss in self.losses:
            lost = self._lost(loss)
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
            stretch = self._stretch(rows, begin)
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
        first = stretch[0]
        speaking = [self.found[row] for row in stretch if self._speaks(self.found.get(row))]
        # Later weeks see other changes, too, and date the loss less well.
        since, log_evidence = speaking[0][1], speaking[-1][0]
        until = stretch[-1] if regained is None else max(row for row in rows if row < regained)
        return _Loss(
            found=first,
            since=min(since, until),
            until=until,
            regained=regained,
            log_evidence=log_evidence,
            before=[row for row in rows if row < since],
        )

    def _stretch(self, rows: Sequence[int], begin: int) -> list[int]:
        """From the first week with enough evidence to the last in which it or the loss stands."""
        stretch: list[int] = []
        for row in rows:
            found = row >= begin and self._speaks(self.found.get(row))
            if found or (stretch and self._still_lost(rows, stretch[0], row)):
                stretch.append(row)
            elif stretch:
                break
        return stretch

    def _still_lost(self, rows: Sequence[int], first: int, row: int) -> bool:
        """Whether the last weeks up to `row` are shown to be below those before the loss.

        Evidence fades while builds go on changing single answers; a loss is not over for that.
        """
        since = self.found[first][1]
        before = [other for other in rows if other < since]
        recent = [other for other in rows if since <= other <= row][-RECENT:]
        change = changed_accuracy(
            self.outcomes, self.scope.shares, before, recent, level=self.level
        )
        return isinstance(change, Estimate) and change.high < 0

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

    def _lost(self, loss: _Loss) -> Measured:
        during = [row for row in self.kept if loss.since <= row <= loss.until]
        return changed_accuracy(
            self.outcomes, self.scope.shares, loss.before, during, level=self.level
        )

    def _monday(self, row: int) -> str:
        return self.outcomes.weeks[row].monday.isoformat()

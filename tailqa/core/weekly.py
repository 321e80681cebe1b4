"""The weekly report: what moved, since when, and whether it was the model or the harness."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tailqa.core.estimate import Cells, Measured
from tailqa.core.history import Facet, HistoryFigure, KeptAnswer, KeptQuery
from tailqa.core.query import Kind, Tier
from tailqa.core.report import Outcome

EVERYTHING = "all traffic"
"""The scope that takes every stratum by its weight."""

Cause = Literal["nothing", "model", "harness", "both"]
"""What changed between two weeks; after `both` nobody can tell which of the two moved a figure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One facet that differs from the run before, in short texts; `ignored`: starts no series."""

    facet: Facet
    before: str
    after: str
    ignored: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekStratum:
    """A stratum in one week; `missing` says why the week does not count there."""

    name: str
    n: int
    student: Measured
    teacher: Measured
    margin: float | None = None
    missing: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekFigure:
    """Tokens, seconds or money of one week; `who` is a side or an option of the pipeline."""

    scope: str
    who: Literal["teacher", "student", "escalated"]
    figure: HistoryFigure
    measured: Measured


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """One week: its last run that counts, else its last, and what changed since the run before.

    `monday` is the ISO date of its first day. A week without a run has `run` None and a reason in
    `missing`. `series` counts the stretches of one unchanged harness, from 0: weeks of different
    series are never compared. `n_runs` is how many runs the week had.
    """

    monday: str
    series: int
    run: str | None = None
    name: str | None = None
    date: str | None = None
    build: str | None = None
    verdict: Outcome | None = None
    n_runs: int = 0
    n_asked: int = 0
    missing: str | None = None
    cause: Cause = "nothing"
    changes: tuple[Change, ...] = ()
    strata: tuple[WeekStratum, ...] = ()
    figures: tuple[WeekFigure, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedChange:
    """Student now against student then on the same queries of one scope.

    `cells` are (right both times, right only then, right only now, wrong both times); `change` is
    now − then, negative when the student got worse. `adjusted_p` is McNemar's mid-p by Holm over
    the strata of the comparison; None where there is none.
    """

    scope: str
    cells: Cells
    change: Measured
    p: float | None = None
    adjusted_p: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """This week against an earlier one; `against` says which: `last week`, `base line`."""

    against: str
    then_monday: str
    then_build: str
    changes: tuple[Change, ...]
    strata: tuple[PairedChange, ...]
    overall: PairedChange


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The detector of one scope in one week: ln M and ln of what raises an alarm.

    `log_evidence` is None where the week says nothing (missing, or the first of its series).
    """

    scope: str
    monday: str
    log_evidence: float | None
    log_threshold: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """A loss that the detector found in week `monday`; it puts the change in week `since`.

    `loss` is the accuracy of the weeks from `since` on minus that of the weeks before in the same
    series, on the same queries, negative; `build` is the first build of `since`. `open` where the
    evidence or the loss still stands in the last week, `until` the last week in which it did.
    `lost_per_week` are the queries a week that are no longer answered rightly, at the given
    traffic. `regained` is the week in which the student got better again, shown by as much
    evidence as the loss.
    """

    scope: str
    monday: str
    since: str
    build: str
    loss: Measured
    log_evidence: float
    open: bool
    lost_per_week: Measured | None = None
    until: str | None = None
    regained: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryChange:
    """A query whose outcome changed for good, with the texts behind it."""

    direction: Literal["newly wrong", "newly right"]
    query: KeptQuery
    then: KeptAnswer
    now: KeptAnswer
    teacher: KeptAnswer | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FlakyQuery:
    """A query that changes its outcome again and again: `marks` holds one letter per week shown."""

    query_id: str
    stratum: str
    n_flips: int
    marks: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WeeklyStratum:
    """A stratum of the report; `weight` is its share of the traffic."""

    name: str
    kind: Kind
    tier: Tier
    weight: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Weekly:
    """Everything on the weekly page.

    `null` is the hypothesis that an alarm speaks against, in a sentence; `false_alarm_weeks` is
    how many weeks pass on average, at least, until the page alarms although nothing changed.
    `costs` says what the last week's figures mean per week of `traffic` queries, in sentences.
    `notes` are what a reader must know, in sentences. `teacher_reused` is the number of
    teacher's answers of the last run that an earlier run had already, None where not known.
    """

    student: str
    teacher: str
    suite: str
    created: str
    since: str
    weeks: tuple[Week, ...]
    strata: tuple[WeeklyStratum, ...]
    comparisons: tuple[Comparison, ...]
    evidence: tuple[Evidence, ...]
    alarms: tuple[Alarm, ...]
    changed: tuple[QueryChange, ...]
    flaky: tuple[FlakyQuery, ...]
    null: str
    false_alarm_weeks: float
    level: float
    traffic: float | None = None
    costs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    teacher_reused: int | None = None
    headline: str = ""
    n_changed: Mapping[str, int] = field(default_factory=dict)

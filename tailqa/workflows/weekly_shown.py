"""Weeks as they stand on the page: accuracies, costs, what changed, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tailqa import stats
from tailqa.core.estimate import Measured, TooFew
from tailqa.core.weekly import EVERYTHING, Week, WeekFigure, WeekStratum
from tailqa.workflows.weekly_calendar import CalendarWeek, monday_of
from tailqa.workflows.weekly_outcomes import Outcomes, right_by_unit, right_by_week

_NO_RUN = "no run"
_NO_RUN_YET = "no run yet"


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Outcomes with what `right_by_week` counts of each stratum, one for each row."""

    outcomes: Outcomes
    totals: Mapping[str, list[tuple[int, int, int]]]
    level: float


def shown_weeks(
    weeks: Sequence[CalendarWeek],
    outcomes: Outcomes,
    rows: Mapping[date, int],
    today: date,
    *,
    level: float,
) -> tuple[Week, ...]:
    """`rows` has the row of every week with a run, by its Monday."""
    counted = Counted(
        outcomes=outcomes,
        totals={name: right_by_week(outcomes, name) for name in outcomes.columns},
        level=level,
    )
    return tuple(_week(week, counted, rows.get(week.monday), today) for week in weeks)


def _week(week: CalendarWeek, counted: Counted, row: int | None, today: date) -> Week:
    run = week.run
    if run is None or row is None:
        missing = _NO_RUN_YET if week.monday == monday_of(today) else _NO_RUN
        if week.passed_over:
            last = week.passed_over[-1]
            missing = f"no run that counts: {last.run.name}, {last.reason}"
        return Week(monday=week.monday.isoformat(), series=week.series, missing=missing)
    return Week(
        monday=week.monday.isoformat(),
        series=week.series,
        run=run.run,
        name=run.name,
        date=run.date,
        build=run.build,
        verdict=run.verdict,
        n_runs=week.n_runs,
        n_asked=run.n_queries,
        cause=week.cause,
        changes=week.changes,
        strata=_strata(week, counted, row),
        figures=tuple(
            WeekFigure(
                scope=figure.scope, who=figure.who, figure=figure.figure, measured=figure.measured
            )
            for figure in run.figures
        ),
    )


def _strata(week: CalendarWeek, counted: Counted, row: int) -> tuple[WeekStratum, ...]:
    """All traffic, then the strata of the week's series."""
    margins = {stratum.name: stratum.margin for stratum in week.run.strata} if week.run else {}
    shares = counted.outcomes.shares(week.series)
    strata = []
    for name in shares:
        missing = counted.outcomes.missing.get((row, name))
        student, teacher = _accuracies(counted, row, {name: 1.0}, missing)
        strata.append(
            WeekStratum(
                name=name,
                n=student.n,
                student=student,
                teacher=teacher,
                margin=margins.get(name),
                missing=missing,
            )
        )
    lacking = [stratum.name for stratum in strata if stratum.missing is not None]
    whole = f"without {', '.join(lacking)} there is no whole" if lacking else None
    student, teacher = _accuracies(counted, row, shares, whole)
    return (
        WeekStratum(name=EVERYTHING, n=student.n, student=student, teacher=teacher, missing=whole),
        *strata,
    )


def _accuracies(
    counted: Counted, row: int, shares: Mapping[str, float], missing: str | None
) -> tuple[Measured, Measured]:
    """Of student and teacher, by the weights `shares`."""
    counts = [counted.totals[name][row] for name in shares]
    if missing is not None:
        reason = TooFew(reason=missing, n=sum(n for _, _, n in counts))
        return reason, reason
    if counted.outcomes.clusters is None:
        student, teacher = (_accuracy(counts, shares, side, counted.level) for side in (0, 1))
        return student, teacher
    units = [right_by_unit(counted.outcomes, row, name) for name in shares]
    student, teacher = (
        stats.clustered_share(
            [(of_unit[side].tolist(), of_unit[2].tolist()) for of_unit in units],
            list(shares.values()),
            level=counted.level,
        )
        for side in (0, 1)
    )
    return student, teacher


def _accuracy(
    counts: Sequence[tuple[int, int, int]], shares: Mapping[str, float], side: int, level: float
) -> Measured:
    right = [(count[side], count[2]) for count in counts]
    if len(right) == 1:
        return stats.accuracy(*right[0], level=level)
    return stats.pooled_accuracy(right, list(shares.values()), level=level)

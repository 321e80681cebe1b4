"""The history of one student on one suite → the weekly report."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tailqa.core.history import KeptRun
from tailqa.core.weekly import Alarm, Comparison, Weekly
from tailqa.report import weekly_page
from tailqa.workflows.weekly_alarms import detect
from tailqa.workflows.weekly_choice import WeeklyOptions, chosen_runs
from tailqa.workflows.weekly_costs import cost_sentences
from tailqa.workflows.weekly_headline import headline
from tailqa.workflows.weekly_notes import NULL, notes
from tailqa.workflows.weekly_outcomes import Outcomes, outcomes_of, strata_of
from tailqa.workflows.weekly_paired import compare_weeks
from tailqa.workflows.weekly_queries import (
    Changed,
    Earlier,
    changed_queries,
    earlier_week,
    flaky_columns,
    flaky_queries,
    n_reused,
)
from tailqa.workflows.weekly_shown import shown_weeks
from tailqa.workflows.weekly_span import Span, span_of

if TYPE_CHECKING:
    from tailqa.history import History

BASE = "base line"
LAST = "last week"


@dataclass(frozen=True, kw_only=True)
class WrittenWeekly:
    """A weekly report and where it was written."""

    weekly: Weekly
    paths: tuple[Path, ...]


def write_weekly(db: str, options: WeeklyOptions, out: Path | None = None) -> WrittenWeekly:
    """The report over the history at `db`, as weekly.html and weekly.md in the folder `out`.

    By default in outputs/weekly-<student>-<suite>, as of another day with that day behind it, so
    that it does not take the place of today's. Raises TailqaError as `run_weekly` does, and
    where the history cannot be read or the folder not be written.
    """
    from tailqa.history import open_history

    with open_history(db, create=False) as history:
        weekly = run_weekly(history, options)
    name = f"weekly-{_plain(weekly.student)}-{_plain(weekly.suite)}"
    folder = out or Path("outputs") / (f"{name}-{options.today}" if options.as_of else name)
    return WrittenWeekly(weekly=weekly, paths=tuple(weekly_page.write_weekly(weekly, folder)))


def run_weekly(history: "History", options: WeeklyOptions) -> Weekly:
    """What moved in the weeks that are asked for, since when, and what changed with it.

    Raises TailqaError for an empty history, a student or suite that it does not have or that is
    not the only one, days in the future, a base line without a run, and weeks without any run.
    """
    span = span_of(chosen_runs(history, options), options)
    outcomes = _outcomes(history, span, options)
    rows = {week.monday: row for row, week in enumerate(outcomes.weeks)}
    first = span.shown[0].monday
    # Within the last series; what is compared, counted and listed is one harness.
    series = [row for row, week in enumerate(outcomes.weeks) if week.series == span.now.series]
    flips = flaky_columns(outcomes, [row for row in series if outcomes.weeks[row].monday >= first])
    found = detect(
        outcomes,
        [row for row, week in enumerate(outcomes.weeks) if week.monday >= span.detected_from],
        false_alarm_weeks=options.false_alarm_weeks,
        level=options.level,
        traffic=options.traffic,
    )
    then = earlier_week(outcomes, series, found.alarms)
    changed = _changed(history, outcomes, series[-1], then, flips=flips, level=options.level)
    run = outcomes.run(series[-1])
    weekly = Weekly(
        student=run.student,
        teacher=run.teacher,
        suite=run.suite,
        created=options.today.isoformat(),
        since=first.isoformat(),
        weeks=shown_weeks(span.shown, outcomes, rows, options.today, level=options.level),
        strata=outcomes.strata[span.now.series],
        comparisons=_comparisons(outcomes, span, series, options),
        evidence=tuple(week for week in found.evidence if week.monday >= first.isoformat()),
        alarms=tuple(alarm for alarm in found.alarms if _concerns(alarm, first.isoformat())),
        changed=changed.queries,
        flaky=flaky_queries(outcomes, flips, [rows.get(week.monday) for week in span.shown]),
        null=NULL,
        false_alarm_weeks=options.false_alarm_weeks,
        level=options.level,
        traffic=options.traffic,
        teacher_reused=_reused(history, outcomes, series),
        n_changed={**changed.n, "flaky": len(flips)},
    )
    weekly = replace(weekly, costs=cost_sentences(weekly))
    weekly = replace(weekly, notes=notes(weekly, span, outcomes, then, options))
    return replace(weekly, headline=headline(weekly))


def _outcomes(history: "History", span: Span, options: WeeklyOptions) -> Outcomes:
    by_series: dict[int, list[KeptRun]] = {}
    for week in span.read:
        if week.run is not None:
            by_series.setdefault(week.series, []).append(week.run)
    return outcomes_of(
        span.read,
        {series: strata_of(runs) for series, runs in by_series.items()},
        history.marks([run.run for runs in by_series.values() for run in runs]),
        options.limits,
    )


def _comparisons(
    outcomes: Outcomes, span: Span, series: Sequence[int], options: WeeklyOptions
) -> tuple[Comparison, ...]:
    """With the week before and with the base line, as far as they are of the same series."""
    now = series[-1]
    against = [(LAST, row) for row in series[-2:-1]]
    against += [
        (BASE, row) for row in series[:-1] if outcomes.weeks[row].monday == span.base.monday
    ]
    return tuple(
        compare_weeks(outcomes, row, now, name, level=options.level, ignored=options.ignored)
        for name, row in against
    )


def _changed(
    history: "History",
    outcomes: Outcomes,
    now: int,
    then: Earlier | None,
    *,
    flips: Mapping[int, int],
    level: float,
) -> Changed:
    if then is None:
        return Changed(queries=(), n={})
    return changed_queries(
        history,
        outcomes,
        then.row,
        now,
        comparison=compare_weeks(outcomes, then.row, now, LAST, level=level),
        flaky=frozenset(flips),
    )


def _reused(history: "History", outcomes: Outcomes, series: Sequence[int]) -> int | None:
    """Of the last run, against the run before it that had the same teacher."""
    last = outcomes.run(series[-1])
    teacher = last.facets.get("teacher")
    earlier = [outcomes.run(row) for row in range(len(outcomes.weeks)) if row != series[-1]]
    same = [run for run in earlier if run.facets.get("teacher") == teacher]
    if not same:
        return None
    ids = list(dict.fromkeys(outcomes.query_ids))
    before, after = (history.answers(run.run, ids) for run in (same[-1], last))
    return n_reused(before, after)


def _concerns(alarm: Alarm, first: str) -> bool:
    """Whether it stands, or stood in the weeks shown."""
    return alarm.open or (alarm.until is not None and alarm.until >= first)


def _plain(name: str) -> str:
    """A name as part of a folder's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "unnamed"

"""What a weekly report says in sentences: state, alarms, breaks and what is missing."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from tailqa.core.estimate import TooFew
from tailqa.core.history import HARNESS
from tailqa.core.weekly import EVERYTHING, Cause, Comparison, Week, Weekly
from tailqa.report import format as shown
from tailqa.report.escape import one_line
from tailqa.report.weekly_scopes import counts, last_run

CAUSES: dict[Cause, str] = {
    "nothing": "nothing",
    "model": "new build",
    "harness": "break",
    "both": "both: cannot tell",
}
CAUSE_MEANS: dict[Cause, str] = {
    "nothing": "nothing that is kept of a run changed",
    "model": "the model changed and the harness did not: what moved is the model",
    "harness": "the harness changed and the model did not: a new series starts, and no difference "
    "across the break is put down to the model",
    "both": "model and harness changed together: a new series starts, and nobody can tell which "
    "of the two moved a figure",
}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::[\d.]+)?(Z|[+-]\d\d:\d\d|)")
_AGAINST = {"base line": "the base line"}
_WEEKS_A_YEAR = 52


def headline(weekly: Weekly) -> str:
    """The sentence on top; where the report brings none, how many alarms are open."""
    if weekly.headline:
        return one_line(weekly.headline, 600)
    return f"{one_line(weekly.student, 100)}: {state_words(weekly)}"


def state_words(weekly: Weekly) -> str:
    """How many alarms are open, and how many are over."""
    n_open = sum(alarm.open for alarm in weekly.alarms)
    n_over = len(weekly.alarms) - n_open
    now = f"{n_open} {_alarms(n_open)} open" if n_open else "no alarm open"
    past = f", {n_over} in the past" if n_over else ""
    last = last_run(weekly)
    return f"{now}{past}{'' if last is None or counts(last) else ', the last run does not count'}"


def state_class(weekly: Weekly) -> Literal["fail", "inconclusive", "pass"]:
    """How the state looks: a last run that does not count is no pass."""
    if any(alarm.open for alarm in weekly.alarms):
        return "fail"
    last = last_run(weekly)
    return "pass" if last is None or counts(last) else "inconclusive"


def rate_words(weekly: Weekly) -> str:
    """What false-alarm rate is stated, in weeks and in years."""
    weeks = weekly.false_alarm_weeks
    years = weeks / _WEEKS_A_YEAR
    long = f" ({years:.3g} years)" if years >= 1 else ""
    return (
        f"While nothing changes, this page as a whole alarms falsely at most once in "
        f"{weeks:,.4g} weeks{long} on average."
    )


def null_words(weekly: Weekly) -> str:
    """What an alarm speaks against."""
    return f"Null hypothesis: {one_line(weekly.null, 600)}"


def reused_words(weekly: Weekly) -> str:
    """How many of the teacher's answers an earlier run had too; empty where not known."""
    n = weekly.teacher_reused
    if n is None:
        return ""
    of = "of the teacher's answers of the last run are the same as in an earlier run."
    return f"{shown.count(n)} {of}"


def moment(date: str) -> str:
    """A date and time to the minute.

    >>> moment("2026-11-23T04:10:00.123+00:00"), moment("2026-11-23")
    ('2026-11-23 04:10 UTC', '2026-11-23')
    """
    found = _MOMENT.fullmatch(date)
    if found is None:
        return one_line(date, 40)
    zone = "UTC" if found[3] in {"Z", "+00:00"} else found[3]
    return f"{found[1]} {found[2]} {zone}".rstrip()


def unmeasured_words(weekly: Weekly, scopes: Iterable[str]) -> tuple[str, ...]:
    """Why strata have no change in a comparison: one sentence for all that share the reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    wanted = set(scopes)
    for comparison in weekly.comparisons:
        against = _AGAINST.get(comparison.against, one_line(comparison.against))
        for row in (*comparison.strata, comparison.overall):
            if row.scope in wanted and isinstance(row.change, TooFew):
                reason = one_line(row.change.reason)
                reasons.setdefault((against, reason), []).append(one_line(row.scope, 60))
    return tuple(
        f"Not compared with {against}: {_few(names)} ({reason})."
        for (against, reason), names in reasons.items()
    )


def week_words(week: Week) -> str:
    """Which week, and which build it had."""
    build = "" if week.build is None else f", build {one_line(week.build, 80)}"
    return f"week of {one_line(week.monday)}{build}"


def missing_words(week: Week) -> tuple[str, ...]:
    """Why a week, or some strata of it, do not count: one reason for all that share it."""
    if week.missing is not None:
        return (one_line(week.missing),)
    reasons: dict[str, list[str]] = {}
    strata = [item for item in week.strata if item.name != EVERYTHING]
    for item in strata or week.strata:
        if item.missing is not None:
            reasons.setdefault(one_line(item.missing), []).append(one_line(item.name, 60))
    return tuple(f"{_few(names)}: {reason}" for reason, names in reasons.items())


def comparison_title(comparison: Comparison) -> str:
    """What is compared with what."""
    return (
        f"Against {_AGAINST.get(comparison.against, one_line(comparison.against))}: "
        f"week of {one_line(comparison.then_monday)}, "
        f"build {one_line(comparison.then_build, 80)}"
    )


def unmoved_words(comparison: Comparison) -> str:
    """That no query of those paired changed its outcome; empty where one did or none is paired."""
    both, only_then, only_now, neither = comparison.overall.cells
    if only_then or only_now or not both + neither:
        return ""
    new = any(change.facet == "student" for change in comparison.changes)
    build = "another" if new else "the same"
    return f"{build} build, no answer changed (n = {shown.count(both + neither)})"


def changed_words(comparison: Comparison) -> str:
    """Whether a comparison is one of models, and what else differs between its two runs."""
    # What a pipeline makes of answers is no answer.
    changes = [change for change in comparison.changes if change.facet != "pipeline"]
    unmoved = unmoved_words(comparison)
    if unmoved:
        return f"{unmoved[0].upper()}{unmoved[1:]}."
    if not changes:
        nothing = "Nothing that is kept of a run differs between the two"
        if comparison.changes:
            nothing = "Nothing but the pipeline differs between the two, which moves no answer"
        return f"{nothing}: what moved is noise, or a change behind the endpoint."
    facets = ", ".join(dict.fromkeys(change.facet for change in changes))
    harness = any(change.facet in HARNESS for change in changes)
    model = any(change.facet not in HARNESS for change in changes)
    if not harness:
        return (
            f"Changed between the two: {facets}. The harness is the same: what moved is the model."
        )
    if not model:
        return (
            f"Changed between the two: {facets}. The model is the same: what moved is the harness."
        )
    return f"Changed between the two: {facets}. Nobody can tell which of them moved a figure."


def breaks_of(weeks: Iterable[Week]) -> tuple[Week, ...]:
    """The weeks with which a new series starts, but for the first of all."""
    found, last = [], None
    for week in weeks:
        if week.run is None:
            continue
        if last is not None and week.series != last.series:
            found.append(week)
        last = week
    return tuple(found)


def n_changed(weekly: Weekly) -> Counter[str]:
    """How many queries are newly wrong, newly right and flaky, more than are shown perhaps."""
    shown_here = Counter(str(item.direction) for item in weekly.changed)
    shown_here[FLAKY] = len(weekly.flaky)
    keys = (*DIRECTIONS, FLAKY)
    return Counter({key: max(shown_here[key], weekly.n_changed.get(key, 0)) for key in keys})


DIRECTIONS = ("newly wrong", "newly right")
FLAKY = "flaky"


def _alarms(n: int) -> str:
    return "alarm" if n == 1 else "alarms"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} strata"

"""What a weekly report says in sentences: state, alarms, breaks and what is missing."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tailqa.core.estimate import Estimate
from tailqa.core.history import HARNESS
from tailqa.core.weekly import EVERYTHING, Alarm, Cause, Change, Comparison, Week, Weekly
from tailqa.report import format as shown
from tailqa.report.escape import one_line

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
_TEXT = 160
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
    return f"{now}, {n_over} in the past" if n_over else now


def rate_words(weekly: Weekly) -> str:
    """What false-alarm rate is stated, in weeks and in years."""
    weeks = weekly.false_alarm_weeks
    years = weeks / _WEEKS_A_YEAR
    long = f" ({years:.3g} years)" if years >= 1 else ""
    return (
        f"While nothing changes, this page as a whole alarms falsely at most once in "
        f"{weeks:,.4g} weeks{long} on average."
    )


def reused_words(weekly: Weekly) -> str:
    """How many of the teacher's answers came from the store; empty where not known."""
    n = weekly.teacher_reused
    if n is None:
        return ""
    return f"{shown.count(n)} of the teacher's answers of the last run came from an earlier run."


def alarm_words(alarm: Alarm) -> str:
    """What an alarm says, without its scope."""
    loss = alarm.loss
    since = f"since {one_line(alarm.since)}"
    moved = f"{shown.figure(loss, shown.POINTS)} {since}"
    if not isinstance(loss, Estimate):
        moved = f"a loss {since}, its size {shown.figure(loss, shown.POINTS)}"
    state = "open" if alarm.open else "no longer open"
    said = (
        f"{one_line(moved)}, first seen in build {one_line(alarm.build, 100)}; alarm in the week "
        f"of {one_line(alarm.monday)}, {state}."
    )
    return f"{said} {lost_words(alarm)}".strip()


def lost_words(alarm: Alarm) -> str:
    """How many queries a week are lost, where the traffic is given."""
    lost = alarm.lost_per_week
    if not isinstance(lost, Estimate):
        return ""
    return (
        f"That is {shown.bracketed(lost, shown.Unit(symbol=''))} queries a week no longer "
        "answered rightly."
    )


def scope_words(scope: str) -> str:
    """A scope at the begin of a sentence."""
    return "All traffic" if scope == EVERYTHING else one_line(scope, 100)


def change_words(change: Change) -> str:
    """One facet, before and after.

    >>> change_words(Change(facet="engine", before="torch 2.8", after="torch 2.9"))
    'engine: torch 2.8 → torch 2.9'
    """
    before, after = (one_line(text, _TEXT) or "none" for text in (change.before, change.after))
    return f"{change.facet}: {before} → {after}"


def break_word(week: Week) -> str:
    """What broke a series, in a word or two for a chart.

    >>> engine = Change(facet="engine", before="a", after="b")
    >>> break_word(Week(monday="2026-11-02", series=1, cause="both", changes=(engine,)))
    'engine + build'
    """
    facets = [change.facet for change in week.changes if change.facet in HARNESS]
    first = facets[0] if facets else "harness"
    more = f" +{len(facets) - 1}" if len(facets) > 1 else ""
    return f"{first}{more}{' + build' if week.cause == 'both' else ''}"


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
        f"Against {one_line(comparison.against)}: week of {one_line(comparison.then_monday)}, "
        f"build {one_line(comparison.then_build, 80)}"
    )


def changed_words(changes: Sequence[Change]) -> str:
    """Whether a comparison is one of models, and what else differs between its two runs."""
    if not changes:
        return "Nothing that is kept of a run differs between the two."
    facets = ", ".join(dict.fromkeys(change.facet for change in changes))
    harness = any(change.facet in HARNESS for change in changes)
    model = any(change.facet not in HARNESS for change in changes)
    meaning = (
        CAUSE_MEANS["both"] if harness and model else CAUSE_MEANS["harness" if harness else "model"]
    )
    return f"Between the two differ: {facets}; {meaning}."


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
    """How many queries are newly wrong and newly right, more than are shown perhaps."""
    shown_here = Counter(str(item.direction) for item in weekly.changed)
    return Counter({key: max(shown_here[key], weekly.n_changed.get(key, 0)) for key in DIRECTIONS})


DIRECTIONS = ("newly wrong", "newly right")


def _alarms(n: int) -> str:
    return "alarm" if n == 1 else "alarms"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} strata"

"""What changed between the runs of two weeks, in words: what differs, and the suite by name."""

import re
from collections.abc import Sequence

from tailqa.core.history import HARNESS
from tailqa.core.weekly import Change, Week
from tailqa.report.escape import one_line

_TEXT = 160
_PARTS = 6
_PART = re.compile(r"([A-Za-z_][\w.-]*) (.+)", re.DOTALL)


def differing(change: Change) -> tuple[tuple[str, str, str], ...]:
    """(name, before, after) of each part of a facet that differs, as in lists of versions.

    The name is empty, and the texts are whole, where they are no lists of names and values.

    >>> before, after = "numpy 2.5, torch 2.13.0", "numpy 2.5, torch 2.14.0, einops 1"
    >>> differing(Change(facet="versions", before=before, after=after))
    (('torch', '2.13.0', '2.14.0'), ('einops', 'none', '1'))
    """
    before, after = _named(change.before), _named(change.after)
    parts = tuple(
        (name, before.get(name, "none"), after.get(name, "none"))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    )
    if before and after and parts:
        return parts
    return (("", change.before or "none", change.after or "none"),)


def change_words(change: Change) -> str:
    """One facet, before and after.

    >>> change_words(Change(facet="engine", before="torch 2.8", after="torch 2.9"))
    'engine: torch 2.8 → 2.9'
    """
    if change.facet == "data":
        return f"suite: {suite_words(change)}"
    return f"{change.facet}: {_moved(differing(change))}"


def suite_words(change: Change) -> str:
    """The version of the suite before and after; its digest where only that differs.

    >>> before, after = "version 1, digest 0a", "version 2, digest 0b"
    >>> suite_words(Change(facet="data", before=before, after=after))
    'version 1 → 2'
    """
    parts = differing(change)
    return _moved([part for part in parts if part[0] == "version"] or parts)


def suite_and_harness(changes: Sequence[Change]) -> tuple[Change | None, list[Change]]:
    """The change of the suite, if any, and those of the rest of the harness; no ignored ones."""
    found = [change for change in changes if change.facet in HARNESS and not change.ignored]
    suite = next((change for change in found if change.facet == "data"), None)
    return suite, [change for change in found if change is not suite]


def harness_words(changes: Sequence[Change]) -> str:
    """Which parts of the harness changed, but for ignored ones; the suite with its versions.

    >>> data = Change(facet="data", before="version 1", after="version 2")
    >>> harness_words([Change(facet="dtype", before="a", after="b"), data])
    'suite (version 1 → 2) and harness (dtype)'
    """
    suite, harness = suite_and_harness(changes)
    facets = ", ".join(change.facet for change in harness)
    said = [f"harness ({facets})" if facets else "harness"]
    if suite is None:
        return said[0]
    return " and ".join([f"suite ({suite_words(suite)})", *(said if facets else [])])


def break_word(week: Week) -> str:
    """What broke a series, in a word or two for a chart.

    >>> engine = Change(facet="engine", before="a", after="b")
    >>> break_word(Week(monday="2026-11-02", series=1, cause="both", changes=(engine,)))
    'engine + build'
    """
    suite, harness = suite_and_harness(week.changes)
    facets = [*(["suite"] if suite else []), *(change.facet for change in harness)]
    facets = facets or [change.facet for change in week.changes if change.facet == "pipeline"]
    first = facets[0] if facets else "harness"
    if week.cause == "both":
        return f"{first} + build"
    return f"{first} +{len(facets) - 1}" if len(facets) > 1 else first


def pipelines_of(weeks: Sequence[Week]) -> dict[str, str]:
    """The pipeline of each week by its Monday, as far as it ever changed; otherwise empty.

    >>> change = Change(facet="pipeline", before="chat", after="rag")
    >>> days = ("2026-11-02", "2026-11-09")
    >>> weeks = [Week(monday=day, series=0, run=day) for day in days]
    >>> pipelines_of([weeks[0], Week(monday=days[1], series=0, changes=(change,))])
    {'2026-11-09': 'rag', '2026-11-02': 'chat'}
    """
    moved = {
        week.monday: change
        for week in weeks
        for change in week.changes
        if change.facet == "pipeline"
    }
    now = next((moved[day].after for day in sorted(moved, reverse=True)), "")
    found = {}
    for week in reversed(weeks):
        found[week.monday] = now
        now = moved[week.monday].before if week.monday in moved else now
    return found


def break_words(week: Week) -> str:
    """A break as a sentence: when, and what changed."""
    changes = [change for change in week.changes if not change.ignored]
    when = f"week of {one_line(week.monday)}"
    suite, harness = suite_and_harness(changes)
    if week.cause == "both":
        lead = "Model and harness changed together, so nobody can tell which of them moved a figure"
    elif suite is None:
        lead = "Break: the harness changed"
    else:
        changes.remove(suite)
        also = ", and the harness" if harness else ""
        lead = f"Break: the suite changed: {suite_words(suite)}{also}"
        if not changes:
            return f"{lead}, {when}."
    said = "; ".join(map(change_words, changes)) or "not known in what"
    return f"{lead}, {when}: {said}."


def _named(text: str) -> dict[str, str]:
    """`text` as names and values; empty where it is no such list."""
    found = [match for part in text.split(", ") if (match := _PART.fullmatch(part))]
    named = {match[1]: match[2] for match in found}
    return named if len(named) == text.count(", ") + 1 else {}


def _moved(parts: Sequence[tuple[str, str, str]]) -> str:
    said = [
        f"{one_line(name, _TEXT)} {one_line(before, _TEXT)} → {one_line(after, _TEXT)}".strip()
        for name, before, after in parts[:_PARTS]
    ]
    more = f" and {len(parts) - _PARTS} more" if len(parts) > _PARTS else ""
    return ", ".join(said) + more

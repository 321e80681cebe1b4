"""The weekly report as Markdown, short enough for a chat or a mail.

Nothing that a person or a model wrote becomes markup, a link or a mention; no answer is in it.
"""

from collections.abc import Iterator

from tailqa.core.estimate import Estimate
from tailqa.core.weekly import Comparison, Weekly
from tailqa.report import format as shown
from tailqa.report.escape import one_line
from tailqa.report.gate_markdown import bullet, escaped, fitting_lines
from tailqa.report.weekly_alarms import alarm_words, scope_words
from tailqa.report.weekly_changes import break_words
from tailqa.report.weekly_scopes import (
    Scope,
    alarms_first,
    change_of,
    last_run,
    last_run_words,
    scopes_of,
)
from tailqa.report.weekly_words import (
    breaks_of,
    headline,
    missing_words,
    n_changed,
    null_words,
    rate_words,
    reused_words,
    state_words,
    unmeasured_words,
)

ALARMS_BYTES, ROWS_BYTES, BREAKS_BYTES, NOTES_BYTES = 12_000, 24_000, 8_000, 8_000
"""What each part may take: together less than a comment on GitHub holds (65,536 characters)."""

_MOST_BREAKS = 5


def render_weekly_markdown(weekly: Weekly) -> str:
    """The headline as a heading, the state, alarms, a table of strata, breaks and notes.

    At most 65,536 bytes: lines that find no room are counted.
    """
    lines = [f"## {_cell(headline(weekly), 600)}", "", _subject(weekly), ""]
    lines += _list([_alarm_line(weekly, i) for i in range(len(weekly.alarms))], ALARMS_BYTES)
    lines += [*_table(weekly), ""]
    lines += _list([bullet(line) for line in weekly.costs], NOTES_BYTES // 2)
    lines += _breaks(weekly)
    notes = [bullet(note) for note in weekly.notes]
    if notes:
        lines += ["Before you believe it:", "", *_list(notes, NOTES_BYTES)]
    lines += [escaped(one_line(part, 600)) for part in _last_words(weekly) if part]
    return "\n".join(lines).rstrip() + "\n"


def _subject(weekly: Weekly) -> str:
    student, teacher, suite = (
        _cell(text, 100) for text in (weekly.student, weekly.teacher, weekly.suite)
    )
    said = f"**{state_words(weekly).capitalize()}.** Student {student}, teacher {teacher}, {suite}"
    last = last_run(weekly)
    if last is None:
        return f"{said}; {last_run_words(weekly)}."
    build = f", build {_cell(last.build, 80)}" if last.build else ""
    verdict = f", verdict **{last.verdict}**" if last.verdict else ""
    return f"{said}; {_cell(last_run_words(weekly))}{build}{verdict}."


def _alarm_line(weekly: Weekly, place: int) -> str:
    alarm = alarms_first(weekly)[place]
    said = bullet(f"{scope_words(alarm.scope)}: {alarm_words(alarm, weekly.weeks)}")
    return f"- **open:** {said.removeprefix('- ')}" if alarm.open else said


def _table(weekly: Weekly) -> list[str]:
    against = weekly.comparisons
    titles = [f"now − {_cell(item.against, 40)}, points" for item in against]
    head = ["stratum", "n", "student, %", "teacher, %", *titles, "alarm"]
    rule = ["---", *["--:"] * (len(head) - 2), "---"]
    rows = [_row(scope, against) for scope in scopes_of(weekly)]
    rest = "| and {n} more " + "| " * (len(head) - 1) + "|"
    return [_line(head), f"|{'|'.join(rule)}|", *fitting_lines(rows, ROWS_BYTES, rest)]


def _row(scope: Scope, against: tuple[Comparison, ...]) -> str:
    cells = [_cell(scope.name, 100) + (f" ({_cell(scope.older)})" if scope.older else "")]
    if scope.latest is None:
        cells += [shown.NONE] * 3
    else:
        _, item = scope.latest
        cells += [shown.count(item.n)]
        sides = (item.student, item.teacher)
        cells += [escaped(shown.bracketed(side, shown.PERCENT)) for side in sides]
    for comparison in against:
        found = change_of(comparison, scope.name)
        moved = None if found is None else found.change
        numbers = shown.NONE if moved is None else escaped(shown.bracketed(moved, shown.POINTS))
        sure = isinstance(moved, Estimate) and (moved.high < 0 or moved.low > 0)
        cells.append(f"**{numbers}**" if sure else numbers)
    state = ["**open**" if alarm.open else "past" for alarm in scope.alarms[:1]]
    return _line([*cells, *(state or [""])])


def _breaks(weekly: Weekly) -> list[str]:
    found = breaks_of(weekly.weeks)[::-1]
    if not found:
        return []
    said = [bullet(break_words(week)) for week in found[:_MOST_BREAKS]]
    if len(found) > _MOST_BREAKS:
        said.append(f"- and {len(found) - _MOST_BREAKS} earlier")
    return [
        "Breaks, where the harness changed and a new series starts:",
        "",
        *_list(said, BREAKS_BYTES),
    ]


def _last_words(weekly: Weekly) -> Iterator[str]:
    changed = n_changed(weekly)
    if changed.total():
        yield (
            f"Queries newly wrong: {shown.count(changed['newly wrong'])}, newly right: "
            f"{shown.count(changed['newly right'])}, flaky: {shown.count(changed['flaky'])}."
        )
    last = weekly.weeks[-1] if weekly.weeks else None
    for reason in missing_words(last) if last else ():
        yield f"Missing this week: {reason}."
    yield from unmeasured_words(weekly, [scope.name for scope in scopes_of(weekly)])
    yield reused_words(weekly)
    yield rate_words(weekly)
    yield null_words(weekly)


def _list(items: list[str], most: int) -> list[str]:
    return [*fitting_lines(items, most, "- and {n} more"), ""] if items else []


def _cell(text: str, limit: int = 100) -> str:
    return escaped(one_line(text, limit)).strip()


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"

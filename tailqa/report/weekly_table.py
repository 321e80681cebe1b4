"""A weekly report on a terminal: the headline, one row per stratum, breaks and notes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.estimate import Estimate
from tailqa.core.weekly import Week, Weekly
from tailqa.report import format as shown
from tailqa.report.cells import FULL, NARROW, figure_text, fitting, gap_text, make_table, text
from tailqa.report.console import as_ascii, draw
from tailqa.report.escape import one_line
from tailqa.report.weekly_alarms import alarm_words, scope_words
from tailqa.report.weekly_changes import break_words
from tailqa.report.weekly_chart import accuracy_range, span
from tailqa.report.weekly_scopes import (
    Scope,
    alarms_first,
    change_of,
    in_week,
    last_run,
    last_run_words,
    scopes_of,
)
from tailqa.report.weekly_words import (
    breaks_of,
    headline,
    missing_words,
    null_words,
    rate_words,
    reused_words,
    state_class,
    state_words,
    unmeasured_words,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_BARS = "▁▂▃▄▅▆▇█"
_WEEKS = 13
_MOST_BREAKS = 4
_WORDS_WIDTH = 100
_STYLES = {"fail": "bold red", "inconclusive": "bold yellow", "pass": "bold green"}


def render_weekly(weekly: Weekly, *, width: int | None = None, terminal: bool | None = None) -> str:
    """The report as text of at most `width` columns, as `render_gate` does it.

    On a terminal each stratum has a line of bars, the student's accuracy in the last 13 weeks.
    """
    return draw(
        lambda console, ascii_only: _Terminal(weekly, ascii_only).parts(console),
        width=width,
        terminal=terminal,
    )


@dataclass(frozen=True)
class _Terminal:
    weekly: Weekly
    ascii_only: bool

    def parts(self, console: "Console") -> "Iterator[RenderableType]":
        from rich.constrain import Constrain

        yield Constrain(text(self._clean(headline(self.weekly), 600), "bold"), _WORDS_WIDTH)
        yield Constrain(self._state(), _WORDS_WIDTH)
        yield ""
        yield fitting(console, self._table)
        yield ""
        for words in self._words():
            yield Constrain(words, _WORDS_WIDTH)

    def _state(self) -> "Text":
        weekly = self.weekly
        said = text("").append(state_words(weekly).upper(), _STYLES[state_class(weekly)])
        said.append(
            f"  student {self._clean(weekly.student)}, teacher {self._clean(weekly.teacher)}, "
            f"suite {self._clean(weekly.suite)}"
        )
        last = last_run(weekly)
        if last is not None:
            build = f", build {self._clean(last.build)}" if last.build else ""
            said.append(f"; {self._clean(last_run_words(weekly))}{build}")
        return said

    def _table(self, detail: int) -> "Table":
        table = make_table(detail)
        table.add_column("stratum", overflow="fold", min_width=12)
        if not self.ascii_only:
            table.add_column(f"last {_WEEKS}\nweeks", no_wrap=True)
        table.add_column("n", justify="right", no_wrap=True)
        for title in ("student\n%", "teacher\n%"):
            table.add_column(title, justify="right", no_wrap=True)
        for comparison in self.weekly.comparisons:
            title = self._clean(f"now {shown.MINUS} {comparison.against}", 24)
            table.add_column(f"{title}\npoints", justify="right", no_wrap=True)
        table.add_column("alarm", no_wrap=True)
        for scope in scopes_of(self.weekly):
            table.add_row(*self._row(scope, detail))
        return table

    def _row(self, scope: Scope, detail: int) -> "Iterator[Text]":
        name = text(self._clean(scope.name))
        yield name.append(f"\n{self._clean(scope.older)}", "yellow") if scope.older else name
        if not self.ascii_only:
            yield text(bars(self.weekly, scope.name), "blue")
        item = scope.latest[1] if scope.latest else None
        yield text(shown.NONE if item is None else shown.count(item.n))
        for side in (item.student, item.teacher) if item else (None, None):
            if detail == FULL:
                yield figure_text(side, shown.PERCENT)
            else:
                yield text(shown.NONE if side is None else shown.value(side, shown.PERCENT))
        for comparison in self.weekly.comparisons:
            found = change_of(comparison, scope.name)
            change = None if found is None else found.change
            if isinstance(change, Estimate):
                yield gap_text(change, stacked=detail == NARROW)
            else:
                yield text(shown.NONE, "dim")
        state = "" if not scope.alarms else "open" if scope.alarms[0].open else "past"
        yield text(state, "bold red" if state == "open" else "dim")

    def _words(self) -> "Iterator[RenderableType]":
        weekly = self.weekly
        for alarm in alarms_first(weekly):
            said = f"{scope_words(alarm.scope)}: {alarm_words(alarm, weekly.weeks)}"
            yield self._point(said, "" if alarm.open else "dim")
        for said in weekly.costs:
            yield self._point(said)
        breaks = breaks_of(weekly.weeks)[::-1]
        for week in breaks[:_MOST_BREAKS]:
            yield self._point(break_words(week), "yellow" if week.cause == "both" else "")
        if len(breaks) > _MOST_BREAKS:
            yield self._point(f"{len(breaks) - _MOST_BREAKS} earlier breaks.")
        for reason in missing_words(weekly.weeks[-1]) if weekly.weeks else ():
            yield self._point(f"Missing this week: {reason}.", "yellow")
        for said in unmeasured_words(weekly, [scope.name for scope in scopes_of(weekly)]):
            yield self._point(said, "dim")
        for note in weekly.notes:
            yield self._point(note)
        yield ""
        closing = (reused_words(weekly), rate_words(weekly), null_words(weekly))
        for said in closing:
            if said:
                yield text(self._clean(said, 600), "dim")

    def _point(self, said: str, style: str = "") -> "RenderableType":
        from rich.padding import Padding

        return Padding(text(self._plain(f"• {one_line(said, 600)}"), style), (0, 0, 0, 2))

    def _clean(self, words: str, limit: int = 100) -> str:
        return self._plain(one_line(words, limit))

    def _plain(self, words: str) -> str:
        return as_ascii(words) if self.ascii_only else words


def bars(weekly: Weekly, scope: str) -> str:
    """The student's accuracy in the last weeks as bars; ╎ before a break, · where it is missing."""
    low, high = accuracy_range(weekly.weeks)
    drawn, last = [], None
    for week in weekly.weeks[-_WEEKS:]:
        if week.run is not None:
            drawn.append("╎" if last is not None and week.series != last.series else "")
            last = week
        drawn.append(_bar(week, scope, low, high))
    return "".join(drawn)


def _bar(week: Week, scope: str, low: float, high: float) -> str:
    item = in_week(week, scope)
    known = None
    if week.missing is None and item is not None and item.missing is None:
        known = span(item.student)
    if known is None:
        return "·"
    share = min(1.0, max(0.0, (known[0] - low) / (high - low)))
    return _BARS[min(len(_BARS) - 1, int(share * len(_BARS)))]

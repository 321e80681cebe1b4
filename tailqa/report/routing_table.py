"""A routing on a terminal: ways of answering, the frontier, and the strata in their order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.routing import Routing
from tailqa.core.words import count_of
from tailqa.report import format as shown
from tailqa.report import routing_words as words
from tailqa.report.cells import (
    FULL,
    NARROW,
    PLAIN,
    figure_text,
    fitting,
    make_table,
    text,
    two_lines,
)
from tailqa.report.console import as_ascii, draw
from tailqa.report.escape import one_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_STYLE = {"teacher": "bold", "student": ""}
_CHOSEN = "bold"


def render_routing(
    routing: Routing, *, width: int | None = None, terminal: bool | None = None
) -> str:
    """The routing as text of at most `width` columns, as `render_terminal` does it."""
    return draw(
        lambda console, ascii_only: _Terminal(routing=routing, ascii_only=ascii_only).parts(
            console
        ),
        width=width,
        terminal=terminal,
    )


@dataclass(frozen=True, kw_only=True)
class _Terminal:
    routing: Routing
    ascii_only: bool

    def parts(self, console: "Console") -> "Iterator[RenderableType]":
        routing = self.routing
        yield self._heading()
        yield text(f"Aim: {self._plain(words.aim_words(routing))}.")
        yield ""
        yield fitting(console, self._ways)
        yield ""
        for choice in routing.choices:
            name = words.BY_NAMES[choice.by].capitalize()
            yield text(f"{name}. {self._clean(words.rule_words(choice))}")
            yield text(self._plain(words.expected_words(routing, choice)))
        yield ""
        yield fitting(console, self._strata)
        yield ""
        yield from (text(self._plain(line)) for line in words.frontier_words(routing))
        yield text(self._plain(words.basis_words(routing)), "dim")
        if routing.confidence:
            yield text(self._plain(f"Confidence: {routing.confidence}."), "dim")
        else:
            yield text(f"No route by confidence: {routing.without_confidence}.", "dim")
        for line in words.unknown_figures(routing):
            yield text(f"Not told: {line}.", "dim")
        yield from (text(f"Note: {self._clean(note)}", "dim") for note in routing.notes)

    def _plain(self, sentence: str) -> str:
        return as_ascii(sentence) if self.ascii_only else sentence

    def _clean(self, written: str) -> str:
        return self._plain(one_line(written, 2000))

    def _heading(self) -> "Text":
        from rich.text import Text

        routing = self.routing
        return Text.assemble(
            "What should go from ",
            (self._clean(routing.student), "bold"),
            " to its teacher ",
            (self._clean(routing.teacher), "bold"),
            f"? {self._clean(routing.suite)}, {count_of(routing.n, 'query', 'queries')}",
        )

    def _ways(self, detail: int) -> "Table":
        """A row per way of answering, or where these do not fit the ways side by side."""
        table = make_table(detail)
        known, ways = words.known_figures(self.routing), words.way_rows(self.routing)
        if detail == FULL:
            table.add_column("answered", no_wrap=True)
            for _, heading, _ in known:
                table.add_column(heading, justify="right", no_wrap=True)
            for name, figures in ways:
                cells = (words.cell(getattr(figures, key), unit) for key, _, unit in known)
                style = _CHOSEN if words.is_chosen(name) else ""
                table.add_row(text(name, style), *(text(cell, style) for cell in cells))
            return table
        between = " " if detail == PLAIN else "\n"
        table.add_column("answered", overflow="fold")
        for name, _ in ways:
            title = text(two_lines(name), _CHOSEN if words.is_chosen(name) else "")
            table.add_column(title, justify="right", no_wrap=detail == PLAIN, overflow="fold")
        for key, heading, unit in known:
            cells = (words.cell(getattr(figures, key), unit, between) for _, figures in ways)
            table.add_row(text(heading.replace("\n", " ")), *map(text, cells))
        return table

    def _strata(self, detail: int) -> "Table":
        routing, stacked = self.routing, detail != FULL
        table = make_table(detail)
        table.add_column("stratum, in the\norder of routing", overflow="fold", min_width=12)
        for name in (
            "traffic,\n%",
            "n",
            "student,\n%",
            "teacher,\n%",
            "teacher - student,\npoints",
        ):
            table.add_column(name, justify="right", no_wrap=detail != NARROW, overflow="fold")
        table.add_column("goes to", no_wrap=True)
        for stratum in routing.strata:
            table.add_row(
                text(self._clean(stratum.name)),
                text(shown.PERCENT.number(stratum.weight)),
                text(f"{stratum.n:,}"),
                figure_text(stratum.student_accuracy, shown.PERCENT, stacked=stacked),
                figure_text(stratum.teacher_accuracy, shown.PERCENT, stacked=stacked),
                figure_text(stratum.benefit, shown.POINTS, stacked=stacked),
                text(stratum.model, _STYLE[stratum.model]),
            )
        return table

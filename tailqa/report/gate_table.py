"""A verdict on a terminal: one row per requirement, the reasons in words, the outcome."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.estimate import Estimate
from tailqa.core.report import Report, Requirement, Verdict
from tailqa.report import format as shown
from tailqa.report.cells import NARROW, fitting, make_table, text
from tailqa.report.console import as_ascii, draw
from tailqa.report.escape import one_line
from tailqa.report.gate_rows import (
    MEANING,
    OUTCOME_STYLE,
    TIERS,
    advisory_reasons,
    blocking_first,
    level_words,
    limit_words,
    n_words,
    name_words,
    policy_words,
    settling_words,
    tally,
    unit_of,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_WORDS_WIDTH = 100


def render_gate(
    report: Report,
    verdict: Verdict,
    *,
    width: int | None = None,
    terminal: bool | None = None,
) -> str:
    """The verdict as text of at most `width` columns (from 80 on it looks as intended).

    What blocks comes first, the outcome with its meaning last. For a `terminal` it has colours,
    unless the environment variable NO_COLOR is set, and lines; else it is plain ASCII, where other
    characters of a name become backslash escapes. By default both are what standard output is;
    without a terminal the width is 100.
    """
    return draw(
        lambda console, ascii_only: _Terminal(
            report=report, verdict=verdict, ascii_only=ascii_only
        ).parts(console),
        width=width,
        terminal=terminal,
    )


@dataclass(frozen=True, kw_only=True)
class _Terminal:
    report: Report
    verdict: Verdict
    ascii_only: bool

    def parts(self, console: "Console") -> "Iterator[RenderableType]":
        from rich.constrain import Constrain

        yield self._heading()
        yield ""
        yield fitting(console, self._table)
        yield ""
        for words in self._words():
            yield Constrain(words, _WORDS_WIDTH)

    def _heading(self) -> "Text":
        suite = self.report.suite
        return (
            text("")
            .append(self._clean(self.report.student.name), "bold")
            .append(" against its teacher ")
            .append(self._clean(self.report.teacher.name), "bold")
            .append(f" on {self._clean(suite.name)} {self._clean(suite.version)}")
        )

    def _table(self, detail: int) -> "Table":
        table = make_table(detail)
        level = level_words(self.verdict.requirements)
        table.add_column("requirement", overflow="fold", min_width=12)
        table.add_column(
            f"measured\n[{level}]" if level else "measured\n", justify="right", no_wrap=True
        )
        for title in ("n", "limit"):
            table.add_column(title, justify="right", no_wrap=True)
        table.add_column("outcome", no_wrap=True)
        table.add_column("queries to\nsettle it", justify="right", no_wrap=True)
        rules = blocking_first(self.verdict.requirements)
        for tier in TIERS:
            rows = [rule for rule in rules if rule.tier == tier]
            if rows:
                table.add_row(text(tier, "bold dim"))
            for rule in rows:
                table.add_row(*self._row(rule, detail))
        return table

    def _row(self, rule: Requirement, detail: int) -> "list[Text]":
        style = OUTCOME_STYLE[rule.outcome]
        return [
            text(" " + self._plain(name_words(rule))),
            _measured(rule, detail),
            text(n_words(rule)),
            text(limit_words(rule)),
            text(rule.outcome, f"bold {style}" if rule.tier == "critical" else style),
            text(settling_words(rule)),
        ]

    def _words(self) -> "Iterator[RenderableType]":
        from rich.padding import Padding

        reasons = [(reason, "") for reason in self.verdict.reasons]
        reasons += [(reason, "dim") for reason in advisory_reasons(self.verdict)]
        for reason, style in reasons:
            yield Padding(text(f"• {self._clean(reason)}", style), (0, 0, 0, 2))
        if reasons:
            yield ""
        outcome = self.verdict.outcome
        yield (
            text("")
            .append(outcome.upper(), f"bold {OUTCOME_STYLE[outcome]}")
            .append(f"  {MEANING[outcome]}")
        )
        yield text(f"{tally(self.verdict)}\n{self._plain(policy_words(self.verdict))}", "dim")

    def _clean(self, words: str) -> str:
        return self._plain(one_line(words))

    def _plain(self, words: str) -> str:
        return as_ascii(words) if self.ascii_only else words


def _measured(rule: Requirement, detail: int) -> "Text":
    gap = rule.estimate
    if not isinstance(gap, Estimate):
        return text(shown.NONE, "dim")
    unit = unit_of(rule)
    between = "\n" if detail == NARROW else " "
    return text(shown.value(gap, unit)).append(between + shown.interval(gap, unit), "dim")

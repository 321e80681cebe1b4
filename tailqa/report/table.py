"""The comparison on a terminal: one table of quality, one of speed and cost, words, verdict."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.report import Report, StratumResult
from tailqa.report import format as shown
from tailqa.report.escape import one_line
from tailqa.report.reading import cost_of, latency_of, reading, requirement_of, worst_first
from tailqa.report.sentences import three_sentences

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_STYLE = {"worse": "red", "better": "green", "unclear": "", "unmeasured": "dim"}
_OUTCOME = {"pass": "bold green", "fail": "bold red", "inconclusive": "bold yellow"}
_MEANING = {
    "pass": "the student can replace the teacher",
    "fail": "the student cannot replace the teacher",
    "inconclusive": "the data do not decide",
}
_ASCII = str.maketrans(
    {"−": "-", "–": "-", "─": "-", "…": "...", "•": "*", "⏎": " ", "⟨": "<", "⟩": ">"}
)
_SIDES: tuple[Side, Side] = ("teacher", "student")
_FULL, _PLAIN, _NARROW = 2, 1, 0
_WORDS_WIDTH = 100


def render_terminal(
    report: Report, *, width: int | None = None, terminal: bool | None = None
) -> str:
    """The report as text of at most `width` columns (from 80 on it looks as intended).

    For a `terminal` it has colours, unless the environment variable NO_COLOR is set, and lines;
    else it is plain ASCII, where other characters of a name become backslash escapes. By default
    both are what standard output is; without a terminal the width is 100.
    """
    from rich.console import Console

    terminal = sys.stdout.isatty() if terminal is None else terminal
    width = width or (shutil.get_terminal_size().columns if terminal else 100)

    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=terminal,
        color_system="auto" if terminal else None,
        legacy_windows=False,
        emoji=False,
        markup=False,
        highlight=False,
    )
    with console.capture() as capture:
        built = _Terminal(report=report, ascii_only=not terminal)
        for table in built.tables(console):
            console.print(table)
            console.print()
        for words in built.words():
            console.print(words, width=min(width, _WORDS_WIDTH))
    text = "\n".join(line.rstrip() for line in capture.get().splitlines())
    return text if terminal else text.translate(_ASCII)


@dataclass(frozen=True, kw_only=True)
class _Terminal:
    report: Report
    ascii_only: bool

    def tables(self, console: "Console") -> "list[RenderableType]":
        tables: list[RenderableType] = [self._heading(), _fitting(console, self._gaps)]
        if self.report.latency or self.report.cost:
            tables.append(_fitting(console, self._costs))
        return tables

    def _clean(self, text: str) -> str:
        return self._plain(one_line(text))

    def _heading(self) -> "Text":
        from rich.text import Text

        suite = self.report.suite
        return Text.assemble(
            (self._clean(self.report.student.name), "bold"),
            " against its teacher ",
            (self._clean(self.report.teacher.name), "bold"),
            f" on {self._clean(suite.name)} {self._clean(suite.version)},"
            f" {shown.count(suite.n_queries)} queries",
        )

    def _gaps(self, detail: int) -> "Table":
        table = _table(detail)
        table.add_column("stratum", overflow="fold", min_width=8)
        names = ["n", "teacher,\n%", "student,\n%", self._gap_title(), "flips", "p"]
        for name in ["traffic,\n%", *names] if detail else names:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("verdict", no_wrap=True)
        kind = None
        for stratum in worst_first(self.report.strata):
            if stratum.kind != kind:
                kind = stratum.kind
                table.add_row(_text(kind, "bold dim"))
            table.add_row(*self._gap_row(stratum, detail))
        table.add_row(_text("all", "bold dim"))
        overall = self.report.overall
        whole = (overall.teacher_accuracy, overall.student_accuracy, overall.gap)
        table.add_row(*self._cells("by traffic", None, whole, detail))
        nothing = TooFew(reason="", n=0)
        difference = (nothing, nothing, self.report.interaction)
        table.add_row(*self._cells("tail − head", None, difference, detail))
        return table

    def _gap_row(self, stratum: StratumResult, detail: int) -> "list[Text]":
        rule = requirement_of(self.report.verdict, stratum.name)
        cells = self._cells(
            self._clean(stratum.name),
            stratum.weight,
            (stratum.teacher_accuracy, stratum.student_accuracy, stratum.gap),
            detail,
        )
        outcome = "unclear" if rule and rule.outcome == "inconclusive" else rule and rule.outcome
        return [
            *cells,
            _text(f"{shown.MINUS}{stratum.teacher_only} +{stratum.student_only}"),
            _text(shown.p_value(stratum.mcnemar_p)),
            _text(outcome or shown.NONE, _OUTCOME[rule.outcome] if rule else "dim"),
        ]

    def _cells(
        self,
        name: str,
        weight: float | None,
        measured: tuple[Measured, Measured, Measured],
        detail: int,
    ) -> "list[Text]":
        teacher, student, gap = measured
        accuracy = shown.bracketed if detail == _FULL else shown.value
        share = shown.NONE if weight is None else shown.PERCENT.number(weight)
        return [
            _text(f" {name}"),
            *([_text(share)] if detail else []),
            _text(shown.count(gap.n)),
            _text(accuracy(teacher, shown.PERCENT)),
            _text(accuracy(student, shown.PERCENT)),
            _gap_text(gap, stacked=not detail),
        ]

    def _costs(self, detail: int) -> "Table":
        report = self.report
        table = _table(detail)
        table.add_column("stratum", overflow="fold", min_width=8)
        table.add_column("model", no_wrap=True)
        ordered = [stratum.name for stratum in worst_first(report.strata)]
        rows = [(name, side) for name in ordered for side in _SIDES]
        speeds = [latency_of(report, *row) for row in rows]
        costs = [cost_of(report, *row) for row in rows]
        columns: list[tuple[int, str, list[Measured | None]]] = [
            (_FULL, "first token p50", [s.time_to_first_token_s if s else None for s in speeds]),
            (_FULL, "per token p50", [s.time_per_output_token_s if s else None for s in speeds]),
            (_NARROW, "answer p50", [s.answer_s if s else None for s in speeds]),
            (_PLAIN, "answer p95", [s.answer_p95_s if s else None for s in speeds]),
            (
                _NARROW,
                "tokens per right answer",
                [c.tokens_per_correct if c else None for c in costs],
            ),
            (
                _NARROW,
                "time per right answer",
                [c.seconds_per_correct if c else None for c in costs],
            ),
        ]
        kept = [(title, values) for least, title, values in columns if detail >= least]
        cells = []
        for title, values in kept:
            known = [item for item in values if item is not None]
            unit = shown.TOKENS if title.startswith("tokens") else shown.time_unit(*known)
            suffix = "" if unit is shown.TOKENS else f", {unit.symbol}"
            table.add_column(_broken(f"{title}{suffix}"), justify="right", no_wrap=True)
            cells.append([_figure_text(item, unit) for item in values])
        for index, (name, side) in enumerate(rows):
            first = self._clean(name) if side == "teacher" else ""
            table.add_row(_text(first), _text(side), *(column[index] for column in cells))
        return table

    def words(self) -> "list[RenderableType]":
        from rich.padding import Padding
        from rich.text import Text

        verdict = self.report.verdict
        lines: list[RenderableType] = [
            Text(self._plain(sentence) + "\n") for sentence in three_sentences(self.report)
        ]
        lines += [Text(f"Note: {self._clean(item)}\n", "dim") for item in self.report.findings]
        lines.append(
            Text.assemble(
                (verdict.outcome.upper(), _OUTCOME[verdict.outcome]),
                f"  {_MEANING[verdict.outcome]} ({self._clean(verdict.policy)})",
            )
        )
        return lines + [
            Padding(Text(f"• {self._clean(reason)}"), (0, 0, 0, 2)) for reason in verdict.reasons
        ]

    def _plain(self, sentence: str) -> str:
        if not self.ascii_only:
            return sentence
        return sentence.translate(_ASCII).encode("ascii", "backslashreplace").decode()

    def _gap_title(self) -> str:
        gaps = (item.gap for item in self.report.strata)
        known = next((gap for gap in gaps if isinstance(gap, Estimate)), None)
        return f"gap, points\n[{shown.level(known) if known else 'interval'}]"


def _table(detail: int) -> "Table":
    from rich import box
    from rich.table import Table

    return Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1 if detail else 0, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="dim",
    )


def _text(content: str, style: str = "") -> "Text":
    from rich.text import Text

    return Text(content, style)


def _gap_text(gap: Measured, *, stacked: bool) -> "Text":
    style = _STYLE[reading(gap)]
    if isinstance(gap, TooFew):
        return _text(one_line(gap.reason, 40), style)
    between = "\n" if stacked else " "
    return (
        _text("")
        .append(shown.value(gap, shown.POINTS), style)
        .append(between + shown.interval(gap, shown.POINTS), "dim")
    )


def _figure_text(measured: Measured | None, unit: shown.Unit) -> "Text":
    if measured is None or isinstance(measured, TooFew):
        return _text(shown.NONE, "dim")
    return _text(shown.value(measured, unit)).append(f" {shown.interval(measured, unit)}", "dim")


def _broken(title: str) -> str:
    """A header on two lines, broken at its middle blank."""
    words = title.split(" ")
    middle = (len(words) + 1) // 2
    return " ".join(words[:middle]) + "\n" + " ".join(words[middle:])


def _fitting(console: "Console", build: "Callable[[int], Table]") -> "Table":
    """The table with the most detail that is no wider than the console."""
    wide = console.options.update(max_width=1000)
    for detail in (_FULL, _PLAIN):
        table = build(detail)
        if console.measure(table, options=wide).maximum <= console.width:
            return table
    return build(_NARROW)

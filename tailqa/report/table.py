"""The comparison on a terminal: one table of quality, one of speed and cost, words, verdict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.report import LatencySummary, Report, StratumResult
from tailqa.core.words import count_of
from tailqa.report import format as shown
from tailqa.report.audit import audit_count, audit_title
from tailqa.report.cells import (
    FULL,
    NARROW,
    PLAIN,
    figure_text,
    fitting,
    gap_text,
    make_table,
    text,
    two_lines,
)
from tailqa.report.console import as_ascii, draw
from tailqa.report.drafting import drafting_shown, drafting_table, drafting_words
from tailqa.report.escape import one_line
from tailqa.report.fidelity import fidelity_table, kl_and_flips
from tailqa.report.gate_rows import MEANING
from tailqa.report.noise import noise_of, noise_words
from tailqa.report.operations_summary import operations_summary
from tailqa.report.reading import cost_of, latency_of, requirement_of, worst_first
from tailqa.report.retries import retry_table, retry_words
from tailqa.report.sentences import three_sentences
from tailqa.report.stopping import stopping_sentences

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_OUTCOME = {"pass": "bold green", "fail": "bold red", "inconclusive": "bold yellow"}
_SIDES: tuple[Side, Side] = ("teacher", "student")
_WORDS_WIDTH = 100


def render_terminal(
    report: Report, *, width: int | None = None, terminal: bool | None = None
) -> str:
    """The report as text of at most `width` columns (from 80 on it looks as intended).

    For a `terminal` it has colours, unless the environment variable NO_COLOR is set, and lines;
    else it is plain ASCII, where other characters of a name become backslash escapes. By default
    both are what standard output is; without a terminal the width is 100.
    """
    return draw(
        lambda console, ascii_only: _Terminal(report=report, ascii_only=ascii_only).parts(console),
        width=width,
        terminal=terminal,
    )


@dataclass(frozen=True, kw_only=True)
class _Terminal:
    report: Report
    ascii_only: bool

    def parts(self, console: "Console") -> "Iterator[RenderableType]":
        from rich.constrain import Constrain

        for table in self.tables(console):
            yield table
            yield ""
        for words in self.words():
            yield Constrain(words, _WORDS_WIDTH)

    def tables(self, console: "Console") -> "list[RenderableType]":
        tables: list[RenderableType] = [self._heading(), fitting(console, self._gaps)]
        if self._has_costs():
            tables.append(fitting(console, self._costs))
        if self.report.retries:
            tables.append(fitting(console, lambda detail: retry_table(self.report, detail)))
        if self.report.fidelity:
            tables.append(fitting(console, lambda detail: fidelity_table(self.report, detail)))
        if drafting_shown(self.report):
            tables.append(fitting(console, lambda detail: drafting_table(self.report, detail)))
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
            f" {count_of(suite.n_queries, 'query', 'queries')}",
        )

    def _gaps(self, detail: int) -> "Table":
        table = make_table(detail)
        table.add_column("stratum", overflow="fold", min_width=8)
        noise = ["noise\nfloor, %"] if self.report.noise_floor else []
        names = ["n", "teacher,\n%", "student,\n%", self._gap_title(), *noise, "flips", "p"]
        for name in ["traffic,\n%", *names] if detail else names:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("verdict", no_wrap=True)
        kind = None
        for stratum in worst_first(self.report.strata):
            if stratum.kind != kind:
                kind = stratum.kind
                table.add_row(text(kind, "bold dim"))
            table.add_row(*self._gap_row(stratum, detail))
        table.add_row(text("all", "bold dim"))
        overall = self.report.overall
        whole = (overall.teacher_accuracy, overall.student_accuracy, overall.gap)
        floor = self.report.noise_floor
        beside = self._noise(floor.overall if floor else None, detail)
        table.add_row(*self._cells("by traffic", None, whole, detail), *beside)
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
            *self._noise(noise_of(self.report, stratum.name), detail),
            text(f"{shown.MINUS}{stratum.teacher_only} +{stratum.student_only}"),
            text(shown.p_value(stratum.mcnemar_p)),
            text(outcome or shown.NONE, _OUTCOME[rule.outcome] if rule else "dim"),
        ]

    def _cells(
        self,
        name: str,
        weight: float | None,
        measured: tuple[Measured, Measured, Measured],
        detail: int,
    ) -> "list[Text]":
        teacher, student, gap = measured
        accuracy = shown.bracketed if detail == FULL else shown.value
        share = shown.NONE if weight is None else shown.PERCENT.number(weight)
        return [
            text(f" {name}"),
            *([text(share)] if detail else []),
            text(shown.count(gap.n)),
            text(accuracy(teacher, shown.PERCENT)),
            text(accuracy(student, shown.PERCENT)),
            gap_text(gap, stacked=not detail),
        ]

    def _noise(self, flips: Measured | None, detail: int) -> "list[Text]":
        """The cell beside a gap, in a report with a noise floor."""
        if self.report.noise_floor is None:
            return []
        if detail == FULL:
            return [figure_text(flips, shown.PERCENT)]
        return [text(shown.NONE if flips is None else shown.value(flips, shown.PERCENT))]

    def _costs(self, detail: int) -> "Table":
        report = self.report
        table = make_table(detail)
        table.caption, table.caption_justify = self._plain(_basis(report.latency)), "left"
        table.add_column("stratum", overflow="fold", min_width=8)
        table.add_column("model", no_wrap=True)
        ordered = [stratum.name for stratum in worst_first(report.strata)]
        rows = [(name, side) for name in ordered for side in _SIDES]
        speeds = [latency_of(report, *row) for row in rows]
        costs = [cost_of(report, *row) for row in rows]
        columns: list[tuple[int, str, list[Measured | None]]] = [
            (FULL, "first token p50", [s.time_to_first_token_s if s else None for s in speeds]),
            (FULL, "per token p50", [s.time_per_output_token_s if s else None for s in speeds]),
            (NARROW, "answer p50", [s.answer_s if s else None for s in speeds]),
            (PLAIN, "answer p95", [s.answer_p95_s if s else None for s in speeds]),
            (
                NARROW,
                "tokens per right answer",
                [c.tokens_per_correct if c else None for c in costs],
            ),
            (
                NARROW,
                "time per right answer",
                [c.seconds_per_correct if c else None for c in costs],
            ),
        ]
        kept = [
            (title, values)
            for least, title, values in columns
            if detail >= least and any(isinstance(item, Estimate) for item in values)
        ]
        cells = []
        for title, values in kept:
            known = [item for item in values if item is not None]
            unit = shown.TOKENS if title.startswith("tokens") else shown.time_unit(*known)
            suffix = "" if unit is shown.TOKENS else f", {unit.symbol}"
            table.add_column(two_lines(f"{title}{suffix}"), justify="right", no_wrap=True)
            cells.append([figure_text(item, unit) for item in values])
        for index, (name, side) in enumerate(rows):
            first = self._clean(name) if side == "teacher" else ""
            table.add_row(text(first), text(side), *(column[index] for column in cells))
        return table

    def _has_costs(self) -> bool:
        return bool(self.report.latency) or any(
            isinstance(figure, Estimate)
            for cost in self.report.cost
            for figure in (cost.tokens_per_correct, cost.seconds_per_correct)
        )

    def words(self) -> "list[RenderableType]":
        from rich.padding import Padding
        from rich.text import Text

        verdict = self.report.verdict
        lines: list[RenderableType] = [
            Text(self._plain(sentence) + "\n")
            for sentence in (
                *three_sentences(self.report),
                operations_summary(self.report),
                noise_words(self.report),
                *stopping_sentences(self.report),
                kl_and_flips(self.report),
                drafting_words(self.report),
                retry_words(self.report),
            )
            if sentence
        ]
        lines += [Text(f"Note: {self._clean(item)}\n", "dim") for item in self.report.findings]
        lines += [
            Text(
                f"Audit ({audit_title(item)}, {audit_count(item)}): {self._clean(item.message)}\n",
                "yellow",
            )
            for item in self.report.audit
        ]
        lines.append(
            Text.assemble(
                (verdict.outcome.upper(), _OUTCOME[verdict.outcome]),
                f"  {MEANING[verdict.outcome]} ({self._clean(verdict.policy)})",
            )
        )
        return lines + [
            Padding(Text(f"• {self._clean(reason)}"), (0, 0, 0, 2)) for reason in verdict.reasons
        ]

    def _plain(self, sentence: str) -> str:
        return as_ascii(sentence) if self.ascii_only else sentence

    def _gap_title(self) -> str:
        gaps = (item.gap for item in self.report.strata)
        known = next((gap for gap in gaps if isinstance(gap, Estimate)), None)
        return f"gap, points\n[{shown.level(known) if known else 'interval'}]"


def _basis(latency: Sequence[LatencySummary]) -> str:
    """How many queries the figures of the table of costs rest on."""
    if not latency:
        return "Tokens from the graded queries, 95 % intervals; speed was not measured."
    counts = sorted({summary.answer_s.n for summary in latency})
    least = f"{shown.count(counts[0])} to " if counts[0] < counts[-1] else ""
    queries = least + count_of(counts[-1], "query", "queries")
    return (
        f"Times from {queries} per row, one at a time (a p95 takes 72); tokens from the graded "
        "queries; 95 % intervals."
    )

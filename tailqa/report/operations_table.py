"""An operations report on a terminal: what the pipeline makes of both models, and where it pays."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import Figure, Operations
from tailqa.report import format as shown
from tailqa.report import operations_format as figures
from tailqa.report import operations_words as words
from tailqa.report.cells import FULL, NARROW, fitting, make_table, text
from tailqa.report.console import as_ascii, draw
from tailqa.report.escape import one_line
from tailqa.report.operations_scopes import stages_table, strata_table
from tailqa.report.operations_sweep import no_sweep, saturation_words
from tailqa.report.operations_unknown import unknown_lines, unknown_stage_lines
from tailqa.report.operations_what_ifs import (
    checks_table,
    icc_table,
    measured_text,
    sweep_table,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_STYLES = {"worse": "red", "better": "green", "unclear": "", "unmeasured": "dim"}
_TRAP_STYLES = {"yes": "bold red", "no": "", "unclear": ""}
_NAME_CHARACTERS = 40
_WORDS_WIDTH = 100


def render_operations(
    operations: Operations,
    names: tuple[str, str],
    *,
    width: int | None = None,
    terminal: bool | None = None,
) -> str:
    """The operations as text of at most `width` columns, as `render_terminal` does it.

    `names` are those of the teacher and the student.
    """

    def build(console: "Console", ascii_only: bool) -> "Iterator[RenderableType]":
        return _Terminal(operations=operations, names=names, ascii_only=ascii_only).parts(console)

    return draw(build, width=width, terminal=terminal)


@dataclass(frozen=True, kw_only=True)
class _Terminal:
    operations: Operations
    names: tuple[str, str]
    ascii_only: bool

    def parts(self, console: "Console") -> "Iterator[RenderableType]":
        found = self.operations
        yield self._heading()
        if costed := words.run_words(found):
            yield self._dim(", ".join(costed))
        yield from map(self._dim, words.speed_lines(found))
        yield ""
        yield fitting(console, self._options)
        yield from self._missing()
        if figures.scopes_of(found) and figures.stratum_figures(found):
            yield ""
            yield fitting(console, partial(strata_table, found, self._clean))
        if found.stages:
            yield ""
            yield fitting(console, partial(stages_table, found, self._clean))
            yield from map(self._dim, unknown_stage_lines(found))
        yield from self._sentences(console)
        yield from self._what_ifs(console)
        yield ""
        yield from (self._dim(f"Note: {note}") for note in words.notes(found))
        yield self._dim(words.basis_words(found))

    def _what_ifs(self, console: "Console") -> "Iterator[RenderableType]":
        found, sweep = self.operations, self.operations.sweep
        if found.icc_effects:
            yield ""
            yield fitting(console, partial(icc_table, found))
            yield self._dim(words.ICC)
        if sweep:
            yield ""
            if figures.sweep_tells(sweep):
                yield fitting(console, partial(sweep_table, found, sweep, self._clean))
            else:
                yield self._dim(no_sweep(sweep))
            if said := saturation_words(sweep, found):
                yield self._words(said)

    def _sentences(self, console: "Console") -> "Iterator[RenderableType]":
        found = self.operations
        traps = words.trap_lines(found)
        yield from ([""] if traps else [])
        for occurs, sentence in traps:
            yield self._words(sentence, _TRAP_STYLES[occurs])
        yield from ([""] if found.break_evens or words.amdahl_words(found) or found.checks else [])
        yield from (self._words(words.break_even_words(item)) for item in found.break_evens)
        if said := words.amdahl_words(found):
            yield self._words(said)
        if found.checks:
            yield self._words(words.agreement_words(found))
        if not all(check.agrees for check in found.checks):
            yield fitting(console, partial(checks_table, found, self._clean))

    def _plain(self, sentence: str) -> str:
        return as_ascii(sentence) if self.ascii_only else sentence

    def _clean(self, written: str, limit: int = _NAME_CHARACTERS) -> str:
        return self._plain(one_line(written, limit))

    def _words(self, sentence: str, style: str = "") -> "RenderableType":
        from rich.constrain import Constrain

        return Constrain(text(self._plain(sentence), style), _WORDS_WIDTH)

    def _dim(self, sentence: str) -> "RenderableType":
        return self._words(sentence, "dim")

    def _heading(self) -> "Text":
        from rich.text import Text

        teacher, student = self.names
        return Text.assemble(
            (self._clean(student), "bold"),
            " against its teacher ",
            (self._clean(teacher), "bold"),
            " in the pipeline ",
            (self._clean(self.operations.name), "bold"),
        )

    def _missing(self) -> "Iterator[RenderableType]":
        yield from map(self._dim, unknown_lines(self.operations))

    def _options(self, detail: int) -> "Table":
        """Ratios in columns of their own, or below the figure where there is no room for them."""
        table = make_table(detail)
        table.add_column("all traffic", no_wrap=detail != NARROW)
        options = figures.options_of(self.operations)
        for option in options:
            table.add_column(
                figures.OPTION_NAMES[option], justify="right", no_wrap=detail != NARROW
            )
        rows = figures.figure_rows(self.operations)
        against = [o for o in options if any(o in row.ratios for row in rows)]
        for option in against if detail == FULL else ():
            name = "student" if option == "student" else "escalated"
            table.add_column(f"{name} /\nteacher", justify="right", no_wrap=True)
        for row in rows:
            cells = [
                measured_text(row.cells[o], row.unit, stacked=detail == NARROW) for o in options
            ]
            ratios = [_ratio(row.figure, row.ratios[o]) for o in against if o in row.ratios]
            if detail != FULL:
                for cell, option in zip(cells, options, strict=True):
                    if isinstance(row.ratios.get(option), Estimate):
                        cell.append("\n").append(_ratio(row.figure, row.ratios[option], "×"))
                ratios = []
            table.add_row(text(row.name), *cells, *ratios)
        table.caption, table.caption_justify = self._plain(self._basis(bool(against))), "left"
        return table

    def _basis(self, ratios: bool) -> str:
        level = f"{self.operations.level * 100:g} % intervals"
        if not ratios:
            return f"Per query, {level}."
        return f"Per query, {level}; ratios are to the teacher."


def _ratio(figure: Figure, ratio: Measured, sign: str = "") -> "Text":
    said = figures.ratio_words(ratio)
    style = _STYLES[figures.ratio_reading(figure, ratio)]
    return text(f"{sign}{said}" if said else shown.NONE, style)

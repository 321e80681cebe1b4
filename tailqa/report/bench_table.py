"""A bench on a terminal: speed, student against teacher, crossovers, roofline and padding."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.bench import METRICS, Bench, Cell, PaddingAudit, Ratio
from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.words import count_of
from tailqa.report import bench_format as figures
from tailqa.report import format as shown
from tailqa.report.bench_words import (
    METRIC_NAMES,
    SPEED_NAMES,
    crossover_lines,
    crossovers_by_length,
    threads,
    verdict_words,
)
from tailqa.report.cells import FULL, NARROW, PLAIN, figure_text, fitting, make_table, text
from tailqa.report.console import as_ascii, draw
from tailqa.report.escape import one_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_STYLE = {"slower": "red", "faster": "green", "unclear": "", "unmeasured": "dim"}
_PADDINGS = {
    "context": "to the\ncontext",
    "longest": "to the\nlongest",
    "file order": "per batch,\nfile order",
    "sorted": "per batch,\nsorted",
    "none": "none,\npacked",
}


def render_bench(bench: Bench, *, width: int | None = None, terminal: bool | None = None) -> str:
    """The bench as text of at most `width` columns, as `render_terminal` does it."""
    return draw(
        lambda console, ascii_only: _Terminal(bench=bench, ascii_only=ascii_only).parts(console),
        width=width,
        terminal=terminal,
    )


@dataclass(frozen=True, kw_only=True)
class _Terminal:
    bench: Bench
    ascii_only: bool

    def parts(self, console: "Console") -> "Iterator[RenderableType]":
        yield self._heading()
        yield ""
        yield fitting(console, self._cells)
        yield from (text(f"Not measured: {self._plain(why)}", "dim") for why in self._missing())
        yield ""
        yield fitting(console, self._ratios)
        yield ""
        yield text(verdict_words(self.bench))
        yield from self._crossovers()
        if figures.roof_rows(self.bench):
            yield ""
            yield fitting(console, self._roofs)
            yield text(self._roof_notes(), "dim")
        for audit in self.bench.padding:
            yield text(f"\n{self._audit_title(audit)}")
            yield self._audit(audit)
        yield from (text(f"\nNote: {self._clean(item)}", "dim") for item in self.bench.findings)

    def _plain(self, sentence: str) -> str:
        return as_ascii(sentence) if self.ascii_only else sentence

    def _clean(self, written: str) -> str:
        return self._plain(one_line(written))

    def _missing(self) -> list[str]:
        return figures.unmeasured(self.bench)

    def _heading(self) -> "Text":
        from rich.text import Text

        student, teacher = self.bench.student, self.bench.teacher
        return Text.assemble(
            (self._clean(student.info.name), "bold"),
            f" ({student.info.dtype}) against its teacher ",
            (self._clean(teacher.info.name), "bold"),
            f" ({teacher.info.dtype}) on {self._clean(_machine(self.bench))}; "
            f"{count_of(self.bench.new_tokens, 'new token', 'new tokens')}, "
            f"{count_of(self.bench.repeats, 'repeat', 'repeats')}",
        )

    def _cells(self, detail: int) -> "Table":
        table = make_table(detail)
        for name in ("prompt,\ntokens", "batch"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("model", no_wrap=True)
        columns = {
            "first token,\nms": NARROW,
            "prefill,\ntokens/s": PLAIN,
            "per token,\nms": NARROW,
            "decode,\ntokens/s": NARROW,
            "answer,\nms": NARROW,
            "peak memory,\nMiB": NARROW,
        }
        kept = [name for name, least in columns.items() if detail >= least]
        for name in kept:
            table.add_column(name, justify="right", no_wrap=True)
        for cell in self.bench.cells:
            times, first = cell.times, cell.times.side == "teacher"
            cells = dict(zip(columns, _figures(cell, detail), strict=True))
            table.add_row(
                text(f"{times.prompt_tokens:,}" if first else ""),
                text(f"{times.batch_size:,}" if first else ""),
                text(times.side),
                *(cells[name] for name in kept),
            )
        return table

    def _ratios(self, detail: int) -> "Table":
        table = make_table(detail)
        for name in ("prompt,\ntokens", "batch"):
            table.add_column(name, justify="right", no_wrap=True)
        metrics = METRICS if detail else METRICS[1:]
        for metric in metrics:
            name = METRIC_NAMES[metric]
            table.add_column(f"{name},\nstudent / teacher", justify="right", no_wrap=True)
        table.add_column("student,\nby the answer", no_wrap=True)
        found: dict[tuple[int, int], list[Ratio]] = {}
        for ratio in self.bench.ratios:
            found.setdefault((ratio.prompt_tokens, ratio.batch_size), []).append(ratio)
        for (prompt_tokens, batch_size), row in found.items():
            speed = row[-1].speed
            table.add_row(
                text(f"{prompt_tokens:,}"),
                text(f"{batch_size:,}"),
                *(_ratio(ratio) for ratio in row if ratio.metric in metrics),
                text(SPEED_NAMES[speed], _STYLE[speed]),
            )
        table.caption, table.caption_justify = self._plain(_basis(self.bench)), "left"
        return table

    def _crossovers(self) -> "Iterator[RenderableType]":
        for prompt_tokens, crossovers in crossovers_by_length(self.bench).items():
            yield f"Prompts of {prompt_tokens:,} tokens: the student is"
            for names, words, crossing in crossover_lines(crossovers):
                where = f" (crossover {crossing})" if crossing else ""
                yield self._plain(f"  {names}: {words}{where}")

    def _roofs(self, detail: int) -> "Table":
        table = make_table(detail)
        table.add_column("roofline", no_wrap=True)
        for name in (
            "weights read\nper step, MiB",
            "bandwidth,\nGB/s",
            "decode,\n% of it",
            "matrix rate,\nGFLOP/s",
            "prefill,\n% of it",
        ):
            table.add_column(name, justify="right", no_wrap=True)
        for row in figures.roof_rows(self.bench):
            model = self.bench.model(row.decode.times.side)
            weights = model.footprint.step_weight_bytes
            table.add_row(
                text(row.side),
                text(shown.NONE if weights is None else figures.MEBIBYTES.number(weights)),
                text(figures.GIGABYTES_PER_S.number(model.roof.bandwidth_bytes_per_s)),
                figure_text(row.decode.decode_roofline, shown.PERCENT),
                text(figures.GIGAOPERATIONS_PER_S.number(model.roof.operations_per_s)),
                figure_text(row.prefill.prefill_roofline, shown.PERCENT),
            )
        return table

    def _roof_notes(self) -> str:
        places: dict[str, list[str]] = {}
        for row in figures.roof_rows(self.bench):
            decode, prefill = row.decode.times, row.prefill.times
            place = (
                f"decode at batch {decode.batch_size:,}, prompts of {decode.prompt_tokens:,} "
                f"tokens; prefill at batch {prefill.batch_size:,}, {prefill.prompt_tokens:,} tokens"
            )
            places.setdefault(place, []).append(row.side)
        notes = [f"{' and '.join(sides).capitalize()}: {place}." for place, sides in places.items()]
        notes += [
            f"More than 100 %: the {side}'s weights stay in the processor's cache."
            for side in figures.above_the_roof(self.bench)
        ]
        return self._plain(" ".join(notes))

    def _audit_title(self, audit: PaddingAudit) -> str:
        prompts = count_of(audit.n_rows, "prompt", "prompts")
        return self._clean(
            f"Padding on {audit.suite}: tokens computed over tokens needed, as the "
            f"{' and '.join(audit.sides)} would count them ({prompts}, "
            f"{count_of(audit.needed_tokens, 'token', 'tokens')}; a count, so no interval)"
        )

    def _audit(self, audit: PaddingAudit) -> "Table":
        table = make_table(PLAIN)
        table.add_column("batch", justify="right")
        rows = figures.padding_rows(audit)
        known = [name for name in _PADDINGS if rows and name in rows[0][1]]
        for name in known:
            table.add_column(_PADDINGS[name], justify="right", no_wrap=True)
        for size, computed in rows:
            ratios = (figures.ratio_number(computed[name] / audit.needed_tokens) for name in known)
            table.add_row(text(f"{size:,}"), *(text(ratio) for ratio in ratios))
        return table


def _figures(cell: Cell, detail: int) -> "Iterator[Text]":
    known: list[tuple[Measured, shown.Unit, bool]] = [
        (cell.first_token_s, shown.MILLISECONDS, True),
        (cell.prefill_tokens_per_s, figures.RATE, False),
        (cell.per_token_s, shown.MILLISECONDS, True),
        (cell.decode_tokens_per_s, figures.RATE, False),
        (cell.answer_s, shown.MILLISECONDS, True),
    ]
    for measured, unit, wide in known:
        if wide and detail == FULL:
            yield figure_text(measured, unit)
        else:
            yield text(shown.value(measured, unit), "dim" if isinstance(measured, TooFew) else "")
    yield text(figures.memory(cell))


def _ratio(ratio: Ratio) -> "Text":
    value = text(figures.ratio_value(ratio.ratio), _STYLE[ratio.speed])
    interval = figures.ratio_interval(ratio.ratio)
    return value.append(f" {interval}", "dim") if interval else value


def _basis(bench: Bench) -> str:
    known = next((r.ratio for r in bench.ratios if isinstance(r.ratio, Estimate)), None)
    level = shown.level(known) if known else "no"
    repeats = count_of(bench.repeats, "repeat", "repeats")
    return (
        f"Time of the student over the teacher's, medians of {repeats} in "
        f"alternation with {level} intervals; above 1 the student is slower."
    )


def _machine(bench: Bench) -> str:
    roof = bench.student.roof
    return roof.device if roof.n_threads is None else f"{roof.device}, {threads(roof.n_threads)}"

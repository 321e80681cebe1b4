"""Runs of the history on a terminal and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from tailqa.core.history import FACETS, HistoryFigure, KeptFigure, KeptRun
from tailqa.core.operations import ALL_TRAFFIC
from tailqa.core.words import count_of
from tailqa.report import format as shown
from tailqa.report.cells import FULL, NARROW, figure_text, fitting, make_table, text
from tailqa.report.console import draw
from tailqa.report.escape import one_line
from tailqa.report.json_text import json_text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

SHORT = 8
"""Characters of a run's digest in a table; four are enough to name it where they are its own."""

_USD = shown.Unit(symbol="USD", tiny=True)
_COUNT = shown.Unit(symbol="", decimals=2)
_FIGURES: Mapping[HistoryFigure, tuple[str, shown.Unit]] = {
    "tokens_per_query": ("tokens per query", shown.TOKENS),
    "tokens_per_correct": ("tokens per right answer", shown.TOKENS),
    "seconds_per_correct": ("seconds per right answer", shown.SECONDS),
    "answer_s": ("seconds per answer, p50", shown.SECONDS),
    "answer_p95_s": ("seconds per answer, p95", shown.SECONDS),
    "attempts": ("attempts per query", _COUNT),
    "p95_s": ("seconds end to end, p95", shown.SECONDS),
    "resolved": ("resolved, %", shown.PERCENT),
    "tokens_per_resolved": ("tokens per resolved query", shown.TOKENS),
    "seconds_per_resolved": ("seconds per resolved query", shown.SECONDS),
    "usd_per_resolved": ("USD per resolved query", _USD),
}


def render_runs(
    runs: Sequence[KeptRun], *, width: int | None = None, terminal: bool | None = None
) -> str:
    """One line per run, as `render_terminal` does it."""

    def parts(console: "Console", _: bool) -> "Iterator[RenderableType]":
        yield fitting(console, lambda detail: _runs(runs, detail))

    return draw(parts, width=width, terminal=terminal)


def render_kept_run(run: KeptRun, *, width: int | None = None, terminal: bool | None = None) -> str:
    """What the history keeps of a run: with what it was made, its counts, its costs."""

    def parts(console: "Console", _: bool) -> "Iterator[RenderableType]":
        yield text(f"{one_line(run.build)} against {one_line(run.teacher)}", "bold")
        yield text(f"{_asked(run)}: {run.verdict} ({_policy(run)})")
        yield text(f"run {run.run[:12]}, folder {one_line(run.name)}, followed as {run.student}")
        yield ""
        yield _made_with(run)
        yield ""
        yield fitting(console, lambda detail: _strata(run, detail))
        figures = [item for item in run.figures if item.scope == ALL_TRAFFIC]
        if figures:
            yield ""
            yield text(f"All traffic, pipeline {one_line(run.pipeline or '')}")
            yield fitting(console, lambda _: _costs(figures))

    return draw(parts, width=width, terminal=terminal)


def render_runs_json(runs: Sequence[KeptRun]) -> str:
    """The runs as JSON, one object each."""
    return json_text([_values(run) for run in runs])


def render_kept_run_json(run: KeptRun) -> str:
    """One run as JSON."""
    return json_text(_values(run))


def _values(run: KeptRun) -> dict[str, object]:
    return asdict(run) | {"facets": dict(run.facets)}


def _runs(runs: Sequence[KeptRun], detail: int) -> "Table":
    table = make_table(detail)
    table.add_column("date", no_wrap=True)
    table.add_column("run", no_wrap=True)
    stacked = detail == NARROW
    for heading in (
        "student",
        "build",
        *(["suite,\nversion"] if stacked else ["suite", "version"]),
    ):
        table.add_column(heading, overflow="fold")
    table.add_column("queries", justify="right")
    table.add_column("verdict", no_wrap=True)
    if detail == FULL:
        table.add_column("policy")
        table.add_column("folder")
    for run in runs:
        suite = [one_line(run.suite), one_line(run.suite_version)]
        cells = [
            run.date,
            run.run[:SHORT],
            one_line(run.student),
            one_line(run.build),
            *(["\n".join(suite)] if stacked else suite),
            f"{run.n_queries:,}",
            run.verdict,
        ]
        cells += [_policy(run), one_line(run.name)] if detail == FULL else []
        table.add_row(*map(text, cells))
    return table


def _made_with(run: KeptRun) -> "Table":
    table = make_table(FULL)
    table.add_column("made with", no_wrap=True)
    table.add_column("")
    for facet in FACETS:
        table.add_row(text(facet), text(one_line(run.facets.get(facet, "not recorded"))))
    return table


def _strata(run: KeptRun, detail: int) -> "Table":
    table = make_table(detail)
    table.add_column("stratum, queries")
    if detail != NARROW:
        table.add_column("traffic,\n%", justify="right")
    for heading in ("both\nright", "teacher\nonly", "student\nonly", "both\nwrong"):
        table.add_column(heading, justify="right")
    table.add_column("failed or\nungraded", justify="right")
    table.add_column("margin,\npoints", justify="right")
    for stratum in run.strata:
        table.add_row(
            text(one_line(stratum.name)),
            *([shown.PERCENT.number(stratum.weight)] if detail != NARROW else []),
            *(shown.count(n) for n in stratum.cells),
            shown.count(stratum.failed + stratum.ungraded),
            shown.NONE if stratum.margin is None else shown.PERCENT.number(stratum.margin),
        )
    return table


def _costs(figures: Sequence[KeptFigure]) -> "Table":
    table = make_table(FULL)
    options = list(dict.fromkeys(item.who for item in figures))
    table.add_column("figure [95 %]")
    for option in options:
        table.add_column(option, justify="right")
    found = {(item.figure, item.who): item.measured for item in figures}
    for figure, (title, unit) in _FIGURES.items():
        if any((figure, option) in found for option in options):
            cells = (figure_text(found.get((figure, option)), unit) for option in options)
            table.add_row(text(title), *cells)
    return table


def _asked(run: KeptRun) -> str:
    suite, version = one_line(run.suite), one_line(run.suite_version)
    queries = count_of(run.n_queries, "query", "queries")
    return f"{run.date}, {suite}, version {version}, {queries}"


def _policy(run: KeptRun) -> str:
    name = one_line(run.policy)
    return name if run.policy_digest is None else f"{name}, digest {run.policy_digest[:12]}"

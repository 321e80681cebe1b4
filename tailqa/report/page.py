"""report.html: one file that needs nothing else and asks for nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tailqa.core.answer import Side
from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.report import Report, Run
from tailqa.report import format as shown
from tailqa.report.audit import COUNTED, audit_count, audit_title
from tailqa.report.browser import OUTCOMES, embed
from tailqa.report.chart import NARROW, WIDE, gap_chart
from tailqa.report.choices import choices_of, options_side_by_side
from tailqa.report.drafting import drafting_figures
from tailqa.report.fidelity import AGREEMENT, DIVERGENCE, fidelity_rows, kl_and_flips
from tailqa.report.files import write_atomic
from tailqa.report.html import asset, environment, source_hash
from tailqa.report.noise import noise_of, noise_words
from tailqa.report.operations_page import OPERATIONS_STYLE, operations_parts
from tailqa.report.reading import cost_of, latency_of, reading, requirement_of, worst_first
from tailqa.report.retries import retry_figures, retry_words
from tailqa.report.retries_chart import retry_panels
from tailqa.report.sentences import three_sentences
from tailqa.report.stopping import stopping_panels, stopping_sentences

PAGE = "report.html"
SUMMARY = "summary.html"
_SIDES: tuple[Side, Side] = ("teacher", "student")
_ANSWER = {"pass": "Yes.", "fail": "No.", "inconclusive": "Not decided."}
_SPEEDS = {
    "first token, p50": "time_to_first_token_s",
    "per token, p50": "time_per_output_token_s",
    "answer, p50": "answer_s",
    "answer, p95": "answer_p95_s",
    "tokens per answer, mean": "completion_tokens",
}
_COSTS = {
    "tokens per query": "tokens_per_query",
    "tokens per right answer": "tokens_per_correct",
    "time per right answer": "seconds_per_correct",
}


def render_page(run: Run) -> str:
    """The page of a run; the same bytes for the same run, loaded or fresh.

    Nothing that a model or a suite wrote becomes markup, and a Content-Security-Policy forbids
    every request and every script but the page's own.
    """
    report = run.report
    embedded = embed(run.answers)
    choices = options_side_by_side(choices_of(report))
    style, script = asset("page.css"), asset("queries.js") + asset("page.js")
    style += asset(OPERATIONS_STYLE) if choices or report.operations else ""
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            level=_level(report),
            answer=_ANSWER[report.verdict.outcome],
            sentences=three_sentences(report),
            audit_counted=COUNTED,
            audit_count=audit_count,
            audit_title=audit_title,
            strata=worst_first(report.strata),
            charts=[gap_chart(report, layout) for layout in (WIDE, NARROW)],
            speed=_table(report, _SPEEDS, latency_of),
            cost=_table(report, _COSTS, cost_of),
            fidelity=[
                (title, columns, fidelity_rows(report, columns))
                for title, columns in (("Divergence", DIVERGENCE), ("Agreement", AGREEMENT))
                if report.fidelity
            ],
            kl_and_flips=kl_and_flips(report),
            **drafting_figures(report),
            noise_of=noise_of,
            noise_words=noise_words(report),
            retry_words=retry_words(report),
            retry_panels=retry_panels(report),
            retry_figures=retry_figures(report),
            stopping_sentences=stopping_sentences(report),
            stopping_panels=stopping_panels(report),
            operations=operations_parts(report.operations) if report.operations else None,
            choices=choices,
            embedded=embedded,
            outcomes=OUTCOMES,
            reading=reading,
            requirement_of=requirement_of,
            style=style,
            script=script,
            style_hash=source_hash(style),
            script_hash=source_hash(script),
        )
    )


def write_page(run: Run, folder: Path) -> Path:
    """Writes report.html into `folder` and returns its path; raises ResultError."""
    path = folder / PAGE
    write_atomic(path, render_page(run).encode())
    return path


def write_summary(report: Report, folder: Path) -> Path:
    """Writes summary.html, the page without the browser of the answers; raises ResultError.

    It holds no prompt and no answer, so it can be shown where those must not be.
    """
    path = folder / SUMMARY
    write_atomic(path, render_page(Run(report=report)).encode())
    return path


def _table(report: Report, fields: dict[str, str], find: Any) -> dict[str, Any]:
    """A table with two rows per stratum; the times of a column share one unit."""
    names = [stratum.name for stratum in worst_first(report.strata)]
    found = [(name, side, find(report, name, side)) for name in names for side in _SIDES]
    found = [row for row in found if row[2] is not None]
    units = {
        title: shown.TOKENS
        if title.startswith("tokens")
        else shown.time_unit(*(getattr(row, field) for _, _, row in found))
        for title, field in fields.items()
    }
    rows = [
        (name, side, [(getattr(row, fields[title]), unit) for title, unit in units.items()])
        for name, side, row in found
    ]
    return {"columns": list(units.items()), "rows": rows, "unknown": _unknown(rows)}


def _unknown(rows: Sequence[tuple[str, Side, list[tuple[Measured, shown.Unit]]]]) -> str:
    """Why nothing is known, where no figure of a table is; else empty."""
    figures = [figure for _, _, cells in rows for figure, _ in cells]
    reasons = [figure.reason for figure in figures if isinstance(figure, TooFew)]
    return ", ".join(dict.fromkeys(reasons)) if len(reasons) == len(figures) else ""


def _level(report: Report) -> str:
    gaps = (stratum.gap for stratum in report.strata)
    return next((shown.level(gap) for gap in gaps if isinstance(gap, Estimate)), "")

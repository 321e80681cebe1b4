"""bench.html: one file that needs nothing else, asks for nothing else and runs nothing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tailqa.core.bench import Bench
from tailqa.core.estimate import Estimate
from tailqa.report import bench_chart, bench_format
from tailqa.report import format as shown
from tailqa.report.bench_words import METRIC_NAMES, SPEED_NAMES, threads, verdict_words
from tailqa.report.files import write_atomic
from tailqa.report.html import asset, environment, source_hash

BENCH_PAGE = "bench.html"
_PADDINGS = {
    "context": "to the context",
    "longest": "to the longest",
    "file order": "per batch, file order",
    "sorted": "per batch, sorted",
    "none": "none, packed",
}


def render_bench_page(bench: Bench) -> str:
    """The page of a bench; the same bytes for the same bench, loaded or fresh."""
    style = asset("page.css") + asset("bench.css")
    page = environment().overlay()
    page.filters = page.filters | {
        "threads": threads,
        "memory": bench_format.memory,
        "ratio_value": bench_format.ratio_value,
        "ratio_interval": bench_format.ratio_interval,
        "ratio_number": bench_format.ratio_number,
    }
    return page.get_template("bench.html.j2").render(
        bench=bench,
        verdict=verdict_words(bench),
        level=_level(bench),
        chart=bench_chart,
        panels=bench_chart.ratio_panels(bench),
        pairs=_pairs(bench),
        roofs=bench_format.roof_rows(bench),
        cached=bench_format.above_the_roof(bench),
        audits=[(audit, bench_format.padding_rows(audit)) for audit in bench.padding],
        metrics=METRIC_NAMES,
        speeds=SPEED_NAMES,
        readings=bench_chart.READINGS,
        paddings=_PADDINGS,
        MILLISECONDS=shown.MILLISECONDS,
        RATE=bench_format.RATE,
        MEBIBYTES=bench_format.MEBIBYTES,
        GIGABYTES_PER_S=bench_format.GIGABYTES_PER_S,
        GIGAOPERATIONS_PER_S=bench_format.GIGAOPERATIONS_PER_S,
        style=style,
        style_hash=source_hash(style),
    )


def write_bench_page(bench: Bench, folder: Path) -> Path:
    """Writes bench.html into `folder` and returns its path; raises ResultError."""
    path = folder / BENCH_PAGE
    write_atomic(path, render_bench_page(bench).encode())
    return path


def _pairs(bench: Bench) -> list[Any]:
    """The cells of both models at one batch size and prompt length, with their ratios."""
    places = dict.fromkeys((r.prompt_tokens, r.batch_size) for r in bench.ratios)
    return [
        SimpleNamespace(
            prompt_tokens=prompt_tokens,
            batch_size=batch_size,
            cells=[
                cell
                for cell in bench.cells
                if (cell.times.prompt_tokens, cell.times.batch_size) == (prompt_tokens, batch_size)
            ],
            ratios=[
                ratio
                for ratio in bench.ratios
                if (ratio.prompt_tokens, ratio.batch_size) == (prompt_tokens, batch_size)
            ],
        )
        for prompt_tokens, batch_size in places
    ]


def _level(bench: Bench) -> str:
    known = (ratio.ratio for ratio in bench.ratios)
    return next((shown.level(item) for item in known if isinstance(item, Estimate)), "95 %")

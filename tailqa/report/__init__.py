"""A report → result.json, a terminal table and a page; all rounding happens here."""

from tailqa.report.result import (
    load_answers,
    load_report,
    load_run,
    render_json,
    save_answers,
    save_report,
)
from tailqa.report.sentences import three_sentences
from tailqa.report.table import render_terminal

__all__ = [
    "load_answers",
    "load_report",
    "load_run",
    "render_json",
    "render_terminal",
    "save_answers",
    "save_report",
    "three_sentences",
]

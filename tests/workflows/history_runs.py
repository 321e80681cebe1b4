"""Finished runs of three queries, for the history."""

from dataclasses import replace
from pathlib import Path

from tailqa.core.report import Run
from tailqa.report.run import write_run
from tests.report.conftest import make_report, row, stratum

HEAD = stratum("head/plain", (1, 1, 0, 0), kind="head")
TAIL = replace(stratum("tail/x", (0, 0, 0, 0)), failed=1, ungraded=1)
ROWS = (
    row("a", "head/plain", "teacher"),
    row("a", "head/plain", "student"),
    row("a", "head/plain", "student", "wrong", sample=1, text="a second sample"),
    row("b", "head/plain", "teacher", cluster="c"),
    row("b", "head/plain", "student", "wrong", cluster="c", choices=("x", "y")),
    row("c", "tail/x", "teacher", "ungraded"),
    row("c", "tail/x", "student", "failed", prompt="not sent", text="", prompt_tokens=None),
)


def made(**changes: object) -> Run:
    return Run(report=make_report([HEAD, TAIL], **changes), answers=ROWS)


def saved(folder: Path, created: str, **changes: object) -> Path:
    write_run(made(created=created, **changes), folder)
    return folder

"""A run folder: answers.parquet, report.html and, last, result.json."""

from pathlib import Path

from tailqa.core.report import Run
from tailqa.report.result import load_answers, load_report, save_answers, save_report


def write_run(run: Run, folder: Path | str) -> Path:
    """Writes the files of a run, each whole or not at all; raises ResultError.

    result.json comes last: a folder that holds it is finished.
    """
    # Reading a run needs none of the page.
    from tailqa.report.page import write_page

    folder = Path(folder)
    save_answers(run.answers, folder)
    write_page(run, folder)
    return save_report(run.report, folder)


def load_run(folder: Path | str) -> Run:
    """The report and the answers of a finished run; raises ResultError."""
    folder = Path(folder)
    return Run(report=load_report(folder), answers=load_answers(folder))

"""Run folders: making, reading, rendering again."""

import re
from itertools import count
from pathlib import Path

from tailqa.core.errors import ResultError
from tailqa.core.report import Report
from tailqa.report import result
from tailqa.report.page import write_page, write_summary
from tailqa.report.run import load_run


def load_report(path: str | Path) -> Report:
    """The report of a run folder or of a result.json.

    Raises ResultError, in one sentence, when the file is missing, damaged or of another version.
    """
    return result.load_report(Path(path))


def rerender(folder: Path, *, answers: bool = True) -> tuple[Report, Path]:
    """Writes report.html again from result.json and answers.parquet; the report and the page.

    Without `answers` it is summary.html, the page without a prompt or an answer. Raises
    ResultError.
    """
    if not answers:
        report = result.load_report(folder)
        return report, write_summary(report, folder)
    run = load_run(folder)
    return run.report, write_page(run, folder)


def run_folder(
    out: Path, *, created: str, names: tuple[str, str, str], holds: str = "result.json"
) -> Path:
    """The folder `<created>_<teacher>_vs_<student>_<suite>` in `out`; `names` in that order.

    `out` is made and shown to be writable now, the folder is made when there is something to put
    in. A finished run, one with the file that it `holds` last, is never overwritten: the next one
    of the same name gets `_2`, `_3`, … Raises ResultError when `out` cannot be written.
    """
    teacher, student, suite = (_slug(name) for name in names)
    stem = f"{created}_{teacher}_vs_{student}_{suite}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".{stem}"
        probe.write_text("")
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise ResultError(
            f"{out}: cannot be written ({error.strerror}); choose another folder with --out"
        ) from None
    numbered = (out / (stem if n == 1 else f"{stem}_{n}") for n in count(1))
    return next(folder for folder in numbered if not (folder / holds).exists())


def _slug(name: str) -> str:
    """The last part of a model name or path, safe as a part of a folder name.

    >>> _slug("org/Model-1.5B@main"), _slug("demo:teacher"), _slug("./qwen.Q4.gguf")
    ('Model-1.5B-main', 'demo-teacher', 'qwen.Q4.gguf')
    """
    last = name.rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip(".-")[:60] or "model"

"""Run folders: making, reading, rendering again."""

import re
from itertools import count
from pathlib import Path

from tailqa import report as room
from tailqa.core.errors import ResultError
from tailqa.core.report import Report


def load_report(path: str | Path) -> Report:
    """The report of a run folder or of a result.json.

    Raises ResultError, in one sentence, when the file is missing, damaged or of another version.
    """
    return room.load_report(Path(path))


def rerender(folder: Path, *, answers: bool = True) -> tuple[Report, Path]:
    """Writes report.html again from result.json and answers.parquet; the report and the page.

    Without `answers` it is summary.html, the page without a prompt or an answer. Raises
    ResultError.
    """
    if not answers:
        report = room.load_report(folder)
        return report, room.write_summary(report, folder)
    run = room.load_run(folder)
    return run.report, room.write_page(run, folder)


def run_folder(out: Path, *, created: str, names: tuple[str, str, str]) -> Path:
    """A writable folder `<created>_<teacher>_vs_<student>_<suite>` under `out`; `names` in order.

    A finished run is never overwritten: the next one of the same name gets `_2`, `_3`, …; an
    unfinished one (no result.json) is taken up again. Raises ResultError when the folder cannot be
    written.
    """
    teacher, student, suite = (_slug(name) for name in names)
    stem = f"{created}_{teacher}_vs_{student}_{suite}"
    for number in count(1):
        folder = out / (stem if number == 1 else f"{stem}_{number}")
        if not (folder / "result.json").exists():
            break
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise ResultError(
            f"{folder}: cannot be written ({error.strerror}); choose another folder with --out"
        ) from None
    return folder


def _slug(name: str) -> str:
    """The last part of a model name or path, safe as a part of a folder name.

    >>> _slug("org/Model-1.5B@main"), _slug("demo:teacher"), _slug("./qwen.Q4.gguf")
    ('Model-1.5B-main', 'demo-teacher', 'qwen.Q4.gguf')
    """
    last = name.rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip(".-")[:60] or "model"

"""Runs of other harnesses → a report and its run folder."""

from collections.abc import Sequence
from pathlib import Path

from tailqa.core.report import Report
from tailqa.records.inspect_ai import read_inspect
from tailqa.records.lighteval import read_lighteval
from tailqa.records.lm_eval import read_lm_eval
from tailqa.workflows.importing import ImportOptions, import_recordings


def import_lm_eval(
    teacher: Path,
    student: Path,
    options: ImportOptions,
    *,
    tasks: Sequence[str] = (),
    filter_name: str | None = None,
    metric: str | None = None,
) -> tuple[Report, Path]:
    """The run of two folders of lm-eval; see `read_lm_eval` and `import_recordings`."""
    first, second = (
        read_lm_eval(folder, tasks=tasks, filter_name=filter_name, metric=metric)
        for folder in (teacher, student)
    )
    return import_recordings(first, second, options)


def import_inspect(
    teacher: Path, student: Path, options: ImportOptions, *, scorer: str | None = None
) -> tuple[Report, Path]:
    """The run of two logs of Inspect; see `read_inspect` and `import_recordings`."""
    first, second = (read_inspect(path, scorer=scorer) for path in (teacher, student))
    return import_recordings(first, second, options)


def import_lighteval(
    teacher: Path,
    student: Path,
    options: ImportOptions,
    *,
    tasks: Sequence[str] = (),
    metric: str | None = None,
) -> tuple[Report, Path]:
    """The run of two folders of lighteval; see `read_lighteval` and `import_recordings`."""
    first, second = (
        read_lighteval(folder, tasks=tasks, metric=metric) for folder in (teacher, student)
    )
    return import_recordings(first, second, options)

"""Where harnesses put a run: a file per task and date, with the results of that date."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailqa.core.query import Task
from tailqa.files import Faults
from tailqa.records.logs import choose_tasks, read_json, title_of

DATE = r"(?P<date>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d[.\d]*)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """File names of one harness: `pattern` has the groups task and date.

    `model` is the folder of the model that a file belongs to, `results` where, and by which
    names, the results of a date may be.
    """

    what: str
    pattern: re.Pattern[str]
    model: Callable[[Path], Path]
    results: Callable[[Path, Path, str], Iterable[Path]]


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskLog:
    """The answers of one task, and the results of the run that they belong to."""

    task: str
    path: Path
    results: Mapping[str, Any]


def find_logs(
    folder: Path, layout: Layout, patterns: Sequence[str], faults: Faults
) -> tuple[tuple[TaskLog, ...], tuple[str, ...]]:
    """The newest log of each task that `patterns` choose; the notes say what was left aside.

    Notes as a fault where nothing is found, or runs of several models, or no results.
    """
    found: dict[str, list[tuple[str, Path]]] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        match = layout.pattern.fullmatch(path.name)
        if match is not None:
            found.setdefault(match["task"], []).append((match["date"], path))
    if not found:
        faults.add(str(folder), f"must be a folder with {layout.what}")
        return (), ()
    chosen = choose_tasks(folder, found, patterns, faults)
    models = sorted({str(layout.model(path)) for task in chosen for _, path in found[task]})
    if len(models) > 1:
        faults.add(str(folder), f"holds several models; name one of {', '.join(models)}")
        return (), ()
    read: dict[Path, Mapping[str, Any]] = {}
    logs = []
    for task in chosen:
        date, path = max(found[task])
        beside = next(iter(sorted(layout.results(folder, path, date))), None)
        if beside is None:
            faults.add(str(path), f"belongs to a results_{date}.json, which is not there")
            continue
        if beside not in read:
            read[beside] = read_json(beside, faults)
        logs.append(TaskLog(task=task, path=path, results=read[beside]))
    older = sum(len(found[task]) - 1 for task in chosen)
    note = f"Of each task in {folder.name} the newest run was read, and not {older} older."
    return tuple(logs), (note,) if older else ()


def one_kind(folder: Path, kinds: Mapping[str, Task], faults: Faults) -> Task:
    """What all tasks do; some that generate and some that choose are refused."""
    generate = [task for task, kind in kinds.items() if kind == "generate"]
    choose = [task for task, kind in kinds.items() if kind == "choose"]
    if generate and choose:
        lists = f"{title_of(generate)} generate, {title_of(choose)} choose"
        faults.add(str(folder), f"holds tasks of two kinds; choose some with --task: {lists}")
    return "choose" if choose else "generate"


def common_version(versions: Mapping[str, str]) -> str:
    """The version of all tasks, or of each.

    >>> common_version({"a": "1", "b": "1"}), common_version({"a": "1", "b": "2"})
    ('1', 'a 1, b 2')
    """
    if len(set(versions.values())) == 1:
        return next(iter(versions.values()))
    return title_of([f"{task} {version}" for task, version in versions.items()])


def told_apart(task: str, documents: Sequence[tuple[str, int]]) -> list[str]:
    """The id of each document, given its hash and its number in the task.

    Of one hash, the second number becomes `#2`; the same number twice gives the same id twice.

    >>> told_apart("quiz", [("abc", 7), ("abc", 2), ("def", 3)])
    ['quiz/abc#2', 'quiz/abc', 'quiz/def']
    """
    numbers: dict[str, set[int]] = {}
    for document_hash, number in documents:
        numbers.setdefault(document_hash, set()).add(number)
    places = {
        (document_hash, number): place
        for document_hash, known in numbers.items()
        for place, number in enumerate(sorted(known), 1)
    }
    names = []
    for document_hash, number in documents:
        place = places[document_hash, number]
        again = f"#{place}" if place > 1 else ""
        names.append(f"{task}/{document_hash[:_ID_DIGITS]}{again}")
    return names


_ID_DIGITS = 16

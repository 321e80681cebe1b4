"""Run folders → the history, and the runs that it holds."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from tailqa.core.errors import HistoryError, ResultError, TailqaError
from tailqa.core.history import Added, KeptRun
from tailqa.core.report import Report, Run
from tailqa.history import History, open_history
from tailqa.history.rows import storable
from tailqa.report.bench_result import BENCH
from tailqa.report.files import read_bytes
from tailqa.report.operations_result import COST
from tailqa.report.replay_result import REPLAY
from tailqa.report.result import RESULT, load_answers, load_report
from tailqa.report.routing_result import ROUTE
from tailqa.report.weekly_page import WEEKLY_PAGE
from tailqa.workflows.history_run import new_run
from tailqa.workflows.since import first_day

_MADE_BY = {
    WEEKLY_PAGE: "weekly",
    BENCH: "bench",
    REPLAY: "replay",
    ROUTE: "route",
    COST: "cost",
}
"""What is in a folder of another command, where no run is."""


@dataclass(frozen=True, kw_only=True)
class Folders:
    """Folders that were asked for; `others` hold no run, but what another command made."""

    runs: tuple[Path, ...]
    others: Mapping[Path, str]


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """The runs that were removed, or would be; `kept` is how many are left."""

    runs: tuple[KeptRun, ...]
    kept: int


def sort_folders(folders: Sequence[Path]) -> Folders:
    """The folders without those that only hold what another command of tailqa made.

    Raises ResultError where none is left; it does not look whether the others hold runs.

    >>> import tempfile
    >>> page, run = (Path(tempfile.mkdtemp()) for _ in range(2))
    >>> _ = (page / "weekly.html").write_text("")
    >>> found = sort_folders([page, run])
    >>> found.runs == (run,), found.others == {page: "weekly"}
    (True, True)
    """
    others = {folder: command for folder in folders if (command := _other_command(folder))}
    runs = tuple(folder for folder in folders if folder not in others)
    if not runs:
        made = ", ".join(f"{folder} (tailqa {command})" for folder, command in others.items())
        raise ResultError(f"no run is among these, other commands made them: {made}")
    return Folders(runs=runs, others=others)


def add_runs(
    folders: Sequence[Path], db: str | Path, *, student: str | None = None, backfill: bool = False
) -> tuple[Added, ...]:
    """Adds finished runs by date; what the history has already is left as it is.

    `student` is the name of all of them, by default each student's without its revision. Every
    run is kept whole or not at all. Raises ResultError for a folder that is no finished run, before
    anything is added, and HistoryError for a run that the history does not take; its message says
    which were added before.
    """
    paths = [_result(folder) for folder in folders]
    # Read again when their turn comes: reports of years would fill the memory, one does not.
    reports = {path: load_report(path) for path in paths[:1]}
    dates = {path: (reports.get(path) or load_report(path)).created for path in paths}
    done: list[Added] = []
    with open_history(db) as history:
        for path in sorted(paths, key=lambda path: dates[path]):
            try:
                report = reports.get(path) or load_report(path)
                done.append(_add(history, path, report, student=student, backfill=backfill))
            except TailqaError as error:
                raise _after(done, error) from error
    return tuple(done)


def add_finished(folder: Path, db: str | Path, *, student: str | None = None) -> Added:
    """Adds the run that was just written.

    Raises HistoryError that says where the run is and how it is added later: it is not lost.
    """
    try:
        (added,) = add_runs([folder], db, student=student)
    except TailqaError as error:
        raise HistoryError(
            f"{error}\nThe run is in {folder}, but not in the history; once that is mended, "
            f"tailqa history add {folder} adds it."
        ) from error
    return added


def check_history(db: str | Path) -> None:
    """Opens the history, so that a wrong password is found before a run and not after it."""
    open_history(db).close()


def kept_runs(
    db: str | Path,
    *,
    student: str | None = None,
    suite: str | None = None,
    since: str | None = None,
    until: str | None = None,
    figures: bool = True,
) -> tuple[KeptRun, ...]:
    """The runs of the history, by date; without `figures` they come faster.

    `since` is `12w` (that many weeks with this one), `90d` or a day, `until` a day. Raises
    HistoryError where there is no history, and for a student or a suite that it does not know, and
    TailqaError for another `since`.
    """
    since = None if since is None else first_day(since, date.today()).isoformat()
    with open_history(db, create=False) as history:
        _check_name(history, "student", student)
        _check_name(history, "suite", suite)
        first = None if figures else date.max.isoformat()
        return history.runs(student, suite, since, until, figures_since=first)


def kept_run(db: str | Path, run: str) -> KeptRun:
    """The run of this folder name or beginning of a digest; raises HistoryError."""
    with open_history(db, create=False) as history:
        return history.run(run)


def rename(db: str | Path, old: str, new: str) -> int:
    """Follows all runs of the student `old` under the name `new`; how many. Raises HistoryError."""
    with open_history(db, create=False) as history:
        return history.rename(old, new)


def prune(
    db: str | Path, before: str, *, keep: int = 0, dry_run: bool = False, every: bool = False
) -> Pruned:
    """Removes the runs before a day but for the newest `keep` of each student on each suite.

    With `dry_run` it only says which. Raises HistoryError, also for a day in the future and,
    without `every`, where no run would be left.
    """
    with open_history(db, create=False) as history:
        found = history.prunable(before, keep=keep)
        if before > date.today().isoformat():
            raise HistoryError(
                f"--before {before} lies in the future; today is {date.today().isoformat()}"
            )
        kept = len(history.runs(figures_since=date.max.isoformat())) - len(found)
        if not (dry_run or every or kept) and found:
            raise HistoryError(
                f"that would leave {history.shown} without a run ({len(found):,} to remove); "
                "--keep 1 spares the newest of each student and suite, --yes removes them all"
            )
        if not dry_run:
            history.prune(before, keep=keep)
    return Pruned(runs=found, kept=kept)


def _other_command(folder: Path) -> str | None:
    if (folder / RESULT).exists():
        return None
    return next((made for name, made in _MADE_BY.items() if (folder / name).is_file()), None)


def _result(run: Path) -> Path:
    return run / RESULT if run.is_dir() else run


def _add(
    history: History, path: Path, report: Report, *, student: str | None, backfill: bool
) -> Added:
    content = read_bytes(path)
    run = Run(report=report, answers=load_answers(path.parent))
    folder = path.resolve().parent.name
    digest = hashlib.sha256(content).hexdigest()
    added = history.add(new_run(run, folder, digest, student), backfill=backfill)
    if added.new or student in {None, added.run.student}:
        return added
    moved = f"tailqa history rename {added.run.student} {student} follows its runs as {student}"
    return replace(added, notes=(moved,))


def _after(done: Sequence[Added], error: TailqaError) -> TailqaError:
    names = ", ".join(added.run.name for added in done if added.new)
    kind = ResultError if isinstance(error, ResultError) else HistoryError
    return kind(f"{error}\nAdded before that: {names}") if names else error


def _check_name(history: History, what: str, name: str | None) -> None:
    known = dict.fromkeys(pair[what == "suite"] for pair in history.series())
    if name is not None and storable(name) not in known:
        there = ", ".join(known) or "nothing yet"
        raise HistoryError(
            f"{history.shown} has no run of the {what} {storable(name)}; it has {there}"
        )

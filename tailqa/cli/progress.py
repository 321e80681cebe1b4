"""Progress bars on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from tailqa.core.ports import Progress, Silent

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


_FIRST_S = 20.0
_EVERY_S = 60.0
_COUNTED = {"speed": "queries", "given texts": "texts"}
"""What these tasks count; all others count what the command is said to count."""


@dataclass(kw_only=True)
class _Task:
    """`due` is when the next line may come, in seconds of the clock, as `began`."""

    total: int
    began: float
    due: float
    done: int = 0


class Lines:
    """One line per task once it runs for 20 s, one a minute from then on, and one at its end.

    In the log of a CI job a slow run is told from one that hangs. What is over sooner says nothing.
    """

    def __init__(
        self,
        say: Callable[[str], object],
        *,
        counted: str = "answers",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say, self._clock, self._counted = say, clock, counted
        self._tasks: dict[str, _Task] = {}

    def start(self, task: str, total: int) -> None:
        """Begins to count."""
        now = self._clock()
        self._tasks[task] = _Task(total=total, began=now, due=now + _FIRST_S)

    def advance(self, task: str, n: int, tokens: int = 0, *, reused: bool = False) -> None:  # noqa: ARG002
        """Says how far it is where that is due."""
        found, now = self._tasks[task], self._clock()
        found.done += n
        if now >= found.due and found.done < found.total:
            self._say(f"{self._far(task)}, {_spell(now - found.began)}")
            found.due = now + _EVERY_S

    def finish(self, task: str) -> None:
        """Says how long it took where that was long."""
        found = self._tasks[task]
        took_s = self._clock() - found.began
        if took_s >= _FIRST_S:
            self._say(f"{self._far(task)}, over after {_spell(took_s)}")

    def _far(self, task: str) -> str:
        found, counted = self._tasks[task], _COUNTED.get(task, self._counted)
        return f"{task}: {found.done:,} of {found.total:,} {counted}"


def _spell(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


class _Terminal:
    """One bar per task with rate, tokens per second and time left."""

    def __init__(self, bars: "Bars", *, counted: str) -> None:
        self._bars, self._counted = bars, counted
        self._tasks: dict[str, TaskID] = {}
        self._tokens: dict[str, int] = {}
        self._reused: dict[str, int] = {}

    def start(self, task: str, total: int) -> None:
        """A new bar."""
        counted = _COUNTED.get(task, self._counted)
        self._tasks[task] = self._bars.add_task(task, total=total, counted=counted, note="")
        self._tokens[task] = self._reused[task] = 0

    def advance(self, task: str, n: int, tokens: int = 0, *, reused: bool = False) -> None:
        """Moves the bar."""
        bar = self._tasks[task]
        self._tokens[task] += tokens
        self._reused[task] += n if reused else 0
        self._bars.update(bar, advance=n, note=self._note(task))

    def finish(self, task: str) -> None:
        """Leaves the bar standing, full."""
        bar = self._tasks[task]
        self._bars.update(bar, note=self._note(task))
        self._bars.stop_task(bar)

    def _note(self, task: str) -> str:
        shown = next(t for t in self._bars.tasks if t.id == self._tasks[task])
        elapsed = shown.elapsed or 0.0
        fresh = shown.completed - self._reused[task]
        parts = []
        if elapsed > 0 and fresh > 0:
            parts.append(f"{fresh / elapsed:,.1f}/s")
        if elapsed > 0 and self._tokens[task]:
            parts.append(f"{self._tokens[task] / elapsed:,.0f} tokens/s")
        if self._reused[task]:
            parts.append(f"{self._reused[task]:,} from the store")
        return " · ".join(parts)


@contextmanager
def progress(*, quiet: bool, counted: str = "answers") -> Iterator[Progress]:
    """On standard error: bars when it is a terminal, else lines; nothing when `quiet` is set.

    `counted` is what the tasks count, in the plural: `compare` draws several answers per query.
    """
    if quiet:
        yield Silent()
        return
    if not sys.stderr.isatty():
        yield Lines(lambda line: click.echo(line, err=True), counted=counted)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counted]}"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        yield _Terminal(bars, counted=counted)

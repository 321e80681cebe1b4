"""Progress bars on a terminal, silence elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tailqa.core.ports import Progress, Silent

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class _Terminal:
    """One bar per task with rate, tokens per second and time left."""

    def __init__(self, bars: "Bars") -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._tokens: dict[str, int] = {}
        self._reused: dict[str, int] = {}

    def start(self, task: str, total: int) -> None:
        """A new bar."""
        self._tasks[task] = self._bars.add_task(task, total=total, note="")
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
            parts.append(f"{fresh / elapsed:,.1f} queries/s")
        if elapsed > 0 and self._tokens[task]:
            parts.append(f"{self._tokens[task] / elapsed:,.0f} tokens/s")
        if self._reused[task]:
            parts.append(f"{self._reused[task]:,} from the store")
        return " · ".join(parts)


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """Bars on standard error when it is a terminal and `quiet` is not set."""
    if quiet or not sys.stderr.isatty():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        yield _Terminal(bars)

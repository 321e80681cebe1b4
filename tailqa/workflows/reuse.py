"""How many answers of a run were in the store already."""

from collections import Counter
from dataclasses import dataclass, field

from tailqa.core.answer import Side
from tailqa.core.ports import Progress
from tailqa.workflows.speed import SIDES


@dataclass(frozen=True, kw_only=True, slots=True)
class Reuse:
    """`reused` of the `n` answers of a side came from the store; the others were made now."""

    side: Side
    reused: int
    n: int


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Hands progress on and counts the answers of both sides.

    The counts are no part of a report: a run that was cut off and finished later is the same run.

    >>> from tailqa.core.ports import Silent
    >>> counted = Counted(progress=Silent())
    >>> counted.advance("teacher", 3, reused=True)
    >>> counted.advance("student", 3)
    >>> [(one.side, one.reused, one.n) for one in counted.reuse()]
    [('teacher', 3, 3), ('student', 0, 3)]
    """

    progress: Progress
    _all: Counter[str] = field(default_factory=Counter)
    _reused: Counter[str] = field(default_factory=Counter)

    def start(self, task: str, total: int) -> None:
        """A new task."""
        self.progress.start(task, total)

    def advance(self, task: str, n: int, tokens: int = 0, *, reused: bool = False) -> None:
        """`n` more units are done."""
        self._all[task] += n
        self._reused[task] += n if reused else 0
        self.progress.advance(task, n, tokens, reused=reused)

    def finish(self, task: str) -> None:
        """The task is over."""
        self.progress.finish(task)

    def reuse(self) -> tuple[Reuse, ...]:
        """What came from the store so far, the teacher first."""
        return tuple(
            Reuse(side=side, reused=self._reused[side], n=self._all[side]) for side in SIDES
        )

"""Collects every fault of the user's files before anything is raised."""

from collections import Counter

from tailqa.core.errors import Fault, InputError

SHOWN = 20
"""How many faults of one kind are listed one by one; the rest are counted."""


class Faults:
    """A growing list of faults that stays readable when 100,000 rows break the same rule.

    >>> faults = Faults()
    >>> for line in range(1, 24):
    ...     faults.add("a.csv", "reference is empty", line=line, key="answer")
    >>> [str(fault) for fault in faults.listed()][-2:]
    ['a.csv:20: answer: reference is empty', 'a.csv: answer: and 3 more: reference is empty']
    """

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._counts: Counter[tuple[str, str | None, str]] = Counter()
        self._seen: set[tuple[object, ...]] = set()

    def __len__(self) -> int:
        return self._counts.total()

    def mentions(self, file: str) -> bool:
        """Whether anything is wrong with `file`."""
        return any(fault.file == file for fault in self._faults)

    def add(
        self,
        file: str,
        rule: str,
        *,
        line: int | None = None,
        key: str | None = None,
        value: object = None,
        kind: str | None = None,
    ) -> None:
        """Notes one fault, once; `kind` groups faults whose `rule` differs from row to row."""
        group = (file, key, kind or rule)
        if line is not None and (group, line, rule) in self._seen:
            return
        self._seen.add((group, line, rule))
        self._counts[group] += 1
        if self._counts[group] <= SHOWN:
            self._faults.append(Fault(file=file, rule=rule, line=line, key=key, value=value))

    def listed(self) -> tuple[Fault, ...]:
        """The faults in the order they were found, then how many more there are of each kind."""
        more = [
            Fault(file=file, key=key, rule=f"and {count - SHOWN} more: {kind}")
            for (file, key, kind), count in self._counts.items()
            if count > SHOWN
        ]
        return (*self._faults, *more)

    def check(self) -> None:
        """Raises InputError with all faults if there are any."""
        if self._faults:
            raise InputError(self.listed())

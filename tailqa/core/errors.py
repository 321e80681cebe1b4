"""Errors that a user can act on. The command line prints their text and exits with 3."""

from collections.abc import Iterable
from dataclasses import dataclass


class TailqaError(Exception):
    """Base of every error that tailqa raises on purpose; its text is one clear message."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One broken rule in a file that a person wrote.

    >>> print(Fault(file="qa.yaml", line=7, key="weight", value=1.3, rule="must be at most 1"))
    qa.yaml:7: weight: must be at most 1 (got 1.3)
    """

    file: str
    rule: str
    line: int | None = None
    key: str | None = None
    value: object = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        key = "" if self.key is None else f"{self.key}: "
        shown = "" if self.value is None else f" (got {_short(self.value)})"
        return f"{place}: {key}{self.rule}{shown}"


class InputError(TailqaError):
    """All faults of the user's input at once.

    >>> raise InputError([Fault(file="a.csv", rule="is empty")])
    Traceback (most recent call last):
    tailqa.core.errors.InputError: a.csv: is empty
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class ModelError(TailqaError):
    """A model cannot be found, loaded or run as asked."""


class StoreError(TailqaError):
    """The response store cannot be read or written."""


class ResultError(TailqaError):
    """A run folder cannot be read or written."""


class TrackingError(TailqaError):
    """An experiment tracker cannot be reached, or refuses what it was asked."""


class HistoryError(TailqaError):
    """The history cannot be read or written, or does not take a run."""


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"

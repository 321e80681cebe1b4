"""Suites by name: the embedded one, a shipped one or a file."""

from collections.abc import Mapping
from pathlib import Path

from tailqa import suite as room
from tailqa.core.query import Suite
from tailqa.demo import suite_file

EMBEDDED = ("demo", "arithmetic")


def load_suite(
    name: str | Path,
    *,
    sources: Mapping[str, Path] | None = None,
    num_fewshot: int | None = None,
) -> Suite:
    """The suite of a file, or of a shipped name such as `popqa`; `demo` is the embedded one.

    `sources` says which file holds a split ("" for the suite's own rows) instead of the suite's
    source. Raises InputError with every fault of the suite and its data.

    >>> suite = load_suite("demo")
    >>> {stratum.kind for stratum in suite.strata} == {"head", "tail"}
    True
    """
    path = suite_file() if str(name) in EMBEDDED else room.find_suite(str(name))
    return room.load_suite(path, sources=sources or {}, num_fewshot=num_fewshot)

"""Recorded requests: when each came, and how long its prompt and its answer were."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from tailqa.cost.arrivals import Requests, Trace
from tailqa.cost.samples import LISTED, as_number
from tailqa.files import MISSING, Faults, Row, Table, compile_path, open_file

if TYPE_CHECKING:
    from tailqa.cost.line import Floats

_FRACTION = re.compile(r"(.*\d:\d\d:\d\d)[.,](\d+)(.*)")
_PLAIN = re.compile(r"(\d{1,12}(\.\d*)?|\.\d+)(e[+-]?\d{1,2})?", re.IGNORECASE)
_MOST_S = 10**12
_TIME = "must be an ISO 8601 date-time or seconds"
_ORDER = "is earlier than the row before: sort the trace by time"
_TOKENS = "must be a whole number of tokens, 0 or more"

Moment = tuple[int, float]
"""Whole seconds and the fraction, kept apart so that a tenth of a microsecond survives."""


def read_trace(path: Path, trace: Trace, faults: Faults) -> Requests | None:
    """The rows of the file at `path`, or None with what is wrong with it noted."""
    import numpy as np

    before = len(faults)
    table = open_file(path, faults)
    columns = [name for name in (trace.context_tokens, trace.generated_tokens) if name]
    getters = _getters(table, [trace.timestamp, *columns], faults)
    if getters is None:
        return None
    moments: list[Moment] = []
    tokens: dict[str, list[float]] = {name: [] for name in columns}
    for line, row in table.rows:
        value = getters[trace.timestamp](row)
        moment = as_moment(value)
        if moment is None or (moments and moment < moments[-1]):
            rule = _TIME if moment is None else _ORDER
            faults.add(table.name, rule, line=line, key=trace.timestamp, value=_got(value))
        if moment is not None:
            moments.append(moment)
        for name, found in tokens.items():
            value = getters[name](row)
            number = as_number(value)
            if number is None or number < 0 or not number.is_integer():
                faults.add(table.name, _TOKENS, line=line, key=name, value=_got(value))
            else:
                found.append(number)
    if not moments and len(faults) == before:
        faults.add(table.name, "is an empty trace: it has no rows")
    elif len(faults) == before and moments[0] == moments[-1]:
        faults.add(table.name, "has one point of time only, and so no rate")
    if len(faults) > before:
        return None
    start, fraction = moments[0]
    return Requests(
        arrival_s=np.array([second - start + (part - fraction) for second, part in moments]),
        context_tokens=_array(tokens, trace.context_tokens),
        generated_tokens=_array(tokens, trace.generated_tokens),
    )


def as_moment(value: object) -> Moment | None:
    """A time as whole seconds and fraction: of a date-time since 1970, or of plain seconds.

    A date-time without an offset is taken as UTC. None where `value` is neither.

    >>> as_moment("2023-11-16 18:17:03.9799600")
    (1700158623, 0.97996)
    >>> as_moment("12.5"), as_moment(5e-05), as_moment("noon")
    ((12, 0.5), (0, 5e-05), None)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = repr(value)
    if isinstance(value, datetime):
        value = value.isoformat()
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _PLAIN.fullmatch(text):
        seconds = Decimal(text)
        return (int(seconds), float(seconds % 1)) if seconds < _MOST_S else None
    # Python keeps 6 digits of the fraction; traces have 7, and 9 where nanoseconds were logged.
    split = _FRACTION.fullmatch(text)
    try:
        moment = datetime.fromisoformat(split[1] + split[3] if split else text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        fraction = float(f"0.{split[2]}") if split else moment.microsecond / 1e6
        return int(aware.replace(microsecond=0).timestamp()), fraction
    except (ValueError, OverflowError):
        return None


def _getters(
    table: Table, names: list[str], faults: Faults
) -> dict[str, Callable[[Row], object]] | None:
    before = len(faults)
    found: dict[str, Callable[[Row], object]] = {}
    for name in names:
        if table.columns is not None and name not in table.columns:
            there = ", ".join(table.columns[:LISTED])
            faults.add(table.name, f"has no column {name!r}; it has {there}", line=1)
            continue
        try:
            found[name] = compile_path(name)
        except ValueError as error:
            faults.add(table.name, str(error), key=name)
    return found if len(faults) == before else None


def _got(value: object) -> object:
    return None if value is MISSING else value


def _array(tokens: dict[str, list[float]], name: str | None) -> "Floats | None":
    import numpy as np

    return None if name is None else np.array(tokens[name])

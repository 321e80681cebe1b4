"""Which query belongs to which stratum: by the value of a column, or by its quantiles."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, TypeVar

from tailqa.core.query import Stratum
from tailqa.files import MISSING, Faults, compile_path
from tailqa.records.bins import quantile_bins
from tailqa.records.recording import Item, place_of
from tailqa.records.values import to_number, to_text

TailEnd = Literal["high", "low"]
ALL = "all"
MOST_STRATA = 1_000
_SHOWN = 20
_Value = TypeVar("_Value")


@dataclass(frozen=True, kw_only=True, slots=True)
class StrataRule:
    """How imported queries become strata.

    By the values of `column`, or between its `quantiles`; without a column there is one stratum,
    `all`. `tail` are names of tail strata, or patterns (`*`, `?`); without one the outermost bin
    at `tail_end` is the tail, and of values none. `weights` are shares of the traffic by name,
    by default the shares of the queries. Queries with one value of `cluster` are not independent.
    """

    column: str | None = None
    quantiles: tuple[float, ...] = ()
    tail: tuple[str, ...] = ()
    tail_end: TailEnd = "high"
    weights: Mapping[str, float] = field(default_factory=dict)
    cluster: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Parted:
    """The strata, and of each query the stratum and the cluster."""

    strata: tuple[Stratum, ...]
    of_query: tuple[str, ...]
    clusters: tuple[str | None, ...]


def part(items: Sequence[tuple[Item, Item]], rule: StrataRule, faults: Faults) -> Parted:
    """Strata of queries, each given as the items of both sides; at least one query.

    A stratum must be one for both sides, so values that differ are a fault, as are a column that
    is not there, a query without a value, a pattern that no stratum matches, and weights that do
    not name every stratum or do not sum to 1 (within 1e-6). Raises InputError with all of them.
    """
    _check(rule, faults)
    clusters: Sequence[str | None] = [None] * len(items)
    if rule.cluster is not None:
        clusters = _column(items, rule.cluster, to_text, faults)
    names, of_query = _parts(items, rule, faults)
    faults.check()
    if len(names) > MOST_STRATA:
        text = f"has {len(names):,} values, more than strata can be; --quantiles parts numbers"
        faults.add(place_of(items[0][0])[0], text, key=rule.column)
        faults.check()
    tail = _tail(names, rule, faults)
    weights = _weights(names, of_query, rule, faults)
    faults.check()
    return Parted(
        strata=tuple(
            Stratum(
                name=name,
                kind="tail" if name in tail else "head",
                weight=weights[name],
                tier="critical",
            )
            for name in names
        ),
        of_query=tuple(of_query),
        clusters=tuple(clusters),
    )


def listed(names: Sequence[str]) -> str:
    """Names in a message, not too many.

    >>> listed([str(n) for n in range(22)])[-22:].strip()
    '17, 18, 19 and 2 more'
    """
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def _check(rule: StrataRule, faults: Faults) -> None:
    for share in rule.quantiles:
        if not 0 < share < 1:
            faults.add("--quantiles", "must lie strictly between 0 and 1", value=share)
    if rule.column is None:
        for option, given in (("--quantiles", rule.quantiles), ("--tail", rule.tail)):
            if given:
                faults.add(option, "needs --stratum")


def _parts(
    items: Sequence[tuple[Item, Item]], rule: StrataRule, faults: Faults
) -> tuple[Sequence[str], Sequence[str]]:
    """The names of the strata in order, and the one of each query."""
    if rule.column is None:
        return [ALL], [ALL] * len(items)
    if not rule.quantiles:
        values = _column(items, rule.column, to_text, faults)
        return _ordered(set(values)), values
    numbers = _column(items, rule.column, to_number, faults)
    faults.check()
    try:
        names, bins = quantile_bins(rule.column, numbers, rule.quantiles)
    except ValueError as error:
        faults.add(place_of(items[0][0])[0], str(error), key=rule.column)
        return [], []
    return names, [names[index] for index in bins]


def _ordered(names: set[str]) -> list[str]:
    """By number where all are numbers, else by letter."""
    try:
        return sorted(names, key=to_number)
    except ValueError:
        return sorted(names)


def _column(
    items: Sequence[tuple[Item, Item]],
    path: str,
    read: Callable[[object], _Value],
    faults: Faults,
) -> list[_Value]:
    """The value of each query; fewer than queries where there are faults."""
    file = place_of(items[0][0])[0]
    try:
        get = compile_path(path)
    except ValueError as error:
        faults.add(file, str(error), key=path)
        return []
    found = [(_given(get(t.fields)), _given(get(s.fields))) for t, s in items]
    if all(value is MISSING for pair in found for value in pair):
        columns = {str(name): None for pair in items for item in pair for name in item.fields}
        there = f"there are {listed(list(columns))}" if columns else "there are none"
        faults.add(file, f"has no column of this name, or nothing in it; {there}", key=path)
        return []
    values = []
    for pair, sides in zip(items, found, strict=True):
        try:
            values.append(_one(sides, read))
        except ValueError as error:
            at = 0 if sides[0] is not MISSING else 1
            shown = None if sides[at] is MISSING else sides[at]
            where, line = place_of(pair[at])
            faults.add(where, str(error), line=line, key=path, value=shown)
    return values


def _given(value: object) -> object:
    """An empty cell of a CSV file is no value."""
    return MISSING if value == "" else value


def _one(pair: tuple[object, object], read: Callable[[object], _Value]) -> _Value:
    """The one value of both sides; a side may have none. Raises ValueError."""
    known = [read(value) for value in pair if value is not MISSING]
    if not known:
        raise ValueError("has no value")
    if known[0] != known[-1]:
        raise ValueError("is another one for the student under the same id")
    return known[0]


def _tail(names: Sequence[str], rule: StrataRule, faults: Faults) -> set[str]:
    if rule.quantiles and not rule.tail:
        return {names[-1] if rule.tail_end == "high" else names[0]}
    tail = set()
    for pattern in rule.tail:
        matches = [name for name in names if name == pattern or fnmatchcase(name, pattern)]
        if not matches:
            faults.add("--tail", f"matches no stratum; there are {listed(names)}", value=pattern)
        tail.update(matches)
    return tail


def _weights(
    names: Sequence[str], of_query: Sequence[str], rule: StrataRule, faults: Faults
) -> Mapping[str, float]:
    if not rule.weights:
        counts = Counter(of_query)
        return {name: counts[name] / len(of_query) for name in names}
    for name in rule.weights:
        if name not in names:
            faults.add("--weight", f"no such stratum; there are {listed(names)}", value=name)
    missing = [name for name in names if name not in rule.weights]
    if missing:
        faults.add("--weight", f"must name every stratum; there is none for {listed(missing)}")
    for name, share in rule.weights.items():
        if not 0 < share <= 1:
            faults.add("--weight", "must lie in (0, 1]", key=name, value=share)
    total = sum(rule.weights.values())
    if not abs(total - 1) <= 1e-6:
        faults.add("--weight", "must sum to 1", value=total)
    return {name: rule.weights.get(name, 0.0) for name in names}

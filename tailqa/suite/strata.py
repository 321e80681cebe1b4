"""Which query belongs to which stratum, and how much of the traffic each stratum is."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from tailqa.files.document import Document
from tailqa.files.faults import Faults
from tailqa.files.paths import MISSING
from tailqa.suite.fields import to_number
from tailqa.suite.plan import Item
from tailqa.suite.rarity import rarity
from tailqa.suite.schema import Rarity, Rule, SuiteFile
from tailqa.suite.template import to_text

Column = list[object]
"""One value per item; MISSING where the row has none that can be used."""


def assign(
    suite: SuiteFile, items: Sequence[Item], *, file: str, document: Document, faults: Faults
) -> list[int | None]:
    """The index of the stratum of each item, or None where there is not exactly one."""
    columns = _Columns(items, file, faults)
    owners: list[list[int]] = [[] for _ in items]
    measured = [columns.of(stratum.rule) for stratum in suite.strata]
    for index, stratum in enumerate(suite.strata):
        members = _members(stratum.rule, measured[index])
        for at in members:
            owners[at].append(index)
        if not members and not any(value is MISSING for value in measured[index]):
            line = document.line(("strata", index, "rule"))
            key = f"strata[{index}]"
            faults.add(document.file, "no query matches", line=line, key=key, value=stratum.name)
    for at, found in enumerate(owners):
        values = [column[at] for column in measured]
        unclear = any(value is MISSING for value in values)
        if len(found) > 1 or (not found and not unclear):
            names = ", ".join(suite.strata[index].name for index in found)
            rule = f"matches {len(found)} strata: {names}" if found else "matches no stratum"
            shown = next((item for item in items[at].values.values()), None)
            faults.add(file, rule, line=items[at].line, key="strata", value=shown)
    return [found[0] if len(found) == 1 else None for found in owners]


def weigh(
    suite: SuiteFile,
    items: Sequence[Item],
    assigned: Sequence[int | None],
    *,
    file: str,
    document: Document,
    faults: Faults,
) -> list[float]:
    """The traffic weight of each stratum, as given or counted."""
    if suite.weights is None:
        return [stratum.weight or 0.0 for stratum in suite.strata]
    field = suite.weights.count
    sums = [0.0] * len(suite.strata)
    for item, index in zip(items, assigned, strict=True):
        frequency = 1.0 if field is None else _frequency(item, field, file, faults)
        if index is not None:
            sums[index] += frequency
    for index, (stratum, total) in enumerate(zip(suite.strata, sums, strict=True)):
        if total == 0 and index in assigned and field is not None:
            line = document.line(("strata", index))
            rule = f"has no traffic: {field} is 0 in all its rows"
            faults.add(document.file, rule, line=line, key=f"strata[{index}]", value=stratum.name)
    return [total / (sum(sums) or 1.0) for total in sums]


def _frequency(item: Item, field: str, file: str, faults: Faults) -> float:
    if field not in item.values:
        return 0.0
    try:
        frequency = to_number(item.values[field])
    except ValueError as error:
        faults.add(file, str(error), line=item.line, key=field, value=item.values[field])
        return 0.0
    if frequency < 0:
        faults.add(file, "must not be negative", line=item.line, key=field, value=frequency)
    return max(frequency, 0.0)


def _members(rule: Rule, column: Column) -> list[int]:
    wanted = rule.one_of if rule.one_of is not None else [rule.equals]
    if rule.equals is not None or rule.one_of is not None:
        texts = {to_text(value) for value in wanted}
        return [at for at, value in enumerate(column) if value in texts]
    low, high = rule.span
    return [at for at, v in enumerate(column) if isinstance(v, float) and low <= v < high]


class _Columns:
    """Measures each distinct thing once, however many strata ask for it."""

    def __init__(self, items: Sequence[Item], file: str, faults: Faults) -> None:
        self._items, self._file, self._faults = items, file, faults
        self._done: dict[object, Column] = {}

    def of(self, rule: Rule) -> Column:
        """The values that the test of `rule` looks at."""
        if rule.equals is not None or rule.one_of is not None:
            return self._texts(rule.names[0])
        numbers = self._rarities(rule.rarity) if rule.rarity else self._numbers(rule.names[0])
        if rule.range is not None:
            return numbers
        place = quantiles if rule.quantile is not None else cumulative_shares
        key = (place.__name__, id(numbers))
        if key not in self._done:
            self._done[key] = self._placed(place, numbers, rule)
        return self._done[key]

    def _texts(self, field: str) -> Column:
        return self._measured(("text", field), field, lambda item: to_text(item.values[field]))

    def _numbers(self, field: str) -> Column:
        return self._measured(("number", field), field, lambda item: to_number(item.values[field]))

    def _rarities(self, spec: Rarity) -> Column:
        names = tuple(spec.fields)

        def measure(item: Item) -> float:
            text = "\n".join(to_text(item.values[name]) for name in names)
            return rarity(text, words=spec.words, language=spec.language)

        return self._measured((names, spec.words, spec.language), "rarity", measure)

    def _measured(self, key: object, shown: str, measure: Callable[[Item], object]) -> Column:
        if key not in self._done:
            column: Column = []
            for item in self._items:
                value: object = MISSING
                try:
                    value = measure(item)
                except KeyError:
                    pass  # the row has no such value, which is noted already
                except ValueError as error:
                    seen = item.values.get(shown)
                    self._faults.add(self._file, str(error), line=item.line, key=shown, value=seen)
                column.append(value)
            self._done[key] = column
        return self._done[key]

    def _placed(
        self, place: Callable[[Sequence[float]], list[float]], column: Column, rule: Rule
    ) -> Column:
        numbers = [value for value in column if isinstance(value, float)]
        if len(numbers) < len(column):
            return [MISSING] * len(column)
        try:
            return list(place(numbers))
        except ValueError as error:
            self._faults.add(self._file, str(error), key=rule.field)
            return [MISSING] * len(column)


def quantiles(values: Sequence[float]) -> list[float]:
    """For each value the share of values below it, in [0, 1); equal values share their place.

    >>> quantiles([30.0, 10.0, 20.0, 10.0])
    [0.75, 0.0, 0.5, 0.0]
    """
    ordered = sorted(values)
    return [bisect_left(ordered, value) / len(ordered) for value in values]


def cumulative_shares(values: Sequence[float]) -> list[float]:
    """For each value the share of the total that the greater values hold, in [0, 1).

    With popularities, cutting at thirds gives the head, torso and tail of Sun et al. (2023):
    items in order of popularity, cut where the cumulative popularity passes 1/3 and 2/3.

    Raises ValueError for a negative value, or when all are 0.

    >>> cumulative_shares([1.0, 6.0, 2.0, 1.0])
    [0.8, 0.0, 0.6, 0.8]
    """
    if not values or min(values) < 0 or max(values) == 0:
        raise ValueError("cumulative needs numbers of at least 0, and one above it")
    ordered = sorted(values)
    sums = [0.0, *accumulate(reversed(ordered))]
    return [sums[len(ordered) - bisect_right(ordered, value)] / sums[-1] for value in values]

"""Where a value stands in a row: `a.b`, `items[0].text`, `items[].text`."""

import re
from collections.abc import Callable, Mapping
from typing import Final

Row = Mapping[str, object]


class Missing:
    """Stands for a value that a row does not have (null counts as not having it)."""


MISSING: Final = Missing()
_EACH: Final = None
_SEGMENT = re.compile(r"([^.\[\]]+)((?:\[[0-9]{0,9}\])*)")
Step = str | int | None


def compile_path(path: str) -> Callable[[Row], object]:
    """A function from a row to the value at `path`, or MISSING.

    Names are joined by dots; `[2]` takes one item of a list (from 0), `[]` all of them. A key
    that is spelled exactly like the whole path comes first. Raises ValueError if `path` is
    malformed.

    >>> row = {"question": {"choices": [{"text": "yes"}, {"text": "no"}]}, "a.b": 1}
    >>> compile_path("question.choices[].text")(row)
    ['yes', 'no']
    >>> compile_path("question.choices[1].text")(row), compile_path("a.b")(row)
    ('no', 1)
    >>> compile_path("question.stem")(row) is MISSING
    True
    """
    steps = parse_path(path)
    if len(steps) == 1:
        return lambda row: _present(row.get(path, MISSING))

    def get(row: Row) -> object:
        return _present(row[path] if path in row else _follow(row, steps))

    return get


def parse_path(path: str) -> tuple[Step, ...]:
    """The steps of `path`: a name, an index, or None for every item.

    >>> parse_path("choices[].text")
    ('choices', None, 'text')
    """
    steps: list[Step] = []
    at = 0
    while True:
        match = _SEGMENT.match(path, at)
        if match is None:
            raise ValueError("must be names joined by dots, as in choices[0].text")
        steps.append(match[1])
        steps += [int(n) if n else _EACH for n in re.findall(r"\[([0-9]*)\]", match[2])]
        at = match.end()
        if at == len(path):
            return tuple(steps)
        if path[at] != ".":
            raise ValueError("must be names joined by dots, as in choices[0].text")
        at += 1


def _present(value: object) -> object:
    return MISSING if value is None else value


def _follow(value: object, steps: tuple[Step, ...]) -> object:
    for at, step in enumerate(steps):
        if isinstance(step, str):
            value = value.get(step, MISSING) if isinstance(value, Mapping) else MISSING
        elif not isinstance(value, list):
            return MISSING
        elif step is None:
            found = [_present(_follow(item, steps[at + 1 :])) for item in value]
            return MISSING if any(item is MISSING for item in found) else found
        else:
            value = value[step] if step < len(value) else MISSING
        if value is MISSING:
            return MISSING
    return value

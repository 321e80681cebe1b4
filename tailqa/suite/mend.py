"""Faulty parts of a suite file make way for stand-ins, and it is remembered where."""

import copy
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tailqa.files.document import Location
from tailqa.suite.stand_ins import ANY, AS_A_WHOLE, DROP, STAND_INS, Place
from tailqa.suite.values import as_choices, as_fields, as_weights


@dataclass(kw_only=True)
class Mended:
    """The values of a file in their long form, and where a stand-in had to be put."""

    data: dict[str, Any]
    faulty: set[Place] = field(default_factory=set)

    def sure(self, location: Location) -> bool:
        """Whether what stands at `location` is the user's."""
        place = tuple(location)
        return not any(place[: len(faulty)] == faulty for faulty in self.faulty)

    def whole(self, *location: str | int) -> bool:
        """Whether all of what stands at `location` is the user's."""
        inside = any(faulty[: len(location)] == location for faulty in self.faulty)
        return self.sure(location) and not inside

    def mend(self, found: Any) -> bool:
        """Mends what one error of pydantic is about; False where there is no stand-in for it."""
        place: Place = found["loc"]
        if found["type"] == "extra_forbidden":
            return self._remove(place)
        part = self._at(place)
        whole = [keep for pattern, keep in AS_A_WHOLE.items() if _matches(place, pattern)]
        if found["type"] == "value_error" and isinstance(part, dict) and whole:
            kept, is_read = whole[0](part)
            self._put(place, copy.deepcopy(kept))
            if not is_read:
                self.faulty.add(place)
            return True
        return any(self._stand_in(place[:end]) for end in range(len(place), 0, -1))

    def _remove(self, place: Place) -> bool:
        """Takes an unknown key away; one that it may have been meant for counts as faulty."""
        parent = self._at(place[:-1])
        if not isinstance(parent, dict):
            return False
        parent.pop(place[-1], None)
        known = [
            str(pattern[-1])
            for pattern in STAND_INS
            if pattern[-1] is not ANY and _matches((*place[:-1], pattern[-1]), pattern)
        ]
        absent = [key for key in known if key not in parent]
        for key in difflib.get_close_matches(str(place[-1]), absent, n=1):
            self._stand_in((*place[:-1], key))
        return True

    def _stand_in(self, place: Place) -> bool:
        for pattern, value in STAND_INS.items():
            if _matches(place, pattern):
                made = value(self.data, place) if callable(value) else value
                self._put(place, made if made is DROP else copy.deepcopy(made))
                self.faulty.add(place)
                return True
        return False

    def _at(self, place: Place) -> Any:
        part: Any = self.data
        for step in place:
            try:
                part = part[step]
            except (KeyError, IndexError, TypeError):
                return None
        return part

    def _put(self, place: Place, value: object) -> None:
        parent, step = self._at(place[:-1]), place[-1]
        if isinstance(parent, dict):
            parent[step] = value
            if value is DROP:
                del parent[step]
        elif isinstance(parent, list) and isinstance(step, int) and step < len(parent):
            parent[step] = value


def in_long_form(data: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a suite file's values without the short forms of `tailqa.suite.values`.

    >>> in_long_form({"references": "answer", "fields": ["answer"]})
    {'references': {'field': 'answer'}, 'fields': {'answer': {'path': 'answer'}}}
    """
    long = copy.deepcopy(dict(data))
    forms = {
        "fields": as_fields,
        "choices": as_choices,
        "weights": as_weights,
        "references": _keyed("field"),
        "grader": _keyed("name"),
    }
    for key, form in forms.items():
        if key in long:
            long[key] = form(long[key])
    strata = long.get("strata")
    for stratum in strata if isinstance(strata, list) else []:
        rule = stratum.get("rule") if isinstance(stratum, dict) else None
        if isinstance(rule, dict) and "rarity" in rule:
            rule["rarity"] = _keyed("fields")(rule["rarity"])
    return long


def _keyed(key: str) -> Callable[[object], object]:
    return lambda value: {key: value} if isinstance(value, (str, list)) else value


def _matches(place: Place, pattern: tuple[str | int | None, ...]) -> bool:
    return len(place) == len(pattern) and all(
        wanted is ANY or step == wanted for step, wanted in zip(place, pattern, strict=True)
    )

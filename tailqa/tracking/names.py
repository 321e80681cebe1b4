"""Names and values as MLflow takes them.

Its rules (mlflow.utils.validation): letters, digits, `_`, `-`, `.`, spaces and `/`, at most 250
characters, and no other spelling of the same path (`a//b`, `/a`, `a/../b`). Its databases may
compare without regard to case and accents, so names must differ in more than those.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

NAME_CHARACTERS = 250
LABEL_CHARACTERS = 180
"""What is left of a name for the stratum, beside the figure."""
VALUE_CHARACTERS = 500
"""Of a parameter: what servers of every version store."""
TAG_CHARACTERS = 5000

_OTHER = re.compile(r"[^\w.\- ]")


def distinct(labels: Iterable[str]) -> dict[str, str]:
    """Each label as part of a name, no two the same; what can stay as it is does.

    Where two would be the same, or one is too long, it ends with eight or more digits of its
    SHA-256, so that it is called the same in every run that has both.

    >>> distinct(["tail/x", "tail/why?", "tail/why!"])
    {'tail/x': 'tail/x', 'tail/why!': 'tail/why_', 'tail/why?': 'tail/why__a9b0263e'}
    """
    given: dict[str, str] = {}
    taken: set[str] = set()
    for label in sorted(set(labels), key=lambda label: (allowed(label) != label, label)):
        name = allowed(label)
        digits = 8
        while len(name) > LABEL_CHARACTERS or _folded(name) in taken:
            end = f"_{hashlib.sha256(label.encode(errors='surrogatepass')).hexdigest()[:digits]}"
            name = allowed(label)[: LABEL_CHARACTERS - len(end)] + end
            digits += 1
        taken.add(_folded(name))
        given[label] = name
    return given


def allowed(label: str) -> str:
    """The label with an underscore for everything that a name may not hold.

    >>> allowed("tail/größe: 5 %"), allowed("/a/../b/"), allowed("")
    ('tail/größe_ 5 _', '_/a/_/b/_', '_')
    """
    segments = unicodedata.normalize("NFKC", label).split("/")
    return "/".join(_segment(segment) for segment in segments)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where some are gone.

    >>> cut("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _segment(text: str) -> str:
    """One part of a path: not empty, not `.` or `..`, no space at its ends."""
    kept = _OTHER.sub("_", text).strip()
    return kept if kept.strip(".") else "_"


def _folded(name: str) -> str:
    """What a database that ignores case and accents compares."""
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(mark for mark in apart if not unicodedata.combining(mark))

"""Cells of a table → names, numbers and scores."""

import math

_RIGHT = frozenset({"true", "yes", "right", "correct", "pass", "passed"})
_WRONG = frozenset({"false", "no", "wrong", "incorrect", "fail", "failed"})


def to_text(value: object) -> str:
    """A name out of a text, a number or a boolean; whole numbers lose their `.0`.

    Raises ValueError for everything else and for blank text.

    >>> to_text(" a "), to_text(3.0), to_text(True)
    ('a', '3', 'true')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text or a number")
    return value.strip()


def to_number(value: object) -> float:
    """A finite number out of a number or a text that holds one; raises ValueError.

    >>> to_number("12"), to_number(0.5)
    (12.0, 0.5)
    """
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("must be a number")
    return number


def to_count(value: object) -> int:
    """A whole number of at least 0; raises ValueError.

    >>> to_count("12"), to_count(12.0)
    (12, 12)
    """
    rule = "must be a whole number of at least 0"
    try:
        number = to_number(value)
    except ValueError:
        raise ValueError(rule) from None
    if number < 0 or not number.is_integer():
        raise ValueError(rule)
    return int(number)


def to_score(value: object) -> float:
    """A score in [0, 1] out of a number, a boolean, or a word for right or wrong.

    Raises ValueError for everything else, NaN among it.

    >>> to_score("0.25"), to_score(True), to_score("Wrong")
    (0.25, 1.0, 0.0)
    """
    if isinstance(value, str) and value.strip().lower() in _RIGHT | _WRONG:
        return float(value.strip().lower() in _RIGHT)
    try:
        score = float(value) if isinstance(value, bool) else to_number(value)
    except ValueError:
        score = math.nan
    if not 0 <= score <= 1:
        raise ValueError("must be a score in [0, 1], true or false, right or wrong")
    return score

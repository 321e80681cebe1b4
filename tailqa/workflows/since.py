"""From when on: `12w`, `90d` or a day, as the commands of the history take it."""

import re
from datetime import date, timedelta

from tailqa.core.errors import TailqaError
from tailqa.workflows.weekly_calendar import monday_of

_SPAN = re.compile(r"([0-9]{1,4})([dw])")


def first_day(since: str, today: date) -> date:
    """The first day of `12w` (that many weeks with this one), `90d` or an ISO date.

    Raises TailqaError for anything else, for no time at all, and for a day in the future.

    >>> first_day("12w", date(2026, 11, 26)), first_day("2026-10-01", date(2026, 11, 26))
    (datetime.date(2026, 9, 7), datetime.date(2026, 10, 1))
    """
    span = _SPAN.fullmatch(since)
    if span is None:
        return past_day("--since", since, today, "12w, 90d or a day as in 2026-09-01")
    n = int(span[1])
    if n < 1:
        raise TailqaError(f"--since {since} is no time at all; give at least 1{span[2]}")
    if span[2] == "w":
        return monday_of(today) - timedelta(weeks=n - 1)
    return today - timedelta(days=n)


def past_day(flag: str, text: str, today: date, wanted: str) -> date:
    """The day that `text` names.

    Raises TailqaError for one in the future, and says what is `wanted` for a text that is no day.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise TailqaError(f"{flag} {text!r}: give {wanted}") from None
    if day > today:
        raise TailqaError(f"{flag} {text} lies in the future; today is {today.isoformat()}")
    return day

"""The grader that reads a number."""

import re
from collections import deque
from decimal import Context, Decimal
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, field_validator

from tailqa.core.answer import Ungraded
from tailqa.core.query import Query
from tailqa.grade.base import Mark, ParsingGrader

# Traps are off: what a model wrote must not raise, and overflow shows as infinity.
_CONTEXT = Context(prec=60, traps=[])
_TEX_FRACTION = re.compile(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}")
_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_SEPARATORS = str.maketrans("", "", ",\u00a0\u2009\u202f")
_NUMBER = re.compile(
    r"""
    (?P<sign>(?<![A-Za-z\d)\]}])[-−–+])?         # in "12-8" the dash is no sign
    [$€£¥]?
    (?<![A-Za-z\d])(?<!\d\.)                     # neither the 2 of "m2" nor the 3 of "1.2.3"
    (?:
      (?:(?P<whole>\d++)[ ])?(?<!/)(?P<over>\d++)/(?P<under>\d++)(?!/|\.\d)
    |
      (?P<digits>(?:\d{1,3}(?:[,\u00a0\u2009\u202f]\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<!\.)\.\d+)
      (?:[eE](?P<e>[-−+]?\d+)
        |\s?(?:[x×*·]|\\times|\\cdot)\s?10(?:\^\{?(?P<power>[-−+]?\d+)\}?|(?P<raised>[⁻⁰¹²³⁴-⁹]+))
      )?
    )
    (?P<percent>\s?\\?%)?
    """,
    re.VERBOSE,
)


class Numeric(ParsingGrader):
    """Right if a number in the answer lies within the tolerance of a reference.

    The last number counts; with `pattern` (a regular expression such as `####`) the first number
    after its last find. Read are signs, thousands separators (comma, narrow or fixed space),
    decimals with a point, fractions and mixed numbers (3/4, 1 1/2, TeX's frac), scientific
    notation (1.2e5, 1.2 × 10^5), currency signs before and percent signs behind. `percent: ignore`
    reads 50% as 50, `fraction` as 0.5. Correct is |answer - reference| ≤ max(absolute_tolerance,
    relative_tolerance · |reference|), in decimal arithmetic of 60 digits.

    An answer without a number is wrong, or Ungraded with `unparsed: ungraded`. If no reference
    holds a number, the query is Ungraded.
    """

    absolute_tolerance: Annotated[float, Field(ge=0)] = 0.0
    relative_tolerance: Annotated[float, Field(ge=0)] = 0.0
    percent: Literal["ignore", "fraction"] = "ignore"
    pattern: str | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"must be a regular expression: {error}") from error
        return pattern

    @cached_property
    def tolerances(self) -> tuple[Decimal, Decimal]:
        """Absolute and relative, as people wrote them: .1 is one tenth."""
        return Decimal(repr(self.absolute_tolerance)), Decimal(repr(self.relative_tolerance))

    def query_fault(self, query: Query) -> str | None:
        """Says so if no reference holds a number."""
        if not any(self._last(reference) for reference in query.references):
            return f"no reference of query {query.id} holds a number"
        return super().query_fault(query)

    def mark(self, text: str, references: tuple[str, ...]) -> Mark | Ungraded:
        """1 or 0, with the number as it was written.

        >>> Numeric().mark("12-8=4, so 1,204 in all.", ("1204",))
        Mark(score=1.0, extracted='1,204')
        >>> Numeric(pattern="####", absolute_tolerance=0.1).mark("#### 0.5 of 9", ("1/2",))
        Mark(score=1.0, extracted='0.5')
        """
        wanted = [found for found in map(self._last, references) if found]
        if not wanted:
            return Ungraded(reason="no reference holds a number")
        answer = self._last(text) if self.pattern is None else self._after(text, self.pattern)
        if answer is None:
            return self.not_found("the answer holds no number where one was expected")
        value, written = answer
        return Mark(float(any(self._equal(value, target) for target, _ in wanted)), written)

    def _equal(self, value: Decimal, target: Decimal) -> bool:
        absolute, relative = self.tolerances
        allowed = max(absolute, _CONTEXT.multiply(relative, abs(target)))
        return value == target or abs(_CONTEXT.subtract(value, target)) <= allowed

    def _after(self, text: str, pattern: str) -> tuple[Decimal, str] | None:
        start = max((found.end() for found in re.finditer(pattern, text)), default=None)
        if start is None:
            return None
        found = _NUMBER.search(_plain(text[start:]))
        return self._value(found) if found else None

    def _last(self, text: str) -> tuple[Decimal, str] | None:
        found = deque(_NUMBER.finditer(_plain(text)), maxlen=1)
        return self._value(found[0]) if found else None

    def _value(self, found: re.Match[str]) -> tuple[Decimal, str] | None:
        if found["over"]:
            value = _CONTEXT.divide(_decimal(found["over"]), _decimal(found["under"]))
            value = _CONTEXT.add(value, _decimal(found["whole"] or "0"))
        else:
            power = found["e"] or found["power"] or (found["raised"] or "0")
            power = power.translate(_SUPERSCRIPTS).replace("−", "-")
            value = _decimal(f"{found['digits'].translate(_SEPARATORS)}e{power}")
        if found["sign"] in ("-", "−", "–"):
            value = _CONTEXT.minus(value)
        if found["percent"] and self.percent == "fraction":
            value = _CONTEXT.scaleb(value, -2)
        return (value, found.group()) if value.is_finite() else None


def _plain(text: str) -> str:
    return _TEX_FRACTION.sub(r"\1/\2", text) if "\\" in text else text


def _decimal(digits: str) -> Decimal:
    return _CONTEXT.create_decimal(digits)

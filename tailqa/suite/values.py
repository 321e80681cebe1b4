"""The kinds of value that a suite file holds, and the short forms it may use for them."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from tailqa.files.paths import parse_path
from tailqa.suite.template import compile_template

_FRACTION = re.compile(r"\s*[0-9]{1,9}\s*/\s*[1-9][0-9]{0,8}\s*")


def checked_path(value: str) -> str:
    """Refuses a malformed path."""
    parse_path(value)
    return value


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"must be a regular expression: {error}") from error
    return value


def _template(value: str) -> str:
    compile_template(value)
    return value


def _scalar(value: object) -> object:
    if not isinstance(value, (str, bool, int, float)):
        raise ValueError("must be text, a number, true or false")  # noqa: TRY004 - pydantic's way
    return value


def _fraction(value: object) -> object:
    if isinstance(value, str) and _FRACTION.fullmatch(value):
        return float(Fraction(value.replace(" ", "")))
    return value


def as_list(value: object) -> object:
    """One text stands for a list of one."""
    return [value] if isinstance(value, str) else value


def as_version(value: object) -> object:
    """A whole number stands for its text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def as_fields(value: object) -> object:
    """A list of names stands for columns of those names, a path for a field."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        value = {name: name for name in value}
    if not isinstance(value, Mapping):
        return value
    return {k: {"path": v} if isinstance(v, (str, list)) else v for k, v in value.items()}


def as_choices(value: object) -> object:
    """A list stands for texts, a text for the field that holds them."""
    if isinstance(value, list):
        return {"texts": value}
    return {"field": value} if isinstance(value, str) else value


def as_weights(value: object) -> object:
    """The word rows stands for counting them."""
    return {"count": None} if value == "rows" else value


def keyed(key: str) -> BeforeValidator:
    """A text or a list stands for a mapping with that one key."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, (str, list)) else value)


Text = Annotated[str, StringConstraints(min_length=1)]
Texts = Annotated[list[Text], BeforeValidator(as_list), Field(min_length=1)]
Pattern = Annotated[str, StringConstraints(min_length=1), AfterValidator(_regex)]
TemplateText = Annotated[str, AfterValidator(_template)]
Number = Annotated[float, BeforeValidator(_fraction)]
Scalar = Annotated[object, AfterValidator(_scalar)]
Span = Annotated[list[Number | None], Field(min_length=2, max_length=2)]

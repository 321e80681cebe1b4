"""Prompt templates: text with {field} in it, and nothing that runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """Pieces of text, each followed by the field that stands after it (None at the end)."""

    pieces: tuple[tuple[str, str | None], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The fields in the order of their use."""
        return tuple(name for _, name in self.pieces if name is not None)

    def render(self, values: Mapping[str, object]) -> str:
        """The text for one row.

        Raises ValueError for a value that is no text, KeyError for a field without a value.

        >>> compile_template("Q: {question} {{1}}").render({"question": "2+2?"})
        'Q: 2+2? {1}'
        """
        parts = []
        for text, name in self.pieces:
            parts.append(text)
            if name is not None:
                try:
                    parts.append(to_text(values[name]))
                except ValueError as error:
                    raise ValueError(f"{{{name}}} {error}") from error
        return "".join(parts)


def compile_template(text: str) -> Template:
    """Parses `text`, in which {{ and }} stand for single braces.

    Raises ValueError for stray braces, conversions and format specifications.

    >>> compile_template("{a} and {b}").names
    ('a', 'b')
    >>> compile_template("{a!r}")
    Traceback (most recent call last):
    ValueError: {a!r}: only plain {field} names are allowed
    """
    pieces = []
    for literal, name, spec, conversion in Formatter().parse(text):
        if conversion or spec:
            shown = f"{name}{'!' + conversion if conversion else ''}{':' + spec if spec else ''}"
            raise ValueError(f"{{{shown}}}: only plain {{field}} names are allowed")
        if name == "":
            raise ValueError("{} needs the name of a field; write {{}} for braces")
        pieces.append((literal, name))
    return Template(pieces=tuple(pieces))


def to_text(value: object) -> str:
    """A scalar as the text that goes into a prompt; whole floats without their `.0`.

    Raises ValueError for lists, mappings and bytes.

    >>> to_text(3.0), to_text(True), to_text("a")
    ('3', 'true', 'a')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, list):
        raise ValueError(  # noqa: TRY004 - one error for all that cannot be shown
            "is a list, not a text; take one item of it, as in path[0]"
        )
    if isinstance(value, (dict, bytes)):
        raise ValueError("is not a text")  # noqa: TRY004 - as above
    return str(value)

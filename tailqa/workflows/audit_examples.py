"""Findings of the audit, with the examples that show them."""

from collections.abc import Iterator, Sequence

from tailqa.core.answer import Side
from tailqa.core.report import AuditExample, AuditFinding, AuditKind

N_EXAMPLES = 2
_SHOWN = 240
"""Characters of an example, its begin and its end: a template's frame and the words beside it."""


def finding(
    kind: AuditKind, side: Side | None, shown: Sequence[AuditExample], of: int, message: str
) -> Iterator[AuditFinding]:
    """The finding, unless no query shows it; `shown` holds all that do, the best examples first."""
    if shown:
        yield AuditFinding(
            kind=kind,
            side=side,
            n=len(shown),
            of=of,
            message=message,
            examples=tuple(shown[:N_EXAMPLES]),
        )


def example(query_id: str, *seen: str) -> AuditExample:
    """A query and what was seen there; long texts are shown by their begin and end.

    >>> example("q", "a" * 200 + "b" * 200).seen == "a" * 120 + " … " + "b" * 120
    True
    """
    shown = " / ".join(_shortened(text, _SHOWN // len(seen)) for text in seen)
    return AuditExample(query_id=query_id, seen=shown)


def _shortened(text: str, limit: int) -> str:
    half = limit // 2
    if not text:
        return "(empty)"
    return text if len(text) <= limit else f"{text[:half]} … {text[-half:]}"

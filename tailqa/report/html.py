"""What every page shares: the template environment, its assets and their digests."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tailqa.core.estimate import Measured
from tailqa.core.words import count_of
from tailqa.report import format as shown
from tailqa.report.escape import visible

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent


@cache
def environment() -> "Environment":
    """Templates of this folder: everything is escaped, and an unknown name is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "seen": visible,
        "value": shown.value,
        "interval": shown.interval,
        "count": shown.count,
        "count_of": count_of,
        "p_value": shown.p_value,
        "reason": _reason,
    }
    made.globals |= {"PERCENT": shown.PERCENT, "POINTS": shown.POINTS}
    return made


def asset(name: str) -> str:
    """The text of a file beside the templates."""
    return (_HERE / name).read_text(encoding="utf-8")


def source_hash(content: str) -> str:
    """The source expression of a Content-Security-Policy for this inline content.

    >>> source_hash("")
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _reason(measured: Measured) -> str:
    return getattr(measured, "reason", "")

"""Rich renderables → text for a terminal, or plain ASCII where there is none."""

import shutil
import sys
from collections.abc import Callable, Iterable
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PLAIN_WIDTH = 100
_ASCII = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "─": "-",
        "…": "...",
        "•": "*",
        "⏎": " ",
        "⟨": "<",
        "⟩": ">",
        "×": "x",
        "→": "->",
        "≤": "<=",
    }
)


def draw(
    build: "Callable[[Console, bool], Iterable[RenderableType]]",
    *,
    width: int | None,
    terminal: bool | None,
) -> str:
    """What `build(console, ascii_only)` yields, as text of at most `width` columns.

    For a `terminal` it has colours, unless the environment variable NO_COLOR is set, and lines;
    else it is plain ASCII, where other characters become backslash escapes. By default both are
    what standard output is; without a terminal the width is 100.
    """
    from rich.console import Console

    terminal = sys.stdout.isatty() if terminal is None else terminal
    console = Console(
        file=StringIO(),
        width=width or (shutil.get_terminal_size().columns if terminal else PLAIN_WIDTH),
        force_terminal=terminal,
        color_system="auto" if terminal else None,
        legacy_windows=False,
        emoji=False,
        markup=False,
        highlight=False,
    )
    with console.capture() as capture:
        for item in build(console, not terminal):
            console.print(item)
    drawn = "\n".join(line.rstrip() for line in capture.get().splitlines())
    return drawn if terminal else as_ascii(drawn)


def as_ascii(text: str) -> str:
    r"""`text` in ASCII: signs by their like, other characters as backslash escapes.

    >>> as_ascii("−3 × größe")
    '-3 x gr\\xf6\\xdfe'
    """
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode()

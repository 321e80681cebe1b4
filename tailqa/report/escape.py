"""Text that a model or a suite wrote, made safe to show: every control character becomes visible.

A terminal obeys escape sequences and a line of text obeys bidirectional marks, so what is shown
would not be what was written. HTML is escaped where it is made (jinja2, `textContent`).
"""

import re

LONG_TEXT = 400
"""Characters of one text that a terminal shows."""

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_BREAKS = "\u0085\u2028\u2029"
_SURROGATES = re.compile("[\ud800-\udfff]")
_NAMES = {0x00: "NUL", 0x07: "BEL", 0x08: "BS", 0x0D: "CR", 0x1B: "ESC", 0x7F: "DEL"}
# Tab and line feed are layout, everything else of C0 and C1 is a command.
_HIDDEN = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{_BIDI}{_BREAKS}]")


def visible(text: str) -> str:
    r"""`text` with each control character as a visible sign; tabs and line feeds stay.

    C0 and C1 controls, bidirectional controls, line and paragraph separators and lone surrogates
    become their short name or code point in angle brackets; applying it twice changes nothing
    more.

    >>> visible("\x1b[31mred\x1b[0m \u202eabc\x00")
    '⟨ESC⟩[31mred⟨ESC⟩[0m ⟨U+202E⟩abc⟨NUL⟩'
    """
    return _HIDDEN.sub(_sign, text.replace("\r\n", "\n"))


def one_line(text: str, limit: int = LONG_TEXT) -> str:
    r"""`text` for one cell of a terminal: visible, on one line, and shortened to about `limit`.

    >>> one_line("a\nb\tc")
    'a⏎b c'
    >>> one_line("x" * 100_000, limit=5)
    'xxxxx… (99,995 more characters)'
    """
    # Only the shown part is worked on: the rest may be long.
    shown = visible(text[:limit]).replace("\n", "⏎").replace("\t", " ")
    rest = len(text) - limit
    return shown if rest <= 0 else f"{shown}… ({rest:,} more characters)"


def storable(text: str) -> str:
    r"""`text` that UTF-8 can hold: lone surrogates as `visible` shows them, all else untouched.

    >>> storable("a\ud800\x1b")
    'a⟨U+D800⟩\x1b'
    """
    return _SURROGATES.sub(_sign, text)


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"⟨{_NAMES.get(code) or f'U+{code:04X}'}⟩"

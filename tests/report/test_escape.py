import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.report.escape import one_line, storable, visible

# Half of what is drawn are characters that a terminal or a line of text obeys.
COMMANDS = (
    "\x00\x07\x08\x0b\x0c\r\x1b\x7f\x85\x90\x9b\x9d\u061c\u200e\u200f\u2028\u2029\u202e\u2069\ud800"
)
TEXTS = st.text(st.characters() | st.sampled_from(COMMANDS + "\n\t[];m<"))


def obeyed(character: str) -> bool:
    return (
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(character) in {"LRE", "RLE", "PDF", "LRO", "RLO"}
        or unicodedata.bidirectional(character) in {"LRI", "RLI", "FSI", "PDI"}
        or character in "\u200e\u200f\u061c"
    )


@given(TEXTS)
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert not [c for c in visible(text) if obeyed(c) and c not in "\n\t"]
    assert not [c for c in one_line(text) if obeyed(c)]


@given(TEXTS)
def test_seen_twice_is_seen_once(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    assert visible(storable(text)) == visible(text)


@given(TEXTS)
def test_stored_text_is_utf8_and_else_untouched(text: str) -> None:
    stored = storable(text)
    stored.encode()
    if stored != text:
        assert any(0xD800 <= ord(c) <= 0xDFFF for c in text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", "⟨ESC⟩[2J⟨ESC⟩]0;title⟨BEL⟩"),
        ("\x9b31m", "⟨U+009B⟩31m"),
        ("a\u202eb\u2066c", "a⟨U+202E⟩b⟨U+2066⟩c"),
        ("a\r\nb\rc", "a\nb⟨CR⟩c"),
        ("\ud83d!", "⟨U+D83D⟩!"),
        ("naïve 漢字 🙂 עברית", "naïve 漢字 🙂 עברית"),
    ],
)
def test_what_is_seen(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_long_text_is_shortened_for_a_terminal() -> None:
    shown = one_line("y" * 100_000)
    assert shown == "y" * 400 + "… (99,600 more characters)"

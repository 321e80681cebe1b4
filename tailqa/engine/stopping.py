"""Stop strings."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

_ILLEGIBLE = "\ufffd"
_CHARACTER_BYTES = 4
"""The most that UTF-8 takes."""


def cut(text: str, stops: Iterable[str]) -> str:
    """`text` up to the first stop string.

    The strings are applied one after the other, as lm-eval does: where two overlap, the first
    named wins.

    >>> cut("42. Next: 7", ["Next", "."])
    '42'
    """
    for stop in stops:
        if stop:
            text = text.split(stop, 1)[0]
    return text


def window_tokens(stops: Iterable[str]) -> int:
    """How many of the last visible tokens can hold a part of a stop string that has just ended.

    Every token of it covers at least one byte; two more keep the decoder from treating the first
    one as the begin of a text.

    >>> window_tokens(["\\n\\n", "Q:é"])
    6
    """
    return max((len(stop.encode("utf-8", "surrogatepass")) for stop in stops), default=0) + 2


class StopFinder:
    """Says when a text in the making has reached a stop string; looks at its last tokens only.

    Special tokens are invisible, as in the text of the attempt, except to a stop string that
    names one: a stop `pad` is not met by `<pad>`, a stop `<pad>` is.
    """

    def __init__(self, tokenizer: Any, stops: Iterable[str]) -> None:
        self._decode = tokenizer.decode
        stops = [stop for stop in stops if stop]
        self._special = _special_tokens(tokenizer) if stops else {}
        names = self._special.values()
        self._naming = [stop for stop in stops if any(name in stop for name in names)]
        self._plain = [stop for stop in stops if stop not in self._naming]
        self._window = window_tokens(stops)

    def reached(self, token_ids: Sequence[int]) -> bool:
        """Whether a stop string ends in, or at, the last token."""
        visible = (token for token in reversed(token_ids) if token not in self._special)
        return self._within(visible, self._plain) or self._within(reversed(token_ids), self._naming)

    def _within(self, backwards: Iterable[int], stops: Sequence[str]) -> bool:
        if not stops:
            return False
        tail = list(islice(backwards, self._window + _CHARACTER_BYTES - 1))[::-1]
        # Where tokens are bytes, a window that begins within a character is illegible as a whole.
        for start in range(max(0, len(tail) - self._window), -1, -1):
            text = self._decode(tail[start:], skip_special_tokens=False)
            if any(stop in text for stop in stops):
                return True
            if _ILLEGIBLE not in text:
                return False
        return False


def _special_tokens(tokenizer: Any) -> dict[int, str]:
    """What a decoder leaves out, by id: more than the tokens that have a part, such as EOS."""
    known = tokenizer.added_tokens_decoder
    added = {index: str(token) for index, token in known.items() if token.special}
    parts = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    return {index: token for index, token in (added | dict(parts)).items() if token}

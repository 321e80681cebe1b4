"""Stop strings."""

from collections.abc import Iterable, Sequence
from typing import Any


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
    """How many of the last tokens can hold a part of a stop string that has just ended.

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
        special = [token for token in tokenizer.all_special_tokens if token]
        self._naming = [stop for stop in stops if any(token in stop for token in special)]
        self._plain = [stop for stop in stops if stop not in self._naming]
        self._window = window_tokens(stops)

    def reached(self, token_ids: Sequence[int]) -> bool:
        """Whether a stop string ends in, or at, the last token."""
        tail = list(token_ids[-self._window :])
        return self._within(tail, self._plain, True) or self._within(tail, self._naming, False)

    def _within(self, tail: list[int], stops: Sequence[str], skip_special: bool) -> bool:
        if not stops:
            return False
        text = self._decode(tail, skip_special_tokens=skip_special)
        return any(stop in text for stop in stops)

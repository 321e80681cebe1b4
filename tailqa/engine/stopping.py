"""Stop strings."""

from collections.abc import Iterable


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

"""Which requests share a forward pass: a function of the requests alone."""

from collections.abc import Sequence

from tailqa.core.ports import Encoded

DEFAULT_ROWS = 32
PADDED_TOKENS = 32_768
"""A batch takes up at most this many positions, unless a single request needs more."""


def length(request: Encoded) -> int:
    """The positions that the longest row of a request can take up: prompt and completion."""
    if request.choice_ids:
        return len(request.token_ids) + max(len(ids) for ids in request.choice_ids)
    return len(request.token_ids) + request.request.generation.max_tokens


def partition(requests: Sequence[Encoded], *, rows: int | None = None) -> list[list[int]]:
    """Indices of `requests` in batches, longest first, so that padding is small.

    A batch has at most `rows` requests; without `rows`, at most DEFAULT_ROWS of them and
    PADDED_TOKENS positions. Choices and generations do not mix.

    >>> from tailqa.core.ports import Request
    >>> from tailqa.core.query import Generation
    >>> ask = Request(query_id="q", prompt="", generation=Generation(max_tokens=1))
    >>> items = [Encoded(request=ask, text="", token_ids=(1,) * n) for n in (3, 9, 5)]
    >>> partition(items, rows=2)
    [[1, 2], [0]]
    """
    batches: list[list[int]] = []
    for choosing in (True, False):
        alike = [i for i, request in enumerate(requests) if bool(request.choice_ids) is choosing]
        alike.sort(key=lambda i: -length(requests[i]))
        open_batch: list[int] = []
        for index in alike:
            # Sorted: the first request of a batch is its longest.
            longest = length(requests[open_batch[0]]) if open_batch else 0
            if open_batch and _is_full(len(open_batch), longest, rows):
                batches.append(open_batch)
                open_batch = []
            open_batch.append(index)
        if open_batch:
            batches.append(open_batch)
    return batches


def _is_full(n: int, longest: int, rows: int | None) -> bool:
    if rows is not None:
        return n >= rows
    return n >= DEFAULT_ROWS or (n + 1) * longest > PADDED_TOKENS

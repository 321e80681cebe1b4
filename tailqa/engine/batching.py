"""Which requests are answered in one go: a function of the requests alone."""

from collections.abc import Sequence

from tailqa.core.ports import Encoded
from tailqa.engine.prefixes import shared_length

MOST_REQUESTS = 512
MOST_TOKENS = 65_536


def length(request: Encoded) -> int:
    """The positions that the longest row of a request can take up: prompt and completion."""
    if request.choice_ids:
        return len(request.token_ids) + max(len(ids) for ids in request.choice_ids)
    return len(request.token_ids) + request.request.generation.max_tokens


def partition(
    requests: Sequence[Encoded], *, tokens: int = MOST_TOKENS, most: int = MOST_REQUESTS
) -> list[list[int]]:
    """Indices of `requests` in batches, those that share a long prefix in the same one.

    A batch has at most `most` requests, and at most `tokens` positions to compute unless a single
    request needs more; a prefix shared with the request before is not counted again. Within a
    batch the long ones come first. Choices and generations do not mix.

    >>> from tailqa.core.ports import Request
    >>> from tailqa.core.query import Generation
    >>> ask = Request(query_id="q", prompt="", generation=Generation(max_tokens=1))
    >>> items = [Encoded(request=ask, text="", token_ids=(1,) * n) for n in (3, 9, 5)]
    >>> partition(items, most=2)
    [[2, 0], [1]]
    """
    batches: list[list[int]] = []
    for choosing in (True, False):
        alike = [i for i, request in enumerate(requests) if bool(request.choice_ids) is choosing]
        alike.sort(key=lambda i: requests[i].token_ids)
        open_batch: list[int] = []
        open_tokens = 0
        for index in alike:
            request = requests[index]
            before = requests[open_batch[-1]].token_ids if open_batch else ()
            new = length(request) - shared_length(before, request.token_ids)
            if open_batch and (len(open_batch) == most or open_tokens + new > tokens):
                batches.append(open_batch)
                open_batch, open_tokens, new = [], 0, length(request)
            open_batch.append(index)
            open_tokens += new
        if open_batch:
            batches.append(open_batch)
    for batch in batches:
        batch.sort(key=lambda index: -length(requests[index]))
    return batches

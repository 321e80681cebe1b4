"""Which tokens are computed together, so that every shared prefix is computed once.

Rows of token ids, sorted, form a prefix tree. A pack is a forward pass over a part of it: whole
branches that hang on one trunk, a prefix whose keys and values are known by then. A token sees the
trunk and its own ancestors, nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

PACK_TOKENS = 512
"""New tokens per pack: enough for a matrix unit to be busy, few enough for cheap attention."""

WORTH_TOKENS = 32
"""A prefix becomes a trunk when that saves computing at least so many tokens."""

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """Tokens `start` to `stop` of row `row`; the ones before are the trunk's or another row's."""

    row: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Pack:
    """One forward pass behind the first `trunk` tokens of its rows.

    `segments` are in depth-first order: what lies before a segment's start, behind the trunk,
    belongs to segments before it. With `extends` the pack is a chain that lengthens the trunk for
    the packs to come; else the trunk is cut back to `trunk` tokens before the next one.
    """

    trunk: int
    segments: tuple[Segment, ...]
    extends: bool = False

    @property
    def n_tokens(self) -> int:
        """The tokens that are computed."""
        return sum(segment.stop - segment.start for segment in self.segments)


def shared_length(first: Sequence[int], second: Sequence[int]) -> int:
    """The number of tokens that two rows have in common at the front.

    >>> shared_length((1, 2, 3), (1, 2, 4, 5))
    2
    """
    together = zip(first, second, strict=False)
    different = (place for place, (one, other) in enumerate(together) if one != other)
    return next(different, min(len(first), len(second)))


def plan(rows: Sequence[Row], *, base: int = 0, pack_tokens: int = PACK_TOKENS) -> Iterator[Pack]:
    """Packs that compute every token of every row, shared ones once where it pays.

    The first `base` tokens, the same in all rows, are known already.

    `rows` are sorted, distinct and not empty. A pack holds at most `pack_tokens` tokens. Raises
    ValueError for rows out of order.

    >>> shots = tuple(range(300))
    >>> for pack in plan([shots + (7,), shots + (8, 1), shots + (8, 2)], pack_tokens=200):
    ...     print(pack.trunk, pack.n_tokens, len(pack.segments))
    0 200 1
    200 100 1
    300 4 3
    """
    if any(first >= second for first, second in pairwise(rows)):
        raise ValueError("rows must be sorted and distinct")
    return iter(_Planner(rows, pack_tokens).packs(base))


class _Planner:
    """Walks the tree depth first. `shared[i]` is what row i has in common with row i − 1."""

    def __init__(self, rows: Sequence[Row], pack_tokens: int) -> None:
        self._lengths = [len(row) for row in rows]
        self._shared = [0, *(shared_length(a, b) for a, b in pairwise(rows))]
        own = (length - shared for length, shared in zip(self._lengths, self._shared, strict=False))
        self._computed = [0, *accumulate(own)]
        self._pack_tokens = pack_tokens
        self._packs: list[Pack] = []
        self._open: list[Segment] = []
        self._open_tokens = 0

    def packs(self, base: int) -> list[Pack]:
        # What is still to be visited, the next one last: rows low to high behind a trunk.
        # low == high means that nothing more comes behind this trunk.
        ahead = [(0, 0, base), (0, len(self._lengths), base)] if self._lengths else []
        while ahead:
            low, high, trunk = ahead.pop()
            if low == high:
                self._close(trunk)
            elif self._open_tokens + self._tokens(low, high, trunk) <= self._pack_tokens:
                self._add(low, high, trunk)
            else:
                ahead.extend(reversed(self._open_up(low, high, trunk)))
        return self._packs

    def _open_up(self, low: int, high: int, trunk: int) -> list[tuple[int, int, int]]:
        """Rows that do not fit the open pack → what to visit instead."""
        tokens = self._tokens(low, high, trunk)
        common = min(self._shared[low + 1 : high], default=self._lengths[low])
        repeats = -(-tokens // self._pack_tokens) - 1
        if (common - trunk) * repeats >= WORTH_TOKENS or common - trunk > self._pack_tokens:
            self._close(trunk)
            self._extend(low, trunk, common)
            return [*self._branches(low, high, common, common), (low, low, common)]
        if tokens <= self._pack_tokens:
            self._close(trunk)
            return [(low, high, trunk)]
        return self._branches(low, high, common, trunk)

    def _branches(self, low: int, high: int, common: int, trunk: int) -> list[tuple[int, int, int]]:
        """What begins behind the first `common` tokens, short branches first."""
        starts = [low, *(i for i in range(low + 1, high) if self._shared[i] <= common)]
        branches = zip(starts, [*starts[1:], high], strict=True)
        by_size = sorted(branches, key=lambda branch: self._tokens(branch[0], branch[1], trunk))
        return [(first, last, trunk) for first, last in by_size]

    def _tokens(self, low: int, high: int, trunk: int) -> int:
        """New tokens of the rows behind the trunk."""
        return self._lengths[low] - trunk + self._computed[high] - self._computed[low + 1]

    def _add(self, low: int, high: int, trunk: int) -> None:
        for row in range(low, high):
            start = trunk if row == low else self._shared[row]
            if start < self._lengths[row]:
                self._open.append(Segment(row, start, self._lengths[row]))
        self._open_tokens += self._tokens(low, high, trunk)

    def _extend(self, row: int, start: int, stop: int) -> None:
        while start < stop:
            end = min(start + self._pack_tokens, stop)
            self._packs.append(Pack(start, (Segment(row, start, end),), extends=True))
            start = end

    def _close(self, trunk: int) -> None:
        if self._open:
            self._packs.append(Pack(trunk, tuple(self._open)))
        self._open, self._open_tokens = [], 0

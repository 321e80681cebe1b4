"""Forward passes behind a shared prefix: packs of branches, and decode steps of many rows."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import Tensor

from tailqa.engine.attention import NAME, KeysValues, Layout, attention, using
from tailqa.engine.prefixes import PACK_TOKENS, Pack, Row, Segment, plan

transformers.AttentionInterface.register(NAME, attention)

Trunk = Sequence[KeysValues] | None
Token = tuple[int, int]
"""Row and position."""


@dataclass(frozen=True, slots=True)
class Computed:
    """What a pack gave: `logits` at the places asked for, `states` per layer for its tokens."""

    logits: Tensor
    states: list[KeysValues]


class SharedForward:
    """A causal language model of transformers whose attention is ours."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.dtype: torch.dtype = model.dtype
        self.device: torch.device = model.device

    def pack(
        self, rows: Sequence[Row], pack: Pack, trunk: Trunk, wanted: Sequence[int]
    ) -> Computed:
        """Runs one pack; `wanted` are places in it, whose next-token logits come back."""
        ids = [token for s in pack.segments for token in rows[s.row][s.start : s.stop]]
        positions = [place for s in pack.segments for place in range(s.start, s.stop)]
        states: list[KeysValues] = []

        def keep(layer: int, keys: Tensor, values: Tensor) -> KeysValues:  # noqa: ARG001
            states.append((keys, values))
            return keys, values

        blocks = _blocks(pack)
        layout = Layout(trunk, self._mask(pack, blocks), keep, *self._places(blocks))
        logits = self._call([ids], [positions], layout, torch.tensor(wanted, device=self.device))
        return Computed(logits[0], states)

    def trunk(self, tokens: Row) -> Trunk:
        """The keys and values of a prefix; None for an empty one."""
        trunk: Trunk = None
        for start in range(0, len(tokens), PACK_TOKENS):
            stop = min(start + PACK_TOKENS, len(tokens))
            pack = Pack(start, (Segment(0, start, stop),), extends=True)
            trunk = lengthened(trunk, self.pack([tokens], pack, trunk, [0]).states)
        return trunk

    def step(self, ids: Sequence[int], positions: Sequence[int], layout: Layout) -> Tensor:
        """Next-token logits (float32, rows × vocabulary) after one more token per row."""
        return self._call([[i] for i in ids], [[p] for p in positions], layout, 1)[:, -1].float()

    def _call(
        self, ids: list[list[int]], positions: list[list[int]], layout: Layout, kept: Tensor | int
    ) -> Tensor:
        with using(layout):
            output = self._model(
                input_ids=torch.tensor(ids, device=self.device),
                position_ids=torch.tensor(positions, device=self.device),
                attention_mask=None,
                use_cache=False,
                return_dict=True,
                logits_to_keep=kept,
            )
        logits: Tensor = output.logits
        return logits

    def _mask(self, pack: Pack, blocks: list[list[Segment]]) -> Tensor:
        """0 where a token sees another of its block, else −inf (blocks × 1 × longest × longest)."""
        longest = max(sum(s.stop - s.start for s in block) for block in blocks)
        visible = torch.zeros(len(blocks), longest, longest, dtype=torch.bool)
        visible[:, :, 0] = True  # padding must see something
        for seen, block in zip(visible, blocks, strict=True):
            _mask_of(block, pack.trunk, seen)
        mask = torch.zeros(visible.shape, dtype=self.dtype).masked_fill(~visible, -torch.inf)
        return mask[:, None].to(self.device)

    def _places(
        self, blocks: list[list[Segment]]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]] | tuple[None, None]:
        if len(blocks) == 1:
            return None, None
        sizes = [sum(s.stop - s.start for s in block) for block in blocks]
        places = torch.zeros(len(blocks), max(sizes), dtype=torch.long)
        block = torch.repeat_interleave(torch.arange(len(blocks)), torch.tensor(sizes))
        column = torch.cat([torch.arange(size) for size in sizes])
        places[block, column] = torch.arange(sum(sizes))
        return places.to(self.device), (block.to(self.device), column.to(self.device))


def run(
    forward: SharedForward,
    rows: Sequence[Row],
    wanted: Container[Token],
    *,
    base: int = 0,
    trunk: Trunk = None,
    pack_tokens: int = PACK_TOKENS,
) -> Iterator[tuple[Pack, Trunk, list[Token], Computed]]:
    """Runs all packs of sorted rows, whose first `base` tokens are in `trunk` already.

    Yields each pack with the trunk it stood on, the wanted tokens (row, position) that it holds
    and what it computed; `logits` has one row for each of them.
    """
    for pack in plan(rows, base=base, pack_tokens=pack_tokens):
        behind = cut_back(trunk, pack.trunk)
        found = {t: place for t, place in token_places(pack).items() if t in wanted}
        # No place at all would mean all of them.
        computed = forward.pack(rows, pack, behind, list(found.values()) or [0])
        yield pack, behind, list(found), computed
        trunk = lengthened(behind, computed.states) if pack.extends else behind


def ends_of(
    forward: SharedForward, rows: Sequence[Row], trunk: Trunk, base: int
) -> Iterator[tuple[Row, Tensor, list[KeysValues]]]:
    """Each of the sorted rows with its next-token logits and its states behind the base."""
    last = {(index, len(row) - 1) for index, row in enumerate(rows)}
    for pack, behind, found, computed in run(forward, rows, last, base=base, trunk=trunk):
        paths = _paths(pack)
        for (index, _), logits in zip(found, computed.logits, strict=False):
            places = torch.tensor(paths[index], device=forward.device)
            own = [(k[:, :, places], v[:, :, places]) for k, v in computed.states]
            before = (
                None if behind is None else [(k[:, :, base:], v[:, :, base:]) for k, v in behind]
            )
            yield rows[index], logits, lengthened(before, own)


def lengthened(trunk: Trunk, states: list[KeysValues]) -> list[KeysValues]:
    """The trunk with more tokens behind it."""
    if trunk is None:
        return states
    return [
        (torch.cat([keys, more_keys], dim=2), torch.cat([values, more_values], dim=2))
        for (keys, values), (more_keys, more_values) in zip(trunk, states, strict=True)
    ]


def cut_back(trunk: Trunk, n: int) -> Trunk:
    """The first `n` tokens of a trunk."""
    if trunk is None or n == 0:
        return None
    return [(keys[:, :, :n], values[:, :, :n]) for keys, values in trunk]


def token_places(pack: Pack) -> dict[Token, int]:
    """Where in the pack each token stands: (row, position) → place."""
    tokens = ((s.row, position) for s in pack.segments for position in range(s.start, s.stop))
    return {token: place for place, token in enumerate(tokens)}


def _paths(pack: Pack) -> dict[int, list[int]]:
    """Per row of the pack the places of its tokens behind the trunk."""
    paths: dict[int, list[int]] = {}
    path: list[int] = []
    n = 0
    for segment in pack.segments:
        new = range(n, n + segment.stop - segment.start)
        path = [*path[: segment.start - pack.trunk], *new]
        paths[segment.row] = path
        n = new.stop
    return paths


def _blocks(pack: Pack) -> list[list[Segment]]:
    """The segments by the branch of the trunk that they are on."""
    blocks: list[list[Segment]] = []
    for segment in pack.segments:
        if segment.start == pack.trunk:
            blocks.append([])
        blocks[-1].append(segment)
    return blocks


def _mask_of(block: Sequence[Segment], trunk: int, visible: Tensor) -> None:
    """Marks in `visible` (tokens × tokens) what each token of a block sees of it."""
    for places in _paths(Pack(trunk, tuple(block))).values():
        path = torch.tensor(places)
        visible[path[:, None], path] |= torch.ones(len(path), len(path), dtype=torch.bool).tril()

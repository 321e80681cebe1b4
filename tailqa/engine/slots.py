"""Keys and values of the rows that are being decoded, each row in a slot of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor

from tailqa.engine.attention import KeysValues, Layout

_GROWTH_TOKENS = 64


class Slots:
    """The first `n` slots are in use. A row that leaves makes room for the last one.

    Buffers are slots × key heads × tokens × head size per layer and grow with the longest row.
    """

    def __init__(self, n_slots: int) -> None:
        self.lengths: list[int] = []
        self._n_slots = n_slots
        self._layers: list[KeysValues] = []

    @property
    def n(self) -> int:
        """The rows in use."""
        return len(self.lengths)

    def add(self, states: Sequence[KeysValues]) -> None:
        """Takes a row: per layer its keys and values (1 × key heads × tokens × head size)."""
        length = states[0][0].shape[2]
        self._reserve(length + 1, states)
        for kept, new in zip(self._layers, states, strict=True):
            for buffer, tensor in zip(kept, new, strict=True):
                buffer[self.n, :, :length] = tensor[0]
        self.lengths.append(length)

    def remove(self, slot: int) -> int:
        """Frees a slot; returns the slot whose row has moved there (`slot` itself when last)."""
        last = self.n - 1
        length = self.lengths.pop()
        if slot != last:
            for buffer in (tensor for layer in self._layers for tensor in layer):
                buffer[slot, :, :length] = buffer[last, :, :length]
            self.lengths[slot] = length
        return last

    def layout(self, trunk: Sequence[KeysValues] | None, dtype: torch.dtype) -> Layout:
        """What one more token per row sees; running the pass with it lengthens every row by one."""
        longest = max(self.lengths) + 1
        self._reserve(longest, self._layers)
        buffers = self._layers
        device = buffers[0][0].device
        lengths = torch.tensor(self.lengths, device=device)
        rows = torch.arange(self.n, device=device)
        hidden = torch.arange(longest, device=device) > lengths[:, None]
        mask = torch.zeros(hidden.shape, dtype=dtype, device=device)
        mask = mask.masked_fill(hidden, -torch.inf)[:, None, None]

        def keep(layer: int, keys: Tensor, values: Tensor) -> KeysValues:
            of_keys, of_values = buffers[layer]
            of_keys[rows, :, lengths] = keys[:, :, 0]
            of_values[rows, :, lengths] = values[:, :, 0]
            n = len(rows)
            return of_keys[:n, :, :longest], of_values[:n, :, :longest]

        self.lengths = [length + 1 for length in self.lengths]
        return Layout(trunk, mask, keep)

    def _reserve(self, length: int, like: Sequence[KeysValues]) -> None:
        here = self._layers[0][0].shape[2] if self._layers else 0
        if length <= here:
            return
        room = -(-length // _GROWTH_TOKENS) * _GROWTH_TOKENS
        grown = []
        for layer, states in enumerate(like):
            grown.append(tuple(self._grown(layer, side, room, states[side]) for side in (0, 1)))
        self._layers = grown  # type: ignore[assignment]

    def _grown(self, layer: int, side: int, room: int, like: Tensor) -> Tensor:
        # Zeros: what is masked still takes part, and 0 · NaN would be NaN.
        buffer = like.new_zeros(self._n_slots, like.shape[1], room, like.shape[3])
        if self._layers:
            old = self._layers[layer][side]
            buffer[: self.n, :, : old.shape[2]] = old[: self.n]
        return buffer

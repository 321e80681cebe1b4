"""Attention behind a shared prefix: one copy of its keys and values serves every row.

A model calls `attention` through transformers' attention interface, for every layer. What its
tokens see is said by a Layout: the trunk (the prefix, visible to all of them) and the keys of
their own row. Both are attended to apart and merged by their log-sum-exp (Dao 2023,
FlashAttention-2; Juravsky 2024, Hydragen), so the trunk is read once per step, not once per row.
"""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from tailqa.core.errors import ModelError

NAME = "tailqa_shared_prefix"
KeysValues = tuple[Tensor, Tensor]
"""Each rows × key heads × tokens × head size."""


class Keeper(Protocol):
    """Takes the keys and values that a layer has just computed, returns those of the whole row."""

    def __call__(self, layer: int, keys: Tensor, values: Tensor) -> KeysValues:
        """`layer` counts from 0."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the tokens of one forward pass see.

    `trunk[layer]` has one row, which all see. `mask` (rows × 1 × queries × keys) is added to the
    logits of the row's own keys. With `blocks` (blocks × longest: places in the one row, padded
    with 0) tokens see their own block only: `mask` is then per block, and `places` (blocks,
    column) says where in the blocks each token stands.
    """

    trunk: Sequence[KeysValues] | None
    mask: Tensor | None
    keep: Keeper
    blocks: Tensor | None = None
    places: tuple[Tensor, Tensor] | None = None


_layout: ContextVar[Layout] = ContextVar("layout")


@contextlib.contextmanager
def using(layout: Layout) -> Iterator[None]:
    """Makes `layout` what `attention` goes by."""
    token = _layout.set(layout)
    try:
        yield
    finally:
        _layout.reset(token)


def attention(  # noqa: PLR0917 - transformers calls it so
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """What transformers calls: rows × heads × queries × head size → rows × queries × heads × size.

    Raises ModelError for a kind of attention that is not computed here (a soft cap, sinks, a mask
    that the layer makes by itself).
    """
    if (
        attention_mask is not None  # transformers makes none for an attention that it does not know
        or more.get("softcap")
        or more.get("s_aux") is not None
        or more.get("position_bias") is not None
    ):
        raise ModelError("the model's attention has terms of its own")
    layout = _layout.get()
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    key, value = layout.keep(module.layer_idx, key, value)
    trunk = None if layout.trunk is None else layout.trunk[module.layer_idx]
    seen = attend if query.device.type == "cpu" else attend_joined
    return seen(query, (key, value), trunk, layout, scale).transpose(1, 2).contiguous(), None


def attend(
    query: Tensor, own: KeysValues, trunk: KeysValues | None, layout: Layout, scale: float
) -> Tensor:
    """The merged result (rows × heads × queries × size), by the CPU's flash kernel."""
    if layout.blocks is None or layout.places is None:
        result, weight = _flash(query, own, layout.mask, scale)
    else:
        keys, values = (_in_blocks(states, layout.blocks) for states in own)
        result, weight = _flash(
            _in_blocks(query, layout.blocks), (keys, values), layout.mask, scale
        )
        block, column = layout.places
        result = result[block, :, column].transpose(0, 1)[None]
        weight = weight[block, :, column].transpose(0, 1)[None]
    if trunk is None:
        return result
    rows, heads, queries, size = query.shape
    # All rows see the same keys: their queries stand in one row.
    flat = query.transpose(0, 1).reshape(1, heads, rows * queries, size)
    shared, shared_weight = _flash(flat, trunk, None, scale)
    shared = shared.view(heads, rows, queries, size).transpose(0, 1)
    shared_weight = shared_weight.view(heads, rows, queries).transpose(0, 1)
    share = torch.sigmoid(shared_weight - weight)[..., None]
    return torch.lerp(result.float(), shared.float(), share).to(query.dtype)


def attend_joined(
    query: Tensor, own: KeysValues, trunk: KeysValues | None, layout: Layout, scale: float
) -> Tensor:
    """The same on any device: trunk and own keys side by side, in one masked attention."""
    keys, values = own
    rows, heads = query.shape[:2]
    mask = layout.mask
    if layout.blocks is not None and layout.places is not None and mask is not None:
        mask = _unblocked(mask, layout.places)
    if trunk is not None:
        before = trunk[0].shape[2]
        keys, values = (
            torch.cat([shared.expand(rows, -1, -1, -1), states], dim=2)
            for shared, states in zip(trunk, own, strict=True)
        )
        if mask is not None:
            mask = torch.cat([mask.new_zeros(*mask.shape[:3], before), mask], dim=3)
    groups = heads // keys.shape[1]
    keys, values = (states.repeat_interleave(groups, dim=1) for states in (keys, values))
    return scaled_dot_product_attention(query, keys, values, attn_mask=mask, scale=scale)


def _flash(
    query: Tensor, seen: KeysValues, mask: Tensor | None, scale: float
) -> tuple[Tensor, Tensor]:
    """The result and the log-sum-exp (rows × heads × queries) over the keys that are seen."""
    keys, values = seen
    rows, heads, queries, size = query.shape
    groups = heads // keys.shape[1]
    # The heads of a group see the same keys: their queries stand below each other.
    stacked = query.reshape(rows, keys.shape[1], groups * queries, size)
    if mask is not None and queries > 1:
        mask = mask.repeat(1, 1, groups, 1)
    result, weight = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        stacked, keys, values, 0.0, False, attn_mask=mask, scale=scale
    )
    return (
        result.reshape(rows, heads, queries, size),
        weight.reshape(rows, keys.shape[1], groups * queries).reshape(rows, heads, queries),
    )


def _in_blocks(states: Tensor, blocks: Tensor) -> Tensor:
    """One row × heads × tokens × size → blocks × heads × longest × size."""
    return states[0][:, blocks].transpose(0, 1)


def _unblocked(mask: Tensor, places: tuple[Tensor, Tensor]) -> Tensor:
    """Masks per block → one over all tokens (1 × 1 × tokens × tokens)."""
    block, column = places
    whole = mask[block[:, None], 0, column[:, None], column]
    return whole.masked_fill(block[:, None] != block, -torch.inf)[None, None]

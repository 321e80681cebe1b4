"""Whether a model's prefixes can be shared: what its config says, and a trial."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import pad

from tailqa.engine.attention import NAME
from tailqa.engine.forward import Forward, left_pad
from tailqa.engine.shared import SharedForward, ends_of
from tailqa.engine.slots import Slots

_TOLERANCE = {torch.float32: 1e-3}
_LONGEST_TRIAL = 1024
_COARSE = 0.25
"""Half precision rounds differently in another order; a wrong mask differs by about 1."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Rows of up to `longest` tokens, `limit`, can share their prefixes; 0: `reason` says why not.

    The keys and values of a token take up `bytes_per_token`.
    """

    longest: float
    reason: str = ""
    bytes_per_token: int = 0
    limit: str = "its attention window"


@contextlib.contextmanager
def attending(model: Any, name: str) -> Iterator[None]:
    """The model with another attention; a no-op where it has that one."""
    own = model.config._attn_implementation
    if own != name:
        model.set_attn_implementation(name)
    try:
        yield
    finally:
        if own != name:
            model.set_attn_implementation(own)


def find_sharing(model: Any, forward: Forward, pad_id: int) -> Sharing:
    """Compares both ways on three short rows, a prompt each and one decode step."""
    # An adapter that is not merged hands on the methods of its base.
    can_replace = getattr(model, "_can_set_attn_implementation", None)
    if can_replace is None or not can_replace():
        return Sharing(0, "its attention cannot be replaced")
    window = _window(model.config.get_text_config())
    vocabulary = model.get_input_embeddings().num_embeddings
    draw = torch.Generator().manual_seed(0)
    size = int(min(12, window, forward.turn))
    ids = torch.randint(0, vocabulary, (3, size), generator=draw)
    ids[:, : size // 2] = ids[0, : size // 2]
    rows = sorted({tuple(row) for row in ids.tolist()})
    try:
        difference, bytes_per_token = _difference(model, forward, rows, pad_id)
    except Exception as error:
        # A model may fail in any way with a foreign attention.
        return Sharing(0, f"its attention cannot be shared ({type(error).__name__})")
    if difference > _TOLERANCE.get(model.dtype, _COARSE):
        return Sharing(0, "its logits come out differently behind a shared prefix")
    if forward.turn < window:
        limit = "past which all positions are rotated otherwise"
        return Sharing(forward.turn, bytes_per_token=bytes_per_token, limit=limit)
    return Sharing(window, bytes_per_token=bytes_per_token)


@torch.inference_mode()
def takes_padding(model: Any, forward: Forward, pad_id: int) -> bool:
    """Whether a row says the same alone and padded beside a longer one, which then leaves.

    Both are longer than whatever of 1,024 tokens or less the model may look at, but for the windows
    of transformers' own masks.
    """
    vocabulary = model.get_input_embeddings().num_embeddings
    draw = torch.Generator().manual_seed(0)
    size = int(min(_seen(model.config.get_text_config()) + 12, forward.turn))
    long = torch.randint(0, vocabulary, (size,), generator=draw).tolist()
    short = long[:-7]

    def three_logits(rows: list[list[int]]) -> torch.Tensor:
        ids, mask = left_pad([row[:-2] for row in rows], pad_id, forward.device)
        first, cache = forward.prefill(ids, mask)
        steps = torch.tensor([row[-2:] for row in rows], device=forward.device)
        mask = pad(mask, (0, 1), value=1)
        second, cache = forward.step(steps[:, :1], mask, cache)
        if len(rows) > 1:
            cache.reorder_cache(torch.tensor([0], device=forward.device))
        third, _ = forward.step(steps[:1, 1:], pad(mask[:1], (0, 1), value=1), cache)
        return torch.stack([first[0], second[0], third[0]])

    alone = three_logits([short])
    try:
        padded = three_logits([short, long])
    except Exception:  # a cache that cannot do this fails in any way
        return False
    return _apart(padded, alone) <= _TOLERANCE.get(model.dtype, _COARSE)


def _apart(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The root mean square of the difference, in standard deviations of what is expected."""
    return float((found - expected).square().mean().sqrt() / expected.std())


@torch.inference_mode()
def _difference(
    model: Any, forward: Forward, rows: list[tuple[int, ...]], pad_id: int
) -> tuple[float, int]:
    """The root mean square of the difference, in standard deviations of the logits.

    And the bytes that the keys and values of a token take up.
    """
    begins = [row[:-1] for row in rows]
    expected = forward.last_logits(*left_pad(rows, pad_id, forward.device), 2).float()
    slots = Slots(len(rows))
    base = 1
    shared = SharedForward(model)
    with attending(model, NAME):
        trunk = shared.trunk(rows[0][:base])
        ends = {end[0]: end for end in ends_of(shared, begins, trunk, base)}
        for begin in begins:
            slots.add(ends[begin][2])
        layout = slots.layout(trunk, shared.dtype)
        last = shared.step([row[-1] for row in rows], [len(row) - 1 for row in rows], layout)
    found = torch.stack([torch.stack([ends[begin][1] for begin in begins]).float(), last], dim=1)
    states = [tensor for layer in ends[begins[0]][2] for tensor in layer]
    taken = sum(tensor.numel() * tensor.element_size() for tensor in states)
    return _apart(found, expected), taken // (len(begins[0]) - base)


def _seen(config: Any) -> int:
    """The most of the numbers that may say how many tokens a layer looks at; 0 without any."""
    kinds, masked = ("window", "chunk", "block", "topk"), ("sliding_window", "attention_chunk_size")
    context = min(_LONGEST_TRIAL, (getattr(config, "max_position_embeddings", None) or 512) - 16)
    return max(
        (
            value
            for name, value in config.to_dict().items()
            if any(kind in name for kind in kinds) and name not in masked
            if type(value) is int and value <= context
        ),
        default=0,
    )


def _window(config: Any) -> float:
    """The fewest tokens that any layer sees; infinite where all see everything."""
    kinds = getattr(config, "layer_types", None) or []
    seen = []
    if not kinds or any("sliding" in kind for kind in kinds):
        seen.append(getattr(config, "sliding_window", None))
    if not kinds or any("chunk" in kind for kind in kinds):
        seen.append(getattr(config, "attention_chunk_size", None))
    return min((float(tokens) for tokens in seen if tokens), default=math.inf)

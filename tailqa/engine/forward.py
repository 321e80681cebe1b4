"""Forward passes with padding on the left, so that the last positions are those that count."""

import inspect
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tailqa.core.errors import ModelError


class Forward:
    """A transformers causal language model, called with what its forward method takes.

    A pass over more than `turn` tokens rotates all of its positions otherwise (LongRoPE, dynamic
    NTK): longer rows must not be run beside shorter ones, nor behind keys of a shorter pass.
    """

    def __init__(self, model: Any) -> None:
        taken = inspect.signature(model.forward).parameters
        if "past_key_values" not in taken:
            raise _no_cache(model)
        self._model = model
        self._takes_positions = "position_ids" in taken
        self._takes_kept = "logits_to_keep" in taken
        self.turn = _turn(model.config.get_text_config())

    @property
    def device(self) -> torch.device:
        """Where the inputs must lie."""
        device: torch.device = self._model.device
        return device

    def prefill(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Any]:
        """Next-token logits (float32, rows × vocabulary) after the prompts, and the cache."""
        output = self._call(ids, mask, positions=_positions(mask), kept=1, use_cache=True)
        cache = getattr(output, "past_key_values", None)
        if cache is None:
            raise _no_cache(self._model)
        return output.logits[:, -1].float(), cache

    def step(self, ids: Tensor, mask: Tensor, cache: Any) -> tuple[Tensor, Any]:
        """The same after one more token per row; `mask` covers the cache and the new token."""
        positions = mask.sum(dim=1, keepdim=True) - 1
        output = self._call(
            ids, mask, positions=positions, kept=1, use_cache=True, past_key_values=cache
        )
        return output.logits[:, -1].float(), output.past_key_values

    def last_logits(self, ids: Tensor, mask: Tensor, n: int) -> Tensor:
        """Logits of the last `n` positions of every row, in the model's own dtype."""
        output = self._call(ids, mask, positions=_positions(mask), kept=n, use_cache=False)
        logits: Tensor = output.logits[:, -n:]
        return logits

    def _call(self, ids: Tensor, mask: Tensor, *, positions: Tensor, kept: int, **more: Any) -> Any:
        if self._takes_positions:
            more["position_ids"] = positions
        if self._takes_kept:
            more["logits_to_keep"] = kept
        return self._model(input_ids=ids, attention_mask=mask, return_dict=True, **more)


def _no_cache(model: Any) -> ModelError:
    return ModelError(f"{type(model).__name__} keeps no key/value cache; tailqa cannot run it.")


def _turn(config: Any) -> float:
    """The tokens up to which a pass rotates as the model was trained first; infinity for most."""
    rope = getattr(config, "rope_parameters", None) or {}
    # Some models have parameters per kind of layer.
    kinds = [rope, *(value for value in rope.values() if isinstance(value, dict))]
    turns = [
        kind.get("original_max_position_embeddings") or config.max_position_embeddings
        for kind in kinds
        if kind.get("rope_type") in {"longrope", "dynamic"}
    ]
    return float(min(turns, default=math.inf))


def left_pad(
    rows: Sequence[Sequence[int]], pad_id: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask (int64, rows × longest), padded on the left.

    >>> left_pad([(5, 6), (7,)], 0, torch.device("cpu"))
    (tensor([[5, 6], [0, 7]]), tensor([[1, 1], [0, 1]]))
    """
    longest = max(len(row) for row in rows)
    ids = [[pad_id] * (longest - len(row)) + list(row) for row in rows]
    mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _positions(mask: Tensor) -> Tensor:
    return (mask.cumsum(dim=1) - 1).clamp(min=0)

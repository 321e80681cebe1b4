"""What one pass of a model reads and multiplies."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from tailqa.core.ports import Footprint

_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")


def footprint(model: Any) -> Footprint:
    """The weights that one decode step of a transformers model reads, and its multiplications.

    A lookup reads a row of the embeddings, so they count only where they are the head as well.
    Packed weights count by their packed bytes and by the shape that they stand for.
    """
    config = model.config.get_text_config()
    embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
    places = (config, getattr(config, "ffn_config", None))  # DBRX keeps them apart
    sparse = any(getattr(place, name, None) for place in places for name in _EXPERTS)
    lookups = [m for m in model.modules() if isinstance(m, nn.Embedding) or m is embeddings]
    head_weight = getattr(head, "weight", None)
    unread = {id(w) for m in lookups for w in m.parameters() if w is not head_weight}
    held = {id(t): t for t in (*model.parameters(), *model.buffers())}
    body = (m for m in model.modules() if m is not head and all(m is not x for x in lookups))
    return Footprint(
        n_vocabulary=embeddings.num_embeddings,
        step_weight_bytes=None
        if sparse
        else sum(stored_bytes(tensor) for key, tensor in held.items() if key not in unread),
        body_parameters=None if sparse else _products(body),
        head_parameters=0 if head is None else _products([head]),
    )


def cache_bytes(config: Any, itemsize: int) -> int:
    """The keys and values of a token, by a config; the most, as if no layer had a window.

    0 where the config does not say.
    """
    text = config.get_text_config()
    layers, heads = (getattr(text, n, None) for n in ("num_hidden_layers", "num_attention_heads"))
    width = getattr(text, "hidden_size", None)
    if not (layers and heads and width):
        return 0
    key_heads = getattr(text, "num_key_value_heads", None) or heads
    head = getattr(text, "head_dim", None) or width // heads
    return int(2 * layers * key_heads * head * itemsize)


def stored_bytes(tensor: Tensor) -> int:
    """The bytes that a tensor takes up, with its scales where it is packed.

    >>> import torch
    >>> stored_bytes(torch.zeros(3, 4, dtype=torch.bfloat16))
    24
    """
    flatten = getattr(tensor, "__tensor_flatten__", None)
    if flatten is not None:  # a subclass that packs, as torchao's
        return sum(stored_bytes(getattr(tensor, name)) for name in flatten()[0])
    scales = getattr(getattr(tensor, "quant_state", None), "absmax", None)  # bitsandbytes
    return tensor.numel() * tensor.element_size() + (0 if scales is None else stored_bytes(scales))


def _products(modules: Iterable[Any]) -> int:
    """Multiplications per token: the product of both sides, for a packed weight also."""
    total = 0
    for module in modules:
        own = list(module.parameters(recurse=False))
        if own and hasattr(module, "in_features") and hasattr(module, "out_features"):
            total += int(module.in_features) * int(module.out_features)
        else:
            total += sum(weights.numel() for weights in own if weights.ndim >= 2)
    return total

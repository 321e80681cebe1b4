"""Digests of what a model is made of."""

import hashlib
from dataclasses import replace
from importlib.metadata import version
from math import prod
from pathlib import Path
from typing import Any

from tailqa.core.digest import digest
from tailqa.core.report import ModelInfo
from tailqa.engine.arguments import ModelArgs
from tailqa.engine.quantization import weights_kept
from tailqa.engine.spec import Source
from tailqa.engine.weights import weight_files

_CHUNK_BYTES = 1 << 20
_CONFIGS = ("config.json", "generation_config.json", "adapter_config.json")


def model_info(
    model: Any, tokenizer: Any, source: Source, *, name: str, args: ModelArgs
) -> ModelInfo:
    """What identifies a loaded model and the way it is run."""
    kept = args.quantization or weights_kept(model, gguf=source.gguf is not None)
    packages = ["transformers"]
    if args.quantization is not None:
        packages.append("bitsandbytes" if args.quantization.startswith("bnb") else "torchao")
    if source.adapter is not None:
        packages.append("peft")
    engine = [f"{package} {version(package)}" for package in packages]
    if args.attn_implementation is not None:
        engine.append(f"attention {args.attn_implementation}")
    places = getattr(model, "hf_device_map", None) or {"": model.device}
    return ModelInfo(
        name=name,
        revision=source.commit,
        weights_digest=weights_digest(source),
        tokenizer_digest=tokenizer_digest(tokenizer),
        template_digest=template_digest(tokenizer),
        architecture=type(model).__name__,
        n_parameters=_n_parameters(model),
        dtype=str(model.dtype).removeprefix("torch."),
        device=", ".join(sorted({_device(place) for place in places.values()})),
        engine=", ".join(engine),
        weights=kept,
    )


def weights_digest(source: Source) -> str:
    """SHA-256 of the weight files and of the configs beside them, or the hub commit.

    The configs count because they change what the same weights compute (positions, end tokens).
    With an adapter it is the digest of both digests.
    """
    if source.adapter is not None:
        base = replace(source, adapter=None)
        return digest([weights_digest(base), weights_digest(source.adapter)])
    if source.commit is not None:
        return source.commit
    if source.gguf is not None:
        packed = _of_file(source.folder / source.gguf)
        # transformers obeys one that lies beside the file.
        beside = source.folder / "generation_config.json"
        return digest([packed, _of_file(beside)]) if beside.is_file() else packed
    weights = [path.name for path in weight_files(source.folder)]
    configs = [name for name in _CONFIGS if (source.folder / name).is_file()]
    return digest([[name, _of_file(source.folder / name)] for name in [*weights, *configs]])


def tokenizer_digest(tokenizer: Any) -> str:
    """SHA-256 of the vocabulary, the rules and the special tokens."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    rules = backend.to_str() if backend is not None else tokenizer.get_vocab()
    return digest([rules, {key: str(value) for key, value in tokenizer.special_tokens_map.items()}])


def template_digest(tokenizer: Any) -> str | None:
    """SHA-256 of the chat template; None without one."""
    template = getattr(tokenizer, "chat_template", None)
    return None if template is None else digest(template)


def template_varies(tokenizer: Any) -> bool:
    """Whether the chat template can render the same messages differently another time.

    What transformers lends a template beside the messages is the time, and Jinja a die.
    """
    template = str(getattr(tokenizer, "chat_template", None) or "")
    return any(name in template for name in ("strftime_now", "random", "lipsum"))


def _of_file(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            hashed.update(chunk)
    return hashed.hexdigest()


def _device(place: Any) -> str:
    return f"cuda:{place}" if isinstance(place, int) else str(place)


def _n_parameters(model: Any) -> int:
    """The weights by the shapes that they stand for, packed or not; shared ones once."""
    found: dict[int, int] = {}
    for module in model.modules():
        for weights in module.parameters(recurse=False):
            found[id(weights)] = _n_values(weights, module)
    return sum(found.values())


def _n_values(weights: Any, module: Any) -> int:
    shape = getattr(getattr(weights, "quant_state", None), "shape", None)  # bitsandbytes in 4 bits
    if shape is not None:
        return prod(shape)
    columns = getattr(module, "in_features", None) or getattr(module, "embedding_dim", None)
    if getattr(module, "ggml_type", None) is not None and columns and weights.ndim == 2:
        return int(weights.shape[0]) * int(columns)
    return int(weights.numel())

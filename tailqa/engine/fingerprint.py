"""Digests of what a model is made of."""

import hashlib
from pathlib import Path
from typing import Any

from tailqa.core.digest import digest
from tailqa.engine.spec import Source

_CHUNK_BYTES = 1 << 20
_CONFIGS = ("config.json", "generation_config.json")


def weights_digest(source: Source) -> str:
    """SHA-256 of the weight files and of the configs beside them, or the hub commit.

    The configs count because they change what the same weights compute (positions, end tokens).
    """
    if source.commit is not None:
        return source.commit
    if source.gguf is not None:
        return _of_file(source.folder / source.gguf)
    weights = sorted(path.name for path in source.folder.glob("*.safetensors"))
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


def _of_file(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            hashed.update(chunk)
    return hashed.hexdigest()

"""Which file of a model's folder keeps it from being loaded."""

import json
from pathlib import Path

_TOKENIZERS = ("tokenizer.json", "*.model", "vocab*", "tekken.json", "spiece*")


def broken_file(folder: Path) -> str | None:
    """A sentence about the first broken file that a model and its tokenizer are read from.

    None where each is what it should be by itself.

    >>> broken_file(Path("no folder"))
    """
    for path in (*sorted(folder.glob("*config.json")), folder / "tokenizer.json"):
        if path.is_file() and (fault := _fault(path)):
            return fault
    for path in sorted(folder.glob("*.index.json")):
        if fault := _fault(path) or _index_fault(path):
            return fault
    return None


def has_tokenizer(folder: Path) -> bool:
    """Whether any file lies there that a tokenizer is read from."""
    return any(any(folder.glob(name)) for name in _TOKENIZERS)


def _fault(path: Path) -> str | None:
    try:
        content = json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as error:
        return f"{path}, line {error.lineno}, is no JSON: {error.msg}; fetch or save it again."
    except (OSError, UnicodeDecodeError) as error:
        return f"{path} cannot be read: {error}."
    if not isinstance(content, dict):
        return f"{path} is no JSON object; fetch or save it again."
    return None


def _index_fault(path: Path) -> str | None:
    files = json.loads(path.read_text("utf-8")).get("weight_map")
    if not isinstance(files, dict) or not files:
        return f"{path} has no weight_map, which says where each weight lies; save it again."
    missing = sorted(
        str(name) for name in set(files.values()) if not (path.parent / str(name)).is_file()
    )
    if missing:
        return f"{path} names {missing[0]}, which is not there; fetch it, or save the model again."
    return None

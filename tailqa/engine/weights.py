"""How much memory a model will take and how much is left, before anything is loaded."""

import json
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from tailqa.core.errors import ModelError
from tailqa.engine.arguments import ModelArgs
from tailqa.engine.gguf_header import count_weights
from tailqa.engine.spec import Source, locate

_INDEX = "model.safetensors.index.json"
ALL_CUDA = "cuda"
_FLOATS = {"F64", "F32", "F16", "BF16"}
# One scale of two bytes per 64 (NF4), per 32 (int4) or per row weights.
_BYTES_PER_WEIGHT = {"bnb-4bit": 0.54, "torchao-int4": 0.57}
_BYTE_AND_SCALE = 1.01
_CGROUP = Path("/sys/fs/cgroup")


def memory_need(spec: str, *, device: str, dtype: str, args: ModelArgs) -> tuple[str, int]:
    """Where the weights of a model will lie and how many bytes they will take, by the files.

    The place is `cpu`, `cuda:0`, … or `cuda` for all CUDA devices together. A hub id is
    downloaded. Raises ModelError.
    """
    from tailqa.engine.loading import compute_dtype, pick_device

    source = locate(spec, revision=args.revision, adapter=args.peft)
    place = pick_device("auto" if args.device_map else device)
    spread = args.device_map is not None and place.type == "cuda"
    itemsize = compute_dtype(source, place, args.dtype or dtype).itemsize
    where = ALL_CUDA if spread else str(place)
    if source.gguf is None:
        return where, sum(map(int, _safetensors(source, itemsize, args.quantization)))
    file = source.folder / source.gguf
    if args.dequantize is False:
        return where, file.stat().st_size
    try:
        return where, count_weights(file) * itemsize
    except ValueError as error:
        raise ModelError(f"{spec} cannot be loaded: {error}.") from error


def free_bytes(device: str) -> int | None:
    """The memory that is left on `cpu`, `cuda:0`, … or `cuda`, all CUDA devices together.

    A limit of the control group counts. None where the device does not say.

    >>> free_bytes("cpu") > 0
    True
    """
    if device.startswith("cuda"):
        import torch

        places = range(torch.cuda.device_count()) if device == ALL_CUDA else [device]
        return sum(int(torch.cuda.mem_get_info(place)[0]) for place in places)
    if device != "cpu":
        return None
    import psutil

    available = int(psutil.virtual_memory().available)
    room = _cgroup_room()
    return available if room is None else min(available, room)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors that transformers reads, sorted, with an adapter's; not copies beside them.

    Raises ModelError for an index that is broken or names files that are not there.
    """
    index, whole = folder / _INDEX, folder / "model.safetensors"
    if whole.is_file():
        files = {whole}
    elif index.is_file():
        files = {folder / name for name in _indexed(index)}
    else:
        return sorted(folder.glob("*.safetensors"))
    return sorted(files | set(folder.glob("adapter_model.safetensors")))


def _indexed(index: Path) -> set[str]:
    try:
        names = {str(name) for name in json.loads(index.read_text("utf-8"))["weight_map"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{index} is broken: it must be JSON with a weight_map; fetch or save the model again."
        ) from error
    for name in sorted(names):
        if not (index.parent / name).is_file():
            raise ModelError(f"{index} names {name}, which is not there; fetch the model again.")
    return names


def _safetensors(source: Source, itemsize: int, quantization: str | None) -> Iterator[float]:
    """The bytes of each tensor once loaded; what is quantised in the file stays so."""
    for path in weight_files(source.folder):
        for name, tensor in _header(path).items():
            if name == "__metadata__":
                continue
            n, shape = prod(tensor["shape"]), tensor["shape"]
            if tensor["dtype"] not in _FLOATS:
                start, end = tensor["data_offsets"]
                yield end - start
            elif quantization is None or len(shape) != 2 or _stays_whole(name):
                yield n * itemsize
            else:
                yield n * _BYTES_PER_WEIGHT.get(quantization, _BYTE_AND_SCALE)


def _header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file: its length in 8 bytes, then JSON."""
    try:
        with path.open("rb") as file:
            length = min(int.from_bytes(file.read(8), "little"), path.stat().st_size)
            header: dict[str, Any] = json.loads(file.read(length))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be loaded: it is no safetensors file.") from error
    return header


def _stays_whole(name: str) -> bool:
    """Whether quantisers leave a matrix alone: the embeddings and the head."""
    return any(part in name for part in ("embed", "lm_head", "wte", "wpe"))


def _cgroup_room() -> int | None:
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        if limit == "max":
            return None
        used = int((_CGROUP / "memory.current").read_text())
        stat = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        # What is only cached from files is given back when it is needed.
        return max(0, int(limit) - used + int(stat.get("inactive_file", 0)))
    except (OSError, ValueError):
        return None

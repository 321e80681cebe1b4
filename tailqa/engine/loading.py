"""Model files → a model and a tokenizer in memory, or one sentence that says why not."""

import contextlib
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import torch
import transformers
from transformers.utils import logging as transformers_logging

from tailqa.core.errors import ModelError
from tailqa.engine.spec import Source

_DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
_SHORT = {"fp32": "float32", "fp16": "float16", "half": "float16", "bf16": "bfloat16"}


def pick_device(device: str) -> torch.device:
    """The device of a name such as auto, cpu, cuda or cuda:1.

    >>> pick_device("cpu").type
    'cpu'
    """
    if device == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ModelError(f"{device!r} is no device; use auto, cpu, cuda or cuda:N.") from error
    if chosen.type == "cuda":
        n = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (chosen.index or 0) >= n:
            raise ModelError(f"{device} was asked for, but {n} CUDA devices are here; use cpu.")
        return torch.device("cuda", chosen.index or 0)
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise ModelError("mps was asked for, but there is none here; use cpu.")
    return chosen


def pick_dtype(dtype: str, device: torch.device, checkpoint: torch.dtype | None) -> torch.dtype:
    """The dtype of a name such as auto, float32, bfloat16 or bf16.

    Auto is float32 on the CPU; elsewhere the checkpoint's own, bfloat16 where it says none.

    >>> pick_dtype("auto", torch.device("cpu"), torch.bfloat16)
    torch.float32
    """
    if dtype == "auto":
        return torch.float32 if device.type == "cpu" else checkpoint or torch.bfloat16
    try:
        return _DTYPES[_SHORT.get(dtype, dtype)]
    except KeyError:
        raise ModelError(f"{dtype!r} is no dtype; use auto, {', '.join(_DTYPES)}.") from None


def load(source: Source, *, device: str, dtype: str) -> tuple[Any, Any]:
    """The model, ready to answer on its device, and its tokenizer. Raises ModelError."""
    place = pick_device(device)
    tokenizer = load_tokenizer(source)
    options = _options(source)
    with _quiet(), _one_sentence(source.spec):
        config = transformers.AutoConfig.from_pretrained(source.folder, **options)
        options["dtype"] = pick_dtype(dtype, place, _checkpoint_dtype(config))
        if source.gguf is not None and hasattr(transformers, "GgufConfig"):
            options["quantization_config"] = transformers.GgufConfig(dequantize=True)
        if source.gguf is None:
            options["use_safetensors"] = True
        load_model: Any = transformers.AutoModelForCausalLM.from_pretrained
        model, loaded = load_model(source.folder, output_loading_info=True, **options)
        _check_complete(source.spec, loaded)
        model.eval().requires_grad_(requires_grad=False)
        model.to(place)
    return model, tokenizer


def load_tokenizer(source: Source) -> Any:
    """The tokenizer alone. Raises ModelError."""
    with _quiet(), _one_sentence(source.spec):
        return transformers.AutoTokenizer.from_pretrained(source.folder, **_options(source))


def _options(source: Source) -> dict[str, Any]:
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    if source.gguf is not None:
        options["gguf_file"] = source.gguf
    return options


@contextlib.contextmanager
def running(name: str) -> Iterator[None]:
    """Turns what a forward pass can fail with into a ModelError."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        raise ModelError(f"{name} {_failure(error)}") from error


def _checkpoint_dtype(config: Any) -> torch.dtype | None:
    found = getattr(config, "dtype", None)
    return found if isinstance(found, torch.dtype) else None


def _check_complete(spec: str, loaded: dict[str, Any]) -> None:
    # transformers fills what is missing with random numbers and only warns.
    missing = sorted(loaded["missing_keys"]) + sorted(str(k) for k in loaded["mismatched_keys"])
    if missing:
        raise ModelError(
            f"{spec} is incomplete: {len(missing)} weights are missing or of another shape "
            f"({missing[0]}, …); fetch or save it again."
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No bars and no warnings of transformers while a model loads."""
    noise: Any = transformers_logging
    verbosity, bars = noise.get_verbosity(), noise.is_progress_bar_enabled()
    noise.set_verbosity(logging.CRITICAL)
    noise.disable_progress_bar()
    try:
        yield
    finally:
        noise.set_verbosity(verbosity)
        if bars:
            noise.enable_progress_bar()


@contextlib.contextmanager
def _one_sentence(spec: str) -> Iterator[None]:
    try:
        yield
    except ModelError:
        raise
    except (RuntimeError, MemoryError) as error:
        raise ModelError(f"{spec} {_failure(error)}") from error
    except Exception as error:
        # Loaders raise nearly everything at a broken file: OSError, ValueError, KeyError,
        # SafetensorError, struct.error, JSONDecodeError, …
        if "trust_remote_code" in str(error):
            raise ModelError(
                f"{spec} needs code from its own repository, which tailqa does not run."
            ) from error
        raise ModelError(f"{spec} cannot be loaded: {_first_sentence(error)}") from error


def _failure(error: BaseException) -> str:
    # The frames of the failed pass hold its tensors as long as the error lives.
    traceback.clear_frames(error.__traceback__)
    text = str(error)
    out_of_memory = isinstance(error, torch.OutOfMemoryError | MemoryError)
    if out_of_memory or "can't allocate memory" in text or "not enough memory" in text:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return "ran out of memory; use a smaller --batch-size or a smaller dtype."
    return f"failed: {_first_sentence(error)}"


def _first_sentence(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= 300 else text[:299] + "…"

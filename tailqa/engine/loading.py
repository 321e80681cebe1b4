"""Model files → a model and a tokenizer in memory, or one sentence that says why not."""

import contextlib
import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from transformers.utils import logging as transformers_logging

from tailqa.core.errors import ModelError
from tailqa.core.words import count_of
from tailqa.engine.adapter import put_adapter
from tailqa.engine.arguments import ModelArgs
from tailqa.engine.broken import broken_file, has_tokenizer
from tailqa.engine.forward import Forward
from tailqa.engine.memory import OUT_OF_MEMORY, freed, is_out_of_memory
from tailqa.engine.precision import bfloat16_pays
from tailqa.engine.quantization import quantization_config
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

    Auto is the checkpoint's own, bfloat16 where it says none. On a CPU it is float32, unless the
    checkpoint is bfloat16 and the processor is measured to be faster in it.

    >>> pick_dtype("auto", torch.device("cpu"), torch.float16)
    torch.float32
    """
    if dtype == "auto" and device.type == "cpu":
        fast = checkpoint == torch.bfloat16 and bfloat16_pays()
        return torch.bfloat16 if fast else torch.float32
    if dtype == "auto":
        return checkpoint or torch.bfloat16
    try:
        return _DTYPES[_SHORT.get(dtype, dtype)]
    except KeyError:
        raise ModelError(
            f"{dtype!r} is no dtype to compute in; use auto, {', '.join(_DTYPES)}, and for weights "
            "in fewer bits quantization=… of --teacher-args or --student-args."
        ) from None


def load(
    source: Source, *, device: str, dtype: str, args: ModelArgs | None = None
) -> tuple[Any, Any]:
    """The model, ready to answer on its device, and its tokenizer.

    `args` goes before `device` and `dtype`; with a device_map the model places itself. Two tokens
    have been run. Raises ModelError.
    """
    args = args or ModelArgs()
    _check_generation_config(source)
    place = pick_device("auto" if args.device_map else device)
    tokenizer = load_tokenizer(source)
    with quiet(), _one_sentence(source):
        chosen = compute_dtype(source, place, args.dtype or dtype)
        options = _options(source) | {"dtype": chosen} | _placing(place, args)
        options |= _keeping(source, place, chosen, args)
        # What does not fit is named by us, with both shapes.
        options |= {"ignore_mismatched_sizes": True}
        load_model: Any = transformers.AutoModelForCausalLM.from_pretrained
        # Over a GGUF file transformers draws a bar that it cannot be asked to leave out.
        bars = io.StringIO() if source.gguf else sys.stderr
        with contextlib.redirect_stderr(bars):
            model, loaded = load_model(source.folder, output_loading_info=True, **options)
        _check_complete(source.spec, loaded)
        if source.adapter is not None:
            plain = getattr(model, "hf_quantizer", None) is None
            model = put_adapter(model, source.adapter, merge=plain)
        model.eval().requires_grad_(requires_grad=False)
    try_out(model, source.spec)
    return model, tokenizer


def compute_dtype(source: Source, place: torch.device, dtype: str) -> torch.dtype:
    """The dtype that a model is run with, by its config alone. Raises ModelError."""
    if source.gguf is not None:  # it says none, and takes seconds to read
        return pick_dtype(dtype, place, None)
    with quiet(), _one_sentence(source):
        config = transformers.AutoConfig.from_pretrained(source.folder, **_options(source))
        found = getattr(config, "dtype", None)
        return pick_dtype(dtype, place, found if isinstance(found, torch.dtype) else None)


def load_tokenizer(source: Source) -> Any:
    """The tokenizer alone, the adapter's own where it has one. Raises ModelError."""
    options, folder = _options(source), source.folder
    if source.adapter is not None and (source.adapter.folder / "tokenizer_config.json").is_file():
        options, folder = _options(source.adapter), source.adapter.folder
    with quiet(), _one_sentence(source, tokenizer=True):
        return transformers.AutoTokenizer.from_pretrained(folder, **options)


def try_out(model: Any, name: str) -> None:
    """Runs one token through the model and one more after it.

    Raises ModelError when the device cannot compute it, and where the model keeps no cache.
    """
    token = torch.zeros((1, 1), dtype=torch.long, device=model.device)
    try:
        with quiet(), torch.inference_mode():
            forward = Forward(model)
            _, cache = forward.prefill(token, torch.ones_like(token))
            forward.step(token, torch.ones_like(token).expand(1, 2), cache)
    except ModelError:
        raise
    except Exception as error:  # kernels raise of their own, too
        dtype = str(model.dtype).removeprefix("torch.")
        raise ModelError(
            f"{name} cannot be run in {dtype} on {model.device}: it {_failure(error)}"
        ) from error


def _check_generation_config(source: Source) -> None:
    """transformers passes a broken one over in silence."""
    path = source.folder / "generation_config.json"
    if not path.is_file():
        return
    try:
        config = json.loads(path.read_text("utf-8"))
        ends = config.get("eos_token_id")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{path} is no JSON object; mend it or take it away.") from error
    tokens = ends if isinstance(ends, list) else [ends]
    if ends is not None and not all(type(token) is int for token in tokens):
        raise ModelError(
            f"{path} has eos_token_id {ends!r}; it must be a token id (a whole number) or a list "
            "of them."
        )


def _placing(place: torch.device, args: ModelArgs) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if args.device_map is not None or place.type != "cpu":
        options["device_map"] = args.device_map or {"": place}
    if args.attn_implementation is not None:
        options["attn_implementation"] = args.attn_implementation
    return options


def _keeping(
    source: Source, place: torch.device, dtype: torch.dtype, args: ModelArgs
) -> dict[str, Any]:
    """How the weights are kept: as they are, quantised now, or in the blocks of a GGUF file."""
    if source.gguf is None:
        if args.dequantize is not None:
            raise ModelError(f"dequantize is for GGUF files; {source.spec} is none.")
        options: dict[str, Any] = {"use_safetensors": True}
        if args.quantization is not None:
            options["quantization_config"] = quantization_config(args.quantization, place, dtype)
        return options
    if args.quantization is not None:
        raise ModelError(
            f"{source.spec} is quantised as it is; quantization={args.quantization} is for "
            "safetensors."
        )
    # transformers computes with packed blocks only where it has a kernel, never on a CPU.
    dense = place.type == "cpu" or source.adapter is not None
    if args.dequantize is False and dense:
        raise ModelError(
            f"The weights of {source.spec} can stay packed only on a GPU and without an adapter; "
            "leave dequantize=false out."
        )
    config = transformers.GgufConfig(dequantize=dense or args.dequantize is True)
    # Said here, or transformers fetches an attention kernel from the hub.
    named = config.dequantize or args.attn_implementation is not None
    return {"quantization_config": config} | ({} if named else {"attn_implementation": "sdpa"})


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
    except ModelError:
        raise
    except Exception as error:  # kernels and models raise of their own, too
        raise ModelError(f"{name} {_failure(error)}") from error


def _check_complete(spec: str, loaded: dict[str, Any]) -> None:
    # transformers fills what is missing with random numbers and only warns.
    missing, others = sorted(loaded["missing_keys"]), sorted(loaded["mismatched_keys"])
    if missing:
        raise ModelError(
            f"{spec} is incomplete: {count_of(len(missing), 'weight is', 'weights are')} missing "
            f"({missing[0]}, …); fetch or save it again."
        )
    if others:
        name, found, wanted = others[0]
        raise ModelError(
            f"{spec}: {count_of(len(others), 'weight has', 'weights have')} another shape than "
            f"config.json says ({name} is {_shape(found)}, not {_shape(wanted)}); fetch or save it "
            "again."
        )


def _shape(sizes: Sequence[int]) -> str:
    return " × ".join(map(str, sizes))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No bars and no warnings of transformers and its companions while a model loads."""
    noise: Any = transformers_logging
    bars, disabled = noise.is_progress_bar_enabled(), logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    noise.disable_progress_bar()
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(disabled)
        if bars:
            noise.enable_progress_bar()


@contextlib.contextmanager
def _one_sentence(source: Source, *, tokenizer: bool = False) -> Iterator[None]:
    spec = source.spec
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
        fault = None if source.gguf else broken_file(source.folder)
        if fault is None and tokenizer and not (source.gguf or has_tokenizer(source.folder)):
            fault = f"{spec} has no tokenizer: save it beside the weights."
        if isinstance(error, StrictDataclassError):
            fault = f"{source.folder / 'config.json'}: {_first_sentence(error)}"
        if fault is None and tokenizer and isinstance(error, KeyError):
            fault = f"The tokenizer of {spec} cannot be loaded: {_first_sentence(error)}."
        raise ModelError(fault or f"{spec} cannot be loaded: {_first_sentence(error)}") from error


def _failure(error: BaseException) -> str:
    freed(error)
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    return f"failed: {_first_sentence(error)}"


def _first_sentence(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    if isinstance(error, StrictDataclassError) and len(lines) > 1:
        text = lines[1].partition(": ")[2] or lines[1]
    elif text.endswith(":") and len(lines) > 1:
        text = f"{text} {lines[1]}"
    if isinstance(error, KeyError):
        text = f"{text} is missing"
    return text if len(text) <= 300 else text[:299] + "…"

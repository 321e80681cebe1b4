"""Weights in fewer bits: bitsandbytes and torchao through transformers' own configs."""

import logging
from importlib.util import find_spec
from typing import Any

import torch
import transformers

from tailqa.core.errors import ModelError
from tailqa.engine.arguments import UNPACKED

_PACKAGES = {
    "bnb-4bit": ("bitsandbytes",),
    "bnb-8bit": ("bitsandbytes",),
    "torchao-float8": ("torchao",),
    "torchao-int4": ("torchao", "mslk"),
    "torchao-int8": ("torchao",),
    "torchao-int8-dynamic": ("torchao",),
}
_EXTRAS = ("bitsandbytes", "peft", "torchao")
_GROUP = 32


def quantization_config(name: str, device: torch.device, dtype: torch.dtype) -> Any:
    """The transformers config of a quantization of tailqa.engine.arguments.

    bnb-8bit is LLM.int8 (Dettmers et al. 2022), bnb-4bit NF4 (Dettmers et al. 2023) computing in
    `dtype`; those of torchao keep the weights in groups of 32 (int4) or per row; int8-dynamic
    rounds the activations as well. Raises ModelError when a package or the hardware is missing.
    """
    for package in _PACKAGES[name]:
        need_package(package, f"quantization={name}")
    if name == "torchao-int4" and device.type != "cuda":
        raise ModelError(f"quantization={name} needs a CUDA device, and the model is on {device}.")
    if name.startswith("bnb"):
        # It says at every product that it computes in float16.
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
        four = name == "bnb-4bit"
        return transformers.BitsAndBytesConfig(
            load_in_8bit=not four,
            load_in_4bit=four,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=dtype,
        )
    from torchao import quantization as torchao

    kinds: dict[str, Any] = {
        "torchao-float8": torchao.Float8WeightOnlyConfig,
        "torchao-int4": lambda: torchao.Int4WeightOnlyConfig(group_size=_GROUP),
        "torchao-int8": torchao.Int8WeightOnlyConfig,
        "torchao-int8-dynamic": torchao.Int8DynamicActivationInt8WeightConfig,
    }
    return transformers.TorchAoConfig(kinds[name]())


def need_package(package: str, what: str) -> None:
    """Raises ModelError when an optional package is not installed.

    >>> need_package("no_such_package", "quantization=none")
    Traceback (most recent call last):
    tailqa.core.errors.ModelError: quantization=none needs the package no_such_package, which is n\
ot installed; pip install no_such_package
    """
    if find_spec(package) is None:
        name = f"'tailqa[{package}]'" if package in _EXTRAS else package
        raise ModelError(
            f"{what} needs the package {package}, which is not installed; pip install {name}"
        )


def weights_kept(model: Any, *, gguf: bool) -> str | None:
    """How the weights of a loaded model are kept; None where they are as they are computed with.

    A checkpoint that was saved quantised is called by its method, such as gptq.
    """
    quantizer = getattr(model, "hf_quantizer", None)
    if gguf:
        return "GGUF, packed" if getattr(quantizer, "packed_modules", None) else UNPACKED
    method = getattr(getattr(quantizer, "quantization_config", None), "quant_method", None)
    return None if method is None else str(getattr(method, "value", method))

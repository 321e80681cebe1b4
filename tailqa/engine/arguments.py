"""What `--teacher-args` and `--student-args` say: how a model is loaded, beyond its name."""

from dataclasses import dataclass, fields

from tailqa.core.errors import ModelError

QUANTIZATIONS = (
    "bnb-4bit",
    "bnb-8bit",
    "torchao-float8",
    "torchao-int4",
    "torchao-int8",
    "torchao-int8-dynamic",
)
UNPACKED = "GGUF, dequantised"
"""What ModelInfo.weights says of a GGUF file that is run as a plain model."""
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelArgs:
    """How one model is loaded; None leaves it to the checkpoint and to the flags for both sides.

    `peft` is a folder or a hub id. `dequantize` is about GGUF: False keeps the weights in their
    blocks or fails, True unpacks them, None keeps them where transformers can.
    """

    dtype: str | None = None
    revision: str | None = None
    quantization: str | None = None
    peft: str | None = None
    dequantize: bool | None = None
    device_map: str | None = None
    attn_implementation: str | None = None


def parse_args(text: str) -> ModelArgs:
    """`KEY=VALUE,KEY=VALUE` as ModelArgs. Raises ModelError, in one sentence.

    >>> parse_args("dtype=bfloat16, peft=./adapter").peft
    './adapter'
    >>> parse_args("load_in_8bit=True")
    Traceback (most recent call last):
    tailqa.core.errors.ModelError: 'load_in_8bit' is no argument of a model; there are attn_implem\
entation, dequantize, device_map, dtype, peft, quantization, revision.
    """
    known = sorted(field.name for field in fields(ModelArgs))
    given: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not value:
            raise ModelError(f"{pair!r} is not KEY=VALUE, as in dtype=bfloat16,peft=FOLDER.")
        if key not in known:
            raise ModelError(f"{key!r} is no argument of a model; there are {', '.join(known)}.")
        if key in given:
            raise ModelError(f"{key} is given twice.")
        given[key] = value
    quantization = given.get("quantization")
    if quantization is not None and quantization not in QUANTIZATIONS:
        raise ModelError(
            f"{quantization!r} is no quantization; there are {', '.join(QUANTIZATIONS)}."
        )
    dequantize = given.pop("dequantize", None)
    if dequantize is not None and dequantize.lower() not in _TRUTH:
        raise ModelError(f"dequantize is true or false, not {dequantize!r}.")
    return ModelArgs(**given, dequantize=None if dequantize is None else _TRUTH[dequantize.lower()])

"""The one way to open a model, or its tokenizer alone."""

from collections.abc import Callable

from tailqa.core.ports import Engine
from tailqa.engine.arguments import ModelArgs
from tailqa.engine.spec import locate


def open_engine(
    spec: str,
    *,
    name: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    batch_size: int | None = None,
    args: ModelArgs | None = None,
) -> Engine:
    """The engine of a local model: a hub id, `id@revision`, a folder, or a `.gguf` file.

    `name` is what reports call it (the spec without). `device` auto: CUDA where there is one,
    else the CPU; `dtype` auto: the checkpoint's own; on the CPU float32, unless the checkpoint is
    bfloat16 and the processor measurably faster in it. `batch_size` is how many answers are made at
    a time; None follows the free memory. `args` says more and goes before the rest. Only
    safetensors and GGUF are read and no code of a model's repository is run. Raises ModelError,
    one sentence.

    >>> open_engine("no/such/folder")
    Traceback (most recent call last):
    tailqa.core.errors.ModelError: no/such/folder is neither a folder, a .gguf file nor a hub id.
    """
    args = args or ModelArgs()
    source = locate(spec, revision=args.revision, adapter=args.peft)
    from tailqa.engine.loading import quiet

    with quiet():  # transformers' companions complain when they are first imported
        from tailqa.engine.local import LocalEngine

    return LocalEngine.load(
        source, name=name or spec, device=device, dtype=dtype, batch_size=batch_size, args=args
    )


def open_token_counter(spec: str) -> Callable[[str], int]:
    """A function that counts the tokens of a text, as the model at `spec` counts them.

    The tokens that the tokenizer adds of itself, such as BOS, are counted too. Raises ModelError.
    """
    source = locate(spec)
    from tailqa.engine.loading import load_tokenizer

    tokenizer = load_tokenizer(source)
    return lambda text: len(tokenizer(text, verbose=False)["input_ids"])

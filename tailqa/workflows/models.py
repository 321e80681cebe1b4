"""Model names of the command line → engines."""

from collections.abc import Callable

from tailqa.core.errors import ModelError
from tailqa.core.ports import Engine
from tailqa.demo import model_folder
from tailqa.engine import open_engine, open_token_counter

EMBEDDED = "demo:"


def open_model(name: str, *, device: str, dtype: str, batch_size: int | None) -> Engine:
    """The engine of a hub id, `id@revision`, folder, `.gguf` file, `demo:teacher|student`.

    Raises ModelError, in one sentence, for everything that keeps the model from being run.
    """
    return open_engine(_place(name), name=name, device=device, dtype=dtype, batch_size=batch_size)


def token_counter(name: str) -> Callable[[str], int]:
    """Counts the tokens of a text with the tokenizer of a model. Raises ModelError."""
    return open_token_counter(_place(name))


def _place(name: str) -> str:
    if not name.startswith(EMBEDDED):
        return name
    match name.removeprefix(EMBEDDED):
        case "teacher" | "student" as side:
            return str(model_folder(side))
    raise ModelError(f"{name}: the embedded models are demo:teacher and demo:student")

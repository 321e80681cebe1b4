"""Model names of the command line → engines."""

from collections.abc import Callable
from pathlib import Path

from tailqa.core.errors import ModelError
from tailqa.core.ports import Engine
from tailqa.demo import model_folder
from tailqa.engine import open_engine, open_token_counter

EMBEDDED = "demo:"


def open_model(spec: str, *, name: str, device: str, dtype: str, batch_size: int | None) -> Engine:
    """The engine of a hub id, `id@revision`, folder, `.gguf` file, `demo:teacher|student`.

    `name` is what the report calls it. Raises ModelError, in one sentence, for everything that
    keeps the model from being run.
    """
    return open_engine(_place(spec), name=name, device=device, dtype=dtype, batch_size=batch_size)


def report_names(teacher: str, student: str) -> tuple[str, str]:
    """What reports call the models: a file or folder by its last name, unless two share it.

    Where a model lies on a disk is nobody's business but the disk's; digests identify it.

    >>> report_names("org/teacher@v1", "demo:student")
    ('org/teacher@v1', 'demo:student')
    """
    names = _last_name(teacher), _last_name(student)
    return names if names[0] != names[1] else (teacher, student)


def _last_name(spec: str) -> str:
    return Path(spec).resolve().name if Path(spec).exists() else spec


def token_counter(spec: str) -> Callable[[str], int]:
    """Counts the tokens of a text with the tokenizer of a model. Raises ModelError."""
    return open_token_counter(_place(spec))


def _place(spec: str) -> str:
    if not spec.startswith(EMBEDDED):
        return spec
    match spec.removeprefix(EMBEDDED):
        case "teacher" | "student" as side:
            return str(model_folder(side))
    raise ModelError(f"{spec}: the embedded models are demo:teacher and demo:student")

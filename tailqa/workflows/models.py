"""Model names of the command line → engines."""

from tailqa.core.errors import ModelError
from tailqa.core.ports import Engine
from tailqa.demo import model_folder
from tailqa.engine import open_engine

EMBEDDED = "demo:"


def open_model(name: str, *, device: str, dtype: str, batch_size: int | None) -> Engine:
    """The engine of a hub id, `id@revision`, folder, `.gguf` file, `demo:teacher|student`.

    Raises ModelError, in one sentence, for everything that keeps the model from being run.
    """
    spec = name
    if name.startswith(EMBEDDED):
        side = name.removeprefix(EMBEDDED)
        if side not in ("teacher", "student"):
            raise ModelError(f"{name}: the embedded models are demo:teacher and demo:student")
        spec = str(model_folder(side))
    return open_engine(spec, name=name, device=device, dtype=dtype, batch_size=batch_size)

"""Files of a run folder: written whole or not at all, and errors as one sentence."""

import os
from contextlib import suppress
from pathlib import Path

from tailqa.core.errors import ResultError


def write_atomic(path: Path, data: bytes) -> None:
    """Writes `data` to `path`, making its folder; a reader never sees half a file.

    Raises ResultError where the folder is not writable or the disk is full.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_atomic(folder / "a.txt", b"whole")
    >>> [path.name for path in folder.iterdir()]
    ['a.txt']
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise ResultError(f"cannot write {path}: {_why(error)}") from error


def read_bytes(path: Path) -> bytes:
    """The content of `path`; raises ResultError where it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ResultError(f"{path} does not exist; name the folder of a finished run") from error
    except OSError as error:
        raise ResultError(f"cannot read {path}: {_why(error)}") from error


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()

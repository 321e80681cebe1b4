"""replay.json, written and read back, and the files of a replay in a run folder."""

from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from tailqa.core.errors import ResultError
from tailqa.core.replay import REPLAY_FORMAT_VERSION, Replayed
from tailqa.report.files import read_bytes, write_atomic
from tailqa.report.json_text import first_fault, json_text, parsed

if TYPE_CHECKING:
    from pydantic import TypeAdapter

REPLAY = "replay.json"


def replay_paths(folder: Path) -> tuple[Path, Path]:
    """Where the next replay of a run goes: its result, and its requests (JSON lines).

    What is there stays: the next ones are replay_2.json and replay_2.jsonl, then 3, …

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "replay.jsonl").write_text("")
    0
    >>> [path.name for path in replay_paths(folder)]
    ['replay_2.json', 'replay_2.jsonl']
    """
    stems = ("replay" if n == 1 else f"replay_{n}" for n in count(1))
    for stem in stems:
        paths = (folder / f"{stem}.json", folder / f"{stem}.jsonl")
        if not any(path.exists() for path in paths):
            return paths
    raise AssertionError  # the numbers do not end


def render_replay_json(replayed: Replayed) -> str:
    """`replayed` as JSON, the same text for the same replay. Raises ResultError."""
    values = _adapter().dump_python(replayed)
    return json_text({"format_version": values.pop("format_version"), **values})


def write_replay(replayed: Replayed, path: Path) -> Path:
    """Writes a replay.json; raises ResultError."""
    write_atomic(path, f"{render_replay_json(replayed)}\n".encode())
    return path


def load_replay(path: Path) -> Replayed:
    """The replay in a replay.json, or in a folder that holds one.

    Raises ResultError in one sentence where the file is missing, cut off, of another format
    version, or not a replay, and says at which key.
    """
    path = path / REPLAY if path.is_dir() else path
    content = read_bytes(path)
    parsed(content, path, version=REPLAY_FORMAT_VERSION)
    from pydantic import ValidationError

    try:
        return _adapter().validate_json(content, strict=True)
    except ValidationError as error:
        raise ResultError(f"{path} is not a replay: {first_fault(error)}") from error


@cache
def _adapter() -> "TypeAdapter[Replayed]":
    from pydantic import TypeAdapter

    return TypeAdapter(Replayed)

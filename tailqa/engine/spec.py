"""What a person wrote to name a model → a folder or a file on this machine."""

from dataclasses import dataclass
from pathlib import Path

from tailqa.core.errors import ModelError

_PATTERNS = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
_IGNORED = ["*/*", "consolidated*"]
_TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a model lies. `gguf` is the name of the file in `folder`; `commit` that of the hub."""

    spec: str
    folder: Path
    gguf: str | None = None
    commit: str | None = None


def locate(spec: str) -> Source:
    """The model that `spec` names: a folder, a `.gguf` file, a hub id or `id@revision`.

    A hub id is downloaded (safetensors only) unless the hub's cache holds it. Raises ModelError
    when there is no such model, or nothing in it that could be loaded safely.

    >>> locate("no/such/folder")
    Traceback (most recent call last):
    tailqa.core.errors.ModelError: no/such/folder is neither a folder, a .gguf file nor a hub id.
    """
    path = Path(spec).expanduser()
    if path.is_file():
        return Source(spec=spec, folder=path.parent, gguf=_checked_gguf(path).name)
    if path.is_dir():
        return Source(spec=spec, folder=_checked_folder(spec, path))
    if spec.endswith(".gguf"):
        raise ModelError(f"There is no file {spec}.")
    return _from_hub(spec)


def _checked_gguf(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    if magic != b"GGUF":
        raise ModelError(f"{path} is not a GGUF file; name a .gguf file or a model's folder.")
    return path


def _checked_folder(spec: str, folder: Path) -> Path:
    names = {path.name for path in folder.iterdir()}
    if "config.json" not in names:
        raise ModelError(f"{spec} is not a model's folder: it has no config.json.")
    if not any(name.endswith(".safetensors") for name in names):
        if any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in names):
            raise ModelError(
                f"{spec} has only pickled weights, which can run code when opened; "
                "save the model again as safetensors."
            )
        raise ModelError(f"{spec} has no weights: there is no .safetensors file in it.")
    return folder


def _from_hub(spec: str) -> Source:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository, _, revision = spec.partition("@")
    try:
        commit = HfApi().model_info(repository, revision=revision or None, timeout=_TIMEOUT_S).sha
        folder = snapshot_download(
            repository, revision=commit, allow_patterns=_PATTERNS, ignore_patterns=_IGNORED
        )
    except HFValidationError as error:
        raise ModelError(f"{spec} is neither a folder, a .gguf file nor a hub id.") from error
    except GatedRepoError as error:
        raise ModelError(
            f"{repository} is gated: accept its licence on the hub and log in (hf auth login)."
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(f"{repository} has no revision {revision!r} on the hub.") from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"There is no folder and no hub model {repository!r} (a private one needs a login)."
        ) from error
    except Exception as error:
        # The hub's client has changed its transport more than once; its errors share no base.
        folder = _cached(repository, revision or None, error)
    return Source(spec=spec, folder=_checked_folder(spec, Path(folder)), commit=Path(folder).name)


def _cached(repository: str, revision: str | None, failure: Exception) -> str:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return snapshot_download(repository, revision=revision, local_files_only=True)
    except LocalEntryNotFoundError:
        raise ModelError(
            f"{repository} is not on this machine and the hub cannot be reached "
            f"({type(failure).__name__}); check the connection, or name a folder."
        ) from failure

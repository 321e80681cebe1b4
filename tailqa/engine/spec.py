"""What a person wrote to name a model → a folder or a file on this machine."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from tailqa.core.errors import ModelError

_PATTERNS = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
_IGNORED = ["*/*", "consolidated*"]
_TIMEOUT_S = 10.0
_ADAPTER = "adapter_config.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a model lies. `gguf` is the name of the file in `folder`; `commit` that of the hub.

    `adapter` is where the PEFT adapter lies that is put on the model.
    """

    spec: str
    folder: Path
    gguf: str | None = None
    commit: str | None = None
    adapter: "Source | None" = None


def locate(spec: str, *, revision: str | None = None, adapter: str | None = None) -> Source:
    """The model that `spec` names: a folder, a `.gguf` file, a hub id or `id@revision`.

    A hub id is downloaded (safetensors only) unless the hub's cache holds it; `revision` is
    another way to write `id@revision`. `adapter` names a PEFT adapter in the same ways. A `spec`
    that is an adapter itself brings the base model that its config names. Raises ModelError when
    there is no such model, or nothing in it that could be loaded safely.

    >>> locate("no/such/folder")
    Traceback (most recent call last):
    tailqa.core.errors.ModelError: no/such/folder is neither a folder, a .gguf file nor a hub id.
    """
    found = _locate(spec, revision)
    if _is_adapter(found):
        if adapter is not None:
            raise ModelError(f"{spec} is an adapter; name its base model to put {adapter} on.")
        return replace(_base_of(found), spec=spec, adapter=found)
    if adapter is None:
        return found
    theirs = _locate(adapter, None)
    if not _is_adapter(theirs):
        raise ModelError(f"{adapter} is not an adapter: it has no {_ADAPTER}.")
    return replace(found, adapter=theirs)


def _locate(spec: str, revision: str | None) -> Source:
    path = Path(spec).expanduser()
    if path.exists() and revision is not None:
        raise ModelError(f"revision is for a model of the hub; {spec} is on this machine.")
    if path.is_file():
        return Source(spec=spec, folder=path.parent, gguf=_checked_gguf(path).name)
    if path.is_dir():
        return Source(spec=spec, folder=_checked_folder(spec, path))
    if spec.endswith(".gguf"):
        raise ModelError(f"There is no file {spec}.")
    return _from_hub(spec, revision)


def _is_adapter(source: Source) -> bool:
    return source.gguf is None and (source.folder / _ADAPTER).is_file()


def _base_of(adapter: Source) -> Source:
    try:
        config = json.loads((adapter.folder / _ADAPTER).read_text("utf-8"))
        base, revision = config["base_model_name_or_path"], config.get("revision")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{adapter.spec} has a broken {_ADAPTER}.") from error
    if not isinstance(base, str) or not base:
        raise ModelError(
            f"{adapter.spec} does not say what it is an adapter of; name the base model, and the "
            f"adapter with peft={adapter.spec}."
        )
    try:
        found = _locate(base, revision or None)
    except ModelError as error:
        raise ModelError(f"{adapter.spec} is an adapter of {base}. {error}") from error
    if _is_adapter(found):
        raise ModelError(f"{adapter.spec} is an adapter of {base}, which is an adapter as well.")
    return found


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
    if {"config.json", _ADAPTER} <= names:
        raise ModelError(f"{spec} holds a model and an adapter; give each a folder of its own.")
    if not names & {"config.json", _ADAPTER}:
        raise ModelError(f"{spec} is not a model's folder: it has no config.json.")
    if not any(name.endswith(".safetensors") for name in names):
        if any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in names):
            raise ModelError(
                f"{spec} has only pickled weights, which can run code when opened; "
                "save the model again as safetensors."
            )
        raise ModelError(f"{spec} has no weights: there is no .safetensors file in it.")
    return folder


def _from_hub(spec: str, also: str | None) -> Source:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository, _, revision = spec.partition("@")
    if also is not None and revision not in ("", also):
        raise ModelError(f"{spec} and revision={also} name two revisions; give one.")
    revision = revision or also or ""
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

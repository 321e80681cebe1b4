"""The verdict on a registered model version: tags, and an alias that only a passed gate gives."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailqa.core.errors import TrackingError
from tailqa.core.report import Outcome
from tailqa.tracking.connection import address, connected
from tailqa.tracking.refusals import code

if TYPE_CHECKING:
    from mlflow import MlflowClient

PASSED_ALIAS = "tailqa-passed"
_ALIAS = re.compile(r"[\w-]{1,255}")
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)
_UNKNOWN = {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelVersion:
    """A version of a model in the registry."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """What a verdict did to a model version.

    `alias` says whether it now has the alias; `moved_from` is the version that had it before,
    `removed` whether it was this one, which lost it.
    """

    model: ModelVersion
    outcome: Outcome
    alias: bool
    moved_from: str | None = None
    removed: bool = False


def model_version(text: str) -> ModelVersion:
    """`NAME/VERSION`, or as MLflow writes it, `models:/NAME/VERSION`; raises TrackingError.

    >>> model_version("qa-student/7")
    ModelVersion(name='qa-student', version='7')
    """
    name, _, version = text.removeprefix("models:/").rpartition("/")
    if not name or "/" in name or not version.isdecimal():
        raise TrackingError(f"{text!r} is no model version, as in qa-student/7")
    return ModelVersion(name=name, version=version)


def alias_name(text: str) -> str:
    """The alias, where MLflow takes it; raises TrackingError.

    >>> alias_name("tailqa-passed")
    'tailqa-passed'
    """
    if not _ALIAS.fullmatch(text) or _RESERVED.fullmatch(text):
        raise TrackingError(
            f"{text!r} is no alias that MLflow takes: letters, digits, - and _, neither latest "
            "nor a version, as v7"
        )
    return text


def check(uri: str, model: ModelVersion | None = None) -> None:
    """Whether the server answers and has the model version; raises TrackingError if not."""
    with connected(uri) as client:
        client.search_experiments(max_results=1)
        if model is not None:
            _holder(client, uri, model, PASSED_ALIAS)


def mark(
    uri: str, model: ModelVersion, alias: str, outcome: Outcome, tags: Mapping[str, str]
) -> Marked:
    """Tags a model version with the verdict; gives it `alias` for a pass, else takes it away.

    An alias stands on one version of a model, so another one loses it. Nothing is changed on a
    version that is unknown. Raises TrackingError.
    """
    with connected(uri) as client:
        holder = _holder(client, uri, model, alias)
        has_it = holder == model.version
        if outcome != "pass" and has_it:
            client.delete_registered_model_alias(model.name, alias)
        for name, value in {**tags, "tailqa.verdict": outcome}.items():
            client.set_model_version_tag(model.name, model.version, name, value)
        if outcome != "pass":
            return Marked(model=model, outcome=outcome, alias=False, removed=has_it)
        client.set_registered_model_alias(model.name, alias, model.version)
        moved_from = None if has_it else holder
        return Marked(model=model, outcome=outcome, alias=True, moved_from=moved_from)


def _holder(client: "MlflowClient", uri: str, model: ModelVersion, alias: str) -> str | None:
    """The version that has the alias; raises TrackingError where `model` is unknown."""
    try:
        aliases = client.get_registered_model(model.name).aliases
        client.get_model_version(model.name, model.version)
    except Exception as error:
        if code(error) not in _UNKNOWN:
            raise
        raise TrackingError(
            f"MLflow at {address(uri).shown} has no version {model.version} of a registered model "
            f"{model.name}"
        ) from error
    held = aliases.get(alias)
    return None if held is None else str(held)

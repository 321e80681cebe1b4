"""What a run was made with, in short texts that are equal where nothing changed."""

import json
import re
from collections.abc import Mapping

from tailqa.core.history import Facet
from tailqa.core.report import ModelInfo, Report

_SHORT = 12
_AT_REVISION = re.compile(r"(\w[\w.:-]*(?:/\w[\w.-]*)?)@[^@/]+")
"""A name as on a hub, with a revision; a path holds an @ of its own."""

_NO_SETTINGS = frozenset({"batch_size", "speed"})
"""Options that change how long a run takes and none of its answers."""


def facets(report: Report) -> Mapping[Facet, str]:
    """Everything that may differ from week to week, each as one line.

    Digests are cut to 12 characters. What differs between the two models is said of each. Names
    and paths of models are left out where their weights are known: the same weights in another
    folder are no change.
    """
    teacher, student, suite = report.teacher, report.student, report.suite
    versions, hardware = report.fingerprint.versions, report.fingerprint.hardware
    return {
        "student": _weights(student),
        "teacher": _weights(teacher),
        "data": f"version {suite.version}, digest {suite.digest[:_SHORT]}",
        "template": _both(_digest(teacher.template_digest), _digest(student.template_digest)),
        "tokenizer": _both(_digest(teacher.tokenizer_digest), _digest(student.tokenizer_digest)),
        "dtype": _both(teacher.dtype, student.dtype),
        "engine": _both(teacher.engine, student.engine),
        "settings": _settings(report),
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
        "hardware": f"{hardware}, on {_both(_device(teacher), _device(student))}",
        "pipeline": _pipeline(report),
    }


def base_name(model: ModelInfo) -> str:
    """The name under which the builds of a model are one: without the revision.

    >>> from tailqa.core.report import ModelInfo
    >>> info = ModelInfo(name="org/m@v2", revision="9a1b", weights_digest=None,
    ...     tokenizer_digest=None, template_digest=None, architecture=None, n_parameters=None,
    ...     dtype="float32", device="cpu", engine="e")
    >>> base_name(info), build_name(info)
    ('org/m', 'org/m@v2')
    """
    if model.revision is not None:
        return model.name.partition("@")[0]
    hub = _AT_REVISION.fullmatch(model.name)  # imported: nothing but the name is known
    return hub[1] if hub else model.name


def build_name(model: ModelInfo) -> str:
    """Which build it is: the name with its revision, or with the digest of its weights."""
    if model.revision is not None:
        named = model.name.partition("@")[2]
        return model.name if named else f"{model.name}@{model.revision[:_SHORT]}"
    weights = model.weights_digest
    return model.name if weights is None else f"{model.name} ({weights[:8]})"


def _weights(model: ModelInfo) -> str:
    known = model.weights_digest or model.revision
    found = model.name if known is None else known[:_SHORT]
    return found if model.weights is None else f"{found}, {model.weights}"


def _settings(report: Report) -> str:
    chosen = {"seed": report.seed, **report.fingerprint.options}
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in chosen.items()
        if value is not None and value is not False and name not in _NO_SETTINGS
    )


def _pipeline(report: Report) -> str:
    found = report.operations
    return "none" if found is None else f"name {found.name}, digest {_digest(found.digest)}"


def _digest(digest: str | None) -> str:
    return "none" if digest is None else digest[:_SHORT]


def _device(model: ModelInfo) -> str:
    return model.device.partition(":")[0]


def _both(teacher: str, student: str) -> str:
    return teacher if teacher == student else f"teacher {teacher}, student {student}"

"""Policies by name or path, read so that every fault names its place."""

from collections.abc import Mapping
from pathlib import Path

from tailqa.files import (
    Document,
    Faults,
    find_shipped,
    read_document,
    shipped_folder,
    shipped_names,
    validate,
)
from tailqa.gate.schema import Policy

SHIPPED = shipped_folder("policies")
"""The policies that come with tailqa."""

BUILT_IN = "default"
_STAND_INS: Mapping[str, object] = {
    "version": 1,
    "name": "unnamed",
    "description": "",
    "level": 0.95,
    "defaults": {"gap": {"margin": 0.5}},
    "strata": {},
    "overall": None,
    "interaction": None,
    "fidelity": None,
    "prompts": None,
    "cost": None,
}
"""Values that take the place of faulty ones, so that the rest of the file is checked as well."""


def shipped_policies() -> tuple[str, ...]:
    """The names of the policies that come with tailqa.

    >>> shipped_policies()
    ('default', 'retention', 'strict')
    """
    return shipped_names(SHIPPED)


def load_policy(name_or_path: str | Path = BUILT_IN) -> Policy:
    """The policy in the file at a path, or the shipped one of that name.

    Raises InputError with every fault of the file, or with the names there are.

    >>> load_policy().defaults.gap.margin
    0.05
    """
    path = find_shipped(name_or_path, SHIPPED, what="policy")
    faults = Faults()
    document = read_document(path, faults)
    policy = None if document is None else _read(document, faults)
    faults.check()
    assert policy is not None  # noqa: S101 - without faults there is one
    return policy


def _read(document: Document, faults: Faults) -> Policy | None:
    if isinstance(document.data, dict) and "version" not in document.data:
        faults.add(document.file, "is required", line=1, key="version")
    policy = validate(document, Policy, faults, stand_ins=_STAND_INS)
    if policy is None:
        return None
    lines = {f"strata.{name}": document.line(("strata", name)) for name in policy.strata}
    lines |= {key: document.line((key,)) for key in ("defaults", "strata")}
    policy.remember(document.file, lines)
    for fault in policy.faults():
        faults.add(fault.file, fault.rule, line=fault.line, key=fault.key)
    return policy

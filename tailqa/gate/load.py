"""Policies by name or path, read so that every fault names its place."""

from collections.abc import Mapping
from pathlib import Path

from tailqa.core.errors import Fault, InputError
from tailqa.files import Document, Faults, read_document, validate
from tailqa.gate.schema import Policy

_HERE = Path(__file__).resolve().parent
SHIPPED = next(
    (
        folder
        for folder in (_HERE / "shipped" / "policies", _HERE.parents[1] / "configs" / "policies")
        if folder.is_dir()
    ),
    _HERE / "shipped" / "policies",
)
"""The policies that come with tailqa: package data of a wheel, `configs/` of a checkout."""

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
}
"""Values that take the place of faulty ones, so that the rest of the file is checked as well."""


def shipped_policies() -> tuple[str, ...]:
    """The names of the policies that come with tailqa.

    >>> shipped_policies()
    ('default', 'retention', 'strict')
    """
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml")))


def load_policy(name_or_path: str | Path = BUILT_IN) -> Policy:
    """The policy in the file at a path, or the shipped one of that name.

    Raises InputError with every fault of the file, or with the names there are.

    >>> load_policy().defaults.gap.margin
    0.05
    """
    path = _find(name_or_path)
    faults = Faults()
    document = read_document(path, faults)
    policy = None if document is None else _read(document, faults)
    faults.check()
    assert policy is not None  # noqa: S101 - without faults there is one
    return policy


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    try:
        if path.is_file():
            return path
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        pass
    if str(name_or_path) in shipped_policies():
        return SHIPPED / f"{name_or_path}.yaml"
    rule = f"is neither a file nor a shipped policy ({', '.join(shipped_policies())})"
    raise InputError([Fault(file=str(name_or_path), rule=rule)])


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

"""A policy as YAML with comments, as it is or as it applies to the strata of a run."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tailqa.core.query import Tier
from tailqa.gate.cost import Cost
from tailqa.gate.schema import Fidelity, Policy, Pooled, Prompts, StratumPolicy

if TYPE_CHECKING:
    from pydantic import BaseModel

_PLAIN = re.compile(r"(?!(?:true|false|null)$)[a-z][a-z0-9_/-]*", re.IGNORECASE)
_SECTIONS: Mapping[str, "type[BaseModel]"] = {
    "defaults": StratumPolicy,
    "overall": Pooled,
    "interaction": Pooled,
    "fidelity": Fidelity,
    "prompts": Prompts,
    "cost": Cost,
}
_APPLIED = "what holds for each stratum of this run"


def applied(policy: Policy, tiers: Mapping[str, Tier]) -> dict[str, Any]:
    """`policy` as it applies to strata with these `tiers`: every default written out.

    >>> policy = Policy(name="p", defaults={"gap": {"margin": 0.05}})
    >>> applied(policy, {"tail/x": "critical"})["strata"]["tail/x"]["tier"]
    'critical'
    """
    strata = {}
    for name, tier in tiers.items():
        held = policy.of(name).model_dump(exclude_none=True)
        strata[name] = held | ({"tier": tier} if held["tier"] == "suite" else {})
    return policy.model_dump(exclude_none=True) | {"strata": strata}


def show_policy(policy: Policy, tiers: Mapping[str, Tier] | None = None) -> str:
    """`policy` as a file that says the same, each key with its comment.

    With `tiers`, those of a run's strata, it shows what holds for each of them.

    >>> print(show_policy(Policy(name="p", defaults={"gap": {"margin": 0.05}})).splitlines()[1])
    name: p
    """
    if tiers is None:
        strata = {name: said.model_dump(exclude_unset=True) for name, said in policy.strata.items()}
        content = policy.model_dump(exclude_none=True) | {"strata": strata}
    else:
        content = applied(policy, tiers)
    return "".join(f"{line}\n" for line in _lines(content, resolved=tiers is not None))


def _lines(content: Mapping[str, Any], *, resolved: bool) -> Iterator[str]:
    for key, field in Policy.model_fields.items():
        value = content.get(key)
        if value is None or value in ("", {}):
            continue
        if not isinstance(value, dict):
            yield _line(key, _yaml(value), field.description)
            continue
        comment = _APPLIED if resolved and key == "strata" else field.description
        yield _line(key, "", comment)
        fields = _SECTIONS[key].model_fields if key in _SECTIONS else {}
        for name, item in value.items():
            known = fields.get(name)
            yield f"  {_line(_yaml(name), _yaml(item), known.description if known else None)}"


def _line(key: str, value: str, comment: str | None) -> str:
    said = f"{key}: {value}".rstrip()
    return f"{said}  # {comment}" if comment else said


def _yaml(value: object) -> str:
    """One line of YAML.

    >>> _yaml({"tier": "suite", "a: b": None, "c": True})
    '{tier: suite, "a: b": null, c: true}'
    """
    import yaml

    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(item)}" for key, item in value.items()) + "}"
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        # PyYAML's own choice of plain words follows YAML 1.1, so everything else is quoted.
        return yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10**9).rstrip()
    return str(value)

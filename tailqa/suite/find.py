"""Suites by name."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tailqa.core.errors import Fault, InputError

_HERE = Path(__file__).resolve().parent
SHIPPED = next(
    (folder for folder in (_HERE / "shipped", _HERE.parents[1] / "suites") if folder.is_dir()),
    _HERE / "shipped",
)
"""The suites that come with tailqa: package data of a wheel, `suites/` of a checkout."""
_NONE: Mapping[str, Path] = MappingProxyType({})


def shipped_suites() -> tuple[str, ...]:
    """The names of the suites that come with tailqa.

    >>> "reasoning-steps" in shipped_suites()
    True
    """
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml")))


def find_suite(name_or_path: str | Path, *, embedded: Mapping[str, Path] = _NONE) -> Path:
    """The suite file at a path, or the shipped one of that name; a file comes first.

    `embedded` are further shipped ones, by name, that lie elsewhere. Raises InputError, with the
    names there are, if there is neither.

    >>> find_suite("popqa").name
    'popqa.yaml'
    """
    path = Path(name_or_path)
    if _is_file(path):
        return path
    shipped = {**embedded} | {name: SHIPPED / f"{name}.yaml" for name in shipped_suites()}
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    rule = f"is neither a file nor a shipped suite ({', '.join(sorted(shipped))})"
    raise InputError([Fault(file=str(name_or_path), rule=rule)])


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # for one, a name that is too long
        return False

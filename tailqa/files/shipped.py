"""Files that come with tailqa, by name, or anybody's by path."""

from pathlib import Path

from tailqa.core.errors import Fault, InputError

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped_folder(kind: str) -> Path:
    """Where the shipped files of a kind lie: inside a wheel, or in `configs/` of a checkout.

    >>> shipped_folder("policies").name
    'policies'
    """
    homes = (_PACKAGE / "configs", _PACKAGE.parent / "configs")
    return next((home / kind for home in homes if home.is_dir()), homes[0] / kind)


def shipped_names(folder: Path) -> tuple[str, ...]:
    """The names of the YAML files in `folder`, in order.

    >>> "strict" in shipped_names(shipped_folder("policies"))
    True
    """
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def find_shipped(name_or_path: str | Path, folder: Path, *, what: str) -> Path:
    """The file at a path, or the one of that name in `folder`; a file comes first.

    Raises InputError, with the names there are, if there is neither.

    >>> find_shipped("strict", shipped_folder("policies"), what="policy").name
    'strict.yaml'
    """
    path = Path(name_or_path)
    try:
        if path.is_file():
            return path
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        pass
    names = shipped_names(folder)
    if str(name_or_path) in names:
        return folder / f"{name_or_path}.yaml"
    rule = f"is neither a file nor a shipped {what} ({', '.join(names)})"
    raise InputError([Fault(file=str(name_or_path), rule=rule)])

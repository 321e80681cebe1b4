"""Comparison modules for the `evaluate` library, loaded by their local path."""

from pathlib import Path


def path(name: str = "paired_gap") -> str:
    """The folder of a comparison, for `evaluate.load(path(), module_type="comparison")`.

    Raises ValueError, naming those there are, for a name that is none.

    >>> Path(path()).name
    'paired_gap'
    """
    folder = Path(__file__).parent
    known = sorted(script.stem for script in folder.glob("*/*.py") if script.stem != "__init__")
    if name not in known:
        raise ValueError(f"{name!r} is no comparison; there are {', '.join(known)}")
    return str(folder / name)

"""Can this student model replace this teacher in production?

The public names load on first use, so that importing tailqa imports neither torch nor transformers.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailqa.workflows.compare import compare
    from tailqa.workflows.gate import gate
    from tailqa.workflows.runs import load_report
    from tailqa.workflows.suites import load_suite

__version__ = "0.1.0"
__all__ = ["__version__", "compare", "gate", "load_report", "load_suite"]

_HOMES = {
    "compare": "tailqa.workflows.compare",
    "gate": "tailqa.workflows.gate",
    "load_report": "tailqa.workflows.runs",
    "load_suite": "tailqa.workflows.suites",
}


class _Package(ModuleType):
    """Keeps `tailqa.gate` the public function: importing the room of that name would hide it."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tailqa' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

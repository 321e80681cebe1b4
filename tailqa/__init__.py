"""Can this student model replace this teacher in production?

The public names load on first use, so that importing tailqa imports neither torch nor transformers.
"""

from importlib import import_module
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


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tailqa' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

"""The embedded pair: a teacher, a student distilled from it, and the suite that compares them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_HERE = Path(__file__).parent


def model_folder(role: Literal["teacher", "student"]) -> Path:
    """The folder of an embedded checkpoint.

    >>> model_folder("student").name
    'student'
    """
    return _HERE / "pair" / role


def suite_file() -> Path:
    """The embedded suite of arithmetic in words.

    >>> suite_file().name
    'arithmetic.yaml'
    """
    return _HERE / "suite" / "arithmetic.yaml"

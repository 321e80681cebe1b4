"""Rules that hold for the whole tree."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tailqa

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "tailqa").rglob("*.py"))
PUBLIC = ["__version__", "compare", "gate", "load_report", "load_suite"]

# Put together from parts, so that this file does not break its own rule.
PRIVATE_PATH = re.compile(rf"(?<![\w.]){'/'}(?:{'|'.join(['root', 'work', 'home', 'Users'])})/\w")


def python(code: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ran.stdout


def test_the_public_names_are_these_in_order():
    assert tailqa.__all__ == sorted(tailqa.__all__) == PUBLIC
    assert dir(tailqa) == PUBLIC
    # Every room is imported once before: none may hide a public name.
    for room in pkgutil.iter_modules(tailqa.__path__):
        if room.name != "__main__":
            importlib.import_module(f"tailqa.{room.name}")
    assert all(callable(getattr(tailqa, name)) for name in PUBLIC[1:])


def test_importing_the_package_imports_nothing_heavy():
    loaded = python("import sys, tailqa; print(*(name.split('.')[0] for name in sys.modules))")
    assert not {"torch", "transformers", "numpy", "pydantic", "click"} & set(loaded.split())


def test_help_comes_without_heavy_imports():
    code = """
import sys
from tailqa.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert not end.code
print("LOADED", *(name.split(".")[0] for name in sys.modules))
"""
    shown, _, loaded = python(code).partition("LOADED")
    assert "compare" in shown
    heavy = {"torch", "transformers", "datasets", "evaluate", "scipy", "pydantic", "pyarrow"}
    assert not heavy & set(loaded.split())


def tree() -> list[Path]:
    """The files that a clone would have, or what stands in for them outside of git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        files = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        files = [
            f for part in ("tailqa", "tests", "suites", "docs") for f in (ROOT / part).rglob("*")
        ]
    return [file for file in files if file.is_file() and "__pycache__" not in file.parts]


def test_no_file_names_a_path_of_one_machine():
    found = []
    for file in tree():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{file.relative_to(ROOT)}: {hit.group()}" for hit in PRIVATE_PATH.finditer(text)]
    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

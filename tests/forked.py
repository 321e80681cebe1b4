"""Processes that need not import PyTorch and the rest again: forked from one that has.

Importing takes most of the time of a short run. What a process prints, its variables, its folder
and its end are its own.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

PRELOADED = (
    "torch",
    "transformers.models.llama.modeling_llama",
    "tailqa.workflows.compare",
    "tailqa.workflows.cost",
    "tailqa.engine.local",
    "tailqa.cost.kernel.events",
    "tailqa.cli.compare",
    "tailqa.report.page",
)
FREE = ("TAILQA_", "NO_COLOR", "COLUMNS", "PYTEST_")
"""Variables that nothing reads while it is imported."""

_MAIN = Path(__file__).parents[1] / "tailqa" / "__main__.py"


@cache
def forking() -> tuple[ForkServerContext, dict[str, str]]:
    """The context whose processes are forked, and the variables of the process that is."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context, dict(os.environ)


def run_tailqa(
    arguments: Sequence[str], folder: Path, variables: dict[str, str], timeout_s: float
) -> "subprocess.CompletedProcess[str]":
    """`python -m tailqa` in a folder; with variables that imports could read, truly so."""
    command = [sys.executable, "-m", "tailqa", *arguments]
    context, known = forking()
    if _bound(variables) != _bound(known):
        return subprocess.run(
            command, cwd=folder, env=variables, capture_output=True, text=True, check=False,
            timeout=timeout_s,
        )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        out, err = Path(name) / "out", Path(name) / "err"
        settings = (list(arguments), folder, variables, out, err)
        process = context.Process(target=_child, args=settings)
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(command, timeout_s)
        said = [path.read_text("utf-8") for path in (out, err)]
    return subprocess.CompletedProcess(command, process.exitcode, *said)


def _bound(variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if not name.startswith(FREE)}


def _child(
    arguments: list[str], folder: Path, variables: dict[str, str], out: Path, err: Path
) -> None:
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = [str(_MAIN), *arguments]

    from tailqa.cli import main

    main()

"""Processes that need not import PyTorch and the rest again: forked from one that has.

Importing takes most of the time of a short run. What a process prints, its variables, its folder
and its end are its own.
"""

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from multiprocessing.connection import Listener
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
BINDING = (
    "HF_",
    "HOME",
    "KMP_",
    "LC_",
    "MKL_",
    "NUMBA_",
    "OMP_",
    "PYTHON",
    "TMP",
    "TORCH",
    "TRANS",
)
"""Beginnings of variables that are read while something is imported."""

SHIM = """\
#!{python}
import os, sys
from multiprocessing.connection import Client
with Client({address!r}) as server:
    server.send((sys.argv[1:], os.getcwd(), dict(os.environ)))
    said, complained, code = server.recv()
sys.stdout.write(said)
sys.stderr.write(complained)
sys.exit(code)
"""

_MAIN = Path(__file__).parents[1] / "tailqa" / "__main__.py"


@cache
def forking() -> tuple[ForkServerContext, dict[str, str]]:
    """The context whose processes are forked, and the variables of the process that is."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context, dict(os.environ)


class Started:
    """`python -m tailqa` in a folder, running; truly so with variables that imports could read."""

    def __init__(self, arguments: Sequence[str], folder: Path, variables: dict[str, str]) -> None:
        context, known = forking()
        self.command = [sys.executable, "-m", "tailqa", *arguments]
        self._files = Path(tempfile.mkdtemp())
        self._said = [self._files / name for name in ("out", "err")]
        settings = (list(arguments), folder, variables, *self._said)
        if _bound(variables) == _bound(known):
            self._process = context.Process(target=_child, args=settings)
        else:
            self._process = context.Process(target=_afresh, args=(self.command, *settings[1:]))
        self._process.start()

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """As `kill` does; nothing where it has ended."""
        if self.exit_code is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def finish(self, timeout_s: float) -> "subprocess.CompletedProcess[str]":
        """Waits for its end; what it printed, and its exit code."""
        self._process.join(timeout_s)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
            raise subprocess.TimeoutExpired(self.command, timeout_s)
        said = [path.read_text("utf-8") for path in self._said]
        shutil.rmtree(self._files)
        return subprocess.CompletedProcess(self.command, self._process.exitcode, *said)


@contextmanager
def on_path(folder: Path, timeout_s: float) -> Iterator[None]:
    """A command `tailqa` in `folder`, for scripts: it runs as `Started` does."""
    with tempfile.TemporaryDirectory() as name, Listener(f"{name}/tailqa") as listener:
        shim = folder / "tailqa"
        folder.mkdir(parents=True, exist_ok=True)
        shim.write_text(SHIM.format(python=sys.executable, address=listener.address))
        shim.chmod(0o755)
        threading.Thread(target=_serve, args=(listener, timeout_s), daemon=True).start()
        yield
        shim.unlink()


def _serve(listener: Listener, timeout_s: float) -> None:
    while True:
        try:
            connection = listener.accept()
        except OSError:  # closed
            return
        with connection:
            arguments, folder, variables = connection.recv()
            done = Started(arguments, folder, variables).finish(timeout_s)
            connection.send((done.stdout, done.stderr, done.returncode))


def _bound(variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name.startswith(BINDING)}


def _child(
    arguments: list[str], folder: Path, variables: dict[str, str], out: Path, err: Path
) -> None:
    _become(folder, variables, out, err)
    sys.argv = [str(_MAIN), *arguments]

    from tailqa.cli import main

    main()


def _afresh(
    command: list[str], folder: Path, variables: dict[str, str], out: Path, err: Path
) -> None:
    _become(folder, variables, out, err)
    os.execv(command[0], command)  # noqa: S606


def _become(folder: Path, variables: dict[str, str], out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)

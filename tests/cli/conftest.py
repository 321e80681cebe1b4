"""Runs the command line as a user does: a process of its own, its whole output, its exit code."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.forked import Started, on_path

TIMEOUT_S = 280
Result = subprocess.CompletedProcess[str]
PROGRESS = re.compile(r"[\w -]+: [\d,]+ of [\d,]+ (answers|queries|texts), ")
"""Lines of what runs for longer than 20 s, which depends on the machine."""


@pytest.fixture
def tailqa(tmp_path: Path) -> Callable[..., Result]:
    def run(*arguments: str, cwd: Path = tmp_path, **environment: str) -> Result:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TAILQA_")}
        variables = inherited | {"NO_COLOR": "1", "COLUMNS": "100"} | environment
        return _without_progress(Started(arguments, cwd, variables).finish(TIMEOUT_S))

    return run


@pytest.fixture
def bash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Result]]:
    """As CI systems run a script: it ends with the first command that fails."""

    def run(script: str, folder: Path, **variables: str) -> Result:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TAILQA_")}
        own = [str(folder / "bin"), str(shim), str(Path(sys.executable).parent), kept["PATH"]]
        kept |= {"PATH": os.pathsep.join(own), "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
        return _without_progress(
            subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
                cwd=folder,
                env=kept | variables,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_S,
            )
        )

    shim = tmp_path_factory.mktemp("shim")
    with on_path(shim, TIMEOUT_S):
        yield run


def _without_progress(ran: Result) -> Result:
    ran.stderr = "".join(
        line for line in ran.stderr.splitlines(keepends=True) if not PROGRESS.match(line)
    )
    return ran

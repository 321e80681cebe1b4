"""Runs the command line as a user does: a process of its own, its whole output, its exit code."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Result = subprocess.CompletedProcess[str]


@pytest.fixture
def tailqa(tmp_path: Path) -> Callable[..., Result]:
    def run(*arguments: str, cwd: Path = tmp_path, **environment: str) -> Result:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TAILQA_")}
        return subprocess.run(
            [sys.executable, "-m", "tailqa", *arguments],
            cwd=cwd,
            env=inherited | {"NO_COLOR": "1", "COLUMNS": "100"} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )

    return run

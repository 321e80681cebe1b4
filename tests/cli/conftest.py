"""Runs the command line as a user does: a process of its own, its whole output, its exit code."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Result = subprocess.CompletedProcess[str]
PROGRESS = re.compile(r"[\w -]+: [\d,]+ of [\d,]+ (answers|queries|texts), ")
"""Lines of what runs for longer than 20 s, which depends on the machine."""


@pytest.fixture
def tailqa(tmp_path: Path) -> Callable[..., Result]:
    def run(*arguments: str, cwd: Path = tmp_path, **environment: str) -> Result:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TAILQA_")}
        ran = subprocess.run(
            [sys.executable, "-m", "tailqa", *arguments],
            cwd=cwd,
            env=inherited | {"NO_COLOR": "1", "COLUMNS": "100"} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        ran.stderr = "".join(
            line for line in ran.stderr.splitlines(keepends=True) if not PROGRESS.match(line)
        )
        return ran

    return run

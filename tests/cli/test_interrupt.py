"""Ctrl-C: what is done is kept, exit 3, and the printed command finishes the rest."""

import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest


def stored(database: Path) -> int:
    if not database.exists():
        return 0
    try:
        with closing(sqlite3.connect(database)) as connection:
            return int(connection.execute("SELECT count(*) FROM attempts").fetchone()[0])
    except sqlite3.OperationalError:  # the table is being made
        return 0


@pytest.mark.slow
def test_an_interrupted_run_is_finished_by_the_command_that_it_prints(tmp_path):
    # Passive threads: on a busy machine those that spin take minutes.
    environment = os.environ | {"TAILQA_SPEED": "0", "OMP_WAIT_POLICY": "passive"}
    asked = ["compare", "--limit", "20", "--batch-size", "2", "--out", "my runs", "--quiet"]
    asked += ["--pipeline", "none"]
    running = subprocess.Popen(
        [sys.executable, "-m", "tailqa", *asked],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    database = tmp_path / "my runs" / "responses.db"
    give_up = time.monotonic() + 120
    while stored(database) < 4 and running.poll() is None and time.monotonic() < give_up:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 3
    assert "Traceback" not in said
    kept = stored(database)
    assert 4 <= kept < 160
    first, command = said.strip().splitlines()
    assert first == "Interrupted. What was answered is kept; this finishes the rest:"
    assert command.split("compare")[0].strip() == f"TAILQA_SPEED=0 {sys.executable} -m tailqa"
    assert shlex.split(command)[-len(asked) :] == asked
    again = subprocess.run(command, shell=True, cwd=tmp_path, env=environment, check=False)  # noqa: S602
    assert again.returncode == 0
    assert kept < stored(database) <= 160
    assert list((tmp_path / "my runs").glob("*/result.json"))

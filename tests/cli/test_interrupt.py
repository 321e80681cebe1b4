"""Ctrl-C and SIGTERM: what is done is kept, exit 3, and the printed command finishes the rest."""

import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tailqa.cli import main
from tailqa.demo import model_folder
from tests.forked import Started


def stored(database: Path) -> int:
    if not database.exists():
        return 0
    try:
        with closing(sqlite3.connect(database)) as connection:
            return int(connection.execute("SELECT count(*) FROM attempts").fetchone()[0])
    except sqlite3.OperationalError:  # the table is being made
        return 0


def until(running: Started, condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 120
    while not condition() and running.exit_code is None and time.monotonic() < give_up:
        time.sleep(0.02)


def stopped(running: Started, sign: signal.Signals) -> str:
    """The command that a stopped run prints."""
    running.send_signal(sign)
    done = running.finish(60)
    assert done.returncode == 3
    first, command = done.stderr.strip().splitlines()
    assert first == "Interrupted. What was answered is kept; this finishes the rest:"
    return command.strip()


@pytest.mark.slow
def test_an_interrupted_run_is_finished_by_the_command_that_it_prints(tmp_path):
    environment = os.environ | {"TAILQA_SPEED": "0"}
    asked = ["compare", "--limit", "12", "--batch-size", "2", "--out", "my runs", "--quiet"]
    asked += ["--pipeline", "none"]
    first = shlex.join([sys.executable, "-m", "tailqa", *asked])
    database = tmp_path / "my runs" / "responses.db"
    kept = 0
    for sign in (signal.SIGINT, signal.SIGTERM):
        least = kept + 4
        running = Started(asked, tmp_path, environment)
        until(running, lambda least=least: stored(database) >= least)
        command = stopped(running, sign)
        assert command == f"TAILQA_SPEED=0 {first}"
        kept = stored(database)
        assert least <= kept < 96
    again = subprocess.run(command, shell=True, cwd=tmp_path, env=environment, check=False)  # noqa: S602
    assert again.returncode == 0
    assert kept < stored(database) <= 96
    assert list((tmp_path / "my runs").glob("*/result.json"))


@pytest.mark.slow
def test_a_run_is_stopped_while_a_model_loads(tmp_path):
    # Whoever reads these weights waits for them, as on a slow disk.
    folder = tmp_path / "slow"
    shutil.copytree(model_folder("student"), folder)
    weights = folder / "model.safetensors"
    weights.unlink()
    os.mkfifo(weights)
    asked = ["compare", "demo:teacher", str(folder), "--quiet"]
    running = Started(asked, tmp_path, dict(os.environ))
    opened: list[int] = []

    def reads() -> bool:
        with suppress(OSError):  # nobody reads yet
            opened.append(os.open(weights, os.O_WRONLY | os.O_NONBLOCK))
        return bool(opened)

    until(running, reads)
    # Python looks for signals between its steps: one that comes just before a read waits with it.
    time.sleep(1)
    command = stopped(running, signal.SIGTERM)
    for number in opened:
        os.close(number)
    assert opened
    assert shlex.split(command)[-3:] == ["demo:teacher", str(folder), "--quiet"]


def test_what_the_process_ignores_stays_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit):
            main(["--version"])
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)

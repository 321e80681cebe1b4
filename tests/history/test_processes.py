"""Several processes at one history, and one that is killed in the middle."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from tailqa.history import open_history
from tests.history.made import TODAY, dump, new

ROOT = Path(__file__).parents[2]
WRITER = f"""
import sys
from datetime import date
from tailqa.history import open_history
from tests.history.made import new
with open_history(sys.argv[1]) as history:
    for number in map(int, sys.argv[2:]):
        marks = {{f"q{{n}}": "10" for n in range(number, number + 200)}}
        history.add(new(number, marks=marks), today=date.fromisoformat("{TODAY}"))
"""
STUCK = """
import time
import sqlalchemy as sa
hold = sys.argv.pop(2)
@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def stop(connection, cursor, statement, *_):
    if statement.startswith(hold):
        print("stuck", flush=True)
        time.sleep(60)
"""


def start(code: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_whole(where: str, n_runs: int) -> None:
    found = dump(where)
    assert len(found["runs"]) == n_runs
    assert len(found["outcomes"]) == 200 * n_runs
    assert len(found["strata"]) == len(found["figures"]) == 2 * n_runs
    for name in ("queries", "texts"):
        digests = [row[1] for row in found[name]]
        assert len(set(digests)) == len(digests)
    with open_history(where) as history:
        for run in history.runs():
            ids = [f"q{n}" for n in range(200 + 20)]
            assert len(history.queries(run.run, ids)) == 200
            assert {answer.mark for answer in history.answers(run.run, ids)} == {"1", "0"}


def test_two_processes_add_at_once_from_the_very_start(where):
    # Each number is added by both, and they share most of their queries and texts.
    numbers = [str(number) for number in range(1, 11)]
    writers = [start(WRITER, where, *numbers), start(WRITER, where, *reversed(numbers))]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert (writer.returncode, errors) == (0, "")
    assert_whole(where, 10)


def test_a_process_that_is_killed_in_the_middle_leaves_nothing(where):
    with open_history(where) as history:
        marks = {f"q{n}": "10" for n in range(200)}
        history.add(new(1, marks=marks), today=date.fromisoformat(TODAY))
    before = dump(where)
    code = WRITER.replace("import sys\n", f"import sys\n{STUCK}", 1)
    writer = start(code, where, "INSERT INTO outcomes", "2")
    assert writer.stdout is not None
    assert writer.stdout.readline() == "stuck\n"
    assert dump(where) == before  # readers see nothing of it
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert dump(where) == before
    started = time.monotonic()
    with open_history(where) as history:
        marks = {f"q{n}": "10" for n in range(2, 202)}
        assert history.add(new(2, marks=marks), today=date.fromisoformat(TODAY)).new
    assert time.monotonic() - started < 20, "the dead process still holds a lock"
    assert_whole(where, 2)

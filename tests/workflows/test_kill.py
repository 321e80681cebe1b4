"""Kill −9 at any moment: nothing finished is lost, nothing is counted twice."""

import multiprocessing
import random
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from tailqa.workflows.asking import Options
from tailqa.workflows.compare import run_compare
from tests.forked import forking

KILLS = 20


def compare_into(out: Path) -> None:
    settings = {"batch_size": 4, "pipeline": "none", "created": "2026-01-01"}
    options = Options(limit=4, speed=0, out=out, **settings)
    run_compare("demo:teacher", "demo:student", "demo", options)


def stored(out: Path) -> int:
    with sqlite3.connect(out / "responses.db") as database:
        return int(database.execute("SELECT count(*) FROM attempts").fetchone()[0])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kills_at_random_moments_give_the_result_of_an_undisturbed_run(tmp_path: Path) -> None:
    context, _ = forking()
    rng = random.Random(20260101)

    def started(out: Path) -> multiprocessing.process.BaseProcess:
        process = context.Process(target=compare_into, args=(out,))
        process.start()
        return process

    started(tmp_path / "warm-up").join()
    begin = time.monotonic()
    calm = tmp_path / "calm"
    undisturbed = started(calm)
    undisturbed.join()
    assert undisturbed.exitcode == 0
    duration = time.monotonic() - begin
    (expected,) = calm.glob("*/result.json")

    kills = runs = 0
    while kills < KILLS:
        out = tmp_path / f"killed-{runs}"
        runs += 1
        # result.json is written last: a run killed after it is finished, not resumed.
        while not any(out.glob("*/result.json")):
            process = started(out)
            process.join(rng.uniform(0, duration))
            if process.is_alive():
                process.kill()
                kills += 1
            process.join()
            assert process.exitcode in {0, -signal.SIGKILL}
        (result,) = out.glob("*/result.json")
        assert result.read_bytes() == expected.read_bytes()
        assert (result.parent / "report.html").read_bytes() == (
            expected.parent / "report.html"
        ).read_bytes()
        assert stored(out) == stored(calm)

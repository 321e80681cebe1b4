"""`tailqa replay` as a user runs it, on the embedded pair."""

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

import tailqa as package
from tailqa.core.replay import FIGURES
from tailqa.report.replay_result import load_replay
from tests.forked import Started

TINY = ("--rounds", "2", "--speed", "10", "--set", "stages.guard.time.s=0.001")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    report = package.compare(
        "demo:teacher", "demo:student", "demo", limit=24, samples=2, temperature=0.8, speed=0,
        out=out, pipeline="none",
    )  # fmt: skip
    assert report.seed == 0
    return next(out.glob("*/result.json")).parent


@pytest.mark.slow
def test_the_embedded_pair_is_replayed_and_all_of_it_is_kept(tailqa, run: Path) -> None:
    options = ("--option", "student", "--option", "escalated")
    done = tailqa("replay", str(run), *TINY, *options, "--requests", "24")
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert said[0].startswith("Replay of chat with student demo:student and teacher demo:teacher")
    assert any(line.startswith("student only") for line in said)
    assert any(line.startswith("student, escalated") for line in said)
    assert said[-2:] == [f"Requests: {run / 'replay.jsonl'}", f"Result: {run / 'replay.json'}"]
    lines = [json.loads(line) for line in (run / "replay.jsonl").read_text().splitlines()]
    assert Counter(line["option"] for line in lines) == {"student": 24, "escalated": 24}
    replayed = load_replay(run)
    assert len(replayed.figures) == 2 * len(FIGURES)
    assert [(s.option, s.basis.side, len(s.rounds)) for s in replayed.speeds] == [
        ("student", "student", 2),
        ("escalated", "teacher", 2),
        ("escalated", "student", 2),
    ]
    attempts = next(figure for figure in replayed.figures if figure.figure == "attempts")
    assert attempts.observed.value == sum(  # type: ignore[union-attr]
        line["attempts"] for line in lines if line["option"] == "student"
    ) / 24  # fmt: skip


@pytest.mark.slow
def test_what_was_done_before_ctrl_c_is_kept_and_reported(run: Path) -> None:
    options = ["--option", "student", "--requests", "100000"]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TAILQA_")}
    before = set(run.glob("replay*.jsonl"))
    running = Started(["replay", str(run), *TINY, *options], run, inherited)
    give_up = time.monotonic() + 120
    while running.exit_code is None and time.monotonic() < give_up:
        new = set(run.glob("replay*.jsonl")) - before
        if new and len(next(iter(new)).read_text().splitlines()) >= 20:
            break
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    done = running.finish(100)
    assert done.stderr == ""
    assert done.returncode == 3
    assert "The replay was interrupted" in done.stdout
    [lines] = set(run.glob("replay*.jsonl")) - before
    replayed = load_replay(lines.with_suffix(".json"))
    assert replayed.interrupted
    [option] = replayed.options
    assert option.n_requests == len(lines.read_text().splitlines())


def test_other_models_and_options_that_are_not_there_are_refused(tailqa, run: Path) -> None:
    swapped = tailqa("replay", str(run), "demo:student", "demo:teacher")
    assert swapped.returncode == 3
    assert swapped.stderr.startswith(
        "Error: the teacher demo:student is not the one of the run: its weights is"
    )
    nowhere = tailqa("replay", str(run), "--set", "policy.escalate=null", "--option", "escalated")
    assert nowhere.returncode == 3
    assert nowhere.stderr == (
        "Error: chat: policy.escalate: is null, so there is no option escalated\n"
    )

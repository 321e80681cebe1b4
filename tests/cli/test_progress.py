"""What a log shows of a run that takes minutes."""

import io
import re
import sys

import pytest

from tailqa.cli.progress import Lines, progress
from tailqa.core.ports import Silent


def test_a_slow_task_says_how_far_it_is_once_a_minute():
    now, said = [0.0], list[str]()
    lines = Lines(said.append, clock=lambda: now[0])
    lines.start("teacher", 1000)
    for _ in range(99):
        now[0] += 2
        lines.advance("teacher", 10)
    now[0] += 2
    lines.advance("teacher", 10)
    lines.finish("teacher")
    assert said == [
        "teacher: 100 of 1,000 answers, 20 s",
        "teacher: 400 of 1,000 answers, 80 s",
        "teacher: 700 of 1,000 answers, 2 min",
        "teacher: 1,000 of 1,000 answers, over after 3 min",
    ]


@pytest.mark.parametrize(
    ("task", "counted"),
    [("speed", "queries"), ("given texts", "texts"), ("student", "answers")],
)
def test_a_line_names_what_it_counts(task, counted):
    now, said = [0.0], list[str]()
    lines = Lines(said.append, clock=lambda: now[0])
    lines.start(task, 3)
    now[0] += 20
    lines.advance(task, 3)
    lines.finish(task)
    assert said == [f"{task}: 3 of 3 {counted}, over after 20 s"]


def test_a_replay_counts_queries_whatever_takes_several_answers():
    now, said = [0.0], list[str]()
    lines = Lines(said.append, counted="queries", clock=lambda: now[0])
    lines.start("student", 9)
    now[0] += 20
    lines.advance("student", 2)
    assert said == ["student: 2 of 9 queries, 20 s"]


def test_a_bar_names_what_it_counts(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "100")
    with progress(quiet=False) as told:
        told.start("teacher", 60)
        told.advance("teacher", 60)
        told.finish("teacher")
    said = re.sub(r"\x1b\[[0-9;]*m", "", sys.stderr.getvalue())
    assert re.search(r"60/60 answers [\d,.]+/s ", said)


def test_a_fast_task_says_nothing():
    now, said = [0.0], list[str]()
    lines = Lines(said.append, clock=lambda: now[0])
    for task in ("teacher", "student"):
        lines.start(task, 2)
        now[0] += 9
        lines.advance(task, 2, reused=True)
        lines.finish(task)
    assert said == []


def test_lines_only_where_no_terminal_is_and_they_are_wanted(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress(quiet=True) as told:
        assert isinstance(told, Silent)
    with progress(quiet=False) as told:
        assert isinstance(told, Lines)

"""What a log shows of a run that takes minutes."""

import io
import sys

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
        "teacher: 100 of 1,000 queries, 20 s",
        "teacher: 400 of 1,000 queries, 80 s",
        "teacher: 700 of 1,000 queries, 2 min",
        "teacher: 1,000 of 1,000 queries, over after 3 min",
    ]


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

"""The order of measuring, what counts, and what happens where a model cannot run."""

from collections.abc import Sequence

import pytest

from tailqa.core.errors import ModelError
from tailqa.core.ports import Silent
from tailqa.engine import Grid, ScriptedEngine, measure_grid

GRID = Grid(batch_sizes=(1, 4), prompt_tokens=(8,), new_tokens=3, repeats=4, seed=5)
Log = list[tuple[str, tuple[tuple[int, ...], ...]]]


class Logged(ScriptedEngine):
    """Writes down every batch it is timed on."""

    def __init__(self, name: str, log: Log, **options: object) -> None:
        super().__init__({}, name=name, **options)  # type: ignore[arg-type]
        self.log = log

    def time_batch(self, prompts: Sequence[Sequence[int]], n_tokens: int) -> list[float]:
        self.log.append((self.info.name, tuple(map(tuple, prompts))))
        return super().time_batch(prompts, n_tokens)


class Watcher(Silent):
    def __init__(self) -> None:
        self.total = self.done = 0

    def start(self, task: str, total: int) -> None:
        self.total = total

    def advance(self, task: str, n: int, tokens: int = 0, *, reused: bool = False) -> None:
        self.done += n


def test_the_models_take_turns_and_the_first_run_does_not_count():
    log: Log = []
    watcher = Watcher()
    times = measure_grid(
        Logged("a", log, token_s=0.1), Logged("b", log, token_s=0.2), GRID, progress=watcher
    )
    assert "".join(name for name, _ in log) == "ab" + ("ba" + "abbaabba") * 2
    assert [(t.side, t.batch_size, len(t.token_s)) for t in times] == [
        ("teacher", 1, 4),
        ("student", 1, 4),
        ("teacher", 4, 4),
        ("student", 4, 4),
    ]
    assert times[1].token_s[0] == pytest.approx((0.2, 0.4, 0.6))
    assert times[3].peak_bytes == 1000 * 4 * (8 + 3)
    assert watcher.done == watcher.total == (1 + 4) * 2 * 5


def test_both_get_the_same_prompts_and_no_prompt_comes_twice():
    log: Log = []
    measure_grid(Logged("a", log), Logged("b", log), GRID, progress=Silent())
    mine, theirs = ([rows for name, rows in log if name == side][1:] for side in "ab")
    assert mine == theirs
    assert len(set(mine)) == len(mine)
    assert {len(row) for rows in mine for row in rows} == {8}
    again: Log = []
    measure_grid(Logged("a", again), Logged("b", again), GRID, progress=Silent())
    assert again == log


def test_a_cell_without_memory_is_reported_and_the_rest_goes_on():
    student = ScriptedEngine({}, name="big", token_s=0.1, most_rows=2)
    times = measure_grid(ScriptedEngine({}, token_s=0.1), student, GRID, progress=Silent())
    assert [t.failure for t in times] == [None, None, None, "big ran out of memory"]
    assert times[3].token_s == ()
    assert times[3].peak_bytes is None


def test_rows_that_were_not_run_at_once_are_no_batch():
    class Halving(ScriptedEngine):
        def time_batch(self, prompts: Sequence[Sequence[int]], n_tokens: int) -> list[float]:
            half = super().time_batch(prompts[: len(prompts) // 2], n_tokens)
            return half + [half[-1] + mark for mark in half] if half else [0.1] * n_tokens

    times = measure_grid(
        ScriptedEngine({}, token_s=0.1), Halving({}, token_s=0.1), GRID, progress=Silent()
    )
    assert [t.failure for t in times] == [
        None, None, None, "scripted did not run all rows at once",
    ]  # fmt: skip


def test_a_cell_beyond_the_context_is_not_run():
    log: Log = []
    small = Logged("a", log, token_s=0.1, context_tokens=20)
    grid = Grid(batch_sizes=(1,), prompt_tokens=(8, 18), new_tokens=3, repeats=1)
    times = measure_grid(small, ScriptedEngine({}, token_s=0.1), grid, progress=Silent())
    assert times[2].failure == "21 tokens exceed the context of 20"
    assert {len(row) for _, rows in log for row in rows} == {8}


def test_a_model_that_can_run_nothing_is_an_error():
    student = ScriptedEngine({}, name="big", most_rows=0)
    with pytest.raises(ModelError, match="the student could run no cell: big ran out of memory"):
        measure_grid(ScriptedEngine({}), student, GRID, progress=Silent())

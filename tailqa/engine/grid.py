"""Speed over batch sizes and prompt lengths: two models in alternation."""

from dataclasses import dataclass, field

from tailqa.core.answer import Side
from tailqa.core.bench import SIDES, Times
from tailqa.core.errors import ModelError
from tailqa.core.ports import Engine, Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """What is measured: every batch size with every prompt length, `repeats` times."""

    batch_sizes: tuple[int, ...]
    prompt_tokens: tuple[int, ...]
    new_tokens: int
    repeats: int
    seed: int = 0


@dataclass(kw_only=True)
class _Cell:
    batch_size: int
    prompt_tokens: int
    peak_bytes: dict[Side, int | None] = field(default_factory=dict)
    failures: dict[Side, str] = field(default_factory=dict)
    token_s: dict[Side, list[tuple[float, ...]]] = field(
        default_factory=lambda: {side: [] for side in SIDES}
    )


def measure_grid(
    teacher: Engine, student: Engine, grid: Grid, *, progress: Progress, task: str = "bench"
) -> tuple[Times, ...]:
    """The times of both models in every cell, by prompt length, batch size and side.

    In a cell each model first runs once, not counted, while its memory is watched; then the two
    take turns and the one that begins changes each time (AB BA AB …), so that a machine that
    drifts slows both. Prompts are token ids drawn by seed, new ones for every repeat. A cell that
    a model cannot run (out of memory, beyond its context) is reported with the reason, and the
    rest goes on. Progress counts rows. Raises ModelError when a model can run no cell at all.

    >>> from tailqa.core.ports import Silent
    >>> from tailqa.engine.scripted import ScriptedEngine
    >>> slow, fast = (ScriptedEngine({}, token_s=s) for s in (0.5, 0.25))
    >>> grid = Grid(batch_sizes=(1,), prompt_tokens=(8,), new_tokens=2, repeats=1)
    >>> [a, b] = measure_grid(slow, fast, grid, progress=Silent())
    >>> a.token_s, b.token_s
    (((0.5, 1.0),), ((0.25, 0.5),))
    """
    engines: dict[Side, Engine] = {"teacher": teacher, "student": student}
    cells = [
        _Cell(batch_size=batch_size, prompt_tokens=prompt_tokens)
        for prompt_tokens in grid.prompt_tokens
        for batch_size in grid.batch_sizes
    ]
    progress.start(task, sum(cell.batch_size for cell in cells) * len(SIDES) * (grid.repeats + 1))
    try:
        for side in SIDES:
            # What is allocated but once is not the first cell's own.
            _run(cells[0], side, engines[side], grid, turn=0)
        for cell in cells:
            for turn in range(grid.repeats + 1):
                # The first turn is the warm-up.
                for side in SIDES if turn % 2 else reversed(SIDES):
                    _run(cell, side, engines[side], grid, turn)
                    progress.advance(task, cell.batch_size, cell.batch_size * grid.new_tokens)
    finally:
        progress.finish(task)
    for side in SIDES:
        if all(side in cell.failures for cell in cells):
            raise ModelError(f"the {side} could run no cell: {cells[0].failures[side]}")
    return tuple(_times(cell, side) for cell in cells for side in SIDES)


def _run(cell: _Cell, side: Side, engine: Engine, grid: Grid, turn: int) -> None:
    if side in cell.failures:
        return
    needed, context = cell.prompt_tokens + grid.new_tokens, engine.context_tokens
    if context is not None and needed > context:
        cell.failures[side] = f"{needed:,} tokens exceed the context of {context:,}"
        return
    rows = _draw(cell, engine.footprint.n_vocabulary, seed=grid.seed, turn=turn)
    try:
        if turn == 0:
            cell.peak_bytes[side] = engine.peak_batch_bytes(rows, grid.new_tokens)
        else:
            cell.token_s[side].append(_marks(engine, rows, grid.new_tokens))
    except ModelError as error:
        cell.failures[side] = str(error)


def _marks(engine: Engine, rows: list[list[int]], n_tokens: int) -> tuple[float, ...]:
    marks = tuple(engine.time_batch(rows, n_tokens))
    if len(marks) != n_tokens:
        raise ModelError(f"{engine.info.name} did not run all rows at once")
    return marks


def _draw(cell: _Cell, n_vocabulary: int, *, seed: int, turn: int) -> list[list[int]]:
    import numpy as np

    rng = np.random.default_rng([seed, cell.batch_size, cell.prompt_tokens, turn])
    rows: list[list[int]] = rng.integers(
        n_vocabulary, size=(cell.batch_size, cell.prompt_tokens)
    ).tolist()
    return rows


def _times(cell: _Cell, side: Side) -> Times:
    failure = cell.failures.get(side)
    return Times(
        side=side,
        batch_size=cell.batch_size,
        prompt_tokens=cell.prompt_tokens,
        token_s=() if failure else tuple(cell.token_s[side]),
        peak_bytes=None if failure else cell.peak_bytes[side],
        failure=failure,
    )

"""What a bench says in words: where the student is slower, and where that turns."""

from collections.abc import Sequence
from itertools import pairwise

from tailqa.core.bench import Bench, Crossover, Metric, Speed, SpeedRun

METRIC_NAMES: dict[Metric, str] = {
    "first_token": "first token",
    "per_token": "per token",
    "answer": "answer",
}
SPEED_NAMES: dict[Speed, str] = {
    "slower": "slower",
    "faster": "faster",
    "unclear": "no difference shown",
    "unmeasured": "not measured",
}


def crossover_words(runs: Sequence[SpeedRun]) -> str:
    """How the student compares with the teacher as the batch grows.

    >>> slower, faster = SpeedRun(speed="slower", first=1, last=4), SpeedRun(
    ...     speed="faster", first=8, last=32)
    >>> crossover_words([slower, faster])
    'slower up to batch 4; faster from batch 8'
    >>> crossover_words([faster])
    'faster at every batch size (8 to 32)'
    """
    if len(runs) == 1:
        return f"{SPEED_NAMES[runs[0].speed]} {_everywhere(runs[0])}"
    first, *between, last = runs
    return "; ".join(
        [
            f"{SPEED_NAMES[first.speed]} {_begin(first)}",
            *(f"{SPEED_NAMES[run.speed]} at {_span(run)}" for run in between),
            f"{SPEED_NAMES[last.speed]} from batch {last.first:,}",
        ]
    )


def crossing_words(runs: Sequence[SpeedRun]) -> str | None:
    """Between which batch sizes the student turns from slower to faster or back; None if never.

    >>> crossing_words([SpeedRun(speed="slower", first=1, last=4),
    ...                 SpeedRun(speed="unclear", first=8, last=8),
    ...                 SpeedRun(speed="faster", first=16, last=32)])
    'between batch 4 and 16'
    """
    known = [run for run in runs if run.speed in ("slower", "faster")]
    turns = [
        f"between batch {one.last:,} and {next_one.first:,}"
        for one, next_one in pairwise(known)
        if one.speed != next_one.speed
    ]
    return " and ".join(turns) or None


def verdict_words(bench: Bench) -> str:
    """One sentence on the whole grid, by the time of a whole answer."""
    judged = [ratio.speed for ratio in bench.ratios if ratio.metric == "answer"]
    n, slower, faster = len(judged), judged.count("slower"), judged.count("faster")
    measured = n - judged.count("unmeasured")
    if not measured:
        return "Which model is faster was not measured."
    everywhere = "the one cell" if n == 1 else f"all {n} cells"
    if slower == n:
        return f"The student is slower than the teacher in {everywhere} of the grid."
    if faster == n:
        return f"The student is faster than the teacher in {everywhere} of the grid."
    rest = [(measured - slower - faster, "no difference is shown"), (n - measured, "not measured")]
    more = "".join(f", {words} in {count}" for count, words in rest if count)
    return (
        f"By the time of a whole answer the student is slower than the teacher in {slower} of {n} "
        f"cells of the grid, faster in {faster}{more}."
    )


def crossovers_by_length(bench: Bench) -> dict[int, tuple[Crossover, ...]]:
    """The crossovers of each prompt length, in the order of the metrics."""
    lengths = dict.fromkeys(item.prompt_tokens for item in bench.crossovers)
    return {
        length: tuple(item for item in bench.crossovers if item.prompt_tokens == length)
        for length in lengths
    }


def crossover_lines(crossovers: Sequence[Crossover]) -> list[tuple[str, str, str | None]]:
    """Metrics, how the student compares, and where that turns; equal findings in one line."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for item in crossovers:
        words = crossover_words(item.runs), crossing_words(item.runs)
        found.setdefault(words, []).append(METRIC_NAMES[item.metric])
    return [(", ".join(names), words, crossing) for (words, crossing), names in found.items()]


def threads(n: int) -> str:
    """A number of threads.

    >>> threads(1), threads(16)
    ('1 thread', '16 threads')
    """
    return f"{n:,} thread{'' if n == 1 else 's'}"


def _everywhere(run: SpeedRun) -> str:
    if run.first == run.last:
        return f"at batch {run.first:,}"
    return f"at every batch size ({run.first:,} to {run.last:,})"


def _begin(run: SpeedRun) -> str:
    if run.first == run.last:
        return f"at batch {run.first:,}"
    return f"up to batch {run.last:,}"


def _span(run: SpeedRun) -> str:
    if run.first == run.last:
        return f"batch {run.first:,}"
    return f"batch {run.first:,} to {run.last:,}"

"""The speed pass and what one correct answer takes."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tailqa import cost, stats
from tailqa.core.answer import Answered, Pair, Scored, Side
from tailqa.core.estimate import TooFew
from tailqa.core.ports import Engine, Progress, Request, Timing
from tailqa.core.report import CostSummary, LatencySummary
from tailqa.engine import measure

SIDES: tuple[Side, Side] = ("teacher", "student")
Timings = Mapping[str, Mapping[Side, Sequence[Timing]]]


def time_both(
    teacher: Engine,
    student: Engine,
    requests: Mapping[str, Sequence[Request]],
    *,
    progress: Progress,
) -> Timings:
    """Times of both models per stratum; the models alternate on every query at batch 1."""
    flat = [(stratum, request) for stratum, rows in requests.items() for request in rows]
    timed = measure(teacher, student, [request for _, request in flat], progress=progress)
    times: dict[str, dict[Side, list[Timing]]] = {
        stratum: {"teacher": [], "student": []} for stratum in requests
    }
    for (stratum, _), (first, second) in zip(flat, timed, strict=True):
        times[stratum]["teacher"].append(first)
        times[stratum]["student"].append(second)
    return times


def latency_summaries(times: Timings) -> tuple[LatencySummary, ...]:
    """One summary per stratum and side, in the order of the strata."""
    return tuple(
        _latency(stratum, side, by_side[side])
        for stratum, by_side in times.items()
        for side in SIDES
    )


def cost_summaries(
    strata: Sequence[str], pairs: Sequence[Pair], times: Timings, *, seed: int
) -> tuple[CostSummary, ...]:
    """Tokens and seconds per correct answer, per stratum and side.

    Only pairs graded on both sides count, so that both sides are charged for the same queries.
    """
    return tuple(_costs(strata, pairs, times, seed))


def _costs(
    strata: Sequence[str], pairs: Sequence[Pair], times: Timings, seed: int
) -> Iterator[CostSummary]:
    for stratum in strata:
        chosen = [pair for pair in pairs if pair.query.stratum == stratum and _graded(pair)]
        for side in SIDES:
            tokens, correct = _paid(chosen, side)
            seconds = [timing.answer_s for timing in times.get(stratum, {}).get(side, ())]
            rng = np.random.default_rng(seed)
            yield CostSummary(
                stratum=stratum,
                side=side,
                tokens_per_query=stats.mean_estimate(tokens),
                tokens_per_correct=cost.per_correct(tokens, correct, rng=rng),
                seconds_per_correct=(
                    cost.seconds_per_correct(seconds, correct, rng=rng)
                    if seconds
                    else TooFew(reason="no speed was measured", n=0)
                ),
            )


def _graded(pair: Pair) -> bool:
    return isinstance(pair.teacher_grade, Scored) and isinstance(pair.student_grade, Scored)


def _paid(pairs: Sequence[Pair], side: Side) -> tuple[list[int], list[bool]]:
    tokens, correct = [], []
    for pair in pairs:
        answer = pair.teacher if side == "teacher" else pair.student
        grade = pair.teacher_grade if side == "teacher" else pair.student_grade
        if isinstance(answer, Answered) and isinstance(grade, Scored):
            tokens.append(answer.attempts[0].prompt_tokens + answer.attempts[0].completion_tokens)
            correct.append(grade.correct)
    return tokens, correct


def _latency(stratum: str, side: Side, timings: Sequence[Timing]) -> LatencySummary:
    first = [timing.first_token_s for timing in timings]
    answer = [timing.answer_s for timing in timings]
    completion = [timing.completion_tokens for timing in timings]
    between = [
        (timing.answer_s - timing.first_token_s) / (timing.completion_tokens - 1)
        for timing in timings
        if timing.completion_tokens > 1 and timing.answer_s > timing.first_token_s
    ]
    return LatencySummary(
        stratum=stratum,
        side=side,
        batch_size=1,
        time_to_first_token_s=stats.quantile_estimate(first, 0.5),
        time_per_output_token_s=stats.quantile_estimate(between, 0.5),
        answer_s=stats.quantile_estimate(answer, 0.5),
        answer_p95_s=stats.quantile_estimate(answer, 0.95),
        completion_tokens=stats.mean_estimate(completion),
        raw_first_token_s=tuple(first),
        raw_answer_s=tuple(answer),
        raw_completion_tokens=tuple(completion),
    )

"""The speed pass and what one correct answer takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from tailqa import stats
from tailqa.core.answer import Answered, Pair, Scored, Side
from tailqa.core.estimate import Measured, TooFew
from tailqa.core.ports import Engine, Progress, Request, Timing
from tailqa.core.report import CostSummary, LatencySummary
from tailqa.cost.resampling import per_correct, seconds_per_correct
from tailqa.engine import measure

SIDES: tuple[Side, Side] = ("teacher", "student")


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    """One query timed on both models, one right after the other."""

    query_id: str
    teacher: Timing
    student: Timing

    def of(self, side: Side) -> Timing:
        """The timing of one side."""
        return self.teacher if side == "teacher" else self.student


Timings = Mapping[str, Sequence[Timed]]


def time_both(
    teacher: Engine,
    student: Engine,
    requests: Mapping[str, Sequence[Request]],
    *,
    progress: Progress,
) -> Timings:
    """Times of both models per stratum; the models alternate on every query at batch 1.

    So do the strata: what slows the machine for a while is in the times of all of them.
    """
    turns = zip_longest(*([(stratum, one) for one in rows] for stratum, rows in requests.items()))
    flat = [pair for turn in turns for pair in turn if pair is not None]
    timed = measure(teacher, student, [request for _, request in flat], progress=progress)
    times: dict[str, list[Timed]] = {stratum: [] for stratum in requests}
    for (stratum, request), (first, second) in zip(flat, timed, strict=True):
        times[stratum].append(Timed(query_id=request.query_id, teacher=first, student=second))
    return times


def latency_summaries(times: Timings) -> tuple[LatencySummary, ...]:
    """One summary per stratum and side, in the order of the strata."""
    return tuple(_latency(stratum, side, rows) for stratum, rows in times.items() for side in SIDES)


def cost_summaries(
    strata: Sequence[str], pairs: Sequence[Pair], times: Timings, *, seed: int
) -> tuple[CostSummary, ...]:
    """Tokens and seconds per correct answer, per stratum and side.

    Only pairs graded on both sides count, so that both sides are charged for the same queries.
    """
    by_stratum: dict[str, list[Pair]] = {stratum: [] for stratum in strata}
    for pair in pairs:
        if isinstance(pair.teacher_grade, Scored) and isinstance(pair.student_grade, Scored):
            by_stratum[pair.query.stratum].append(pair)
    return tuple(
        _cost(stratum, side, graded, times.get(stratum, ()), np.random.default_rng(seed))
        for stratum, graded in by_stratum.items()
        for side in SIDES
    )


def _cost(
    stratum: str,
    side: Side,
    pairs: Sequence[Pair],
    timed: Sequence[Timed],
    rng: np.random.Generator,
) -> CostSummary:
    tokens, correct = _paid(pairs, side)
    known = [n for n in tokens if n is not None]
    unknown = TooFew(reason="tokens were not recorded", n=0)
    per_query = stats.mean_estimate(known)
    recorded = len(known) == len(tokens)
    return CostSummary(
        stratum=stratum,
        side=side,
        tokens_per_query=per_query if recorded else unknown,
        tokens_per_correct=per_correct(known, correct, rng=rng) if recorded else unknown,
        seconds_per_correct=_seconds(side, pairs, correct, timed, rng),
    )


def _seconds(
    side: Side,
    pairs: Sequence[Pair],
    correct: Sequence[bool],
    timed: Sequence[Timed],
    rng: np.random.Generator,
) -> Measured:
    place = {pair.query.id: index for index, pair in enumerate(pairs)}
    both = [(row.of(side), place[row.query_id]) for row in timed if row.query_id in place]
    if not both:
        return TooFew(reason="no speed was measured", n=0)
    return seconds_per_correct(
        [timing.answer_s for timing, _ in both],
        correct,
        timed=[index for _, index in both],
        rng=rng,
    )


def _paid(pairs: Sequence[Pair], side: Side) -> tuple[list[int | None], list[bool]]:
    tokens: list[int | None] = []
    correct: list[bool] = []
    for pair in pairs:
        answer = pair.teacher if side == "teacher" else pair.student
        grade = pair.teacher_grade if side == "teacher" else pair.student_grade
        if isinstance(answer, Answered) and isinstance(grade, Scored):
            first = answer.attempts[0]
            known = first.prompt_tokens is not None and first.completion_tokens is not None
            tokens.append(
                (first.prompt_tokens or 0) + (first.completion_tokens or 0) if known else None
            )
            correct.append(grade.correct)
    return tokens, correct


def _latency(stratum: str, side: Side, timed: Sequence[Timed]) -> LatencySummary:
    timings = [row.of(side) for row in timed]
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
        raw_query_ids=tuple(row.query_id for row in timed),
    )

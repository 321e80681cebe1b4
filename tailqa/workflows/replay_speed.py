"""How long answers took in the rehearsals of a replay, and whether they still did in the replay."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tailqa.core.answer import Side
from tailqa.core.errors import TailqaError
from tailqa.core.operations import Option, SpeedBasis
from tailqa.core.replay import AnswerSpeed
from tailqa.core.words import count_of
from tailqa.cost.line import Speed
from tailqa.cost.scene import side_of
from tailqa.cost.speed import LEAST_TIMED, TimedQueries, fitted_speed, work_s
from tailqa.workflows.live import Lived
from tailqa.workflows.live_stages import TimedAnswer
from tailqa.workflows.replay_setup import Setup
from tailqa.workflows.speed import SIDES

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

FEW = 20
"""Fewer answers of a model in an option's own rehearsals are joined by those of the others."""


def timed_answers(
    option: Option, setup: Setup, rehearsed: Mapping[Option, Sequence[Sequence[TimedAnswer]]]
) -> dict[Side, TimedQueries]:
    """The timed answers of each model that works in the option, and of the other one any.

    Raises TailqaError where there are too few of a model that works in it.
    """
    found: dict[Side, TimedQueries] = {}
    rules = setup.rules(option)
    working = {side_of(option)} | ({"teacher"} if rules.escalate_to == "teacher" else set())
    for side in SIDES:
        own = _of(side, rehearsed.get(option, ()))
        rows = own if len(own) >= FEW else [a for r in rehearsed.values() for a in _of(side, r)]
        if len(rows) < LEAST_TIMED and side in working:
            raise TailqaError(
                f"only {count_of(len(rows), 'answer', 'answers')} of the {side} in the rehearsals, "
                "too few to know its speed: rehearse more with --speed"
            )
        if len(rows) >= LEAST_TIMED:
            found[side] = _timed(rows)
    return found


def answer_speeds(
    option: Option,
    timed: Mapping[Side, TimedQueries],
    rehearsed: Sequence[Sequence[TimedAnswer]],
    lived: Sequence[Lived],
) -> Iterator[AnswerSpeed]:
    """The speed of each model in an option; each round, and the replay itself, against it."""
    for side, rows in timed.items():
        live = _of(side, [one.answered for one in lived])
        speed = fitted_speed(rows)
        if not live and not _of(side, rehearsed):
            continue
        yield AnswerSpeed(
            option=option,
            basis=SpeedBasis(
                side=side,
                source=f"rehearsals of {option} with the fit half",
                base_s=speed.base_s,
                prompt_token_s=speed.prompt_token_s,
                completion_token_s=speed.completion_token_s,
                slowdown=(1.0,),
                n_timed=len(rows.answer_s),
            ),
            rounds=tuple(_ratio(speed, mine) for one in rehearsed if (mine := _of(side, [one]))),
            live=_ratio(speed, live) if live else None,
            n_live=len(live),
        )


def _of(side: Side, rounds: Sequence[Sequence[TimedAnswer]]) -> list[TimedAnswer]:
    return [a for one in rounds for a in one if a.side == side and a.made.fault is None]


def _timed(rows: Sequence[TimedAnswer]) -> TimedQueries:
    import numpy as np

    return TimedQueries(
        query=np.arange(len(rows)),
        prompt_tokens=np.array([row.made.prompt_tokens for row in rows], dtype=float),
        completion_tokens=np.array([row.made.completion_tokens for row in rows], dtype=float),
        answer_s=np.array([row.seconds for row in rows], dtype=float),
    )


def _ratio(speed: Speed, rows: Sequence[TimedAnswer]) -> float:
    """Seconds of answers over those that the speed says of their tokens."""
    timed = _timed(rows)
    expected = work_s(speed, timed.prompt_tokens, timed.completion_tokens)
    return math.fsum(timed.answer_s) / float(expected.sum())

"""A replay on a terminal, whole, and its file."""

from dataclasses import replace
from pathlib import Path

import pytest

from tailqa.core.errors import ResultError
from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.operations import SpeedBasis
from tailqa.core.replay import (
    AnswerSpeed,
    Replayed,
    ReplayedFigure,
    ReplayedOption,
    ReplayedStage,
)
from tailqa.report.replay_result import load_replay, write_replay
from tailqa.report.replay_table import render_replay


def about(value: float, width: float, n: int = 400) -> Estimate:
    return Estimate(value=value, low=value - width, high=value + width, level=0.95, method="t", n=n)


def figure(name: str, predicted: Estimate, observed, inside: bool | None) -> ReplayedFigure:
    known = isinstance(observed, Estimate)
    return ReplayedFigure(
        option="student",
        figure=name,  # type: ignore[arg-type]
        predicted=predicted,
        observed=observed,
        error=observed.value / predicted.value - 1 if known else None,
        inside=inside,
        hindsight=predicted.value * 1.05,
    )


REPLAYED = Replayed(
    name="rag",
    digest="0",
    pipeline={"name": "rag"},
    teacher="big",
    student="small",
    suite="qa 1",
    n_fit=400,
    n_held_out=401,
    clients=4,
    options=(
        ReplayedOption(
            option="student",
            n_requests=120,
            n_asked=1500,
            wall_s=60.0,
            failed_attempts=2,
            timeouts=0,
            hedges=0,
        ),
    ),
    figures=(
        figure("attempts", about(1.4, 0.1), about(1.5, 0.05, 120), inside=True),
        figure("resolved", about(0.8, 0.05), about(0.7, 0.02, 120), inside=False),
        figure("p50_s", about(0.2, 0.01), about(0.205, 0.01, 120), inside=True),
        figure("p99_s", about(0.9, 0.1), TooFew(reason="few", n=120), inside=None),
    ),
    stages=(
        ReplayedStage(
            option="student",
            stage="search",
            predicted=None,
            observed=None,
            predicted_wait_s=about(0.0, 0.0),
            observed_wait_s=0.0,
            inside=None,
        ),
        ReplayedStage(
            option="student",
            stage="generation",
            predicted=about(0.9, 0.02),
            observed=0.93,
            predicted_wait_s=about(0.03, 0.01),
            observed_wait_s=0.035,
            inside=False,
        ),
    ),
    rounds=2,
    speeds=(
        AnswerSpeed(
            option="student",
            basis=SpeedBasis(
                side="student",
                source="rehearsals",
                base_s=0.01,
                prompt_token_s=0.0,
                completion_token_s=0.002,
                slowdown=(1.0,),
                n_timed=40,
            ),
            rounds=(0.98, 1.02),
            live=1.01,
            n_live=170,
        ),
    ),
    lift=None,
    notes=("The run is greedy.",),
    level=0.95,
    n_replications=300,
    seed=0,
    interrupted=True,
    created="2026-11-25",
)

SHOWN = """\
Replay of rag with student small and teacher big on qa 1: 4 clients in closed loop

                                                                        error,  in hind-  in the
option        figure                      predicted           observed       %  sight, %  interval
--------------------------------------------------------------------------------------------------
student only  attempts per query  1.40 [1.30, 1.50]  1.50 [1.45, 1.55]    +7.1      +2.0  yes
              resolved, %         80.0 [75.0, 85.0]  70.0 [68.0, 72.0]   -12.5     -16.7  no
              p50, ms                200 [190, 210]     205 [195, 215]    +2.5      -2.4  yes
              p99, ms              900 [800, 1,000]                  -       -         -  -

                                   busy, %,                    wait, ms,
option        stage               predicted  observed          predicted  observed
----------------------------------------------------------------------------------
student only  search                      -         -                  0     0.000
              generation  90.0 [88.0, 92.0]      93.0  30.0 [20.0, 40.0]      35.0

Requests: 120 of 1,500 (student only), from 401 queries; predicted from 400 others. 95 % intervals:
of predicted, where such a replay lies; of observed, of these requests alone. In hindsight: the
error of a prediction from the run's own answers to the queries that were asked; what is gone there
is due to the halves.

Note: The replay was interrupted; what was done until then is shown.

Note: The models' speed is that of 40 answers in rehearsals of the same pipeline with the predicting
half, in 2 rounds between the requests. Of what all of them say for the same tokens, single rounds
took 98.0 to 102.0 %, the replay itself 101.0 %.

Note: 2 attempts had no answer, or none that could be graded; refused.

Note: The run is greedy."""


def test_the_whole_table() -> None:
    assert render_replay(REPLAYED, width=100, terminal=False) == SHOWN


def test_of_one_there_is_no_plural() -> None:
    (option,) = REPLAYED.options
    one = replace(
        REPLAYED,
        n_held_out=1,
        n_fit=1,
        rounds=1,
        options=(replace(option, failed_attempts=1),),
    )
    shown = " ".join(render_replay(one, width=100, terminal=False).split())
    assert "from 1 query; predicted from 1 other. " in shown
    assert ", in 1 round between the requests" in shown
    assert "1 attempt had no answer" in shown


def test_no_interval_is_given_up_for_want_of_room() -> None:
    narrow = render_replay(REPLAYED, width=80, terminal=False)
    assert max(map(len, narrow.splitlines())) <= 80
    assert narrow.count("[") == SHOWN.count("[")
    assert "..." not in narrow


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = write_replay(REPLAYED, tmp_path / "replay.json")
    assert load_replay(tmp_path) == load_replay(path) == REPLAYED
    path.write_text(path.read_text()[:-200])
    with pytest.raises(ResultError, match="is not whole JSON"):
        load_replay(path)
    write_replay(replace(REPLAYED, format_version=9), path)
    with pytest.raises(ResultError, match="has format version 9"):
        load_replay(path)

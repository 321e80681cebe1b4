"""A replay with scripted models: its books, its coins and waits, and what was predicted of it."""

import io
import json
import math
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tailqa.core.errors import TailqaError
from tailqa.core.estimate import Estimate
from tailqa.core.ports import Request, Silent
from tailqa.core.query import Generation, GraderSpec, Query, Stratum, Suite
from tailqa.core.replay import LivedRequest
from tailqa.core.report import Fingerprint, Report, Run, SuiteInfo
from tailqa.cost.line import Rules, Station, Times
from tailqa.cost.schema import Pipeline
from tailqa.engine import ResponseStore, ScriptedEngine, answer
from tailqa.grade import make_grader
from tailqa.workflows.answerer import Answerer
from tailqa.workflows.asking import graded_pairs, requests
from tailqa.workflows.gate import UNJUDGED
from tailqa.workflows.halves import halves
from tailqa.workflows.live import Lived, live
from tailqa.workflows.live_stages import Line
from tailqa.workflows.outcomes import overall_result, stratum_results
from tailqa.workflows.pooling import interaction
from tailqa.workflows.replay import replay_engines
from tailqa.workflows.replay_run import ReplayOptions
from tailqa.workflows.replay_setup import set_up
from tailqa.workflows.rows import answer_rows

QUERY = Query(id="q", stratum="s", prompt="?", references=("yes",))
NO_TIME = Times(kind="constant")
GENERATION = Station(name="generation", servers=1, time=None, role="generation", repeats=True)
TEACHER = Station(name="teacher", servers=1, time=None, role="teacher")


def lived_through(
    say, rules: Rules, *, n: int = 40, stations=(GENERATION,), second=None, **changes: object
) -> Lived:
    """`n` requests on one query; `say` (and `second`) answer them."""
    with ThreadPoolExecutor(1) as worker:

        def answerer(script) -> Answerer:
            engine = script if isinstance(script, ScriptedEngine) else ScriptedEngine(script)
            return Answerer(
                engine=engine,
                grader=make_grader(GraderSpec(name="exact")),
                generation=Generation(temperature=1.0),
                worker=worker,
                retry_text=changes.get("retry_text"),  # type: ignore[arg-type]
            )

        line = Line(
            option="escalated" if second else "student",
            stations=stations,
            rules=rules,
            model=answerer(say),
            second=answerer(second) if second else None,
            queries=[QUERY] * n,
            clients=int(changes.get("clients", 4)),  # type: ignore[call-overload]
            think=changes.get("think", NO_TIME),  # type: ignore[arg-type]
            seed=3,
        )
        told: list[LivedRequest] = []
        lived = live(line, told.append)
        assert told == lived.requests
        return lived


def seconds(request: LivedRequest) -> float:
    return request.finish_s - request.start_s


def test_every_request_ends_once_and_every_attempt_is_a_new_draw() -> None:
    seeds: Counter[int] = Counter()

    def say(request: Request) -> str:
        seeds[request.seed] += 1
        return "no"

    lived = lived_through(say, Rules(max_attempts=3))
    assert sorted(request.request for request in lived.requests) == list(range(40))
    assert {request.attempts for request in lived.requests} == {3}
    assert {request.outcome for request in lived.requests} == {"given_up"}
    assert len(seeds) == seeds.total() == 120
    assert lived.stages[0].visits == 120


def test_the_verifier_errs_as_often_as_it_is_said_to() -> None:
    n = 800
    right = lived_through(lambda request: "yes", Rules(sensitivity=0.7), n=n)
    wrong = lived_through(lambda request: "no", Rules(false_accepts=0.2), n=n)
    accepted = sum(request.outcome == "resolved" for request in right.requests)
    uncaught = sum(request.outcome == "uncaught" for request in wrong.requests)
    assert accepted / n == pytest.approx(0.7, abs=4 * math.sqrt(0.21 / n))
    assert uncaught / n == pytest.approx(0.2, abs=4 * math.sqrt(0.16 / n))


def test_only_what_was_refused_to_the_end_goes_to_the_teacher() -> None:
    def sometimes(request: Request) -> str:
        return "yes" if random.Random(request.seed).random() < 0.5 else "no"

    lived = lived_through(
        sometimes,
        Rules(max_attempts=2, escalate_to="teacher"),
        stations=(GENERATION, TEACHER),
        second=lambda request: "yes",
        n=200,
    )
    assert {request.outcome for request in lived.requests} == {"resolved"}
    assert {request.attempts for request in lived.requests if request.escalated} == {3}
    assert {request.attempts for request in lived.requests if not request.escalated} == {1, 2}
    teacher = lived.stages[1]
    assert teacher.visits == sum(request.escalated for request in lived.requests)
    assert teacher.visits / 200 == pytest.approx(0.25, abs=0.13)


def test_back_off_and_thinking_are_waited() -> None:
    lived = lived_through(
        lambda request: "no",
        Rules(max_attempts=3, back_off_s=0.02, back_off_factor=2.0),
        n=4,
        clients=1,
        think=Times(kind="constant", first=0.03),
    )
    assert all(seconds(request) >= 0.06 for request in lived.requests)
    starts = [request.start_s for request in lived.requests]
    ends = [request.finish_s for request in lived.requests]
    assert all(start - end >= 0.03 for end, start in zip(ends, starts[1:], strict=False))


def test_stages_run_side_by_side_where_they_can_and_repeat_where_they_say_so() -> None:
    wait = Times(kind="constant", first=0.1)
    stations = (
        Station(name="left", servers=0, time=wait),
        Station(name="right", servers=0, time=wait),
        replace(GENERATION, after=(0, 1)),
        Station(name="check", servers=0, time=wait, after=(2,), repeats=True),
    )
    lived = lived_through(
        lambda request: "no", Rules(max_attempts=2), stations=stations, n=1, clients=1
    )
    assert [stage.visits for stage in lived.stages] == [1, 1, 2, 2]
    assert 0.3 <= seconds(lived.requests[0]) < 0.4


def test_servers_are_first_come_first_served_and_their_work_is_counted() -> None:
    wait = Times(kind="constant", first=0.02)
    stations = (Station(name="one", servers=1, time=wait), replace(GENERATION, after=(0,)))
    lived = lived_through(lambda request: "yes", Rules(), stations=stations, n=12, clients=3)
    stage = lived.stages[0]
    assert [request.request for request in lived.requests] == list(range(12))
    assert 12 * 0.02 <= stage.busy_s <= lived.wall_s
    assert stage.waited_s >= 0.9 * ((0.02 + 0.04) + 9 * 0.04)


def test_a_late_attempt_is_refused_and_keeps_the_model_busy() -> None:
    slow = ScriptedEngine(lambda request: "yes " * 10, token_s=0.04)
    lived = lived_through(slow, Rules(timeout_s=0.1), n=2, clients=1)
    assert [request.timeouts for request in lived.requests] == [1, 1]
    assert {request.outcome for request in lived.requests} == {"given_up"}
    assert all(0.1 <= seconds(request) < 0.4 for request in lived.requests)
    # Tokens of the answer that nobody waited for are paid for; the second one only waited.
    tokens = {request.request: request.completion_tokens for request in lived.requests}
    assert tokens == {0: 10, 1: 0}
    assert lived.stages[0].busy_s >= 0.4


def test_of_two_copies_the_first_counts_and_the_other_is_called_off() -> None:
    slow = ScriptedEngine(lambda request: "yes " * 10, token_s=0.005)
    rules = Rules(hedge_after_s=0.02)
    [alone] = lived_through(slow, rules, n=1, clients=1).requests
    assert (alone.hedges, alone.attempts) == (1, 1)
    # The copy waited behind the first on the one device, and was called off.
    assert alone.completion_tokens == 10


def test_the_refused_answer_goes_into_the_prompt_of_a_retry() -> None:
    prompts: list[object] = []

    def say(request: Request) -> str:
        prompts.append(request.prompt)
        return "yes" if "not" in request.prompt else "no"

    text = " {answer}, but it is not that."
    lived = lived_through(say, Rules(max_attempts=2), n=1, retry_text=text)
    assert prompts == ["?", "? no, but it is not that."]
    assert lived.requests[0].outcome == "resolved"


def test_one_wrong_call_of_a_chain_spoils_it_and_one_given_up_ends_it() -> None:
    turn = [0]

    def say(request: Request) -> str:
        turn[0] += 1
        return "no" if turn[0] % 4 == 2 else "yes"

    lived = lived_through(say, Rules(calls=4, false_accepts=1.0), n=3, clients=1)
    assert [(r.outcome, r.attempts) for r in lived.requests] == [("uncaught", 4)] * 3
    turn[0] = 0
    [ended] = lived_through(say, Rules(calls=4), n=1, clients=1).requests
    assert (ended.outcome, ended.attempts) == ("given_up", 2)


def test_a_model_that_fails_is_refused() -> None:
    broken = ScriptedEngine(lambda request: "yes", failures={"q"})
    lived = lived_through(broken, Rules(max_attempts=2, false_accepts=1.0), n=2)
    assert {(r.outcome, r.failed, r.attempts) for r in lived.requests} == {("given_up", 2, 2)}


def clustered(n: int, size: int, stratum: str) -> list[Query]:
    return [
        Query(
            id=f"{stratum}{i}",
            stratum=stratum,
            prompt=f"{stratum} {i}?",
            references=("yes",),
            cluster=f"{stratum} {i // size}",
        )
        for i in range(n)
    ]


def test_halves_keep_clusters_together_and_are_of_one_size() -> None:
    queries = [*clustered(40, 4, "a"), *clustered(30, 1, "b")]
    found = halves(queries, seed=5)
    assert found == halves(queries, seed=5) != halves(queries, seed=6)
    assert found.fit | found.held_out == {query.id for query in queries}
    assert not found.fit & found.held_out
    for stratum in ("a", "b"):
        sizes = [
            sum(name.startswith(stratum) for name in half) for half in (found.fit, found.held_out)
        ]
        assert sizes[0] == sizes[1]
    for start in range(0, 40, 4):
        cluster = {f"a{i}" for i in range(start, start + 4)}
        assert cluster <= found.fit or cluster <= found.held_out


def test_a_stratum_of_one_cluster_cannot_be_split() -> None:
    with pytest.raises(TailqaError, match="b cannot be split in two halves: its 3 queries are"):
        halves([*clustered(8, 2, "a"), *clustered(3, 3, "b")], seed=0)


SUITE = Suite(
    name="s",
    version="1",
    digest="0",
    source="test",
    task="generate",
    generation=Generation(temperature=1.0, samples=5),
    grader=GraderSpec(name="contains"),
    strata=(
        Stratum(name="plain", kind="head", weight=0.7, tier="critical"),
        Stratum(name="rare", kind="tail", weight=0.3, tier="critical"),
    ),
    queries=(*clustered(300, 1, "plain"), *clustered(300, 1, "rare")),
)
HARD = {"plain": (6.0, 1.5), "rare": (1.0, 1.0)}


def model(name: str, boost: float, token_s: float) -> ScriptedEngine:
    """Right with a chance of its own for every query; right answers are shorter."""

    def say(request: Request) -> str:
        stratum = request.query_id.rstrip("0123456789")
        chance = np.random.default_rng(list(request.query_id.encode())).beta(*HARD[stratum])
        draw = random.Random(request.seed)
        right = draw.random() < chance + boost * (1 - chance)
        words = draw.randint(2, 5) + (0 if right else 3)
        return " ".join(["yes" if right else "no"] + ["indeed"] * words)

    return ScriptedEngine(say, name=name, token_s=token_s)


def run_of(teacher: ScriptedEngine, student: ScriptedEngine, folder: Path) -> Run:
    """What a comparison of the two finds, without asking slowly."""
    quick = [model(e.info.name, b, 0.0) for e, b in ((teacher, 0.7), (student, 0.0))]
    with ResponseStore(folder / "store") as store:
        sides = [
            answer(engine, store, requests(SUITE, 0), progress=Silent(), task="ask")
            for engine in quick
        ]
    pairs = graded_pairs(SUITE.queries, sides[0], sides[1], make_grader(SUITE.grader))
    strata = stratum_results(SUITE.strata, pairs, seed=0)
    report = Report(
        teacher=teacher.info,
        student=student.info,
        suite=SuiteInfo(
            name="s", version="1", digest="0", source="test", task="generate", n_queries=600
        ),
        strata=strata,
        overall=overall_result(strata),
        interaction=interaction(strata),
        latency=(),
        cost=(),
        verdict=UNJUDGED,
        findings=(),
        fingerprint=Fingerprint(versions={}, options={}, hardware=""),
        seed=0,
        created="2026-11-25",
    )
    return Run(report=report, answers=answer_rows(pairs))


PIPELINE = Pipeline.model_validate(
    {
        "name": "tiny",
        "stages": [
            {"name": "search", "servers": 2, "time": {"kind": "gamma", "mean_s": 0.01, "cv": 0.5}},
            {"name": "generation", "model": True},
        ],
        "policy": {
            "max_attempts": 2,
            "verifier": {"sensitivity": 0.95, "false_accepts": 0.1},
            "escalate": {"to": "teacher"},
        },
        "arrivals": {"kind": "closed", "clients": 3},
    }
)


@pytest.mark.slow
def test_the_prediction_comes_true(tmp_path: Path) -> None:
    teacher, student = model("teacher", 0.7, 0.001), model("student", 0.0, 0.0005)
    options = ReplayOptions(requests=120, rounds=2, speed=15, replications=60, created="2026-11-25")
    setup = set_up(run_of(teacher, student, tmp_path), PIPELINE, SUITE, options)
    file = io.StringIO()
    replayed = replay_engines(
        [teacher, student], setup, make_grader(SUITE.grader), file, progress=Silent()
    )
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    done = Counter(line["option"] for line in lines)
    assert done == dict.fromkeys(("teacher", "student", "escalated"), 120)
    assert not {line["query_id"] for line in lines} & setup.halves.fit
    found = {(figure.option, figure.figure): figure for figure in replayed.figures}
    for (_, name), figure in found.items():
        assert isinstance(figure.predicted, Estimate)
        if name in {"attempts", "tokens", "resolved"}:
            assert isinstance(figure.observed, Estimate)
            assert figure.observed.value == pytest.approx(figure.predicted.value, rel=0.15)
    escalated, alone = (found[option, "resolved"].predicted for option in ("escalated", "student"))
    assert isinstance(escalated, Estimate)
    assert isinstance(alone, Estimate)
    assert escalated.value > alone.value
    assert any("take turns" in note for note in replayed.notes)


def test_an_option_without_known_speeds_does_not_take_the_others_along(tmp_path: Path) -> None:
    teacher, student = model("teacher", 0.7, 0.0), model("student", 0.0, 0.0)
    options = ReplayOptions(
        options=("student", "escalated"), requests=6, rounds=1, speed=5, replications=20
    )
    setup = set_up(run_of(teacher, student, tmp_path), PIPELINE, SUITE, options)
    file = io.StringIO()
    replayed = replay_engines(
        [teacher, student], setup, make_grader(SUITE.grader), file, progress=Silent()
    )
    assert len(file.getvalue().splitlines()) == 12
    assert {figure.option for figure in replayed.figures} == {"student"}
    assert any(
        note.startswith("The option escalated is left out: only ") for note in replayed.notes
    )


def test_ten_rehearsed_requests_tell_the_speed_of_the_teacher(tmp_path: Path) -> None:
    teacher, student = model("teacher", 0.7, 0.0), model("student", 0.0, 0.0)
    options = ReplayOptions(options=("escalated",), requests=6, rounds=1, speed=10, replications=20)
    setup = set_up(run_of(teacher, student, tmp_path), PIPELINE, SUITE, options)
    replayed = replay_engines(
        [teacher, student], setup, make_grader(SUITE.grader), io.StringIO(), progress=Silent()
    )
    timed = {speed.basis.side: speed.basis.n_timed for speed in replayed.speeds}
    assert timed == {"student": 10, "teacher": 5}

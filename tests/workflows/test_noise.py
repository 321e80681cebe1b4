"""The teacher against itself: asked anew, kept apart, and counted."""

import gc
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import tailqa
from tailqa.core.estimate import Estimate
from tailqa.core.ports import Request, Silent
from tailqa.core.query import Generation, GraderSpec, Query, Stratum, Suite
from tailqa.engine import ResponseStore, ScriptedEngine, answer
from tailqa.grade import make_grader
from tailqa.workflows.asking import Options, graded_pairs, requests
from tailqa.workflows.compare import run_compare
from tailqa.workflows.noise import Again, ask_again, noise_floor

PAIR = ("demo:teacher", "demo:student")
SUITE = Suite(
    name="s",
    version="1",
    digest="0",
    source="test",
    task="generate",
    generation=Generation(),
    grader=GraderSpec(name="exact"),
    strata=(
        Stratum(name="plain", kind="head", weight=0.75, tier="supporting"),
        Stratum(name="rare", kind="tail", weight=0.25, tier="critical"),
    ),
    queries=tuple(
        Query(id=f"{name}{i}", stratum=name, prompt=f"{name} {i}?", references=("yes",))
        for name in ("plain", "rare")
        for i in range(10)
    ),
)


def fickle(*flip: str, reworded: tuple[str, ...] = ()) -> ScriptedEngine:
    """Says yes, but from the second time on something else where it is told to."""
    asked: Counter[str] = Counter()

    def say(request: Request) -> str:
        asked[request.query_id] += 1
        if asked[request.query_id] == 1:
            return "yes"
        if request.query_id in flip:
            return "no"
        return "Yes!" if request.query_id in reworded else "yes"

    return ScriptedEngine(say, version="fickle")


def asked_twice(engine: ScriptedEngine, store: ResponseStore, suite: Suite = SUITE):
    first = answer(engine, store, requests(suite, 0), progress=Silent(), task="teacher")
    grader = make_grader(suite.grader)
    pairs = graded_pairs(suite.queries, first, first, grader)
    again = ask_again(engine, store, suite, seed=0, progress=Silent())
    return noise_floor(suite, pairs, again, grader, engine.info)


def test_flips_and_changes_are_counted_by_stratum_and_weighted(tmp_path: Path) -> None:
    with ResponseStore(tmp_path / "store") as store:
        floor = asked_twice(fickle("rare1", "rare7", reworded=("plain3",)), store)
    plain, rare = floor.strata
    assert (plain.n, plain.flipped, plain.changed) == (10, 0, 1)
    assert (rare.n, rare.flipped, rare.changed) == (10, 2, 2)
    assert isinstance(rare.flips, Estimate)
    assert isinstance(plain.flips, Estimate)
    assert (rare.flips.method, rare.flips.value) == ("wilson", 0.2)
    assert plain.flips.high > 0.2
    assert isinstance(floor.overall, Estimate)
    assert floor.overall.value == pytest.approx(0.25 * 0.2)
    assert floor.how == "in batches of at most 10, in another order"


def test_what_failed_either_time_is_left_out(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request: "yes", failures={"rare0", "rare5"})
    with ResponseStore(tmp_path / "store") as store:
        floor = asked_twice(engine, store)
    assert [result.n for result in floor.strata] == [10, 8]


def test_it_is_asked_anew_but_only_once(tmp_path: Path) -> None:
    with ResponseStore(tmp_path / "store") as store:
        engine = fickle("rare1")
        first = asked_twice(engine, store)
        assert engine.n_attempts == 40
        assert asked_twice(engine, store) == first
        assert engine.n_attempts == 40


def test_cut_off_it_goes_on_where_it_was(tmp_path: Path) -> None:
    class CutError(Exception):
        pass

    left = [13]

    def say(request: Request) -> str:
        left[0] -= 1
        if left[0] < 0:
            raise CutError
        return "yes"

    engine = ScriptedEngine(say)
    with ResponseStore(tmp_path / "store") as store:
        with pytest.raises(CutError):
            ask_again(engine, store, SUITE, seed=0, progress=Silent())
        before, left[0] = engine.n_attempts, 20
        again = ask_again(engine, store, SUITE, seed=0, progress=Silent())
    assert len(again.answers) == 20
    # A batch of which a row is missing is computed whole.
    assert engine.n_attempts == before + 10


def test_several_samples_are_compared_by_their_first(tmp_path: Path) -> None:
    suite = replace(SUITE, generation=Generation(samples=3, temperature=1.0))
    engine = ScriptedEngine(lambda request: str(request.seed))
    with ResponseStore(tmp_path / "store") as store:
        floor = asked_twice(engine, store, suite)
    assert engine.n_attempts == 20 * 3 + 20
    assert [result.changed for result in floor.strata] == [10, 10]
    assert "with another seed, as its answers are drawn at random" in floor.how


def test_choices_change_when_another_one_is_chosen(tmp_path: Path) -> None:
    queries = tuple(replace(query, choices=("yes", "no")) for query in SUITE.queries)
    suite = replace(SUITE, task="choose", queries=queries, grader=GraderSpec(name="choice"))
    times: Counter[str] = Counter()

    def score(request: Request) -> tuple[float, ...]:
        times[request.query_id] += 1
        flips = times[request.query_id] > 1 and request.query_id == "plain0"
        return (-2.0, -1.0) if flips else (-1.0 - times.total() / 1000, -2.0)

    with ResponseStore(tmp_path / "store") as store:
        floor = asked_twice(ScriptedEngine(score), store, suite)
    assert [(result.flipped, result.changed) for result in floor.strata] == [(1, 1), (0, 0)]


def test_another_dtype_is_named() -> None:
    engine = ScriptedEngine(lambda request: "yes")
    info = replace(engine.info, dtype="bfloat16")
    floor = noise_floor(
        SUITE, (), Again(answers={}, info=info, at_a_time=4), make_grader(SUITE.grader), engine.info
    )
    assert floor.how == (
        "in batches of at most 4, in another order, in bfloat16 instead of float32"
    )


def options(out: Path, **changes: object) -> Options:
    return Options(**({"limit": 4, "speed": 0, "out": out, "pipeline": "none"} | changes))


def test_the_report_of_the_embedded_pair_holds_it_and_is_read_back(tmp_path: Path) -> None:
    finished = run_compare(*PAIR, "demo", options(tmp_path, noise_floor=True))
    floor = finished.report.noise_floor
    assert floor is not None
    assert [(s.name, s.n) for s in floor.strata] == [(s.name, 4) for s in finished.report.strata]
    assert tailqa.load_report(finished.folder) == finished.report


def test_the_teacher_is_asked_while_it_is_open_or_alone_in_another_dtype(tmp_path: Path) -> None:
    loaded: dict[str, int] = {}

    class Counting(Silent):
        def start(self, task: str, total: int) -> None:
            loaded[task] = sum(
                type(thing).__name__ == "LlamaForCausalLM" for thing in gc.get_objects()
            )

    def run(**changes: object) -> str:
        report = run_compare(
            *PAIR, "demo", options(tmp_path, **changes), progress=Counting(), free=lambda device: 1
        ).report
        assert report.noise_floor is not None
        return report.noise_floor.how

    gc.collect()
    run(noise_floor=True)
    assert loaded["again"] == loaded["teacher"] == loaded["student"]
    assert run(noise_floor_dtype="bfloat16").endswith("in bfloat16 instead of float32")
    assert loaded["again"] == loaded["teacher"] == loaded["student"]

"""compare --until-decided: who is asked how much, and what verdict stands at the end."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tailqa
from tailqa.core.answer import Answered, Attempt, Failed, Pair, Scored
from tailqa.core.errors import TailqaError
from tailqa.core.estimate import Estimate
from tailqa.core.query import Query
from tailqa.stats import GapEProcess
from tailqa.workflows.gate import chosen_policy
from tailqa.workflows.stopping import Asking, ask_until_decided, askings, stopping

MARGIN = 0.05


def asking(name: str, kind: str = "tail", n: int = 2000, *, tested: bool = True) -> Asking:
    queries = [
        Query(id=f"{name}{i}", stratum=name, prompt="?", references=("!",)) for i in range(n)
    ]
    tests = [GapEProcess(MARGIN)] if tested else []
    return Asking(name=name, kind=kind, waiting=queries, tests=tests, least=50, margin=MARGIN)  # type: ignore[arg-type]


def pair(query: Query, teacher: bool, student: bool) -> Pair:
    def answered() -> Answered:
        attempt = Attempt(
            prompt="?", prompt_tokens=4, completion_tokens=1, text="", finish_reason="stop"
        )
        return Answered(query_id=query.id, attempts=(attempt,))

    grades = [Scored(scores=(float(right),), corrects=(right,)) for right in (teacher, student)]
    return Pair(
        query=query,
        teacher=answered(),
        student=answered(),
        teacher_grade=grades[0],
        student_grade=grades[1],
    )


class World:
    """Answers by the gap and the flips of each stratum; counts what was asked in each round."""

    def __init__(self, gaps: dict[str, float], flips: float = 0.1) -> None:
        self.rng, self.gaps, self.flips = np.random.default_rng(4), gaps, flips
        self.rounds: list[dict[str, int]] = []

    def __call__(self, queries: Sequence[Query]) -> list[Pair]:
        counts = {name: sum(q.stratum == name for q in queries) for name in self.gaps}
        self.rounds.append({name: n for name, n in counts.items() if n})
        return [self._pair(query) for query in queries]

    def _pair(self, query: Query) -> Pair:
        lost = (self.flips - self.gaps[query.stratum]) / 2
        draw = self.rng.random()
        return pair(query, draw < lost or draw > self.flips, draw >= lost)


def test_a_settled_stratum_gets_no_more_and_open_tails_get_its_share() -> None:
    strata = [asking("head", "head"), asking("easy"), asking("hard"), asking("extra", tested=False)]
    world = World({"head": 0.08, "easy": 0.08, "hard": -0.02, "extra": 0.0})
    ask_until_decided(strata, world, block=32)
    first, *rest = world.rounds
    assert first == {"head": 50, "easy": 50, "hard": 50, "extra": 32}
    assert all("extra" not in round_ for round_ in rest)
    asked = {item.name: len(item.pairs) for item in strata}
    assert asked["easy"] < asked["hard"]
    alone = next(round_ for round_ in rest if set(round_) == {"hard"})
    assert alone == {"hard": 96}
    assert strata[1].outcome == "pass"


def test_one_failure_decides() -> None:
    strata = [asking("a"), asking("b")]
    world = World({"a": 0.0, "b": -0.4}, flips=0.4)
    ask_until_decided(strata, world)
    assert {item.name: item.outcome for item in strata} == {"a": "inconclusive", "b": "fail"}
    assert len(world.rounds) <= 2


def test_it_ends_when_nothing_is_left_to_ask() -> None:
    strata = [asking("a", n=120)]
    ask_until_decided(strata, World({"a": -0.05}))
    assert strata[0].outcome == "inconclusive"
    assert len(strata[0].outcomes) == 120
    found = stopping(strata)
    assert (found.n_asked, found.n_available, found.asked_tokens) == (120, 120, 1200)
    assert found.strata[0].path[-1][0] == 120


def test_failed_answers_carry_no_evidence() -> None:
    strata = [asking("a", n=60)]

    def ask(queries: Sequence[Query]) -> list[Pair]:
        lost = Failed(query_id="", reason="out of order")
        return [replace(pair(q, True, True), teacher=lost, teacher_grade=None) for q in queries]

    ask_until_decided(strata, ask)
    assert strata[0].outcomes == ""
    assert strata[0].outcome == "inconclusive"


def test_clusters_and_untestable_policies_are_refused(tmp_path: Path) -> None:
    suite = tailqa.load_suite("demo")
    with pytest.raises(TailqaError, match="come in clusters"):
        askings(suite, chosen_policy(), seed=0)
    alone = replace(suite, queries=tuple(replace(q, cluster=None) for q in suite.queries))
    policy = tmp_path / "p.yaml"
    policy.write_text(
        "version: 1\nname: p\ndefaults: {gap: {margin: 0.05}}\n"
        "overall: {tier: critical, margin: 0.02}\n"
    )
    with pytest.raises(TailqaError, match="no test that may be read"):
        askings(alone, chosen_policy(policy), seed=0)
    costly = "version: 1\nname: p\ndefaults: {gap: {margin: 0.05}}\ncost: {p95_s: {max: 2.0}"
    policy.write_text(f"{costly}, tier: critical}}\n")
    with pytest.raises(TailqaError, match=r"stands on 'cost: p95_s max', which has no test"):
        askings(alone, chosen_policy(policy), seed=0)
    policy.write_text(f"{costly}}}\n")  # supporting: it decides nothing
    assert len(askings(alone, chosen_policy(policy), seed=0)) == len(alone.strata)
    policy.write_text("version: 1\nname: p\ndefaults: {tier: advisory, gap: {margin: 0.05}}\n")
    with pytest.raises(TailqaError, match="no critical stratum"):
        askings(alone, chosen_policy(policy), seed=0)


@pytest.mark.slow
def test_the_embedded_pair_fails_early_and_the_gate_reads_it_back(tmp_path: Path) -> None:
    settings = {"until_decided": True, "ignore_clusters": True, "speed": 0, "out": tmp_path}
    settings |= {"pipeline": "none"}
    report = tailqa.compare("demo:teacher", "demo:student", **settings)
    assert report.stopping is not None
    assert report.stopping.n_asked < report.stopping.n_available
    assert report.suite.n_queries == report.stopping.n_asked
    assert report.verdict.outcome == "fail"
    gaps = [stratum.gap for stratum in report.strata]
    assert {gap.method for gap in gaps if isinstance(gap, Estimate)} == {"betting"}
    [folder] = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert tailqa.gate(tailqa.load_report(folder)) == report.verdict
    again = tailqa.compare("demo:teacher", "demo:student", **settings)
    assert replace(again, created="") == replace(report, created="")

"""Graded pairs with several attempts: who counts, in which stratum, with which clusters."""

from dataclasses import replace

from tailqa.core.answer import Answered, Attempt, Failed, Pair, Scored, Ungraded
from tailqa.core.estimate import Estimate
from tailqa.core.query import Query, Stratum
from tailqa.cost.retry import BetaBinomial
from tailqa.workflows.retries import retry_results

STRATA = (
    Stratum(name="plain", kind="head", weight=0.75, tier="supporting"),
    Stratum(name="rare", kind="tail", weight=0.25, tier="critical"),
)


def grade(right: int, made: int) -> Scored:
    corrects = (True,) * right + (False,) * (made - right)
    return Scored(scores=tuple(map(float, corrects)), corrects=corrects)


def pair(name: str, index: int, teacher: int, student: int, made: int = 4) -> Pair:
    query = Query(id=f"{name}{index}", stratum=name, prompt="?", references=("yes",))
    attempt = Attempt(
        prompt="?", prompt_tokens=1, completion_tokens=1, text="", finish_reason="stop"
    )
    answer = Answered(query_id=query.id, attempts=(attempt,) * made)
    return Pair(
        query=query,
        teacher=answer,
        student=answer,
        teacher_grade=grade(teacher, made),
        student_grade=grade(student, made),
    )


def pairs(made: int = 4) -> list[Pair]:
    return [
        pair(name, i, min(made, i % 3 + 2), min(made, i % (made + 1)), made)
        for name in ("plain", "rare")
        for i in range(20)
    ]


def test_both_sides_by_stratum_and_by_traffic() -> None:
    found = retry_results(STRATA, pairs())
    assert [(r.name, r.scope, r.side) for r in found] == [
        (name, scope, side)
        for side in ("teacher", "student")
        for name, scope in (("plain", "stratum"), ("rare", "stratum"), ("by traffic", "all"))
    ]
    student = found[3]
    fit = BetaBinomial.fit([i % 5 for i in range(20)], [4] * 20)
    assert isinstance(student.icc, Estimate)
    assert abs(student.icc.value - fit.icc) < 1e-6
    assert (student.n_queries, student.attempts) == (20, 4)


def test_only_what_both_sides_answered_and_what_was_graded_counts() -> None:
    broken = pairs()
    broken[0] = replace(
        broken[0], teacher=Failed(query_id="plain0", reason="gone"), teacher_grade=None
    )
    broken[1] = replace(broken[1], student_grade=Ungraded(reason="unreadable"))
    assert {r.n_queries for r in retry_results(STRATA, broken) if r.name == "plain"} == {18}


def test_single_answers_say_nothing() -> None:
    assert retry_results(STRATA, pairs(made=1)) == ()
    assert retry_results(STRATA, []) == ()


def test_shared_clusters_are_the_unit() -> None:
    def clustered(n: int) -> list[Pair]:
        return [
            replace(p, query=replace(p.query, cluster=f"{p.query.stratum}{i % n}"))
            for i, p in enumerate(pairs())
        ]

    few = retry_results(STRATA, clustered(4))[0]
    assert getattr(few.icc, "reason", "") == "4 clusters, 10 needed"
    own = retry_results(STRATA, clustered(1000))
    assert own == retry_results(STRATA, pairs())

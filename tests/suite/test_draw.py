import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.query import Generation, GraderSpec, Lengths, Message, Query, Stratum, Suite
from tailqa.suite import describe, draw, shuffled

QUERIES = tuple(
    Query(id=f"q{n}", stratum="head" if n % 3 else "tail", prompt="w " * n, references=("x",))
    for n in range(1, 301)
)
SUITE = Suite(
    name="s",
    version="1",
    digest="d",
    source="",
    task="generate",
    generation=Generation(),
    grader=GraderSpec(name="exact"),
    strata=(
        Stratum(name="head", kind="head", weight=0.5, tier="supporting"),
        Stratum(name="tail", kind="tail", weight=0.5, tier="critical"),
    ),
    queries=QUERIES,
)


def ids(suite: Suite) -> set[str]:
    return {query.id for query in suite.queries}


@given(st.integers(1, 250), st.integers(0, 60), st.integers())
def test_draws_are_nested_and_bounded(n: int, more: int, seed: int) -> None:
    small, large = draw(SUITE, n, seed=seed), draw(SUITE, n + more, seed=seed)
    assert ids(small) <= ids(large)
    counts = [sum(query.stratum == name for query in small.queries) for name in ("head", "tail")]
    assert counts == [min(n, 200), min(n, 100)]
    assert small.digest == SUITE.digest


@given(st.integers(1, 250), st.integers())
def test_the_first_of_a_shuffled_stratum_are_those_of_a_draw(n: int, seed: int) -> None:
    drawn = ids(draw(SUITE, n, seed=seed))
    members = shuffled(SUITE, seed=seed)
    assert {query.id for queries in members.values() for query in queries[:n]} == drawn
    assert [query.id for query in members["tail"]] != [q.id for q in QUERIES if q.stratum == "tail"]


def test_a_draw_does_not_depend_on_the_order_of_the_file() -> None:
    shuffled = list(QUERIES)
    random.Random(1).shuffle(shuffled)
    assert ids(draw(replace(SUITE, queries=tuple(shuffled)), 20, seed=4)) == ids(
        draw(SUITE, 20, seed=4)
    )
    assert ids(draw(SUITE, 20, seed=4)) != ids(draw(SUITE, 20, seed=5))


def test_a_draw_is_even_over_the_file() -> None:
    drawn = draw(SUITE, 100, seed=1)
    early = sum(query.stratum == "head" and int(query.id[1:]) <= 150 for query in drawn.queries)
    assert 30 < early < 70


def test_a_draw_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"per_stratum must be at least 1 \(got 0\)"):
        draw(SUITE, 0, seed=1)


def test_describe_counts_lengths() -> None:
    head, tail = describe(SUITE, count_tokens=lambda text: len(text) + 1)
    assert (head.n, tail.n, tail.weight, tail.tier) == (200, 100, 0.5, "critical")
    assert tail.words == Lengths(least=3, p50=150, p95=285, most=300)
    assert tail.characters == Lengths(least=6, p50=300, p95=570, most=600)
    assert tail.tokens == Lengths(least=7, p50=301, p95=571, most=601)
    assert [query.id for query in tail.examples] == ["q3", "q6"]


def test_describe_reads_chats_and_leaves_out_what_is_empty() -> None:
    chat = (Message(role="system", content="Be brief."), Message(role="user", content="Hi you"))
    one = Query(id="c", stratum="head", prompt=chat, references=("x",))
    (head,) = describe(replace(SUITE, queries=(one,)))
    assert (head.words.most, head.characters.most, head.tokens) == (4, 16, None)

import json
from collections import Counter

import pytest

from tailqa.core.query import Generation
from tailqa.demo import suite_file
from tailqa.demo.arithmetic import STRATA, TRAFFIC, held_out
from tailqa.demo.train import (
    Plan,
    control_problems,
    suite_lines,
    suite_problems,
    teacher_problems,
    traffic_problems,
)
from tailqa.suite import load_suite

DATA = suite_file().with_name("arithmetic.jsonl")


def rows() -> list[dict[str, object]]:
    return [json.loads(line) for line in DATA.read_text().splitlines()]


def test_data_is_what_the_script_draws():
    assert DATA.read_text() == suite_lines(suite_problems())


def test_strata_are_large_enough_and_without_duplicates():
    found = rows()
    assert Counter(row["stratum"] for row in found) == dict.fromkeys(STRATA, 200)
    assert len({row["question"] for row in found}) == len({row["id"] for row in found}) == 800


def test_every_computation_is_held_out():
    assert all(held_out(str(row["worked"])) for row in rows())


@pytest.mark.slow
@pytest.mark.parametrize("draw", [teacher_problems, traffic_problems, control_problems])
def test_nothing_was_trained_on(draw):
    problems = draw(Plan())
    questions, computations = {p.question for p in problems}, {p.worked for p in problems}
    assert len(questions) > 10_000
    for row in rows():
        assert row["question"] not in questions
        assert row["worked"] not in computations


def test_suite_file_loads_with_the_weights_of_the_traffic():
    suite = load_suite(suite_file())
    assert {stratum.name: stratum.weight for stratum in suite.strata} == pytest.approx(TRAFFIC)
    assert [stratum.kind for stratum in suite.strata] == ["head", "tail", "tail", "tail"]
    assert len(suite.queries) == 800
    assert suite.generation == Generation(max_tokens=96, stop=("\n",))
    first, row = suite.queries[0], rows()[0]
    assert first.prompt == f"Q: {row['question']}\nA:"
    assert first.references == (row["answer"],)
    assert first.cluster == row["cluster"]

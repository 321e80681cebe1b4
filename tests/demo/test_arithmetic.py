import ast
import operator
import re
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.demo.arithmetic import (
    BALANCED,
    HEAD,
    MULTI_STEP,
    PHRASING,
    STRATA,
    TERMS_STRATUM,
    TRAFFIC,
    Generator,
    held_out,
    step,
)
from tailqa.demo.wording import INDIRECT, TERMS, WITHHELD

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def value(expression: str) -> Fraction:
    def of(node: ast.expr) -> Fraction:
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](of(node.left), of(node.right))
        assert isinstance(node, ast.Constant)
        return Fraction(node.value)

    return of(ast.parse(expression, mode="eval").body)


def results(worked: str) -> list[Fraction]:
    """The result of every step; each equation must hold and start from the result before."""
    found: list[Fraction] = []
    for equation in worked.split("; "):
        sides = [value(side) for side in equation.split("=")]
        assert len(sides) >= 2
        assert set(sides) == {sides[0]}, equation
        if found:
            assert re.match(r"\d+", equation)[0] == str(found[-1])
        found.append(sides[0])
    return found


@pytest.mark.parametrize("stratum", STRATA)
@given(seed=st.integers(0, 2**32), zipf=st.booleans(), kept=st.booleans())
def test_worked_answers_are_right(stratum, seed, zipf, kept):
    problem = Generator(seed=seed, zipf=zipf, held_out=kept).draw(stratum)
    found = results(problem.worked)
    assert str(found[-1]) == problem.answer
    assert len(found) == problem.n_steps
    assert found[-1] >= 0
    assert held_out(problem.worked) is kept
    assert problem.stratum == stratum
    assert not set("{}") & set(problem.question)


@pytest.mark.parametrize("stratum", [HEAD, PHRASING])
@given(seed=st.integers(0, 2**32))
def test_questions_name_their_operands(stratum, seed):
    problem = Generator(seed=seed, zipf=False).draw(stratum)
    asked = Counter(re.findall(r"\d+", problem.question))
    assert asked == Counter(re.findall(r"\d+", problem.worked.split("=")[0]))


@given(st.sampled_from(["add", "multiply"]), st.integers(1, 999), st.integers(1, 999))
def test_steps_of_any_operands_hold(operation, a, b):
    text, result = step(operation, a, b)
    assert results(text) == [result]


@given(st.integers(1, 999), st.integers(1, 99))
def test_inverse_steps_hold(a, b):
    assert results(step("subtract", a + b, b)[0]) == [a]
    assert results(step("divide", a * b, b)[0]) == [a]


def test_a_seed_says_everything():
    first, again, other = (Generator(seed=s, zipf=True).sample(50, TRAFFIC) for s in (5, 5, 6))
    assert first == again
    assert first != other


def test_traffic_is_head_heavy_and_lacks_the_withheld_phrasings():
    drawn = Counter(p.stratum for p in Generator(seed=1, zipf=True).sample(5000, TRAFFIC))
    assert drawn[HEAD] / 5000 == pytest.approx(TRAFFIC[HEAD], abs=0.02)
    traffic, even = Generator(seed=2, zipf=True), Generator(seed=2, zipf=False)
    numbers = {int(traffic.draw(PHRASING).template.split("-")[-1]) for _ in range(3000)}
    assert numbers == set(range(24)) - WITHHELD
    assert {int(even.draw(PHRASING).template.split("-")[-1]) for _ in range(3000)} >= WITHHELD
    assert all(len(sentences) == len(set(sentences)) == 24 for sentences in INDIRECT.values())
    assert len(WITHHELD) == 5


def test_traffic_prefers_the_first_term_and_short_chains():
    traffic = Generator(seed=3, zipf=True)
    terms = Counter(traffic.draw(TERMS_STRATUM).cluster for _ in range(3000))
    assert terms.most_common(1)[0][0].endswith(TERMS[0].name)
    n_steps = Counter(traffic.draw(MULTI_STEP).n_steps for _ in range(2000))
    assert n_steps[2] > n_steps[3] > n_steps[4] > 0


def test_terms_and_mixes_are_sound():
    assert len({term.name for term in TERMS}) == len(TERMS)
    for mix in (BALANCED, TRAFFIC):
        assert sum(mix.values()) == pytest.approx(1)

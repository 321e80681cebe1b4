import math

import pytest

from tailqa.core.answer import Answered, Attempt, Scored, Ungraded
from tailqa.core.errors import TailqaError
from tailqa.core.query import GraderSpec, Query
from tailqa.grade import make_grader


def choose(logprobs, *, choices=("no", "certainly", "oui"), references=("oui",), **options):
    query = Query(id="q1", stratum="s", prompt="?", references=references, choices=choices)
    attempts = tuple(
        Attempt(
            prompt="?",
            prompt_tokens=1,
            completion_tokens=3,
            text="",
            finish_reason="choice",
            sample=sample,
            choice_logprobs=values,
        )
        for sample, values in enumerate(logprobs)
    )
    grader = make_grader(GraderSpec(name="choice", options=options))
    return grader.grade(query, Answered(query_id="q1", attempts=attempts))


def test_the_highest_log_probability_is_the_choice():
    graded = choose([(-5.0, -9.0, -1.0), (-1.0, -9.0, -5.0)])
    assert graded == Scored(scores=(1.0, 0.0), corrects=(True, False), extracted="oui")


def test_bytes_take_the_length_out():
    values = [(-2.0, -4.5, -3.0)]
    assert choose(values).extracted == "no"
    assert choose(values, normalise="bytes").extracted == "certainly"


def test_bytes_are_those_of_utf_8():
    # -4/2 against -6/4: by characters (1 and 4) the order would be the other way round.
    graded = choose([(-4.0, -12.0)], choices=("é", "abcd"), references=("é",), normalise="bytes")
    assert graded.correct


def test_between_equals_the_first_wins():
    assert choose([(-2.0, -2.0, -2.0)]).extracted == "no"


def test_one_impossible_choice_is_only_never_picked():
    assert choose([(-math.inf, -9.0, -1.0)]).correct


def test_white_space_at_the_edges_of_choices_does_not_count():
    assert choose([(-1.0, -2.0)], choices=(" yes", " no"), references=("yes",)).correct


@pytest.mark.parametrize(
    "values", [(math.nan, -1.0, -2.0), (-math.inf,) * 3, (math.inf, -1.0, -1.0), (-1.0, -2.0)]
)
def test_values_that_decide_nothing_are_ungraded(values):
    assert isinstance(choose([values]), Ungraded)


def test_references_must_be_among_the_choices():
    graded = choose([(-1.0, -2.0, -3.0)], references=("si",))
    assert graded == Ungraded(reason="no reference of query q1 is one of its choices")


def test_a_text_is_not_a_choice(judge):
    query = Query(id="q1", stratum="s", prompt="?", references=("a",), choices=("a", "b"))
    attempt = Attempt(
        prompt="?", prompt_tokens=1, completion_tokens=1, text="a", finish_reason="stop"
    )
    answered = Answered(query_id="q1", attempts=(attempt,))
    with pytest.raises(TailqaError, match="task must be choose"):
        make_grader(GraderSpec(name="choice")).grade(query, answered)


def test_a_choice_is_not_a_text():
    query = Query(id="q1", stratum="s", prompt="?", references=("a",))
    attempt = Attempt(
        prompt="?",
        prompt_tokens=1,
        completion_tokens=1,
        text="",
        finish_reason="choice",
        choice_logprobs=(-1.0, -2.0),
    )
    with pytest.raises(TailqaError, match="answered by choosing, which only the grader choice"):
        make_grader(GraderSpec(name="exact")).grade(
            query, Answered(query_id="q1", attempts=(attempt,))
        )

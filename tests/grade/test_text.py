import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.answer import Scored, Ungraded
from tailqa.grade.text import Contains, Exact, Regex, TokenF1


@pytest.mark.parametrize(
    ("text", "reference", "right"),
    [
        ("Paris", "paris", True),
        (" The  Paris. ", "paris", True),
        ("Lyon", "paris", False),
        ("", "paris", False),
        ("1,250", "1250", True),
        ("3.5", "35", False),
        ("-5", "5", False),
        ("−5", "-5", True),
        ("5-3", "53", False),
        ("5–3", "5-3", True),
        (".5", "5", False),
        ("A", "A", True),
        ("A", "the", False),
        ("+", "-", False),
        ("«Straße»", "strasse", True),
        ("Beyonce\u0301", "Beyoncé", True),
        ("हिन्दी", "हिन्दी", True),
        ("हिन्दी", "हन्दी", False),
        ("an", "", False),
    ],
)
def test_exact(correct, text, reference, right):
    assert correct("exact", text, reference) is right


@pytest.mark.parametrize(
    ("option", "text", "reference"),
    [
        ("ignore_case", "PARIS", "Paris"),
        ("ignore_punctuation", "Paris!", "Paris"),
        ("ignore_articles", "the Paris", "Paris"),
        ("ignore_whitespace", "New  York", "New York"),
    ],
)
def test_each_step_can_be_switched_off(correct, option, text, reference):
    assert correct("exact", text, reference)
    assert not correct("exact", text, reference, **{option: False})


def test_the_best_of_several_references_counts(judge):
    graded = judge("token_f1", ["New York City"], ["Boston", "York", "New York City"])
    assert graded == Scored(scores=(1.0,), corrects=(True,), extracted="new york city")


def test_every_attempt_is_graded_and_the_first_decides(judge):
    graded = judge("exact", ["Lyon", "Paris", "paris."], ["Paris"])
    assert graded.scores == (0.0, 1.0, 1.0)
    assert graded.corrects == (False, True, True)
    assert not graded.correct


@pytest.mark.parametrize(
    ("text", "reference", "whole", "part"),
    [
        ("We had a party.", "art", False, True),
        ("It is Paris/Lyon", "paris", True, True),
        ("my mother-in-law", "mother in law", True, True),
        ("my motherinlaw", "mother-in-law", True, True),
        ("the U.S.A. did", "USA", True, True),
        ("答案是北京。", "北京", False, True),
        ("Rome", "Paris", False, False),
        ("Rome", " ", False, False),
        ("ends with Paris", "Paris", True, True),
    ],
)
def test_contains(correct, text, reference, whole, part):
    assert correct("contains", text, reference) is whole
    assert correct("contains", text, reference, whole_words=False) is part


def test_contains_tells_what_it_found(judge):
    assert judge("contains", ["It's the Nile."], ["Amazon", "Nile"]).extracted == "Nile"
    assert judge("contains", ["Congo"], ["Amazon", "Nile"]).extracted is None


def test_regex_takes_the_match_and_the_group_it_is_told(correct):
    text = "A: red. A: blue."
    assert correct("regex", text, "blue", pattern=r"A: (\w+)")
    assert correct("regex", text, "red", pattern=r"A: (\w+)", match="first")
    assert correct("regex", text, "A: red", pattern=r"A: (\w+)", match="first", group=0)
    assert correct("regex", text, "blue", pattern=r"A: (?P<colour>\w+)", group="colour")
    assert correct("regex", text, "A: blue", pattern=r"A: \w+")


def test_regex_without_a_find_is_wrong_unless_parsing_is_not_the_models_job(judge):
    assert judge("regex", ["none"], ["x"], pattern=r"\d").scores == (0.0,)
    graded = judge("regex", ["1", "none"], ["1"], pattern=r"\d", unparsed="ungraded")
    assert isinstance(graded, Ungraded)
    assert graded.reason.startswith("attempt 1: the pattern")
    # A group that took no part in the match found nothing either.
    assert isinstance(judge("regex", ["b"], ["x"], pattern=r"(a)|b", unparsed="ungraded"), Ungraded)


def squad_f1(prediction: str, truth: str) -> float:
    """SQuAD's own recipe, written out again as the second implementation."""

    def words(text: str) -> list[str]:
        text = "".join(c for c in text.lower() if c not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    answer, reference = words(prediction), words(truth)
    if not answer or not reference:
        return float(answer == reference)
    shared = sum((Counter(answer) & Counter(reference)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(answer), shared / len(reference)
    return 2 * precision * recall / (precision + recall)


SENTENCES = st.lists(
    st.sampled_from(["the", "cat", "Cat,", "sat", "on", "a", "mat.", "(dog)", "ran", "it's"]),
    max_size=8,
).map(lambda words: " ".join(["fox", *words]))


@given(SENTENCES, SENTENCES)
def test_token_f1_is_squads(answer, reference):
    assert TokenF1().mark(answer, (reference,)).score == pytest.approx(squad_f1(answer, reference))


def test_token_f1_is_right_from_its_threshold_on(correct):
    assert correct("token_f1", "one two", "one three", threshold=0.5)
    assert not correct("token_f1", "one two", "one three", threshold=0.51)
    assert not correct("token_f1", "", "one")


@given(st.text(), st.text())
def test_any_text_can_be_graded(text, reference):
    for grader in (Exact(), Contains(), TokenF1(), Regex(pattern=r"\w+")):
        mark = grader.mark(text, (reference,))
        assert 0 <= mark.score <= 1
    assert Exact().mark(text, (text,)).score == 1


@given(st.text())
def test_normalising_twice_changes_nothing_about_equality(text):
    once = Exact().normalise(text)
    assert once == " ".join(once.split())
    assert Exact().mark(f"  {text.upper().lower()} ", (text.upper().lower(),)).score == 1

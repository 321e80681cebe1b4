"""Rules, weights, rarity."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.suite import load_suite
from tailqa.suite.rarity import rarity
from tailqa.suite.strata import cumulative_shares, quantiles

Rows = list[dict[str, Any]]
Write = Callable[..., Path]


def split(
    write: Write, rows: Rows, strata: list[dict[str, Any]], *rules: dict[str, Any]
) -> list[str]:
    for stratum, rule in zip(strata, rules, strict=True):
        stratum["rule"] = rule
    return [query.stratum for query in load_suite(write(rows, strata=strata)).queries]


def test_each_kind_of_rule(write: Write, rows: Rows, strata: list[dict[str, Any]]) -> None:
    def by(*rules: dict[str, Any]) -> list[str]:
        return split(write, rows, strata, *rules)

    easy, hard = ["easy"], ["hard"]
    size = {"field": "size"}
    assert by({**size, "in": [1, 9]}, {**size, "in": [2, 8]}) == easy + hard + easy + hard
    assert by({**size, "range": [None, 8]}, {**size, "range": [8, None]}) == easy * 2 + hard * 2
    assert by({**size, "quantile": [0, 0.75]}, {**size, "quantile": [0.75, 1]}) == (
        easy * 2 + hard + easy
    )
    uses = {"field": "uses"}
    assert by({**uses, "cumulative": [0, 0.5]}, {**uses, "cumulative": [0.5, 1]}) == (
        easy + hard * 3
    )


def test_equals_compares_as_text(write: Write, rows: Rows, strata: list[dict[str, Any]]) -> None:
    for row, flag in zip(rows, [True, "true", 2.0, "2"], strict=True):
        row["size"] = flag
    rules = [{"field": "size", "equals": True}, {"field": "size", "equals": 2}]
    assert split(write, rows, strata, *rules) == ["easy", "easy", "hard", "hard"]


def test_popularity_in_thirds_as_published(
    write: Write, rows: Rows, strata: list[dict[str, Any]]
) -> None:
    popularity = [40, 1, 30, 5, 10, 14, 0, 0]
    made = [
        {**rows[0], "id": str(n), "question": f"{n}?", "size": value}
        for n, value in enumerate(popularity)
    ]
    cuts = [[0, "1/3"], ["1/3", "2/3"], ["2/3", 1]]
    parts = [
        {"name": name, "kind": "tail", "rule": {"field": "size", "cumulative": cut}}
        for name, cut in zip(["head", "torso", "tail"], cuts, strict=True)
    ]
    suite = load_suite(write(made, strata=parts, weights={"count": "size"}))
    found = {query.prompt: query.stratum for query in suite.queries}
    # 40 of 100 lie before the item of 30, 70 before the item of 14.
    expected = ["head", "tail", "torso", "tail", "tail", "tail", "tail", "tail"]
    assert [found[f"Q: {n}?\nA:"] for n in range(8)] == expected
    assert [stratum.weight for stratum in suite.strata] == pytest.approx([0.4, 0.3, 0.3])


@given(st.lists(st.integers(0, 50).map(float), min_size=1, max_size=40))
def test_quantiles_are_shares_of_smaller_values(values: list[float]) -> None:
    for value, place in zip(values, quantiles(values), strict=True):
        assert place == sum(other < value for other in values) / len(values)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40).filter(any))
def test_cumulative_shares_are_shares_of_greater_values(values: list[int]) -> None:
    for value, place in zip(values, cumulative_shares([float(v) for v in values]), strict=True):
        exact = Fraction(sum(other for other in values if other > value), sum(values))
        assert place == pytest.approx(float(exact), abs=1e-12)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_two_quantiles_that_meet_leave_nothing_out(values: list[int], cut: float) -> None:
    places = quantiles([float(value) for value in values])
    assert all((0 <= place < cut) != (cut <= place) for place in places)


def test_weights_are_counted(write: Write, strata: list[dict[str, Any]]) -> None:
    for stratum in strata:
        del stratum["weight"]

    def weights(value: object) -> list[float]:
        suite = load_suite(write(strata=strata, weights=value))
        return [stratum.weight for stratum in suite.strata]

    assert weights("rows") == [0.5, 0.5]
    assert weights({"count": "uses"}) == [0.8, 0.2]


def test_fractions_are_exact_enough_to_sum_to_one(
    write: Write, strata: list[dict[str, Any]]
) -> None:
    strata[0]["weight"], strata[1]["weight"] = "1/3", "2/3"
    assert load_suite(write(strata=strata)).strata[1].weight == 2 / 3


# wordfreq 3.1, English: revolving 3.41, door 5.08, gazebo 2.71, the 7.73, quokka 1.5, is 7.07
@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("The revolving door is the gazebo.", 3, (3.41 + 5.08 + 2.71) / 3),
        ("The revolving door is the gazebo.", 1, 2.71),
        ("Quokka, quokka, QUOKKA!", 3, 1.5),
        ("The door 12 345", 3, 5.08),
        ("Is the", 1, 7.07),
        ("zzqqxxy door", 2, 5.08 / 2),
    ],
)
def test_rarity_by_hand(text: str, words: int, expected: float) -> None:
    assert rarity(text, words=words) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "12 345", "?!"])
def test_rarity_needs_a_word(text: str) -> None:
    with pytest.raises(ValueError, match="has no word whose rarity could be measured"):
        rarity(text)


def test_rarity_needs_a_known_language() -> None:
    with pytest.raises(ValueError, match="wordfreq does not know the language 'tlh'"):
        rarity("Qapla'", language="tlh")


def test_strata_by_rarity_of_several_fields(
    write: Write, rows: Rows, strata: list[dict[str, Any]]
) -> None:
    words = ["house", "gazebo", "water", "quokka"]
    for row, word in zip(rows, words, strict=True):
        row["question"], row["group"] = "What is it?", f"the {word}"
    measure = {"rarity": {"fields": ["question", "group"], "words": 1}}
    found = split(
        write,
        rows,
        strata,
        {**measure, "range": [4, None]},
        {**measure, "range": [None, 4]},
    )
    assert found == ["easy", "hard", "easy", "hard"]

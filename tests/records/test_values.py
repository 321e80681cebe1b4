"""Any cell gives a value within its bounds, or a ValueError."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.records.values import to_count, to_number, to_score, to_text

cells = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=1), st.integers(), max_size=1)
)


@given(cells)
def test_any_cell_is_a_value_or_an_error(cell: object) -> None:
    for read, fits in (
        (to_text, lambda text: text == text.strip() != ""),
        (to_number, math.isfinite),
        (to_count, lambda count: isinstance(count, int) and count >= 0),
        (to_score, lambda score: 0 <= score <= 1),
    ):
        try:
            value = read(cell)
        except ValueError as error:
            assert str(error).startswith("must be")  # noqa: PT017
        else:
            assert fits(value)


@given(st.floats(0, 1))
def test_a_score_reads_the_same_as_text(score: float) -> None:
    assert to_score(repr(score)) == to_score(score) == score


@given(st.integers(-(10**15), 10**15))
def test_a_whole_number_has_one_name(number: int) -> None:
    assert to_text(number) == to_text(float(number)) == to_text(f" {number} ") == str(number)


@pytest.mark.parametrize("word", ["1", "1.0", "true", "TRUE", " yes ", "right", "Correct", "pass"])
def test_words_for_right(word: str) -> None:
    assert to_score(word) == 1.0


@pytest.mark.parametrize("word", ["0", "0.0", "false", "No", "wrong", "incorrect", "FAILED"])
def test_words_for_wrong(word: str) -> None:
    assert to_score(word) == 0.0


@pytest.mark.parametrize("cell", [1.01, -0.01, "nan", math.nan, math.inf, "2", "maybe", "", None])
def test_no_score(cell: object) -> None:
    with pytest.raises(ValueError, match=r"must be a score in \[0, 1\]"):
        to_score(cell)

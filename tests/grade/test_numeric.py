import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.answer import Ungraded
from tailqa.grade.numeric import Numeric


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The answer is 42.", "42"),
        ("12-8=4", "4"),
        ("12-8", "8"),
        ("so x = -8", "-8"),
        ("(3)-8", "8"),
        ("−7 °C", "-7"),
        ("-$1,234.50", "-1234.5"),
        ("$-5", "-5"),
        ("costs 1,234,567 in all", "1234567"),
        ("1,2,3", "3"),
        ("1\u202f234", "1234"),
        ("12345,678", "678"),
        ("version 1.2.3", "1.2"),
        (".5", "0.5"),
        ("it is...7", "7"),
        ("area 5 m2", "5"),
        ("72 (from CO2)", "72"),
        ("答案是5", "5"),
        ("3–5", "5"),
        ("1.5e3", "1500"),
        ("2E-2", "0.02"),
        ("1.2 × 10^5", "120000"),
        (r"1.2 \times 10^{-2}", "0.012"),
        ("6×10²³", "6e23"),
        ("3*10⁻²", "0.03"),
        ("3/4", "0.75"),
        ("1 1/2 cups", "1.5"),
        ("-1 1/2", "-1.5"),
        (r"\boxed{\frac{3}{4}}", "0.75"),
        ("12/05/2024", "2024"),
        ("50%", "50"),
        (r"50\%", "50"),
        ("#### 18", "18"),
        ("_5_", "5"),
        ("٤٢", "42"),
        ("5 x 3 = 15", "15"),
    ],
)
def test_the_last_number_is_read(correct, text, value):
    assert correct("numeric", text, value)
    assert not correct("numeric", text, f"{value}1")


def test_whole_numbers_beyond_float_are_told_apart(correct):
    assert correct("numeric", "123456789012345678", "123456789012345678")
    assert not correct("numeric", "123456789012345679", "123456789012345678")


def test_equal_fractions_are_equal(correct):
    assert correct("numeric", "2/6", "1/3")
    assert not correct("numeric", "1/4", "3/4")


def test_percent_as_a_fraction(correct):
    assert correct("numeric", "50%", "0.5", percent="fraction")
    assert not correct("numeric", "50%", "0.5")


@pytest.mark.parametrize(
    ("options", "text", "right"),
    [
        ({}, "10.001", False),
        ({"absolute_tolerance": 0.1}, "10.1", True),
        ({"absolute_tolerance": 0.1}, "10.11", False),
        ({"relative_tolerance": 0.01}, "9.9", True),
        ({"relative_tolerance": 0.01}, "9.89", False),
        ({"absolute_tolerance": 1, "relative_tolerance": 0.01}, "11", True),
    ],
)
def test_tolerance(correct, options, text, right):
    assert correct("numeric", text, "10", **options) is right


def test_relative_tolerance_is_of_the_size_of_a_negative_reference(correct):
    assert correct("numeric", "-99", "-100", relative_tolerance=0.01)


def test_pattern_takes_the_first_number_after_its_last_find(judge):
    text = "#### 3\nQ: next\n#### 7 of 9"
    assert judge("numeric", [text], ["7"], pattern="####").extracted == "7"
    assert judge("numeric", ["so 7"], ["7"], pattern="####").scores == (0.0,)


@pytest.mark.parametrize("text", ["", "no number", "3/0", "1e999999999999999999999", "m2", "NaN"])
def test_an_answer_without_a_number_is_wrong_unless_told_otherwise(judge, text):
    assert judge("numeric", [text], ["3"]).scores == (0.0,)
    graded = judge("numeric", ["3", text], ["3"], unparsed="ungraded")
    assert graded == Ungraded(reason="attempt 1: the answer holds no number where one was expected")


def test_references_without_a_number_leave_the_query_ungraded(judge):
    assert isinstance(judge("numeric", ["3"], ["three"]), Ungraded)
    assert judge("numeric", ["3"], ["three", "3"]).correct


@given(st.integers(-(10**40), 10**40), st.sampled_from(["{}", "{:,}", "so {:,}.", "${:_}"]))
def test_any_whole_number_is_read_back(number, frame):
    text = frame.format(number).replace("_", "\u202f")
    assert Numeric().mark(text, (str(number),)).score == 1
    assert Numeric().mark(text, (str(number + 1),)).score == 0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_is_read_back(number):
    assert Numeric().mark(f"x = {number!r}", (str(number),)).score == 1


@given(st.integers(-999, 999), st.integers(1, 999))
def test_any_fraction_is_read_back(over, under):
    tolerant = Numeric(relative_tolerance=1e-15)
    assert tolerant.mark(f"{over}/{under}", (repr(over / under),)).score == 1


@given(st.text(alphabet="0123456789.,-+eE/% x^{}$×⁻¹²\\frac\u202f "))
def test_nothing_that_looks_like_a_number_raises(text):
    assert Numeric().mark(text, ("1",)).score in (0.0, 1.0)


@pytest.mark.parametrize(
    "unit", ["1", "1,", "1,111", "-", "1/", "1 ", "1e", "a1", "\\frac{1}", "."]
)
def test_a_very_long_answer_takes_no_long_time(unit):
    started = time.perf_counter()
    Numeric().mark(unit * (100_000 // len(unit)), ("1",))
    # By the square of its length it would take hours.
    assert time.perf_counter() - started < 30

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.cost.pipeline import amdahl, erlang_c
from tailqa.cost.speculative import break_even_acceptance, speculative_speedup, speculative_tokens


@pytest.mark.parametrize(("fraction", "speedup", "whole"), [(0.6, 4, 1.818), (0.9, 10, 5.263)])
def test_amdahl(fraction, speedup, whole):
    assert round(amdahl(fraction, speedup), 3) == whole


@pytest.mark.parametrize(("servers", "load", "waits"), [(2, 1.5, 0.6429), (4, 3, 0.5094)])
def test_erlang_c(servers, load, waits):
    assert round(erlang_c(servers, load), 4) == waits


@given(st.integers(1, 60), st.floats(0, 0.999))
def test_erlang_c_against_its_definition(servers, utilisation):
    load = utilisation * servers
    last = load**servers / math.factorial(servers) / (1 - load / servers)
    total = sum(load**k / math.factorial(k) for k in range(servers)) + last
    assert erlang_c(servers, load) == pytest.approx(last / total, rel=1e-9)


def test_erlang_c_with_a_thousand_servers_does_not_overflow():
    assert 0 < erlang_c(1000, 950) < 1


@pytest.mark.parametrize(
    ("acceptance", "length", "price", "speedup"),
    [
        (0.75, 7, 0.02, 3.157),
        (0.80, 7, 0.04, 3.251),
        (0.82, 7, 0.11, 2.497),
        (0.65, 5, 0.02, 2.402),
        (0.73, 5, 0.04, 2.619),
        (0.74, 3, 0.11, 2.025),
    ],
)
def test_published_speedups(acceptance, length, price, speedup):
    assert round(speculative_speedup(acceptance, length, price), 3) == speedup


@pytest.mark.parametrize(
    ("acceptance", "length", "tokens"), [(0.8, 5, 3.69), (0.9, 10, 6.86), (1, 4, 5), (0, 4, 1)]
)
def test_published_tokens(acceptance, length, tokens):
    assert round(speculative_tokens(acceptance, length), 2) == tokens


def test_forty_percent_is_one_special_case():
    assert break_even_acceptance(5, 0.132) == pytest.approx(0.4, abs=1e-3)
    assert (break_even_acceptance(5, 0), break_even_acceptance(5, 1)) == (0, 1)


@given(st.integers(1, 20), st.floats(0, 1))
def test_the_speedup_at_break_even_is_one(length, price):
    assert speculative_speedup(
        break_even_acceptance(length, price), length, price
    ) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: amdahl(1.2, 2), r"fraction must lie in \[0, 1\]"),
        (lambda: amdahl(0.5, 0), "speedup must be above 0"),
        (lambda: erlang_c(0, 0), "servers must be a whole number of at least 1"),
        (lambda: erlang_c(2, 2), "offered_load must lie in .* no steady state"),
        (lambda: erlang_c(2, -1), "offered_load must lie in"),
        (lambda: speculative_tokens(1.1, 2), r"acceptance must lie in \[0, 1\]"),
        (lambda: speculative_tokens(0.5, 0), "draft_length must be a whole number of at least 1"),
        (lambda: speculative_speedup(0.5, 2, -1), "draft_cost must be at least 0"),
        (lambda: break_even_acceptance(2, 1.1), r"draft_cost must lie in \[0, 1\]"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()

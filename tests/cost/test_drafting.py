"""Verifications against a walk and a long random text; limits against a simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.estimate import Estimate, TooFew
from tailqa.cost.drafting import draft_length_of, verification_counts
from tailqa.cost.speculative import break_even_acceptance, speculative_speedup, speculative_tokens


def about(value, low, high, n=200):
    return Estimate(value=value, low=low, high=high, level=0.95, method="", n=n)


def walked(accepted, length):
    """Verifications of one text, by doing them; `accepted` holds 0 and 1."""
    place, n = 0, 0
    while place < len(accepted):
        drafts = list(accepted[place : place + length])
        place += (drafts.index(0) if 0 in drafts else length) + 1
        n += 1
    return n


@given(st.lists(st.lists(st.integers(0, 1), max_size=40), max_size=6), st.integers(1, 9))
def test_counts_equal_a_walk_through_each_text(texts, length):
    counts = verification_counts([np.array(text, dtype=float) for text in texts], length)
    assert counts.tolist() == [walked(text, length) for text in texts]


def test_chances_give_the_mean_of_many_walks():
    rng = np.random.default_rng(4)
    chances = rng.uniform(0.3, 1, size=25)
    walks = [walked((rng.random(25) < chances).astype(int), 4) for _ in range(4000)]
    error = np.std(walks) / np.sqrt(len(walks))
    assert verification_counts([chances], 4)[0] == pytest.approx(np.mean(walks), abs=4 * error)


@pytest.mark.parametrize(("acceptance", "length"), [(0.75, 7), (0.8, 5), (0.65, 1), (1.0, 3)])
def test_a_long_text_of_equal_chances_follows_leviathans_formula(acceptance, length):
    n = 60_000
    [count] = verification_counts([np.full(n, acceptance)], length)
    assert n / count == pytest.approx(speculative_tokens(acceptance, length), rel=1e-3)


def test_clumped_rejections_take_more_verifications_than_independent_ones():
    apart = np.tile([1.0, 1, 1, 0], 3000)
    clumped = np.sort(apart.reshape(-1, 40), axis=1).ravel()
    [many], [few] = (verification_counts([text], 4) for text in (clumped, apart))
    assert (len(apart) / many, len(apart) / few) == (2.5, 4)
    assert 2.5 < speculative_tokens(0.75, 4) < 4


def test_an_empty_text_takes_none():
    assert verification_counts([np.array([]), np.array([0.0])], 3).tolist() == [0, 1]
    assert verification_counts([], 3).tolist() == []


@pytest.mark.parametrize(
    ("accepted", "length", "message"),
    [
        ([np.array([1.2])], 2, r"accepted must hold chances in \[0, 1\]"),
        ([np.array([np.nan])], 2, r"accepted must hold chances in \[0, 1\]"),
        ([np.array([1.0])], 0, "draft_length must be a whole number of at least 1"),
    ],
)
def test_bad_arguments(accepted, length, message):
    with pytest.raises(ValueError, match=message):
        verification_counts(accepted, length)


def test_the_row_holds_the_closed_forms_at_their_limits():
    row = draft_length_of(
        5,
        acceptance=about(0.8, 0.7, 0.9),
        draft_cost=about(0.1, 0.08, 0.13),
        tokens=about(3.5, 3.4, 3.6),
    )
    assert row.formula_tokens.value == pytest.approx(3.69, abs=5e-3)
    assert row.formula_tokens.low == speculative_tokens(0.7, 5)
    assert row.formula_speedup.value == pytest.approx(speculative_speedup(0.8, 5, 0.1))
    assert row.break_even.value == break_even_acceptance(5, 0.1)
    assert (row.break_even.low, row.break_even.high) == tuple(
        break_even_acceptance(5, cost) for cost in (0.08, 0.13)
    )
    assert row.speedup.value == pytest.approx(3.5 / 1.5)
    assert row.tokens.low / row.tokens.value == pytest.approx(
        row.formula_tokens.low / row.formula_tokens.value
    )


@pytest.mark.parametrize(
    ("acceptance", "draft_cost", "clears"),
    [
        (about(0.8, 0.7, 0.9), about(0.1, 0.08, 0.13), "yes"),
        (about(0.4, 0.35, 0.45), about(0.132, 0.12, 0.15), "unclear"),
        (about(0.2, 0.15, 0.25), about(0.3, 0.28, 0.33), "no"),
        (about(0.99, 0.98, 1.0), about(1.3, 1.2, 1.4), "no"),
        (about(0.8, 0.7, 0.9), TooFew(reason="speed was not measured", n=0), None),
    ],
)
def test_whether_the_acceptance_clears_the_break_even(acceptance, draft_cost, clears):
    row = draft_length_of(5, acceptance=acceptance, draft_cost=draft_cost, tokens=about(2, 1.9, 2))
    assert row.clears == clears


def test_a_dear_draft_has_no_break_even_and_what_is_missing_says_why():
    dear = draft_length_of(
        2, acceptance=about(0.9, 0.8, 1), draft_cost=about(1.1, 0.9, 1.3), tokens=about(2.5, 2, 3)
    )
    assert isinstance(dear.break_even, TooFew)
    assert "drafting never pays" in dear.break_even.reason
    near = draft_length_of(
        2, acceptance=about(0.9, 0.8, 1), draft_cost=about(0.9, 0.8, 1.1), tokens=about(2.5, 2, 3)
    )
    assert near.break_even.high == pytest.approx(1)
    nothing = TooFew(reason="fidelity was not measured", n=0)
    bare = draft_length_of(2, acceptance=nothing, draft_cost=about(0.3, 0.2, 0.4), tokens=nothing)
    assert bare.tokens == bare.speedup == bare.formula_speedup == nothing
    assert bare.break_even.value == pytest.approx(break_even_acceptance(2, 0.3))


def test_tokens_stay_between_one_and_the_draft_and_its_successor():
    row = draft_length_of(
        1, acceptance=about(1, 0.8, 1), draft_cost=about(0.1, 0.1, 0.2), tokens=about(1.9, 0.5, 2.5)
    )
    assert (row.tokens.low, row.tokens.high) == (1, 2)


def test_the_speedup_covers_its_truth():
    """600 pairs of normal estimates: both uncertainties are in the interval, nominal .95."""
    rng = np.random.default_rng(8)
    truth, covered = speculative_speedup(0.7, 4, 0.3), 0
    for _ in range(600):
        alpha, cost = rng.normal(0.7, 0.02), rng.normal(0.3, 0.015)
        row = draft_length_of(
            4,
            acceptance=about(alpha, alpha - 1.96 * 0.02, alpha + 1.96 * 0.02),
            draft_cost=about(cost, cost - 1.96 * 0.015, cost + 1.96 * 0.015),
            tokens=about(2, 2, 2),
        )
        covered += row.formula_speedup.low <= truth <= row.formula_speedup.high
    assert 0.925 <= covered / 600 <= 0.975

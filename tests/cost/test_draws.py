"""Intervals from draws: where there are none, and why."""

import pytest

from tailqa.core.estimate import Estimate, TooFew
from tailqa.core.operations import OptionCost
from tailqa.cost.draws import CERTAIN, certain, figure_of, from_draws, ratio_of, varying

ALIKE, APART = (0.5,) * 40, tuple(0.4 + i / 200 for i in range(40))


def option(figure, value, draws, *, method="", n=40):
    low, high = min(draws), max(draws)
    found = Estimate(value=value, low=low, high=high, level=0.95, method=method, n=n)
    return OptionCost(option="student", scope="", figures={figure: found}, draws={figure: draws})


@pytest.mark.parametrize(
    ("n", "units", "reason"),
    [
        (1, None, "1 query, 10 needed"),
        (9, None, "9 queries, 10 needed"),
        (40, 9, "9 clusters, 10 needed"),
        (10, None, None),
    ],
)
def test_ten_units_are_the_least(n, units, reason):
    found = from_draws(0.5, APART, level=0.95, n=n, units=units)
    assert found.n == n
    assert (found.reason if isinstance(found, TooFew) else None) == reason


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        ("attempts", "0.5 as measured, and no resample differs"),
        ("uncaught", "50 % as measured, and no resample differs"),
        ("prompt_tokens", None),
        ("usd_per_query", None),
    ],
)
def test_what_counts_answers_has_no_interval_without_width(figure, said):
    alike = option(figure, 0.5, ALIKE)
    for found in (
        varying(from_draws(0.5, ALIKE, level=0.95, n=40), figure),
        figure_of(alike, figure, level=0.9),
    ):
        assert (found.reason if isinstance(found, TooFew) else None) == said
    assert isinstance(figure_of(option(figure, 0.5, APART), figure, level=0.9), Estimate)


def test_a_ratio_of_counts_that_never_differ_is_none():
    """Both models were right on the same queries: the ratio is 1 in every resample."""
    same = option("resolved", 0.5, APART)
    found = ratio_of(same, same, "resolved", level=0.95)
    assert found == TooFew(reason="1 as measured, and no resample differs", n=40)
    assert ratio_of(same, same, "given_up", level=0.95).reason == "it was not computed"
    tokens = option("prompt_tokens", 0.5, APART)
    assert ratio_of(tokens, tokens, "prompt_tokens", level=0.95).high == 1.0


def test_what_is_certain_stays_so_at_any_level_and_for_any_number():
    one = certain(1.0, level=0.95, n=3)
    made = OptionCost(
        option="student", scope="", figures={"attempts": one}, draws={"attempts": (1.0,) * 40}
    )
    assert varying(one, "attempts") == one
    assert figure_of(made, "attempts", level=0.9) == certain(1.0, level=0.9, n=3)
    assert ratio_of(made, made, "attempts", level=0.9) == certain(1.0, level=0.9, n=3)
    assert one.method == CERTAIN

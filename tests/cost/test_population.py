import numpy as np
import pytest

from tailqa.cost.lengths import token_means
from tailqa.cost.population import (
    Tried,
    TriedQuery,
    population,
    posterior,
    query_weights,
    right_share,
    stratum_fits,
)


def tried(right, prompt=10.0, completion=4.0):
    return Tried(right=right, prompt_tokens=prompt, completion_tokens=completion)


def people(per_query, *, units=None, strata=("head", "tail"), weights=(0.8, 0.2)):
    """`per_query`: (stratum, teacher's outcomes, student's outcomes) of each query."""
    queries = [
        TriedQuery(
            id=f"q{index}",
            stratum=stratum,
            unit=units[index] if units else f"q{index}",
            teacher=tuple(tried(right) for right in teacher),
            student=tuple(tried(right, 8, 2 + index) for right in student),
        )
        for index, (stratum, teacher, student) in enumerate(per_query)
    ]
    return population(queries, strata, weights)


def drawn(n, a, b, attempts, rng):
    chances = rng.beta(a, b, n)
    return [(0, (True,), tuple(rng.random(attempts) < p)) for p in chances] + [
        (1, (True,), (True,))
    ]


def test_tokens_stay_with_their_attempt_and_right_ones_come_first():
    query = TriedQuery(
        id="q",
        stratum=0,
        unit="q",
        teacher=(tried(False, 3, 9), tried(True, 5, 1), tried(True, 5, 3)),
        student=(tried(False, 4, 2),),
    )
    found = population([query], ["head"], [1.0])
    assert found.teacher.completion_tokens.tolist() == [1, 3, 9]
    assert [float(mean[0]) for mean in token_means(found.teacher)] == [5, 2, 3, 9]
    # A query that was never right lends the tokens of its wrong attempts.
    assert [float(mean[0]) for mean in token_means(found.student)] == [4, 2, 4, 2]


def one_query(index, right, wrong, *, stratum=0):
    """Tokens of the student's right and wrong attempts at one query."""
    attempts = (*(tried(True, 5, n) for n in right), *(tried(False, 5, n) for n in wrong))
    teacher = (tried(True, 5, 1),)
    return TriedQuery(
        id=f"q{index}", stratum=stratum, unit=f"q{index}", teacher=teacher, student=attempts
    )


def test_an_attempt_of_a_kind_never_seen_is_longer_by_what_the_other_queries_show():
    shown = [one_query(i, (10, 30), (30 + i,)) for i in range(5)]  # 160 / 100 on the five
    unseen = [one_query(5, (10, 20), ()), one_query(6, (), (16,)), one_query(7, (30,), ())]
    # A stratum with too few of its own goes by all.
    unseen.append(one_query(8, (10,), (), stratum=1))
    found = population([*shown, *unseen], ["head", "tail"], [1.0, 1.0]).student
    assert found.unseen_length.tolist() == pytest.approx([*[1.0] * 5, 1.6, 1 / 1.6, 34 / 30, 1.6])
    _, right, _, wrong = token_means(found)
    assert wrong[5:].tolist() == pytest.approx([24, 16, 34, 16])
    assert right[5:].tolist() == pytest.approx([15, 10, 30, 10])


def test_without_enough_queries_of_both_kinds_an_unseen_attempt_is_as_long_as_the_seen():
    found = population(
        [*(one_query(i, (10,), (30,)) for i in range(4)), one_query(4, (10,), ())], ["a"], [1.0]
    )
    assert found.student.unseen_length.tolist() == [1.0] * 5


def test_units_are_resampled_together_and_strata_keep_their_number_of_units():
    units = ["a", "a", "b", "b", "c", "d", "e", "f"]
    cohort = people([(0, (1,), (1,))] * 4 + [(1, (1,), (0,))] * 4, units=units)
    weights = query_weights(cohort, 500, np.random.default_rng(1))
    assert (weights[0] == 1).all()
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 3]).all()
    assert (weights[:, [0, 2]].sum(axis=1) == 2).all()
    assert (weights[:, 4:].sum(axis=1) == 4).all()
    assert weights[1:].std(axis=0).min() > 0.5


def test_the_posterior_shrinks_towards_the_stratum_and_has_its_mean():
    rng = np.random.default_rng(7)
    cohort = people(drawn(400, 2.0, 1.0, 3, rng))
    weights = np.ones((1, cohort.n))
    fits = stratum_fits(cohort, "student", weights)
    a, b = (values[0, :400] for values in posterior(cohort, "student", fits))
    share = right_share(cohort, "student")[:400]
    # The prior's mean is the mean of the posteriors at the maximum of the likelihood.
    prior = fits[0, 0, 0] / fits[0, 0].sum()
    assert (a / (a + b)).mean() == pytest.approx(prior, abs=0.005)
    assert prior == pytest.approx(2 / 3, abs=0.05)
    assert ((a / (a + b))[share == 0] > 0).all()
    assert ((a / (a + b))[share == 1] < 1).all()
    # A stratum that was always right has no fit.
    assert np.isnan(fits[0, 1]).all()


def test_an_assumed_icc_takes_the_stratums_success_rate():
    cohort = people([(0, (1,), (0,)), (0, (1,), (1,)), (1, (1,), (1,))])
    fits = stratum_fits(cohort, "student", np.ones((1, 3)), icc=0.25)
    assert fits[0, 0].tolist() == pytest.approx([1.5, 1.5])
    independent = stratum_fits(cohort, "student", np.ones((1, 3)), icc=0.0)
    assert independent[0, 0].sum() == pytest.approx(1e4)
    assert np.isnan(stratum_fits(cohort, "student", np.ones((1, 3)))).all()


def test_lengths_of_a_trace_keep_what_the_models_differ_by():
    cohort = people([(0, (1, 1), (1,)), (1, (1,), (0,))]).with_lengths(100, 50)
    assert cohort.teacher.prompt_tokens.tolist() == [100, 100, 100]
    assert cohort.teacher.completion_tokens.tolist() == [50, 50, 50]
    assert cohort.student.prompt_tokens.tolist() == [80, 80]
    assert cohort.student.completion_tokens.tolist() == [50 * 2 / 4, 50 * 3 / 4]


def test_a_stratum_without_queries_is_named():
    with pytest.raises(ValueError, match="not so tail"):
        people([(0, (1,), (1,))])

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.estimate import Estimate, TooFew
from tailqa.stats import crossover, median_ratio, speed_of

SPEEDS = st.sampled_from(["slower", "faster", "unclear", "unmeasured"])


@given(st.dictionaries(st.integers(1, 99), SPEEDS, min_size=1, max_size=8))
def test_runs_cover_every_batch_size_once_and_in_order(speeds):
    runs = crossover(speeds)
    judged = {size: run.speed for run in runs for size in speeds if run.first <= size <= run.last}
    assert judged == speeds
    assert [run.first for run in runs] == sorted(run.first for run in runs)
    assert all(one.speed != other.speed for one, other in pairwise(runs))


def test_a_student_that_is_slower_up_to_batch_4():
    teacher = {1: 10.0, 4: 14.0, 8: 20.0, 16: 40.0}
    student = {1: 16.0, 4: 16.0, 8: 20.0, 16: 20.0}
    noise = np.random.default_rng(0).normal(1, 0.01, size=(2, 9))
    speeds = {
        size: speed_of(median_ratio(student[size] * noise[0], teacher[size] * noise[1]))
        for size in teacher
    }
    assert speeds == {1: "slower", 4: "slower", 8: "unclear", 16: "faster"}
    assert [(run.speed, run.first, run.last) for run in crossover(speeds)] == [
        ("slower", 1, 4),
        ("unclear", 8, 8),
        ("faster", 16, 16),
    ]


def test_the_interval_holds_as_often_as_it_says():
    rng = np.random.default_rng(7)
    true, held = 1.2, 0
    for _ in range(1000):
        # Both are slowed alike in one repeat of four; their own noise is heavy-tailed.
        drift = np.where(rng.random(9) < 0.25, 3.0, 1.0)
        teacher = drift * np.exp(0.1 * rng.standard_t(3, 9))
        student = true * drift * np.exp(0.1 * rng.standard_t(3, 9))
        ratio = median_ratio(student, teacher)
        held += ratio.low <= true <= ratio.high
    assert held / 1000 >= 0.945


@pytest.mark.parametrize(
    ("low", "high", "speed"),
    [(1.01, 1.2, "slower"), (0.8, 0.99, "faster"), (0.9, 1.1, "unclear"), (1.0, 1.2, "unclear")],
)
def test_an_interval_with_1_in_it_shows_no_difference(low, high, speed):
    ratio = Estimate(value=(low + high) / 2, low=low, high=high, level=0.95, method="", n=6)
    assert speed_of(ratio) == speed


def test_too_few_repeats_say_nothing():
    ratio = median_ratio([2.0] * 5, [1.0] * 5)
    assert isinstance(ratio, TooFew)
    assert speed_of(ratio) == "unmeasured"


@pytest.mark.parametrize(("student", "teacher"), [([1.0], [1.0, 2.0]), ([0.0], [1.0])])
def test_times_that_do_not_pair_or_are_not_positive_are_refused(student, teacher):
    with pytest.raises(ValueError, match="time"):
        median_ratio(student, teacher)

"""What an attempt spends, in resamples too that lack attempts of a kind."""

from types import SimpleNamespace

import numpy as np
import pytest

from tailqa.cost.line import Rules
from tailqa.cost.load import load_pipeline
from tailqa.cost.offered import Setting
from tailqa.cost.population import Tried, TriedQuery, population
from tailqa.cost.scene import Scene
from tailqa.cost.spending import per_attempt


def tried(*attempts):
    """Attempts at one query, each (right, completion tokens), of prompts of 10 tokens."""
    return tuple(
        Tried(right=right, prompt_tokens=10.0, completion_tokens=float(n)) for right, n in attempts
    )


def spent_of(per_query, weights):
    """Tokens of right and of wrong attempts of the student, by resample."""
    queries = [
        TriedQuery(id=f"q{i}", stratum=0, unit=f"q{i}", teacher=tried((True, 1)), student=attempts)
        for i, attempts in enumerate(per_query)
    ]
    people = population(queries, ["head"], [1.0])
    scene = Scene(people=people, weights=np.array(weights, dtype=float), fits={}, speeds={})
    # All that is read of a prediction where tokens are asked for.
    setting = Setting(option="student", stations=(), rules=Rules(), rate=None)
    predicted = SimpleNamespace(setting=setting)
    found = per_attempt(scene, predicted, "tokens_per_resolved", load_pipeline("chat"))
    return found.right[:, 0].tolist(), found.wrong[:, 0].tolist()


def test_a_resample_without_a_wrong_attempt_takes_those_that_were_measured():
    queries = [tried((True, 2)), tried((True, 4)), tried((False, 30)), tried((False, 50))]
    right, wrong = spent_of(queries, [[1, 1, 1, 1], [2, 2, 0, 0], [0, 0, 1, 3], [3, 0, 1, 0]])
    assert right == pytest.approx([13, 13, 13, 12])
    assert wrong == pytest.approx([50, 50, 55, 40])


def test_where_no_attempt_was_wrong_one_takes_what_all_take():
    right, wrong = spent_of([tried((True, 2)), tried((True, 4))], [[1, 1], [2, 0], [0, 2]])
    assert right == wrong == pytest.approx([13, 12, 14])

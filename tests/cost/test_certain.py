"""Which counts follow from the pipeline alone."""

import numpy as np
import pytest

from tailqa.cost.certain import Size, certain_figures, size_of
from tailqa.cost.line import Rules
from tailqa.cost.offered import Setting
from tests.cost.test_population import people

PERSON = {"escalate_to": "person"}
CERTAIN = {
    "one attempt": ({}, {"attempts": 1.0, "uncaught": 0.0, "escalated": 0.0}),
    "retries": ({"max_attempts": 3}, {"uncaught": 0.0, "escalated": 0.0}),
    "a verifier that lets errors pass": (
        {"false_accepts": 0.2},
        {"attempts": 1.0, "escalated": 0.0},
    ),
    "a verifier that lets everything pass": (
        {"max_attempts": 3, "false_accepts": 1.0},
        {"attempts": 1.0, "given_up": 0.0, "escalated": 0.0},
    ),
    "a verifier that lets nothing pass": (
        {"max_attempts": 3, "sensitivity": 0.0},
        {"attempts": 3.0, "resolved": 0.0, "uncaught": 0.0, "given_up": 1.0, "escalated": 0.0},
    ),
    "a person who errs": (PERSON | {"person_right": 0.9}, {"attempts": 1.0, "given_up": 0.0}),
    "a person who does not": (
        PERSON,
        {"attempts": 1.0, "resolved": 1.0, "uncaught": 0.0, "given_up": 0.0},
    ),
    "a teacher": ({"escalate_to": "teacher"}, {"uncaught": 0.0}),
    "a chain": ({"calls": 3}, {"uncaught": 0.0, "escalated": 0.0}),
    "a time limit": (
        {"timeout_s": 1.0, "false_accepts": 1.0, "max_attempts": 2},
        {"escalated": 0.0},
    ),
    "a time limit and a person": (
        PERSON | {"timeout_s": 1.0},
        {"attempts": 1.0, "given_up": 0.0} | {"resolved": 1.0, "uncaught": 0.0},
    ),
    "copies": ({"hedge_after_s": 0.0}, {"attempts": 1.0, "uncaught": 0.0, "escalated": 0.0}),
}


@pytest.mark.parametrize("name", CERTAIN)
def test_what_no_answer_can_change(name):
    rules, expected = CERTAIN[name]
    setting = Setting(option="student", stations=(), rules=Rules(**rules), rate=None)
    assert certain_figures(setting) == pytest.approx(expected)


def test_clusters_are_what_is_resampled():
    units = ["a", "a", "b", "c", "d", "d"]
    found = people([(0, (1,), (1,))] * 4 + [(1, (1,), (0,))] * 2, units=units)
    assert [size_of(found, column) for column in range(3)] == [
        Size(n=4, units=3),
        Size(n=2, units=1),
        Size(n=6, units=4),
    ]
    assert size_of(found) == Size(n=6, units=4)
    assert np.unique(found.unit).size == 4

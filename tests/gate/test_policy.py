import dataclasses
import importlib

import pytest

from tailqa.gate import Policy


def test_the_built_in_policy():
    assert dataclasses.asdict(Policy()) == {
        "name": "default",
        "margin": 0.05,
        "alpha": 0.05,
        "min_queries": 50,
        "teacher_floor": 0.10,
        "max_failed_rate": 0.02,
        "max_ungraded_rate": 0.02,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("margin", 0),
        ("margin", 1),
        ("margin", float("nan")),
        ("alpha", 0),
        ("alpha", 0.5),
        ("min_queries", 0),
        ("teacher_floor", -0.1),
        ("max_failed_rate", 1.1),
        ("max_ungraded_rate", float("nan")),
    ],
)
def test_bad_values_name_the_field(field, value):
    with pytest.raises(ValueError, match=f"{field} must"):
        Policy(**{field: value})


def test_public_names_are_sorted_and_there():
    # tailqa.gate is also the public function of that name, so the room is fetched as a module.
    room = importlib.import_module("tailqa.gate")
    assert list(room.__all__) == sorted(room.__all__)
    assert all(hasattr(room, name) for name in room.__all__)

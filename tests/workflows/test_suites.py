"""Suites by name: what a user typed is what their runs are called."""

import pytest

from tailqa.core.errors import InputError
from tailqa.workflows.suites import load_suite


def test_the_embedded_suite_has_the_name_that_one_types():
    assert load_suite("demo").name == "demo"


def test_runs_that_call_it_by_its_former_name_find_it():
    assert load_suite("arithmetic") == load_suite("demo")


def test_an_unknown_name_lists_the_embedded_suite_too():
    with pytest.raises(InputError, match=r"\(commonsense, demo, gsm8k-steps, popqa, reason"):
        load_suite("dmeo")

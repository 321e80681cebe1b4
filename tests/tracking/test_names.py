"""Names hold MLflow's own rules, and its databases can tell them apart."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric, _validate_param

from tailqa.tracking.content import metrics, parameters
from tailqa.tracking.names import LABEL_CHARACTERS, NAME_CHARACTERS, distinct
from tests.report.conftest import make_report, stratum

AWKWARD = st.text(st.sampled_from("aA/.: _-é\u0301ﬁ½\n\x1b💥"), max_size=6) | st.text(max_size=300)


def seen_by_a_database(name: str) -> str:
    """Without case, accents and spaces at the end, as MySQL compares by default."""
    apart = unicodedata.normalize("NFKD", name.casefold()).rstrip()
    return "".join(mark for mark in apart if not unicodedata.combining(mark))


@given(st.lists(AWKWARD, max_size=8))
def test_names_are_valid_and_distinct(labels):
    names = distinct(labels)
    assert set(names) == set(labels)
    for name in names.values():
        assert len(name) <= LABEL_CHARACTERS
        _validate_metric(f"student_time_per_output_token_s_high/{name}", 0.5, 1, 0)
        _validate_param(f"option.{name}", "0")
    assert len({seen_by_a_database(name) for name in names.values()}) == len(names)


@given(st.lists(st.from_regex(r"[a-z0-9_\-]{1,9}(/[a-z0-9_\-]{1,9})?", fullmatch=True), max_size=8))
def test_what_is_a_name_stays_as_it_is(labels):
    assert distinct(labels) == {label: label for label in labels}


def test_a_name_depends_on_what_it_collides_with_and_not_on_the_order():
    labels = ["tail/a?", "tail/a!", "Tail/A_", "x" * 400, "x" * 401]
    names = distinct(labels)
    assert names == distinct(reversed(labels))
    assert names["Tail/A_"] == "Tail/A_"
    assert names["tail/a!"] == f"tail/a__{names['tail/a!'][-8:]}"
    assert len(names["x" * 400]) == len(names["x" * 401]) == LABEL_CHARACTERS


def test_all_of_a_report_is_valid_to_mlflow():
    report = make_report([stratum("t/ä: 5 %", (9, 1, 1, 1)), stratum("t/ä: 5 !", (9, 1, 1, 1))])
    report = make_report(report.strata, latency=(), cost=())
    for name, value in metrics(report).items():
        _validate_metric(name, value, 1, 0)
    for name, text in parameters(report).items():
        assert _validate_param(name, text).value == text
    assert all(len(name) <= NAME_CHARACTERS for name in metrics(report))


def test_two_strata_of_one_spelling_keep_their_own_figures():
    strata = [stratum("t/a!", (9, 1, 0, 0)), stratum("t/a?", (5, 5, 0, 0))]
    gaps = [
        value
        for name, value in metrics(make_report(strata, latency=(), cost=())).items()
        if name.startswith("gap/")
    ]
    assert sorted(gaps) == pytest.approx([-0.5, -0.1])

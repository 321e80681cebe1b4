import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.report import Run
from tailqa.report.browser import OUTCOMES, embed, outcome_of
from tests.report.conftest import pairs, row


@pytest.mark.parametrize(
    ("teacher", "student", "outcome"),
    [
        ("right", "right", "both"),
        ("right", "wrong", "teacher_only"),
        ("wrong", "right", "student_only"),
        ("wrong", "wrong", "neither"),
        ("ungraded", "right", "ungraded"),
        ("failed", "ungraded", "failed"),
        ("right", "failed", "failed"),
    ],
)
def test_outcome(teacher: str, student: str, outcome: str) -> None:
    assert outcome_of([row("a", "s", "teacher", teacher), row("a", "s", "student", student)]) == (
        outcome
    )


def test_a_side_without_a_row_failed() -> None:
    assert outcome_of([row("a", "s", "student", "right")]) == "failed"


def test_the_first_sample_decides() -> None:
    rows = [row("a", "s", "teacher", "right"), row("a", "s", "teacher", "wrong", sample=1)]
    rows += [row("a", "s", "student", "wrong"), row("a", "s", "student", "right", sample=1)]
    assert outcome_of(rows) == "teacher_only"
    (query,) = json.loads(embed(rows).data)
    assert [sample["status"] for sample in query["student"]["samples"]] == ["wrong", "right"]


def test_flips_come_first_and_stay_when_not_all_fit(run: Run) -> None:
    everything = embed(run.answers)
    assert (everything.n_shown, everything.n_queries) == (720, 720)
    order = [query["outcome"] for query in json.loads(everything.data)]
    assert order == sorted(order, key=list(OUTCOMES).index)
    few = embed(run.answers, max_queries=232)
    assert (few.n_shown, few.n_queries) == (232, 720)
    kept = [query["outcome"] for query in json.loads(few.data)]
    assert kept == ["teacher_only"] * 229 + ["student_only"] * 3


def test_no_more_characters_than_allowed() -> None:
    rows = list(pairs("tail", (0, 3, 0, 0)))
    rows[:2] = [replace(line, text="x" * 1000) for line in rows[:2]]
    few = embed(rows, max_characters=500)
    assert few.n_shown == 2
    assert len(few.data) < 2000


TEXTS = st.text(st.characters() | st.sampled_from("<>/!-\u2028\u2029\x00\ud800\udfff\u202e\\\"'&"))


@given(TEXTS)
def test_no_text_can_leave_its_script_element(text: str) -> None:
    rows = [row("a", text, "teacher", text=text), row("a", text, "student", prompt=text)]
    data = embed(rows).data
    assert "<" not in data
    data.encode()
    (query,) = json.loads(data)
    assert query["teacher"]["samples"][0]["text"] == query["student"]["prompt"] == query["stratum"]


def test_log_probabilities_that_json_cannot_hold() -> None:
    scored = row("a", "s", "teacher", choice_logprobs=(-float("inf"), -1.5))
    (query,) = json.loads(embed([scored]).data)
    assert query["teacher"]["samples"][0]["logprobs"] == [None, -1.5]

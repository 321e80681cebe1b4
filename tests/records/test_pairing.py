"""Pairing by id and epoch: any order gives the same pairs, and what is unpaired is said."""

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailqa.core.answer import Answered, Failed, Scored, Ungraded
from tailqa.core.errors import InputError
from tailqa.records.pairing import Imported, pair_up
from tailqa.records.recording import Item
from tailqa.records.strata import StrataRule
from tests.records.conftest import item, recording

ALL = StrataRule()
keys = st.tuples(st.sampled_from("abcdef"), st.integers(1, 3))
sides = st.dictionaries(keys, st.sampled_from([0.0, 1.0]), min_size=1, max_size=12)


def imported(ours: list[Item], theirs: list[Item], **settings: object) -> Imported:
    return pair_up(recording(ours), recording(theirs, "small"), ALL, **settings)  # type: ignore[arg-type]


@given(sides, sides, st.randoms())
def test_pairs_are_those_of_a_count_by_hand(
    ours: dict[tuple[str, int], float], theirs: dict[tuple[str, int], float], order: random.Random
) -> None:
    def shuffled(side: dict[tuple[str, int], float]) -> list[Item]:
        items = [item(name, score, epoch=epoch) for (name, epoch), score in side.items()]
        order.shuffle(items)
        return items

    common = sorted(ours.keys() & theirs.keys())
    try:
        found = imported(shuffled(ours), shuffled(theirs))
    except InputError:
        assert not common
        return
    pairs = {pair.query.id: pair for pair in found.pairs}
    assert len(pairs) == len(found.pairs) == found.suite.n_queries
    by_hand: dict[str, list[tuple[float, float]]] = {}
    for key in common:
        by_hand.setdefault(key[0], []).append((ours[key], theirs[key]))
    assert pairs.keys() == by_hand.keys()
    for name, scores in by_hand.items():
        teacher, student = pairs[name].teacher_grade, pairs[name].student_grade
        assert isinstance(teacher, Scored)
        assert isinstance(student, Scored)
        assert list(zip(teacher.scores, student.scores, strict=True)) == scores
        assert len(pairs[name].teacher.attempts) == len(scores)


def test_the_order_does_not_change_the_digest_and_the_content_does() -> None:
    items = [item(n, n % 2, prompt=f"{n}?", references=("x",)) for n in range(5)]
    digest = imported(items, items).suite.digest
    assert imported(items[::-1], items).suite.digest == digest
    for change in ({"id": "9"}, {"prompt": "!"}, {"references": ("y",)}, {"choices": ("y",)}):
        changed = [replace(items[0], **change), *items[1:]]
        assert imported(changed, changed).suite.digest != digest
    other = replace(recording(items), metric="f1")
    assert pair_up(other, other, ALL).suite.digest != digest


def test_what_one_side_alone_has_is_counted_with_examples() -> None:
    ours = [item(name) for name in "abcde"] + [item("f", epoch=2)]
    theirs = [item(name) for name in "efg"]
    found = imported([*ours, item("f")], theirs)
    assert [pair.query.id for pair in found.pairs] == ["e", "f"]
    assert found.findings == (
        "4 of the teacher's 6 ids have no student's answer and are left out, e.g. a, b, c.",
        "1 of the student's 3 ids has no teacher's answer and is left out, e.g. g.",
        "1 id has epochs that only one model answered; these are left out, e.g. f.",
    )


Refused = Callable[[Callable[[], object]], list[str]]


def test_duplicates_name_both_places(faults: Refused) -> None:
    ours = [item(1), item(1, place="a.jsonl:7"), item(2, epoch=1), item(2, epoch=2)]
    theirs = [item(1), item(2, epoch=3), item(2, epoch=3, place="b.jsonl:9")]
    assert faults(lambda: imported(ours, theirs)) == [
        "a.jsonl:7: '1' is there twice, first at a.jsonl:1",
        "b.jsonl:9: '2', epoch 3, is there twice, first at a.jsonl:2",
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ("abcd", "xyz", "no id is in both models' answers: the teacher has e.g. a, b, c, the "
         "student x, y, z"),
        ("", "x", "the teacher has no answers"),
        ("a", "", "the student has no answers"),
    ],
)  # fmt: skip
def test_nothing_in_common(ours: str, theirs: str, message: str, faults: Refused) -> None:
    (found,) = faults(lambda: imported([item(n) for n in ours], [item(n) for n in theirs]))
    assert found.endswith(f": {message}")


def test_no_epoch_in_common(faults: Refused) -> None:
    (found,) = faults(lambda: imported([item("a", epoch=1)], [item("a", epoch=2)]))
    assert found.endswith("no id has an epoch that both models answered")


def test_scores_outside_their_range_come_all_at_once(faults: Refused) -> None:
    ours = [item(1, 1.5), item(2, math.nan), item(3)]
    theirs = [item(1, -1.0, place="b.eval, sample 1")]
    assert faults(lambda: imported(ours, theirs)) == [
        "a.jsonl:1: the score of 1 must lie in [0, 1] (got 1.5)",
        "a.jsonl:2: the score of 2 must lie in [0, 1] (got nan)",
        "b.eval, sample 1: the score of 1 must lie in [0, 1] (got -1.0)",
    ]


@pytest.mark.parametrize(
    ("scores", "threshold", "used", "said"),
    [
        ([0, 1, None], None, 1.0, False),
        ([0, 1], 0.3, 0.3, False),
        ([0, 0.7, 1], None, 0.5, True),
        ([0, 0.7, 1], 0.8, 0.8, True),
    ],
)
def test_from_which_score_on_an_answer_is_right(
    scores: list[float | None], threshold: float | None, used: float, said: bool
) -> None:
    items = [item(n, score) for n, score in enumerate(scores)]
    found = imported(items, items, threshold=threshold)
    assert found.threshold == used
    grades = [pair.teacher_grade for pair in found.pairs]
    assert [g.correct if isinstance(g, Scored) else None for g in grades] == [
        None if score is None else score >= used for score in scores
    ]
    assert any("counts as right from" in finding for finding in found.findings) == said


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1, math.nan])
def test_a_threshold_outside_its_range(threshold: float) -> None:
    with pytest.raises(InputError, match=r"--threshold: must lie in \(0, 1\]"):
        imported([item(1)], [item(1)], threshold=threshold)


def test_a_failure_is_no_wrong_answer_and_no_score_is_ungraded() -> None:
    ours = [item("a", epoch=1), item("a", None, epoch=2, failed=True, reason="time is up")]
    theirs = [item("a", epoch=1), item("a", None, epoch=2, reason="the judge was silent")]
    (pair,) = imported(ours, theirs).pairs
    assert isinstance(pair.teacher, Failed)
    assert (pair.teacher.reason, len(pair.teacher.attempts)) == ("time is up", 1)
    assert pair.teacher_grade is None
    assert isinstance(pair.student, Answered)
    assert pair.student_grade == Ungraded(reason="the judge was silent")


def test_recordings_of_other_things_say_so() -> None:
    ours = recording([item("a", references=("4",))], notes=("few shots differ",))
    theirs = recording(
        [item("a", references=("5",))], "small", name="other quiz", version="2", metric="f1",
        notes=("few shots differ",),
    )  # fmt: skip
    assert pair_up(ours, theirs, ALL).findings == (
        "The task is quiz for the teacher and other quiz for the student.",
        "The version of the task is 1 for the teacher and 2 for the student.",
        "The metric is exact for the teacher and f1 for the student.",
        "The references differ under 1 of 1 ids, e.g. a: the models may not have been asked the "
        "same.",
        "few shots differ",
    )

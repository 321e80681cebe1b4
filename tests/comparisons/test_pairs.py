"""The arithmetic of the comparison against the statistics it is made of."""

import random

import numpy as np
import pytest

from tailqa import stats
from tailqa.comparisons.pairs import SEED, compare_pairs

HEAD, TAIL = (190, 4, 3, 3), (110, 50, 8, 32)


def scores(cells: tuple[int, int, int, int]) -> list[tuple[int, int]]:
    both, teacher_only, student_only, neither = cells
    return [(1, 1)] * both + [(1, 0)] * teacher_only + [(0, 1)] * student_only + [(0, 0)] * neither


def two_strata() -> dict[str, list[object]]:
    rows = [(*pair, "plain") for pair in scores(HEAD)] + [(*pair, "rare") for pair in scores(TAIL)]
    random.Random(0).shuffle(rows)
    teacher, student, strata = zip(*rows, strict=True)
    return {"teacher": list(teacher), "student": list(student), "strata": list(strata)}


def values(found: object) -> tuple[object, ...]:
    assert isinstance(found, dict)
    return tuple(found[key] for key in ("value", "low", "high", "n"))


def of(measured: object) -> tuple[object, ...]:
    return tuple(getattr(measured, key) for key in ("value", "low", "high", "n"))


def test_strata_weights_and_kinds_give_what_the_statistics_give() -> None:
    found = compare_pairs(
        **two_strata(),
        weights={"plain": 0.9, "rare": 0.1},
        kinds={"plain": "head", "rare": "tail"},
        margin=0.05,
    )
    assert values(found["gap"]) == of(stats.pooled_gap([HEAD, TAIL], [0.9, 0.1]))
    assert values(found["interaction"]) == of(stats.tail_interaction(HEAD, TAIL))
    rare = found["strata"]["rare"]
    assert values(rare["gap"]) == of(stats.paired_gap(TAIL))
    assert values(rare["retention"]) == of(stats.retention(TAIL))
    assert rare["p"] == stats.mcnemar(50, 8)
    assert (found["strata"]["plain"]["outcome"], rare["outcome"]) == ("pass", "fail")
    assert found["outcome"] == "fail"
    assert found["p"] is None


def test_without_weights_the_data_are_the_traffic() -> None:
    given = two_strata()
    found = compare_pairs(**given)
    assert values(found["gap"]) == of(stats.pooled_gap([HEAD, TAIL], [0.5, 0.5]))
    assert values(found["flips"])[0] == pytest.approx(65 / 400)


def test_graded_scores_get_the_bootstrap() -> None:
    rng = np.random.default_rng(3)
    teacher = rng.random(80).tolist()
    student = (np.array(teacher) * rng.random(80)).tolist()
    found = compare_pairs(teacher, student, margin=0.05)
    expected = stats.score_gap(teacher, student, rng=np.random.default_rng(SEED))
    assert values(found["gap"]) == of(expected)
    assert found["p"] is None
    assert found["flips"]["value"] is None
    assert found["outcome"] == "fail"


def test_clusters_widen_the_interval() -> None:
    given = two_strata()
    clusters = [index // 20 for index in range(len(given["teacher"]))]
    found = compare_pairs(**given, clusters=clusters)
    plain = compare_pairs(**given)
    assert found["gap"]["low"] <= plain["gap"]["low"]
    assert found["gap"]["method"] == "clustered-jackknife-t"
    assert found["strata"]["rare"]["gap"]["method"] == "clustered-jackknife-t"


@pytest.mark.parametrize(
    ("cells", "margin", "outcome"),
    [
        ((400, 0, 0, 100), 0.05, "pass"),
        ((400, 60, 0, 40), 0.05, "fail"),
        ((40, 2, 2, 6), 0.05, "inconclusive"),
        ((100, 0, 0, 0), None, None),
    ],
)
def test_the_margin_decides(
    cells: tuple[int, int, int, int], margin: float | None, outcome: str | None
) -> None:
    teacher, student = zip(*scores(cells), strict=True)
    assert compare_pairs(teacher, student, margin=margin)["outcome"] == outcome


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teacher": []}, "no pair"),
        ({"student": [1]}, "one per pair, got 1 for 2"),
        ({"strata": ["a"]}, "strata must hold one per pair"),
        ({"teacher": [1, float("nan")]}, r"teacher's score 1 must lie in \[0, 1\]"),
        ({"student": [1.5, 0]}, r"student's score 0 must lie in \[0, 1\]"),
        ({"student": [None, 0]}, r"student's score 0 must lie in \[0, 1\]"),
        ({"margin": 0}, "margin must lie strictly between 0 and 1"),
        ({"level": 1}, "level must lie strictly between 0 and 1"),
        ({"strata": ["a", "b"], "weights": {"a": 1.0}}, "they differ in 'b'"),
        ({"strata": ["a", "b"], "weights": {"a": 0.9, "b": 0.3}}, "sum to 1"),
        ({"strata": ["a", "b"], "kinds": {"a": "head", "b": "middle"}}, "head or tail"),
        ({"student": [0.5, 0], "clusters": ["x", "y"]}, "scores of 0 and 1"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"teacher": [1, 0], "student": [1, 1]} | changes
    with pytest.raises(ValueError, match=message):
        compare_pairs(**given)  # type: ignore[arg-type]


def test_a_side_without_a_stratum_has_no_interaction() -> None:
    found = compare_pairs(**two_strata(), kinds={"plain": "tail", "rare": "tail"})
    assert found["interaction"]["reason"] == "no stratum is of the kind head"

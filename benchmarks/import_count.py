"""The cells of imported runs beside those counted from the raw files; called by imports.py."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyarrow import parquet

from tailqa.core.errors import TailqaError
from tailqa.records.inspect_ai import read_inspect
from tailqa.records.lighteval import read_lighteval
from tailqa.records.lm_eval import read_lm_eval
from tailqa.records.pairing import pair_up
from tailqa.records.recording import Recording
from tailqa.records.strata import StrataRule

SIDES = ("teacher", "student")
Outcomes = dict[str, tuple[str, bool]]
"""By question: the stratum, and whether it was right."""


def lm_eval(folder: Path, task: str, kept: str, metric: str) -> Outcomes:
    (path,) = folder.rglob(f"samples_{task}_2*.jsonl")
    rows = map(json.loads, path.read_text().splitlines())
    return {
        row["doc"]["id"]: (row["doc"]["stratum"], row[metric] == 1)
        for row in rows
        if row["filter"] == kept
    }


def inspect(folder: Path, scorer: str) -> Outcomes:
    """From what inspect's own reader said, which the run wrote beside its log."""
    scores = json.loads((folder / "scores.json").read_text())
    return {one["id"]: (one["stratum"], one[scorer] == "C") for one in scores}


def lighteval(folder: Path, task: str, metric: str) -> Outcomes:
    (path,) = folder.rglob(f"details_{task}|0_*.parquet")
    rows = parquet.read_table(path).to_pylist()
    return {
        row["doc"]["query"]: (row["doc"]["specific"]["stratum"], row["metric"][metric] == 1)
        for row in rows
    }


def cells(teacher: Outcomes, student: Outcomes) -> dict[str, tuple[int, ...]]:
    found: Counter[tuple[str, bool, bool]] = Counter()
    for key, (stratum, right) in teacher.items():
        found[stratum, right, student[key][1]] += 1
    order = ((True, True), (True, False), (False, True), (False, False))
    strata = sorted({stratum for stratum, *_ in found})
    return {name: tuple(found[name, *outcome] for outcome in order) for name in strata}


def imported(teacher: Recording, student: Recording) -> dict[str, tuple[int, ...]]:
    rule = StrataRule(column="stratum")
    found: Counter[tuple[str, bool, bool]] = Counter()
    for pair in pair_up(teacher, student, rule).pairs:
        right = tuple(grade.correct for grade in (pair.teacher_grade, pair.student_grade))
        found[pair.query.stratum, *right] += 1
    order = ((True, True), (True, False), (False, True), (False, False))
    strata = sorted({stratum for stratum, *_ in found})
    return {name: tuple(found[name, *outcome] for outcome in order) for name in strata}


def count(work: Path) -> None:
    runs: list[tuple[str, Callable[[str], Outcomes], Callable[[str], Recording]]] = []

    def add(title: str, by_hand: Any, read: Any) -> None:
        runs.append((title, by_hand, read))

    for task, kept, metric in (
        ("arithmetic", "last-number", "exact_match"),
        ("arithmetic_choice", "none", "acc"),
        ("arithmetic_choice", "none", "acc_norm"),
    ):
        add(
            f"lm-eval {task}, {metric}",
            lambda side, t=task, k=kept, m=metric: lm_eval(work / "lm-eval" / side, t, k, m),
            lambda side, t=task, k=kept, m=metric: read_lm_eval(
                work / "lm-eval" / side, tasks=[t], filter_name=k, metric=m
            ),
        )
    for scorer in ("pattern", "includes"):
        add(
            f"inspect arithmetic, {scorer}",
            lambda side, s=scorer: inspect(work / "inspect" / side, s),
            lambda side, s=scorer: read_inspect(
                next((work / "inspect" / side).glob("*.eval")), scorer=s
            ),
        )
    for task, metric in (("worded_arithmetic", "em_suffix"), ("worded_arithmetic_choice", "acc")):
        add(
            f"lighteval {task}, {metric}",
            lambda side, t=task, m=metric: lighteval(work / "lighteval" / side, t, m),
            lambda side, t=task, m=metric: read_lighteval(
                work / "lighteval" / side, tasks=[f"{t}|0"], metric=m
            ),
        )
    for title, by_hand, read in runs:
        ours = imported(*(read(side) for side in SIDES))
        theirs = cells(*(by_hand(side) for side in SIDES))
        print(f"{title}: {'the same' if ours == theirs else 'DIFFERENT'}")
        for name in theirs:
            print(f"  {name:18} by hand {theirs[name]}  imported {ours.get(name)}")
        if ours != theirs:
            raise TailqaError(title)

"""Synthetic histories: students whose accuracy is known by stratum and week."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from tailqa.core.digest import digest
from tailqa.core.estimate import Estimate
from tailqa.core.history import (
    KeptAnswer,
    KeptFigure,
    KeptQuery,
    KeptRun,
    KeptStratum,
    Marks,
    NewRun,
)
from tailqa.core.weekly import Weekly
from tailqa.workflows.weekly import run_weekly
from tailqa.workflows.weekly_choice import WeeklyOptions

FIRST = date(2026, 8, 31)
HEAD, TERMS, STEPS = "head/plain", "tail/terminology", "tail/steps"
WEIGHTS = {HEAD: 0.6, TERMS: 0.3, STEPS: 0.1}
FACETS = {
    "student": "sha-0",
    "teacher": "sha-teacher",
    "data": "demo 1 abc",
    "template": "t1",
    "tokenizer": "k1",
    "dtype": "float32",
    "engine": "torch 2.8",
    "settings": "seed 0",
    "versions": "transformers 5.0",
    "hardware": "4 cores",
}
MARKS = {1: "1", 0: "0", -1: "f", -2: "u"}


def monday(week: int) -> date:
    return FIRST + timedelta(weeks=week)


def steady(
    n_weeks: int,
    n: int = 100,
    *,
    seed: int = 0,
    drops: Mapping[str, tuple[int, float]] | None = None,
    flip: float = 0.03,
) -> list[dict[str, np.ndarray]]:
    """Per week the marks of the student: of each stratum 85 % are right, a few flip every week.

    `drops` says from which week on which share of a stratum's right answers is lost for good.
    """
    rng = np.random.default_rng(seed)
    able = {name: rng.random(n) < 0.85 for name in WEIGHTS}
    order = {name: rng.random(n) for name in WEIGHTS}
    weeks = []
    for week in range(n_weeks):
        marks = {}
        for name, right in able.items():
            at, share = (drops or {}).get(name, (n_weeks, 0.0))
            lost = (order[name] < share) & (week >= at)
            marks[name] = ((right & ~lost) ^ (rng.random(n) < flip)).astype(int)
        weeks.append(marks)
    return weeks


def new_run(
    week: int,
    marks: Mapping[str, Sequence[int]],
    *,
    build: str | None = None,
    facets: Mapping[str, str] | None = None,
    day: int = 2,
    student: str = "org/student",
    suite: str = "demo",
    cluster_size: int = 0,
    figures: tuple[KeptFigure, ...] = (),
    skip: int = 0,
    margin: float | None = 0.05,
) -> NewRun:
    """A run on a Wednesday; the teacher is right on nine of ten. The first `skip` are not asked."""
    build = f"build-{week}" if build is None else build
    strata, queries, answers = [], [], []
    for name, given in marks.items():
        counts = {"11": 0, "10": 0, "01": 0, "00": 0, "f": 0, "u": 0}
        for number, mark in enumerate(given):
            if number < skip:
                continue
            query_id = f"{name}-{number:04}"
            teacher = int(number % 10 != 0)
            key = MARKS[int(mark)]
            counts[key if key in "fu" else f"{teacher}{key}"] += 1
            cluster = f"{name} {number // cluster_size}" if cluster_size else None
            queries.append(
                KeptQuery(
                    query_id=query_id,
                    stratum=name,
                    cluster=cluster,
                    prompt=f"Question {number} of {name}?",
                    references=("yes",),
                )
            )
            said = "yes" if mark == 1 else f"no, says {build}"
            answers += [
                KeptAnswer(query_id=query_id, side="teacher", mark=str(teacher), text="yes"),
                KeptAnswer(query_id=query_id, side="student", mark=key, text=said),
            ]
        strata.append(
            KeptStratum(
                name=name,
                kind="head" if name == HEAD else "tail",
                tier="supporting" if name == HEAD else "critical",
                weight=WEIGHTS[name],
                both=counts["11"],
                teacher_only=counts["10"],
                student_only=counts["01"],
                neither=counts["00"],
                failed=counts["f"],
                ungraded=counts["u"],
                margin=margin,
            )
        )
    day_of = monday(week) + timedelta(days=day)
    kept = KeptRun(
        run=digest([student, suite, str(day_of), build, str(marks)]),
        name=f"{day_of}_{build}",
        date=day_of.isoformat(),
        student=student,
        build=build,
        teacher="org/teacher",
        suite=suite,
        suite_version="1",
        suite_digest="abc",
        facets=FACETS | {"student": f"sha-{build}"} | dict(facets or {}),
        verdict="pass",
        policy="default",
        policy_digest=None,
        n_queries=len(queries),
        seed=0,
        tailqa_version="0.1.0",
        format_version=1,
        strata=tuple(strata),
        figures=figures,
    )
    return NewRun(kept=kept, queries=tuple(queries), answers=tuple(answers))


def tokens(value: float) -> KeptFigure:
    measured = Estimate(
        value=value, low=value - 2, high=value + 2, level=0.95, method="clustered-t", n=300
    )
    return KeptFigure(
        scope="all traffic", who="student", figure="tokens_per_query", measured=measured
    )


class MemoryHistory:
    """A history in memory, for all that a weekly report reads."""

    def __init__(self, *runs: NewRun) -> None:
        self.new = {new.kept.run: new for new in runs}

    def runs(
        self,
        student: str | None = None,
        suite: str | None = None,
        since: str | None = None,
        until: str | None = None,
        *,
        figures_since: str | None = None,
    ) -> tuple[KeptRun, ...]:
        return tuple(
            replace(
                new.kept, figures=new.kept.figures if new.kept.date >= (figures_since or "") else ()
            )
            for new in self.new.values()
            if student in {None, new.kept.student}
            and suite in {None, new.kept.suite}
            and (since or "") <= new.kept.date <= (until or "9999")
        )

    def marks(self, runs: Sequence[str]) -> Marks:
        queries = {q.query_id: q for run in runs for q in self.new[run].queries}

        def row(run: str, side: str) -> bytes:
            marks = {a.query_id: a.mark for a in self.new[run].answers if a.side == side}
            return "".join(marks.get(query_id, ".") for query_id in queries).encode()

        return Marks(
            runs=tuple(runs),
            query_ids=tuple(queries),
            strata=tuple(q.stratum for q in queries.values()),
            clusters=tuple(q.cluster for q in queries.values()),
            student=tuple(row(run, "student") for run in runs),
            teacher=tuple(row(run, "teacher") for run in runs),
        )

    def queries(self, run: str, query_ids: Sequence[str]) -> tuple[KeptQuery, ...]:
        known = {q.query_id: q for q in self.new[run].queries}
        return tuple(known[query_id] for query_id in query_ids if query_id in known)

    def answers(self, run: str, query_ids: Sequence[str]) -> tuple[KeptAnswer, ...]:
        asked = set(query_ids)
        return tuple(a for a in self.new[run].answers if a.query_id in asked)


SHARES = tuple(weight / sum(WEIGHTS.values()) for weight in WEIGHTS.values())


def weekly(runs: Sequence[NewRun], last: int | None = None, **given: object) -> Weekly:
    """The report in the week of the last run."""
    last = len(runs) - 1 if last is None else last
    options = {"today": monday(last) + timedelta(days=4), "since": "52w"} | given
    return run_weekly(MemoryHistory(*runs), WeeklyOptions(**options))  # type: ignore[arg-type]


def runs_of(weeks: Sequence[Mapping[str, Sequence[int]]], **given: object) -> list[NewRun]:
    return [new_run(number, marks, **given) for number, marks in enumerate(weeks)]  # type: ignore[arg-type]


def of_scope(found, scope):
    return [item for item in found if item.scope == scope]


def broken(at=6, n_weeks=12, drop=0.3, **facets):
    weeks = steady(n_weeks, 200, drops={TERMS: (at, drop)})
    return [
        new_run(k, marks, build="same", facets=facets if k >= at else {})
        for k, marks in enumerate(weeks)
    ]

"""Runs whose costs can be worked out by hand, and a bench beside them."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from tailqa.core.answer import Side
from tailqa.core.bench import Times
from tailqa.core.report import AnswerRow, LatencySummary, Run
from tailqa.cost.schema import Pipeline
from tailqa.workflows.cost import run_operations
from tests.report.conftest import latency, make_report, row, stratum

SIDES: tuple[Side, Side] = ("teacher", "student")
PROMPT = 4
FEW = 8
PER_TOKEN_S: Mapping[Side, float] = {"teacher": 0.010, "student": 0.003}


def benchmark(name: str) -> ModuleType:
    """The script of that name in benchmarks/, which is no package."""
    folder = Path(__file__).parents[2] / "benchmarks"
    if name not in sys.modules:
        spec = util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def answers(
    name: str,
    side: Side,
    right: Sequence[Sequence[bool]],
    tokens: int | tuple[int, int],
    clusters: Sequence[str] | None = None,
) -> list[AnswerRow]:
    """One row per attempt of every query; `tokens` of an answer, or of a right and a wrong one."""
    right_tokens, wrong_tokens = (tokens, tokens) if isinstance(tokens, int) else tokens
    return [
        row(
            f"{name}-{index}",
            name,
            side,
            "right" if is_right else "wrong",
            sample=sample,
            cluster=None if clusters is None else clusters[index],
            prompt_tokens=PROMPT,
            completion_tokens=right_tokens if is_right else wrong_tokens,
        )
        for index, attempts in enumerate(right)
        for sample, is_right in enumerate(attempts)
    ]


def once(right: int, wrong: int) -> list[list[bool]]:
    """One attempt at each of so many queries."""
    return [[True]] * right + [[False]] * wrong


def made(
    rows: Sequence[AnswerRow],
    *,
    weights: Mapping[str, float],
    per_token_s: Mapping[Side, float] | None = PER_TOKEN_S,
    base_s: float = 0.0,
    clusters: Sequence[str] = (),
) -> Run:
    """A run of these answers, each timed at `base_s` and `per_token_s` per completion token."""
    strata = [
        stratum(
            name,
            (1, 0, 0, 0),
            kind="head" if name.startswith("head") else "tail",
            weight=weight,
            clusters=dict.fromkeys(clusters, (1, 0, 0, 0)),
        )
        for name, weight in weights.items()
    ]
    speeds = per_token_s or {}
    times = [timed(rows, side, base_s, seconds) for side, seconds in speeds.items()]
    return Run(
        report=make_report(strata, latency=tuple(times), operations=None), answers=tuple(rows)
    )


def timed(
    rows: Sequence[AnswerRow], side: Side, base_s: float, per_token_s: float
) -> LatencySummary:
    mine = [line for line in rows if line.side == side and line.sample == 0]
    counts = tuple(int(line.completion_tokens or 0) for line in mine)
    return replace(
        latency("head", side, 1.0, 1),
        raw_completion_tokens=counts,
        raw_answer_s=tuple(base_s + per_token_s * n for n in counts),
        raw_first_token_s=(0.0,) * len(mine),
        raw_query_ids=tuple(line.query_id for line in mine),
    )


def line(**changes: Any) -> Pipeline:
    """Generation alone and a perfect verifier: one attempt, one client; with `changes`."""
    values: dict[str, Any] = {
        "name": "line",
        "stages": [{"name": "generation", "model": True}],
        "arrivals": {"kind": "closed", "clients": 1},
    }
    return Pipeline.model_validate(values | changes)


class Benched:
    """What a prediction reads of a bench of the models of `made`: seconds per token by batch size,
    where they differ by length of the prompt for each, and prompts in no time.
    """

    created, repeats, seed = "2026-11-25", 2, 0

    def __init__(self, *per_token_s: Mapping[int, float], lengths: Sequence[int] = (PROMPT,)):
        self.cells = [
            SimpleNamespace(times=self._times(side, size, seconds, prompt))
            for side in SIDES
            for prompt, measured in zip(lengths, per_token_s, strict=True)
            for size, seconds in measured.items()
        ]

    def model(self, side: Side) -> SimpleNamespace:
        report = make_report()
        return SimpleNamespace(info=report.teacher if side == "teacher" else report.student)

    @staticmethod
    def _times(side: Side, size: int, seconds: float, prompt: int) -> Times:
        marks = tuple(seconds * i for i in range(1, 6))
        return Times(side=side, batch_size=size, prompt_tokens=prompt, token_s=(marks, marks))


def two_strata(*, teacher, student, tokens, weights=(0.8, 0.2), **changes):
    """Rates as (right, wrong) per stratum and side, `tokens` per side, one attempt each."""
    names = ("head", "tail")
    rows = [
        answer
        for side, rates, n in (("teacher", teacher, tokens[0]), ("student", student, tokens[1]))
        for name, (right, wrong) in zip(names, rates, strict=True)
        for answer in answers(name, side, once(right, wrong), n)
    ]
    return made(rows, weights=dict(zip(names, weights, strict=True)), **changes)


PLAIN = {"teacher": [(20, 0), (10, 10)], "student": [(18, 2), (4, 16)], "tokens": (6, 4)}
"""Tokens with the prompt's 4: teacher 10, student 8."""


def costed(run, pipeline, **options):
    return run_operations(run, pipeline, **({"resamples": FEW} | options))

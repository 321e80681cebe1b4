"""Runs of two models whose truth is known, for what measures the cost model.

Every query has its own chance of a right answer on both models (Beta by stratum, joined by a
Gaussian copula, so that hard queries are hard for both), its own lengths, wrong answers run longer,
and times follow tokens with lognormal noise.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from tailqa.core.answer import Side
from tailqa.core.estimate import TooFew
from tailqa.core.report import (
    AnswerRow,
    Fingerprint,
    LatencySummary,
    ModelInfo,
    OverallResult,
    Report,
    Run,
    StratumResult,
    SuiteInfo,
    Verdict,
)

Floats = np.ndarray
UNKNOWN = TooFew(reason="of no use here", n=0)
TOGETHER = 0.6
"""Correlation of the two models' chances on the normal scale."""

NOISE = 0.1


@dataclass(frozen=True, kw_only=True)
class Traits:
    """One model on one stratum: chances ~ Beta(a, b), mean tokens of its right answers."""

    a: float
    b: float
    tokens: float
    times_longer_if_wrong: float = 1.4


STRATA = {"head": ("head", 0.85), "tail": ("tail", 0.15)}
TRAITS: dict[tuple[str, Side], Traits] = {
    ("head", "teacher"): Traits(a=9.0, b=0.8, tokens=30),
    ("head", "student"): Traits(a=6.0, b=0.9, tokens=32),
    ("tail", "teacher"): Traits(a=3.0, b=0.8, tokens=40),
    ("tail", "student"): Traits(a=1.2, b=0.9, tokens=48),
}
SPEED: dict[Side, tuple[float, float, float]] = {
    "teacher": (0.010, 0.00040, 0.010),
    "student": (0.004, 0.00010, 0.003),
}
"""Seconds of an answer: base, per prompt token, per completion token."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Queries and what is true of them, one entry each."""

    stratum: Floats
    chance: dict[Side, Floats]
    prompt: Floats
    tokens: dict[Side, Floats]

    def draw(self, side: Side, rng: np.random.Generator, attempts: int) -> tuple[Floats, Floats]:
        """Right or not and completion tokens of each attempt, (queries, attempts)."""
        right = rng.random((len(self.stratum), attempts)) < self.chance[side][:, None]
        longer = np.array([TRAITS[name, side].times_longer_if_wrong for name in STRATA])
        factor = np.where(right, 1.0, longer[self.stratum][:, None])
        mean = self.tokens[side][:, None] * factor
        return right, np.maximum(1, np.round(mean * rng.lognormal(0, 0.15, right.shape)))


def truth(per_stratum: int, rng: np.random.Generator) -> Truth:
    """`per_stratum` queries of every stratum."""
    stratum = np.repeat(np.arange(len(STRATA)), per_stratum)
    normal = rng.multivariate_normal([0, 0], [[1, TOGETHER], [TOGETHER, 1]], len(stratum))
    uniform = stats.norm.cdf(normal)
    chance, tokens = {}, {}
    length = rng.lognormal(0, 0.3, len(stratum))
    for column, side in enumerate(("teacher", "student")):
        of = [TRAITS[name, side] for name in STRATA]
        a, b, mean = (np.array([getattr(t, k) for t in of]) for k in ("a", "b", "tokens"))
        chance[side] = stats.beta.ppf(uniform[:, column], a[stratum], b[stratum])
        tokens[side] = mean[stratum] * length
    prompt = np.round(60 * rng.lognormal(0, 0.4, len(stratum)))
    return Truth(stratum=stratum, chance=chance, prompt=prompt, tokens=tokens)


def seconds(side: Side, prompt: Floats, completion: Floats, rng: np.random.Generator) -> Floats:
    """Times of answers alone."""
    base, per_prompt, per_completion = SPEED[side]
    noise = rng.lognormal(-(NOISE**2) / 2, NOISE, np.shape(completion))
    return (base + per_prompt * prompt + per_completion * completion) * noise


def synthetic_run(*, per_stratum: int, attempts: int, timed: int, rng: np.random.Generator) -> Run:
    """A run of `per_stratum` queries, `attempts` each, `timed` of them timed on both models."""
    known = truth(per_stratum, rng)
    rows, latency = [], []
    for side in ("teacher", "student"):
        right, completion = known.draw(side, rng, attempts)
        for index, stratum in enumerate(known.stratum):
            rows += [
                _row(
                    query_id=f"q{index}",
                    stratum=list(STRATA)[stratum],
                    side=side,
                    sample=sample,
                    right=bool(right[index, sample]),
                    tokens=(int(known.prompt[index]), int(completion[index, sample])),
                )
                for sample in range(attempts)
            ]
        for code, name in enumerate(STRATA):
            chosen = np.flatnonzero(known.stratum == code)[:timed]
            answers = completion[chosen, 0]
            took = seconds(side, known.prompt[chosen], answers, rng)
            latency.append(_latency(name, side, [f"q{i}" for i in chosen], took, answers))
    return Run(report=_report(tuple(latency)), answers=tuple(rows))


def _row(*, query_id, stratum, side, sample, right, tokens) -> AnswerRow:
    return AnswerRow(
        query_id=query_id,
        stratum=stratum,
        cluster=None,
        side=side,
        sample=sample,
        status="right" if right else "wrong",
        prompt="",
        references=(),
        choices=(),
        text="",
        extracted=None,
        score=None,
        reason=None,
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
        finish_reason="stop",
        choice_logprobs=None,
    )


def _latency(name, side, ids, took, completion) -> LatencySummary:
    return LatencySummary(
        stratum=name,
        side=side,
        batch_size=1,
        time_to_first_token_s=UNKNOWN,
        time_per_output_token_s=UNKNOWN,
        answer_s=UNKNOWN,
        answer_p95_s=UNKNOWN,
        completion_tokens=UNKNOWN,
        raw_first_token_s=tuple(took / 3),
        raw_answer_s=tuple(took),
        raw_completion_tokens=tuple(int(n) for n in completion),
        raw_query_ids=tuple(ids),
    )


def _report(latency: tuple[LatencySummary, ...]) -> Report:
    model = ModelInfo(
        name="teacher",
        revision=None,
        weights_digest=None,
        tokenizer_digest=None,
        template_digest=None,
        architecture=None,
        n_parameters=None,
        dtype="float32",
        device="none",
        engine="synthetic",
    )
    strata = tuple(
        StratumResult(
            name=name,
            kind=kind,
            tier="critical",
            weight=weight,
            both=0,
            teacher_only=0,
            student_only=0,
            neither=0,
            failed=0,
            ungraded=0,
            gap=UNKNOWN,
            retention=UNKNOWN,
            flips=UNKNOWN,
            teacher_accuracy=UNKNOWN,
            student_accuracy=UNKNOWN,
            mcnemar_p=None,
        )
        for name, (kind, weight) in STRATA.items()
    )
    return Report(
        teacher=model,
        student=model,
        suite=SuiteInfo(
            name="synthetic", version="1", digest="", source="", task="generate", n_queries=0
        ),
        strata=strata,
        overall=OverallResult(gap=UNKNOWN, teacher_accuracy=UNKNOWN, student_accuracy=UNKNOWN),
        interaction=UNKNOWN,
        latency=latency,
        cost=(),
        verdict=Verdict(outcome="inconclusive", reasons=(), requirements=(), policy=""),
        findings=(),
        fingerprint=Fingerprint(versions={}, options={}, hardware=""),
        seed=0,
        created="",
    )

"""Reports and answers from explicit cells, with estimates written by hand."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from tailqa.core.answer import Side
from tailqa.core.estimate import Cells, Estimate, TooFew
from tailqa.core.query import Kind
from tailqa.core.report import (
    AnswerRow,
    CostSummary,
    Fingerprint,
    LatencySummary,
    ModelInfo,
    Outcome,
    OverallResult,
    Report,
    Requirement,
    Run,
    StratumResult,
    SuiteInfo,
    Verdict,
)

NONE = TooFew(reason="no graded pair", n=0)


def estimate(
    value: float, low: float, high: float, n: int = 180, method: str = "tango"
) -> Estimate:
    return Estimate(value=value, low=low, high=high, level=0.95, method=method, n=n)


def around(value: float, spread: float, n: int, method: str = "wilson") -> Estimate:
    return estimate(value, max(0.0, value - spread), min(1.0, value + spread), n, method)


def stratum(
    name: str,
    cells: Cells,
    *,
    kind: Kind = "tail",
    weight: float = 0.06,
    spread: float = 0.04,
    **changes: object,
) -> StratumResult:
    """A stratum whose ratios follow from its cells; `spread` is half its interval."""
    both, teacher_only, student_only, _ = cells
    n = sum(cells)
    values: dict[str, object] = {"gap": NONE, "retention": NONE, "flips": NONE}
    values |= {"teacher_accuracy": NONE, "student_accuracy": NONE, "mcnemar_p": None}
    if n:
        gap = (student_only - teacher_only) / n
        teacher, student = (both + teacher_only) / n, (both + student_only) / n
        values = {
            "gap": estimate(gap, max(-1.0, gap - spread), min(1.0, gap + spread), n),
            "retention": around(student / teacher, spread, n, "delta") if teacher else NONE,
            "flips": around((teacher_only + student_only) / n, spread, n),
            "teacher_accuracy": around(teacher, 0.02, n),
            "student_accuracy": around(student, 0.03, n),
            "mcnemar_p": 1e-9 if abs(gap) > spread else 0.3123,
        }
    return StratumResult(
        name=name,
        kind=kind,
        tier="critical" if kind == "tail" else "supporting",
        weight=weight,
        both=both,
        teacher_only=teacher_only,
        student_only=student_only,
        neither=cells[3],
        failed=0,
        ungraded=0,
        **(values | changes),  # type: ignore[arg-type]
    )


def strata() -> tuple[StratumResult, ...]:
    return (
        stratum("head/plain", (172, 5, 1, 2), kind="head", weight=0.82, spread=0.03),
        stratum("tail/phrasing", (158, 20, 1, 1)),
        stratum("tail/terminology", (127, 52, 0, 1), spread=0.07),
        stratum("tail/multi-step", (17, 152, 1, 10), spread=0.055),
    )


def latency(name: str, side: Side, answer_s: float, tokens: int, n: int = 3) -> LatencySummary:
    def measured(value: float) -> Estimate:
        return estimate(value, value * 0.96, value * 1.05, 30, "order statistics")

    return LatencySummary(
        stratum=name,
        side=side,
        batch_size=1,
        time_to_first_token_s=measured(answer_s / tokens * 1.4),
        time_per_output_token_s=measured(answer_s / tokens),
        answer_s=measured(answer_s),
        answer_p95_s=measured(answer_s * 1.3),
        completion_tokens=measured(float(tokens)),
        raw_first_token_s=(0.00287,) * n,
        raw_answer_s=(answer_s,) * n,
        raw_completion_tokens=(tokens,) * n,
    )


def cost(name: str, side: Side, tokens: float, seconds: float) -> CostSummary:
    return CostSummary(
        stratum=name,
        side=side,
        tokens_per_query=estimate(tokens / 2, tokens / 2.2, tokens / 1.8),
        tokens_per_correct=estimate(tokens, tokens * 0.9, tokens * 1.12, method="bootstrap"),
        seconds_per_correct=estimate(seconds, seconds * 0.92, seconds * 1.1, 30, "bootstrap"),
    )


_SPEEDS = {
    "head/plain": ((0.0202, 9, 45.2, 0.0203), (0.0098, 9, 46.8, 0.0101)),
    "tail/phrasing": ((0.0205, 9, 46.1, 0.0206), (0.0099, 9, 52.3, 0.0112)),
    "tail/terminology": ((0.0341, 16, 58.0, 0.0343), (0.0163, 16, 82.9, 0.0235)),
    "tail/multi-step": ((0.0652, 30, 91.7, 0.0695), (0.0311, 31, 927.4, 0.3112)),
}
_MODEL = ModelInfo(
    name="demo:teacher",
    revision=None,
    weights_digest="9f2c" * 16,
    tokenizer_digest="51ab" * 16,
    template_digest=None,
    architecture="LlamaForCausalLM",
    n_parameters=2_068_480,
    dtype="float32",
    device="cpu",
    engine="transformers",
)


def verdict(results: Sequence[StratumResult], outcome: Outcome = "fail") -> Verdict:

    requirements = []
    for item in results:
        gap = item.gap
        if isinstance(gap, TooFew):
            said: Outcome = "inconclusive"
        else:
            said = "fail" if gap.high < -0.05 else "pass" if gap.low > -0.05 else "inconclusive"
        detail = f"{item.name}: the gap is judged {said} against a margin of −5.0 points"
        requirements.append(
            Requirement(
                name=f"{item.name}: gap",
                stratum=item.name,
                tier=item.tier,
                outcome=said,
                detail=detail,
            )
        )
    return Verdict(
        outcome=outcome,
        reasons=tuple(rule.detail for rule in requirements if rule.outcome != "pass"),
        requirements=tuple(requirements),
        policy="default",
        margin=0.05,
    )


def make_report(results: Sequence[StratumResult] | None = None, **changes: object) -> Report:
    """The report on the embedded pair as it may come out, with `changes`."""
    results = strata() if results is None else tuple(results)
    student = replace(_MODEL, name="demo:student", weights_digest="77d0" * 16, n_parameters=318_528)
    sides: tuple[Side, Side] = ("teacher", "student")
    values: dict[str, object] = {
        "teacher": _MODEL,
        "student": student,
        "suite": SuiteInfo(
            name="demo",
            version="1",
            digest="c0de" * 16,
            source="embedded",
            task="generate",
            n_queries=sum(item.n for item in results),
        ),
        "strata": tuple(results),
        "overall": OverallResult(
            gap=estimate(-0.0934, -0.1121, -0.0752, 720, "stratified"),
            teacher_accuracy=estimate(0.9817, 0.9702, 0.9891, 720),
            student_accuracy=estimate(0.8883, 0.8701, 0.9048, 720),
        ),
        "interaction": estimate(-0.3921, -0.4374, -0.3468, 720, "difference"),
        "latency": tuple(
            latency(name, side, answer_s, tokens)
            for name, both in _SPEEDS.items()
            for side, (answer_s, tokens, _, _) in zip(sides, both, strict=True)
        ),
        "cost": tuple(
            cost(name, side, tokens, seconds)
            for name, both in _SPEEDS.items()
            for side, (_, _, tokens, seconds) in zip(sides, both, strict=True)
        ),
        "verdict": verdict(results),
        "findings": ("The student hit the limit of generated tokens in 12 of 720 answers.",),
        "fingerprint": Fingerprint(
            versions={"python": "3.11.7", "tailqa": "0.1.0", "torch": "2.13.0"},
            options={"limit": None, "temperature": 0.0, "max_tokens": 96},
            hardware="x86_64, 2 cores",
        ),
        "seed": 0,
        "created": "2026-11-23",
    }
    return Report(**(values | changes))  # type: ignore[arg-type]


def row(
    query_id: str, name: str, side: Side, status: str = "right", **changes: object
) -> AnswerRow:
    values: dict[str, object] = {
        "query_id": query_id,
        "stratum": name,
        "cluster": None,
        "side": side,
        "sample": 0,
        "status": status,
        "prompt": f"Q: what is {query_id}?\nA:",
        "references": ("42",),
        "choices": (),
        "text": f" 6*7=42 says the {side} of {query_id}",
        "extracted": "42",
        "score": {"right": 1.0, "wrong": 0.0}.get(status),
        "reason": None,
        "prompt_tokens": 21,
        "completion_tokens": 9,
        "finish_reason": "stop",
        "choice_logprobs": None,
        "mean_logprob": -0.25,
    }
    return AnswerRow(**(values | changes))  # type: ignore[arg-type]


def pairs(name: str, cells: Sequence[int]) -> Iterator[AnswerRow]:
    """Rows of both sides for each cell: both, teacher only, student only, neither."""
    marks = (("right", "right"), ("right", "wrong"), ("wrong", "right"), ("wrong", "wrong"))
    number = 0
    for n, (teacher, student) in zip(cells, marks, strict=True):
        for _ in range(n):
            number += 1
            yield row(f"{name}-{number}", name, "teacher", teacher)
            yield row(f"{name}-{number}", name, "student", student)


@pytest.fixture
def report() -> Report:
    return make_report()


@pytest.fixture
def run(report: Report) -> Run:
    answers = [line for item in report.strata for line in pairs(item.name, item.cells)]
    return Run(report=report, answers=tuple(answers))

"""A report as MLflow's parameters and metrics."""

import math
from collections.abc import Iterator, Mapping

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import ALL_TRAFFIC
from tailqa.core.report import ModelInfo, Report
from tailqa.tracking.names import VALUE_CHARACTERS, cut, distinct

_LATENCIES = (
    "time_to_first_token_s",
    "time_per_output_token_s",
    "answer_s",
    "answer_p95_s",
)
_COSTS = ("tokens_per_query", "tokens_per_correct", "seconds_per_correct")


def parameters(report: Report) -> dict[str, str]:
    """What was compared, on what and how: names that MLflow takes, values of 1 to 500 characters.

    What is not known is left out. The policy is the one that the run itself was judged by.
    """
    suite, verdict = report.suite, report.verdict
    found: dict[str, object] = {
        **_model("teacher", report.teacher),
        **_model("student", report.student),
        "suite": suite.name,
        "suite_version": suite.version,
        "suite_digest": suite.digest,
        "suite_task": suite.task,
        "queries": suite.n_queries,
        "seed": report.seed,
        "created": report.created,
        "policy": verdict.policy,
        "policy_digest": verdict.policy_digest,
        "margin": verdict.margin,
        "hardware": report.fingerprint.hardware,
    }
    if isinstance(report.overall.gap, Estimate):
        found["interval_level"] = report.overall.gap.level
    if report.operations:
        found |= {"pipeline": report.operations.name, "pipeline_digest": report.operations.digest}
    found |= _named("option.", report.fingerprint.options)
    found |= _named("version.", report.fingerprint.versions)
    shown = {name: cut(str(value), VALUE_CHARACTERS) for name, value in found.items()}
    return {name: text for name, text in shown.items() if text and found[name] is not None}


def metrics(report: Report) -> dict[str, float]:
    """Every figure under a name that MLflow takes: `gap/tail/x`, `gap_low/tail/x`, `overall_gap`.

    Rates are in [0, 1] (gaps in [-1, 1]), other units stand in the name; `_low` and `_high` are
    the ends of the interval at the level of the parameter `interval_level`. Where there is no
    interval, there is no metric: never a zero, never NaN.
    """
    return {name: value for name, value in _figures(report) if math.isfinite(value)}


def _figures(report: Report) -> Iterator[tuple[str, float]]:
    overall = report.overall
    yield from _ends("overall_gap", overall.gap)
    yield from _ends("overall_teacher_accuracy", overall.teacher_accuracy)
    yield from _ends("overall_student_accuracy", overall.student_accuracy)
    yield from _ends("interaction", report.interaction)
    yield from _of_strata(report)
    operations = report.operations
    for option in operations.options if operations else ():
        if option.scope == ALL_TRAFFIC:
            for figure, value in option.figures.items():
                yield from _ends(f"pipeline_{option.option}_{figure}", value)


def _of_strata(report: Report) -> Iterator[tuple[str, float]]:
    names = distinct(
        [stratum.name for stratum in report.strata]
        + [speed.stratum for speed in report.latency]
        + [cost.stratum for cost in report.cost]
    )
    for stratum in report.strata:
        at = names[stratum.name]
        for count in ("n", "failed", "ungraded"):
            yield f"{count}/{at}", float(getattr(stratum, count))
        for figure in ("gap", "retention", "flips", "teacher_accuracy", "student_accuracy"):
            yield from _ends(figure, getattr(stratum, figure), at)
    for speed in report.latency:
        for figure in _LATENCIES:
            yield from _ends(f"{speed.side}_{figure}", getattr(speed, figure), names[speed.stratum])
    for cost in report.cost:
        for figure in _COSTS:
            yield from _ends(f"{cost.side}_{figure}", getattr(cost, figure), names[cost.stratum])


def _ends(figure: str, measured: Measured, at: str | None = None) -> Iterator[tuple[str, float]]:
    """The value and both ends of its interval, where there is one."""
    if isinstance(measured, Estimate):
        place = "" if at is None else f"/{at}"
        yield f"{figure}{place}", measured.value
        yield f"{figure}_low{place}", measured.low
        yield f"{figure}_high{place}", measured.high


def _model(side: str, model: ModelInfo) -> dict[str, object]:
    return {
        side: model.name,
        f"{side}_revision": model.revision,
        f"{side}_weights_digest": model.weights_digest,
        f"{side}_tokenizer_digest": model.tokenizer_digest,
        f"{side}_template_digest": model.template_digest,
        f"{side}_architecture": model.architecture,
        f"{side}_parameters": model.n_parameters,
        f"{side}_dtype": model.dtype,
        f"{side}_weights": model.weights,
        f"{side}_device": model.device,
        f"{side}_engine": model.engine,
    }


def _named(prefix: str, values: Mapping[str, object]) -> dict[str, object]:
    given = distinct(values)
    return {f"{prefix}{given[name]}": value for name, value in values.items()}

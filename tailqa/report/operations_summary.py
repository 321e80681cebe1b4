"""What a pipeline makes of the student, in one paragraph under the table of a run."""

from tailqa.core.estimate import Estimate, Measured
from tailqa.core.operations import Figure, Operations, Option
from tailqa.core.report import Report
from tailqa.report import format as shown
from tailqa.report.bench_format import ratio_interval, ratio_value
from tailqa.report.escape import one_line

_NAMES: dict[Option, str] = {
    "teacher": "the teacher",
    "student": "the student",
    "escalated": "the student with escalation",
}
_THINGS: tuple[tuple[Figure, str], ...] = (
    ("seconds_per_resolved", "time"),
    ("tokens_per_resolved", "tokens"),
    ("usd_per_resolved", "cost"),
)


def operations_summary(report: Report) -> str:
    """What is resolved and what a resolved query takes, by option; empty without a pipeline."""
    operations = report.operations
    if operations is None:
        return ""
    parts = [_option(operations, option) for option in ("student", "escalated")]
    said = "; ".join(part for part in parts if part)
    return (
        f"In the pipeline {one_line(operations.name)}, retries included, the teacher resolves "
        f"{_percent(_resolved(operations, 'teacher'))} of the queries; {said}. "
        "In full: tailqa cost RUN, or the page."
    )


def _option(operations: Operations, option: Option) -> str:
    resolved = _resolved(operations, option)
    if resolved is None:
        return ""
    ratios = {(item.option, item.figure): item.ratio for item in operations.ratios}
    known = [
        f"{ratio_value(ratio)} {ratio_interval(ratio)} times the teacher's {thing}"
        for figure, thing in _THINGS
        if isinstance(ratio := ratios.get((option, figure)), Estimate)
    ]
    takes = f" and takes {' and '.join(known)} per resolved query" if known else ""
    return f"{_NAMES[option]} {_percent(resolved)}{takes}"


def _resolved(operations: Operations, option: Option) -> Measured | None:
    cost = operations.option(option)
    return None if cost is None else cost.figures.get("resolved")


def _percent(measured: Measured | None) -> str:
    if not isinstance(measured, Estimate):
        return "an unknown share"
    return f"{shown.value(measured, shown.PERCENT)} % {shown.interval(measured, shown.PERCENT)}"

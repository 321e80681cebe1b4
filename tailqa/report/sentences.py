"""Three sentences that a manager understands: what broke, where, and what it costs.

Nothing is called a loss, a gain or a cost that the interval does not bear out.
"""

import math
from collections import Counter
from collections.abc import Sequence

from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.report import CostSummary, Report, StratumResult
from tailqa.core.words import count_of
from tailqa.report.escape import one_line
from tailqa.report.format import (
    PERCENT,
    POINTS,
    TOKENS,
    Unit,
    count,
    figure,
    interval,
    level,
    time_unit,
    times,
    value,
)
from tailqa.report.reading import cost_of, lowest_gap, reading, worst_first

_ALPHA = 0.05


def three_sentences(report: Report) -> tuple[str, str, str]:
    """What broke, where, and what it costs, for a reader who reads nothing else."""
    return (what_broke(report), where_it_broke(report), what_it_costs(report))


def what_broke(report: Report) -> str:
    """The traffic-weighted gap, and in how many strata a loss shows."""
    gap = report.overall.gap
    said = reading(gap)
    if isinstance(gap, TooFew):
        whole = f"the gap was not measured ({one_line(gap.reason)})"
    else:
        claim = {
            "worse": "the student does worse than the teacher",
            "better": "the student does better than the teacher",
            "unclear": "neither model is shown to be better",
        }[said]
        whole = f"{claim}: a gap of {figure(gap, POINTS)}"
    found = Counter(reading(stratum.gap) for stratum in report.strata)
    n = len(report.strata)
    joint = "but" if found["worse"] and said != "worse" else "and"
    lost = f"a loss shows in {found['worse']}" if found["worse"] else "no loss shows in any"
    together = _regressed(report.strata) if found["worse"] else ""
    untold = f", {found['unmeasured']} not measured" if found["unmeasured"] else ""
    strata = "stratum" if n == 1 else "strata"
    return f"Over all traffic {whole}, {joint} {lost} of {n} {strata}{together}{untold}."


def _regressed(strata: Sequence[StratumResult]) -> str:
    """In how many strata a loss is left when all are tested together."""
    adjusted = [stratum for stratum in strata if stratum.adjusted_p is not None]
    lost = [s for s in adjusted if s.adjusted_p < _ALPHA and reading(s.gap) == "worse"]  # type: ignore[operator]
    return f" ({len(lost)} with all strata tested together)" if adjusted else ""


def where_it_broke(report: Report) -> str:
    """The stratum with the largest loss that is shown, and whether the tail lost more."""
    broken = lowest_gap([item for item in report.strata if reading(item.gap) == "worse"])
    if broken is None:
        worst = lowest_gap(report.strata)
        if worst is None:
            return "Where it breaks cannot be told: no stratum has a measured gap."
        return (
            f"No stratum is shown to be broken; the lowest gap is {figure(worst.gap, POINTS)}"
            f" in {_named(worst)}."
        )
    rates = (
        f"{value(broken.student_accuracy, PERCENT)} % right against the teacher's"
        f" {value(broken.teacher_accuracy, PERCENT)} %"
    )
    tail = ""
    if reading(report.interaction) == "worse":
        more = figure(report.interaction, POINTS)
        tail = f", and the tail as a whole lost more than the head: {more}"
    lost = count_of(broken.teacher_only, "answer", "answers")
    return (
        f"It breaks most in {_named(broken)}: {rates}, {figure(broken.gap, POINTS)},"
        f" {lost} lost and {count(broken.student_only)} gained{tail}."
    )


def what_it_costs(report: Report) -> str:
    """Tokens and seconds of one right answer in the worst tail stratum, both sides."""
    ordered = worst_first(report.strata)
    if not ordered:
        return "What a right answer costs was not measured."
    name = ordered[0].name
    teacher, student = cost_of(report, name, "teacher"), cost_of(report, name, "student")
    if teacher is None or student is None:
        return f"What a right answer in {one_line(name)} costs was not measured."
    measured = [cost for of in (student, teacher) for cost in _per_right_answer(of)]
    reasons = [cost.reason for cost in measured if isinstance(cost, TooFew)]
    if len(reasons) == len(measured):
        why = one_line(", ".join(dict.fromkeys(reasons)))
        return f"What a right answer in {one_line(name)} costs is not known: {why}."
    tokens = _against(student.tokens_per_correct, teacher.tokens_per_correct, TOKENS, "many")
    unit = time_unit(student.seconds_per_correct, teacher.seconds_per_correct)
    seconds = _against(student.seconds_per_correct, teacher.seconds_per_correct, unit, "long")
    return f"One right answer in {one_line(name)} costs the student {tokens}, and {seconds}."


def _per_right_answer(cost: CostSummary) -> tuple[Measured, Measured]:
    return (cost.tokens_per_correct, cost.seconds_per_correct)


def _against(student: Measured, teacher: Measured, unit: Unit, much: str) -> str:
    what = "an unknown number of tokens" if much == "many" else "an unknown time"
    if isinstance(student, TooFew):
        known = f", the teacher {_amount(teacher, unit)}" if isinstance(teacher, Estimate) else ""
        return f"{what} ({one_line(student.reason)}){known}"
    if isinstance(teacher, TooFew):
        return f"{_amount(student, unit)}, the teacher {what} ({one_line(teacher.reason)})"
    return (
        f"{_amount(student, unit)} against the teacher's {_amount(teacher, unit)},"
        f" {_ratio(student, teacher, much)}"
        f" ({level(student)} intervals, n = {count(min(student.n, teacher.n))})"
    )


def _amount(measured: Estimate, unit: Unit) -> str:
    return f"{value(measured, unit)} {unit.symbol} {interval(measured, unit)}"


def _ratio(student: Estimate, teacher: Estimate, much: str) -> str:
    """What the two intervals allow at least: from the near end of one to that of the other."""
    if student.low > teacher.high > 0:
        return f"at least {times(student.low / teacher.high)} times as {much}"
    if 0 < student.high < teacher.low:
        return f"at least {math.floor(100 * (1 - student.high / teacher.low))} % less"
    return "no difference shown"


def _named(stratum: StratumResult) -> str:
    return f"{one_line(stratum.name)} ({PERCENT.number(stratum.weight)} % of traffic)"

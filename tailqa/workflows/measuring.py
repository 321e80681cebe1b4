"""What a rule of a policy asks for, measured: one interval at the policy's level for each."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from tailqa import stats
from tailqa.core.estimate import Estimate, Measured, TooFew
from tailqa.core.operations import Figure, Operations
from tailqa.core.report import Outcome, Report, StoppingResult, StratumResult
from tailqa.cost.draws import figure_of, ratio_of
from tailqa.gate import COST, Evidence, Policy, Rule
from tailqa.workflows.advice import fidelity_advice
from tailqa.workflows.pooling import interaction, overall_gap

_STOPPED = (
    "this run stopped early, and this test is valid only where the number of queries is fixed"
)
_NO_COST = "it was not computed; name a pipeline with --pipeline FILE"
_NO_WIDTH = "all resamples give the same, as where nothing of the kind was ever seen"
_OUTCOME: Mapping[str, Outcome] = {"pass": "pass", "fail": "fail", "undecided": "inconclusive"}


def measure(rule: Rule, report: Report, policy: Policy) -> Evidence | None:
    """What `report` holds about `rule`, tested at `policy.level`; None for prompts.

    A stratum of a run that stopped early is tested by its e-process over the outcomes in the
    order of asking, never by a test for a fixed number of queries.
    """
    if rule.stratum is None:
        return _of_all(rule, report, policy)
    result = next((item for item in report.strata if item.name == rule.stratum), None)
    if result is None:
        return None
    stopped = _stopped(report, result.name)
    if stopped is not None:
        return _sequential(rule, stopped, policy)
    if rule.quantity == "gap":
        return _gap(rule, result, policy)
    if rule.quantity == "retention":
        found = _retention(result, policy.interval_level)
    else:
        found = _score(result, policy.interval_level, report.seed)
    return Evidence(estimate=found, queries_needed=_needed(found, rule, policy))


def _of_all(rule: Rule, report: Report, policy: Policy) -> Evidence | None:
    if rule.quantity in _OVER_ALL:
        found = _over_all(rule, report, policy)
        return Evidence(estimate=found, queries_needed=_needed(found, rule, policy))
    if rule.quantity == "fidelity":
        return Evidence(estimate=_fidelity(rule, report, policy))
    return _cost(rule, report, policy) if rule.quantity in COST else None


_OVER_ALL: Mapping[str, Callable[..., Measured]] = {
    "overall gap": overall_gap,
    "interaction": interaction,
}


def _over_all(rule: Rule, report: Report, policy: Policy) -> Measured:
    if report.stopping is not None:
        return TooFew(reason=_STOPPED, n=sum(item.n for item in report.strata))
    return _OVER_ALL[rule.quantity](report.strata, level=policy.interval_level)


def _gap(rule: Rule, result: StratumResult, policy: Policy) -> Evidence:
    level, margin = policy.interval_level, -rule.limit
    needed = stats.queries_to_settle(result.cells, margin, alpha=policy.alpha)
    if not result.clusters:
        return Evidence(estimate=stats.paired_gap(result.cells, level=level), queries_needed=needed)
    clusters = tuple(result.clusters.values())
    if needed is not None:
        needed = math.ceil(needed * stats.design_effect(clusters))
    return Evidence(estimate=stats.clustered_gap(clusters, level=level), queries_needed=needed)


def _retention(result: StratumResult, level: float) -> Measured:
    if result.clusters:
        return stats.clustered_retention(tuple(result.clusters.values()), level=level)
    return stats.retention(result.cells, level=level)


def _score(result: StratumResult, level: float, seed: int) -> Measured:
    if result.graded is None:
        return TooFew(reason="its grader gives right or wrong, no scores", n=0)
    if result.clusters:
        return TooFew(reason="its queries come in clusters, for which scores have no test", n=0)
    import numpy as np

    rng = np.random.default_rng(seed)
    return stats.score_gap(result.graded.teacher, result.graded.student, level=level, rng=rng)


def _fidelity(rule: Rule, report: Report, policy: Policy) -> Measured:
    of_all = next((item for item in report.fidelity if item.scope == "all"), None)
    if of_all is None:
        return TooFew(reason=f"it was not measured; {fidelity_advice(report)}", n=0)
    found = cast(Measured, getattr(of_all, rule.key or ""))
    if isinstance(found, Estimate) and found.level < policy.interval_level:
        reason = (
            f"the run holds an interval of {100 * found.level:g} %, "
            f"the policy asks for {100 * policy.interval_level:g} %"
        )
        return TooFew(reason=reason, n=found.n)
    return found


def _cost(rule: Rule, report: Report, policy: Policy) -> Evidence:
    operations = report.operations
    if operations is None:
        return Evidence(estimate=TooFew(reason=_NO_COST, n=0))
    found = _of_option(rule, operations, policy)
    if report.stopping is not None:
        found = TooFew(reason=_STOPPED, n=found.n)
    return Evidence(
        estimate=found,
        queries_needed=_needed(found, rule, policy),
        pipeline=f"{operations.name} (digest {operations.digest[:12]})",
    )


def _of_option(rule: Rule, operations: Operations, policy: Policy) -> Measured:
    figure, level = cast(Figure, rule.key), policy.interval_level
    student, teacher = operations.option(rule.option), operations.option("teacher")
    if student is None or teacher is None:
        return TooFew(reason=f"the pipeline was not run for the option {rule.option}", n=0)
    found = figure_of(student, figure, level=level)
    if rule.quantity == "cost ratio" and isinstance(found, Estimate):
        found = figure_of(teacher, figure, level=level)
        if isinstance(found, TooFew):
            return replace(found, reason=f"of the teacher: {found.reason}")
        found = ratio_of(student, teacher, figure, level=level)
    if isinstance(found, Estimate) and found.low == found.high:
        return TooFew(reason=_NO_WIDTH, n=found.n)
    # Of so few draws even the outermost lies at no level as high as that.
    if isinstance(found, Estimate) and (operations.n_resamples + 1) * policy.alpha < 1:
        reason = f"{operations.n_resamples:,} resamples are too few for a test at {policy.level:g}"
        return TooFew(reason=reason, n=found.n)
    return found


def _stopped(report: Report, stratum: str) -> StoppingResult | None:
    strata = report.stopping.strata if report.stopping else ()
    return next((item for item in strata if item.name == stratum), None)


def _sequential(rule: Rule, stopped: StoppingResult, policy: Policy) -> Evidence:
    teacher = [letter in "bt" for letter in stopped.outcomes]
    student = [letter in "bs" for letter in stopped.outcomes]
    shown: Measured = TooFew(reason=_STOPPED, n=len(stopped.outcomes))
    if rule.quantity == "gap":
        verdict = stats.GapEProcess(-rule.limit, alpha=policy.alpha).extend(teacher, student)
        shown = stats.gap_confidence_sequence(teacher, student, level=policy.interval_level)
    elif rule.quantity == "retention":
        verdict = stats.RetentionEProcess(rule.limit, alpha=policy.alpha).extend(teacher, student)
    else:
        return Evidence(estimate=shown)
    return Evidence(estimate=shown, outcome=_OUTCOME[verdict])


def _needed(found: Measured, rule: Rule, policy: Policy) -> int | None:
    if isinstance(found, TooFew):
        return None
    return stats.queries_to_settle_estimate(found, rule.limit, alpha=policy.alpha)

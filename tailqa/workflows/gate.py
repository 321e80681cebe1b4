"""A report and a policy → a verdict."""

from collections.abc import Sequence

from tailqa import stats
from tailqa.core.estimate import Estimate
from tailqa.core.report import Report, StratumResult, Verdict
from tailqa.gate import Policy, decide


def gate(report: Report, policy: Policy | None = None) -> Verdict:
    """The verdict of `policy` (the built-in one by default) on a report."""
    return verdict_on(report.strata, policy or Policy())


def verdict_on(strata: Sequence[StratumResult], policy: Policy) -> Verdict:
    """The verdict on the strata: each critical one must pass its own one-sided test."""
    tested = {
        result.name: stats.paired_gap(result.cells, level=1 - 2 * policy.alpha)
        for result in strata
        if result.n
    }
    needed = {
        result.name: stats.noninferiority_n(result.flips.value, policy.margin, alpha=policy.alpha)
        for result in strata
        if isinstance(result.flips, Estimate) and result.flips.value > 0
    }
    return decide(strata, tested, policy, queries_needed=needed)

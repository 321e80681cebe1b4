"""A report and a policy → a verdict."""

from collections.abc import Sequence

from tailqa import stats
from tailqa.core.report import Report, StratumResult, Verdict
from tailqa.gate import Policy, decide


def gate(report: Report, policy: Policy | None = None) -> Verdict:
    """The verdict of `policy` (the built-in one by default) on a report."""
    return verdict_on(report.strata, policy or Policy())


def verdict_on(strata: Sequence[StratumResult], policy: Policy) -> Verdict:
    """The verdict on the strata: each critical one must pass its own one-sided test."""
    worst_first = sorted(strata, key=lambda r: getattr(r.gap, "value", 0.0))
    tested = {r.name: stats.paired_gap(r.cells, level=policy.level) for r in strata}
    needed = {
        r.name: stats.queries_to_settle(r.cells, policy.margin, alpha=policy.alpha) for r in strata
    }
    return decide(
        worst_first,
        tested,
        policy,
        queries_needed={name: n for name, n in needed.items() if n is not None},
    )

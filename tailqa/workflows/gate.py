"""A report and a policy → a verdict."""

from collections.abc import Sequence
from pathlib import Path

from tailqa.core.query import Stratum, Tier
from tailqa.core.report import Report, StratumResult, Verdict
from tailqa.gate import Policy, decide, load_policy, rules
from tailqa.workflows.measuring import measure

PolicyLike = Policy | str | Path | None
"""A policy, its file, the name of a shipped one, or None for the built-in one."""

UNJUDGED = Verdict(outcome="inconclusive", reasons=(), requirements=(), policy="")
"""Stands in a report until all of it is there."""


def gate(report: Report, policy: PolicyLike = None) -> Verdict:
    """The verdict of `policy` on a report, the strata with the lowest gap first.

    `policy` is a Policy, the path of a policy file or the name of a shipped one; by default the
    built-in one. Raises InputError for a policy with faults, or that names a stratum which is not
    in the report.
    """
    chosen = chosen_policy(policy, report.strata)
    worst_first = sorted(report.strata, key=lambda r: getattr(r.gap, "value", 0.0))
    tested = rules(chosen, tiers(worst_first))
    found = {rule.name: measure(rule, report, chosen) for rule in tested}
    return decide(
        chosen,
        worst_first,
        tested,
        {name: of_rule for name, of_rule in found.items() if of_rule is not None},
        noise=report.noise_floor,
        audit=report.audit if _prompts_are_known(report) else None,
    )


def tiers(strata: Sequence[Stratum] | Sequence[StratumResult]) -> dict[str, Tier]:
    """How much each stratum matters, as the suite says."""
    return {stratum.name: stratum.tier for stratum in strata}


def chosen_policy(
    policy: PolicyLike = None, strata: Sequence[Stratum] | Sequence[StratumResult] | None = None
) -> Policy:
    """The policy itself; with the `strata` of a suite or a run, one that fits them.

    Raises InputError with every fault of the policy, before anything is asked.
    """
    if not isinstance(policy, Policy):
        policy = load_policy() if policy is None else load_policy(policy)
    if strata is not None:
        rules(policy, tiers(strata))
    return policy


def _prompts_are_known(report: Report) -> bool:
    """Whether the run knows what it asked; one that another harness made does not."""
    return None not in (report.teacher.tokenizer_digest, report.student.tokenizer_digest)

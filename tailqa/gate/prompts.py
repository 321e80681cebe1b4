"""What the prompt audit found, against the shares that a policy allows."""

from collections.abc import Sequence

from tailqa.core.report import AuditFinding, Outcome, Requirement
from tailqa.core.words import count_of
from tailqa.gate.rules import Rule
from tailqa.gate.words import share_words

NOT_RECORDED = "the prompts of this run were not recorded, so nothing is known of them"


def judge_prompts(rule: Rule, audit: Sequence[AuditFinding] | None, n: int) -> Requirement:
    """The prompts of all `n` queries were looked at, so a share is counted and has no interval.

    Each finding of the kind must keep to the limit. Without a record of the prompts (`audit` is
    None) it is inconclusive.
    """
    outcome: Outcome
    if audit is None:
        outcome, words = "inconclusive", f"prompts: {NOT_RECORDED}"
    else:
        found = [item for item in audit if item.kind == rule.key]
        above = [item for item in found if item.of and item.n / item.of > rule.limit]
        outcome = "fail" if above else "pass"
        said = "; ".join(_said(item, rule.limit) for item in above or found)
        nothing = f"nothing found in {count_of(n, 'query', 'queries')}"
        words = f"prompts, {rule.key}: {said or nothing}"
    return Requirement(
        name=rule.name,
        tier=rule.tier,
        outcome=outcome,
        detail=words,
        quantity="prompts",
        limit=rule.limit,
        key=rule.key,
        n=None if audit is None else n,
    )


def _said(item: AuditFinding, limit: float) -> str:
    share, most = share_words(item.n / item.of if item.of else 0.0, limit)
    side = f"{item.side}: " if item.side else ""
    message = item.message.rstrip(".")
    return f"{side}{message} ({item.n:,} of {item.of:,} queries, {share}; at most {most})"

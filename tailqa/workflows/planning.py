"""How many queries a policy takes to be decided, before anything is asked."""

from collections import Counter

from tailqa import stats
from tailqa.core.query import PlannedStratum, Suite
from tailqa.gate import Policy, rules
from tailqa.workflows.gate import tiers


def plan(
    suite: Suite, policy: Policy, *, flip_rate: float, power: float
) -> tuple[PlannedStratum, ...]:
    """Queries there and needed per stratum, by the margin of its gap.

    `flip_rate` is the share of queries expected to flip, of a student as good as its teacher;
    `power` the chance that such a student passes each stratum. Raises InputError for a policy
    that does not fit the suite.
    """
    margins = {
        rule.stratum: -rule.limit
        for rule in rules(policy, tiers(suite.strata))
        if rule.quantity == "gap"
    }
    there = Counter(query.stratum for query in suite.queries)
    planned = []
    for stratum in suite.strata:
        margin = margins.get(stratum.name)
        needed = None
        if margin is not None:
            found = stats.noninferiority_n(flip_rate, margin, alpha=policy.alpha, power=power)
            needed = max(found, policy.of(stratum.name).min_queries)
        planned.append(
            PlannedStratum(
                name=stratum.name,
                tier=stratum.tier,
                n=there[stratum.name],
                margin=margin,
                needed=needed,
            )
        )
    return tuple(planned)

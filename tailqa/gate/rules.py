"""A policy and the strata of a run → the single rules that are tested."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tailqa.core.errors import InputError
from tailqa.core.estimate import Measured
from tailqa.core.operations import Option
from tailqa.core.query import Tier
from tailqa.core.report import Outcome, Quantity
from tailqa.gate.cost import Cost
from tailqa.gate.schema import Fidelity, Policy, Pooled

COST: tuple[Quantity, ...] = ("cost", "cost ratio")
"""A figure of an option of the pipeline, and the same over the teacher's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One requirement before it is tested; `name` is unique in a policy.

    What is measured must lie above `limit`, or below it where `above` is false: for a gap that is
    −margin. `key` says which figure or finding of its quantity is meant, where it has several;
    `option`, of a cost, how the student is used.
    """

    name: str
    quantity: Quantity
    tier: Tier
    limit: float
    above: bool = True
    stratum: str | None = None
    key: str | None = None
    option: Option = "student"


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What was found about a rule: the interval at level 1 − 2α that is held against its limit.

    `outcome` is set only where the test is not read off the interval, as in a run that stopped
    early. `queries_needed` would settle it. `pipeline` names the one that a cost was computed for.
    """

    estimate: Measured
    queries_needed: int | None = None
    outcome: Outcome | None = None
    pipeline: str | None = None


def rules(policy: Policy, tiers: Mapping[str, Tier]) -> tuple[Rule, ...]:
    """The rules for a run whose strata have the `tiers` that their suite gave them.

    In the order of `tiers`, then overall, interaction, fidelity, prompts and cost. Raises
    InputError where the policy names a stratum that is not there or leaves one without a test.

    >>> policy = Policy(name="p", defaults={"gap": {"margin": 0.05}, "retention": {"floor": 0.9}})
    >>> [(rule.name, rule.limit) for rule in rules(policy, {"tail/x": "critical"})]
    [('tail/x: gap', -0.05), ('tail/x: retention', 0.9)]
    """
    faults = policy.faults(tuple(tiers))
    if faults:
        raise InputError(faults)
    found = [rule for name, tier in tiers.items() for rule in _of_stratum(policy, name, tier)]
    return (*found, *_of_all(policy))


def _of_stratum(policy: Policy, name: str, given: Tier) -> Iterator[Rule]:
    held = policy.of(name)
    tier = given if held.tier == "suite" else held.tier
    limits: dict[Quantity, float | None] = {
        "gap": None if held.gap is None else -held.gap.margin,
        "retention": None if held.retention is None else held.retention.floor,
        "score": None if held.score is None else -held.score.margin,
    }
    for quantity, limit in limits.items():
        if limit is not None:
            yield Rule(
                name=f"{name}: {quantity}",
                quantity=quantity,
                tier=tier,
                limit=limit,
                stratum=name,
            )


def _of_all(policy: Policy) -> Iterator[Rule]:
    pooled: tuple[tuple[str, Quantity, Pooled | None], ...] = (
        ("all traffic: gap", "overall gap", policy.overall),
        ("tail against head", "interaction", policy.interaction),
    )
    for name, quantity, held in pooled:
        if held is not None:
            yield Rule(name=name, quantity=quantity, tier=held.tier, limit=-held.margin)
    if policy.fidelity is not None:
        yield from _of_fidelity(policy.fidelity)
    if policy.prompts is not None:
        for kind, most in policy.prompts.max_share.items():
            yield Rule(
                name=f"prompts: {kind}",
                quantity="prompts",
                tier=policy.prompts.tier,
                limit=most,
                above=False,
                key=kind,
            )
    if policy.cost is not None:
        yield from _of_cost(policy.cost)


def _of_fidelity(held: Fidelity) -> Iterator[Rule]:
    for key, limit in (
        ("kl", held.max_kl),
        ("same_top1", held.min_same_top1),
        ("acceptance", held.min_acceptance),
    ):
        if limit is not None:
            yield Rule(
                name=f"fidelity: {key}",
                quantity="fidelity",
                tier=held.tier,
                limit=limit,
                above=key != "kl",
                key=key,
            )


def _of_cost(held: Cost) -> Iterator[Rule]:
    subject = "cost" if held.option == "student" else f"cost, {held.option}"
    for figure, limits in held.limits.items():
        for name, limit in limits.model_dump(exclude_none=True).items():
            yield Rule(
                name=f"{subject}: {figure} {name}",
                quantity="cost ratio" if name.endswith("ratio") else "cost",
                tier=held.tier,
                limit=limit,
                above=name.startswith("min"),
                key=figure,
                option=held.option,
            )

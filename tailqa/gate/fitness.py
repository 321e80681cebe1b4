"""Whether the answers of a stratum can carry a verdict at all."""

from collections.abc import Iterable

from tailqa.core.estimate import Estimate
from tailqa.core.report import NoiseFloor, StratumResult
from tailqa.core.words import count_of
from tailqa.gate.rules import Rule
from tailqa.gate.schema import StratumPolicy
from tailqa.gate.words import share_words


def too_small(result: StratumResult, held: StratumPolicy) -> list[str]:
    """That there are too few graded queries; empty when there are enough."""
    if result.n >= held.min_queries:
        return []
    return [f"{_graded(result.n)}, at least {held.min_queries} needed"]


def few_in_all(results: Iterable[StratumResult], held: StratumPolicy) -> list[str]:
    """That all strata together have too few graded queries for a bootstrap over them."""
    n = sum(result.n for result in results)
    if n >= held.min_queries:
        return []
    return [f"{_graded(n)} in all, at least {held.min_queries} needed"]


def _graded(n: int) -> str:
    return count_of(n, "graded query", "graded queries")


def no_yardstick(result: StratumResult, held: StratumPolicy) -> list[str]:
    """What is wrong with the answers, however many there are; empty when nothing is."""
    reasons = []
    asked = result.n + result.failed + result.ungraded
    if result.n:
        accuracy = (result.both + result.teacher_only) / result.n
        if accuracy < held.teacher_floor:
            share, floor = share_words(accuracy, held.teacher_floor)
            reasons.append(
                f"the teacher is right on {share} only, floor {floor}: "
                "its answers are no yardstick here"
            )
        if held.above_chance and result.chance > 0 and not _above(result):
            share, chance = share_words(accuracy, result.chance)
            reasons.append(
                f"the teacher is right on {share}, not shown to be above the {chance} of guessing"
            )
    for what, count, limit in (
        ("failed", result.failed, held.max_failed),
        ("ungraded", result.ungraded, held.max_ungraded),
    ):
        if asked and count / asked > limit:
            share, most = share_words(count / asked, limit)
            reasons.append(f"{count} of {asked} queries {what} ({share}, at most {most})")
    return reasons


def noisy(rule: Rule, noise: NoiseFloor | None) -> list[str]:
    """That the teacher disagrees with itself more often than the margin of a gap allows."""
    if noise is None:
        return []
    share = None
    if rule.quantity == "overall gap" and isinstance(noise.overall, Estimate):
        share = noise.overall.value
    if rule.quantity == "gap":
        share = _flipped(rule.stratum, noise)
    if share is None or share <= -rule.limit:
        return []
    flips, margin = share_words(share, -rule.limit)
    return [
        f"the teacher's own answers, asked again, flip on {flips} of the queries, "
        f"more than the margin of {margin}"
    ]


def _above(result: StratumResult) -> bool:
    accuracy = result.teacher_accuracy
    return isinstance(accuracy, Estimate) and accuracy.low > result.chance


def _flipped(stratum: str | None, noise: NoiseFloor) -> float | None:
    found = (item.flipped / item.n for item in noise.strata if item.name == stratum and item.n)
    return next(found, None)

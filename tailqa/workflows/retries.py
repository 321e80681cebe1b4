"""Graded pairs with several attempts → what they tell of retries, per stratum and side."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from tailqa.core.answer import Pair, Scored, Side
from tailqa.core.query import Query, Stratum
from tailqa.core.retries import RetryResult
from tailqa.cost.attempts import measure_retries
from tailqa.cost.redrawn import AttemptCounts

_Graded = tuple[Query, Scored]


def retry_results(
    strata: Sequence[Stratum], pairs: Sequence[Pair], *, seed: int = 0
) -> tuple[RetryResult, ...]:
    """Per side the strata in their order, then all traffic; nothing where answers stand alone.

    Only queries count that both sides answered and that were graded on both sides. Where queries
    share clusters, intervals take the cluster as their unit.
    """
    sides: dict[Side, dict[str, list[_Graded]]] = {
        side: {stratum.name: [] for stratum in strata} for side in ("teacher", "student")
    }
    named: Counter[str] = Counter()
    for pair in pairs:
        query, teacher, student = pair.query, pair.teacher_grade, pair.student_grade
        if isinstance(teacher, Scored) and isinstance(student, Scored):
            sides["teacher"][query.stratum].append((query, teacher))
            sides["student"][query.stratum].append((query, student))
            named.update([query.cluster] if query.cluster else [])
    shared = any(n > 1 for n in named.values())
    results: list[RetryResult] = []
    for side, graded in sides.items():
        counts = [_counts(stratum, graded[stratum.name], shared=shared) for stratum in strata]
        if any(n > 1 for stratum in counts for n in stratum.made):
            rng = np.random.default_rng(seed)
            results += measure_retries(counts, side=side, rng=rng)
    return tuple(results)


def _counts(stratum: Stratum, graded: Sequence[_Graded], *, shared: bool) -> AttemptCounts:
    names = [query.cluster or f"query {query.id}" for query, _ in graded]
    return AttemptCounts(
        name=stratum.name,
        weight=stratum.weight,
        right=[sum(grade.corrects) for _, grade in graded],
        made=[len(grade.corrects) for _, grade in graded],
        clusters=names if shared else None,
    )

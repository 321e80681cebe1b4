"""A suite in two halves: one to predict from, one to see whether it comes true."""

from collections.abc import Sequence
from dataclasses import dataclass

from tailqa.core.errors import TailqaError
from tailqa.core.query import Query


@dataclass(frozen=True, kw_only=True)
class Halves:
    """The ids of the queries that are predicted from, and of those that are lived through."""

    fit: frozenset[str]
    held_out: frozenset[str]


def halves(queries: Sequence[Query], *, seed: int) -> Halves:
    """Two halves of about equal size in every stratum, drawn by `seed`; clusters stay together.

    The largest clusters are dealt out first, each to the half that has fewer of its stratum.
    Raises TailqaError where a stratum has only one cluster (or one query).

    >>> queries = [Query(id=f"q{n}", stratum="s", prompt="?", references=("!",), cluster=f"{n % 4}")
    ...            for n in range(40)]
    >>> found = halves(queries, seed=1)
    >>> len(found.fit), {id for id in found.fit if int(id[1:]) % 4 == 0} in (set(), {
    ...     f"q{n}" for n in range(0, 40, 4)})
    (20, True)
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    clusters: dict[str, list[Query]] = {}
    for query in queries:
        clusters.setdefault(f"c {query.cluster}" if query.cluster else f"q {query.id}", []).append(
            query
        )
    names = sorted(clusters)
    shuffled = [names[place] for place in rng.permutation(len(names))]
    shuffled.sort(key=lambda name: -len(clusters[name]))
    sizes: dict[str, list[int]] = {query.stratum: [0, 0] for query in queries}
    dealt: tuple[list[str], list[str]] = ([], [])
    for name in shuffled:
        members = clusters[name]
        lead = sum(sizes[query.stratum][0] - sizes[query.stratum][1] for query in members)
        half = int(rng.integers(2)) if lead == 0 else int(lead > 0)
        dealt[half].extend(query.id for query in members)
        for query in members:
            sizes[query.stratum][half] += 1
    for stratum, of_halves in sizes.items():
        if min(of_halves) == 0:
            raise TailqaError(
                f"the stratum {stratum} cannot be split in two halves: its {sum(of_halves)} "
                "queries are one cluster; run the comparison with more queries (--limit)"
            )
    return Halves(fit=frozenset(dealt[0]), held_out=frozenset(dealt[1]))

"""Fewer queries of a suite, and the suite in numbers."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from tailqa.core.query import Lengths, Query, StratumSummary, Suite

N_EXAMPLES = 2


def draw(suite: Suite, per_stratum: int, *, seed: int) -> Suite:
    """At most `per_stratum` queries of each stratum, in the order of the suite.

    Which ones depends on `seed` and the queries' ids alone, and a larger draw contains every
    smaller one with the same seed. The digest stays that of the whole suite. Raises ValueError
    if `per_stratum` is below 1.

    >>> from tailqa.core.query import Generation, GraderSpec, Stratum
    >>> queries = tuple(Query(id=str(n), stratum="s", prompt="?", references=("!",))
    ...                 for n in range(100))
    >>> suite = Suite(name="n", version="1", digest="d", source="", task="generate",
    ...               generation=Generation(), grader=GraderSpec(name="exact"), queries=queries,
    ...               strata=(Stratum(name="s", kind="head", weight=1.0, tier="critical"),))
    >>> ten, twenty = (draw(suite, n, seed=1).queries for n in (10, 20))
    >>> len(ten), set(ten) < set(twenty)
    (10, True)
    """
    if per_stratum < 1:
        raise ValueError(f"per_stratum must be at least 1 (got {per_stratum})")
    drawn = {
        query.id
        for members in shuffled(suite, seed=seed).values()
        for query in members[:per_stratum]
    }
    return replace(suite, queries=tuple(query for query in suite.queries if query.id in drawn))


def shuffled(suite: Suite, *, seed: int) -> dict[str, tuple[Query, ...]]:
    """The queries of each stratum in random order; the first k are those that `draw` takes.

    >>> from tailqa.suite import find_suite, load_suite
    >>> suite = load_suite(find_suite("reasoning-steps"))
    >>> {len(queries) for queries in shuffled(draw(suite, 7, seed=3), seed=3).values()}
    {7}
    """

    def rank(query: Query) -> bytes:
        return hashlib.sha256(f"{seed}:{query.id}".encode()).digest()

    members = _by_stratum(suite)
    return {name: tuple(sorted(queries, key=rank)) for name, queries in members.items()}


def describe(
    suite: Suite, *, count_tokens: Callable[[str], int] | None = None
) -> tuple[StratumSummary, ...]:
    """Counts, weights, two examples and prompt lengths of every stratum, in the suite's order.

    `count_tokens` says how many tokens a text has; the messages of a chat are joined by line
    breaks, without the marks of a template. A stratum without queries is left out.

    >>> from tailqa.suite import find_suite, load_suite
    >>> shallow = describe(load_suite(find_suite("reasoning-steps")))[0]
    >>> shallow.kind, shallow.n >= 200, len(shallow.examples)
    ('head', True, 2)
    """
    members = _by_stratum(suite)
    summaries = []
    for stratum in suite.strata:
        queries = members[stratum.name]
        if not queries:
            continue
        texts = [_text(query) for query in queries]
        summaries.append(
            StratumSummary(
                name=stratum.name,
                kind=stratum.kind,
                tier=stratum.tier,
                weight=stratum.weight,
                n=len(queries),
                examples=tuple(queries[:N_EXAMPLES]),
                characters=_lengths([len(text) for text in texts]),
                words=_lengths([len(text.split()) for text in texts]),
                tokens=_lengths([count_tokens(text) for text in texts]) if count_tokens else None,
            )
        )
    return tuple(summaries)


def _by_stratum(suite: Suite) -> dict[str, list[Query]]:
    members: dict[str, list[Query]] = {stratum.name: [] for stratum in suite.strata}
    for query in suite.queries:
        members[query.stratum].append(query)
    return members


def _text(query: Query) -> str:
    if isinstance(query.prompt, str):
        return query.prompt
    return "\n".join(message.content for message in query.prompt)


def _lengths(values: Sequence[int]) -> Lengths:
    ordered = sorted(values)
    p50, p95 = (ordered[max(0, -(-len(ordered) * share // 100) - 1)] for share in (50, 95))
    return Lengths(least=ordered[0], p50=p50, p95=p95, most=ordered[-1])

"""The queries that changed, as the page's filters get them: made visible, ordered and capped."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tailqa.core.history import KeptAnswer, Mark
from tailqa.core.weekly import QueryChange, Weekly
from tailqa.report.browser import MAX_CHARACTERS, MAX_QUERIES, Embedded, script_json
from tailqa.report.escape import visible
from tailqa.report.weekly_scopes import scopes_of
from tailqa.report.weekly_words import DIRECTIONS

MARKS: dict[Mark, str] = {
    "1": "right",
    "0": "wrong",
    "f": "failed",
    "u": "ungraded",
    ".": "not asked",
}


def embed_changed(
    weekly: Weekly,
    *,
    max_queries: int = MAX_QUERIES,
    max_characters: int = MAX_CHARACTERS,
) -> Embedded:
    """The queries newly wrong, then those newly right, each by strata as in all tables.

    A query that makes the page larger than both limits allow is left out.
    """
    kept: list[dict[str, Any]] = []
    used = 0
    for item in in_order(weekly):
        size = _size(item)
        if len(kept) < max_queries and used + size <= max_characters:
            used += size
            kept.append(_query(item))
    return Embedded(data=script_json(kept), n_shown=len(kept), n_queries=len(weekly.changed))


def in_order(weekly: Weekly) -> list[QueryChange]:
    """Newly wrong first; strata in the order of all tables, then those that lost most; as given."""
    net = _net(weekly.changed)
    place = {scope.name: i for i, scope in enumerate(scopes_of(weekly))}
    return sorted(
        weekly.changed,
        key=lambda item: (
            DIRECTIONS.index(item.direction),
            place.get(item.query.stratum, len(place)),
            -net[item.query.stratum],
        ),
    )


def strata_of(weekly: Weekly) -> tuple[tuple[str, int, int], ...]:
    """Each stratum with queries that changed: how many newly wrong, newly right; in order."""
    found = Counter((item.query.stratum, item.direction) for item in weekly.changed)
    names = dict.fromkeys(item.query.stratum for item in in_order(weekly))
    return tuple((name, found[name, "newly wrong"], found[name, "newly right"]) for name in names)


def _net(changed: Sequence[QueryChange]) -> Counter[str]:
    net: Counter[str] = Counter()
    for item in changed:
        net[item.query.stratum] += 1 if item.direction == "newly wrong" else -1
    return net


def _size(item: QueryChange) -> int:
    answers = (item.then, item.now, item.teacher)
    texts = sum(len(answer.text) for answer in answers if answer is not None)
    query = item.query
    return texts + len(query.prompt) + sum(map(len, (*query.references, *query.choices)))


def _query(item: QueryChange) -> dict[str, Any]:
    query = item.query
    return {
        "id": visible(query.query_id),
        "stratum": visible(query.stratum),
        "cluster": None if query.cluster is None else visible(query.cluster),
        "direction": item.direction,
        "prompt": visible(query.prompt),
        "references": [visible(text) for text in query.references],
        "choices": [visible(text) for text in query.choices],
        "then": _answer(item.then),
        "now": _answer(item.now),
        "teacher": None if item.teacher is None else _answer(item.teacher),
    }


def _answer(answer: KeptAnswer) -> dict[str, Any]:
    # An imported run may have outcomes without answers, of which no tokens are known either.
    tokens = (answer.prompt_tokens, answer.completion_tokens)
    recorded = bool(answer.text) or tokens != (None, None)
    return {
        "mark": MARKS.get(answer.mark, "unknown"),
        "text": visible(answer.text) if recorded else None,
        "tokens": answer.completion_tokens,
    }

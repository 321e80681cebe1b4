"""What speaks against a comparison: prompts and answers that are not what they should be.

Each finding counts queries. What is looked at on one side is looked at on the other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tailqa import suite as suite_room
from tailqa.core.answer import Pair, Side
from tailqa.core.ports import Engine
from tailqa.core.query import Suite
from tailqa.core.report import AuditExample, AuditFinding
from tailqa.core.words import count_of
from tailqa.engine import Look, look
from tailqa.workflows.asking import requests
from tailqa.workflows.audit_answers import answer_findings
from tailqa.workflows.audit_examples import example, finding
from tailqa.workflows.prompt_texts import OTHER, both_answered, compare_texts, first, loses

LOOKED_AT = 500
"""Prompts that are tokenised again, over all strata: 14,000 take ten seconds per model.

A tokenizer and a template do the same to all prompts of a kind, so some of each stratum tell.
"""

LEAST_LOOKED_AT = 10
"""Of each stratum, however many strata there are."""


def look_at(engine: Engine, suite: Suite, seed: int) -> Look:
    """What the model sees of a seeded part of the suite, while it is still open."""
    of_stratum = max(LEAST_LOOKED_AT, LOOKED_AT // len(suite.strata))
    drawn = suite_room.draw(suite, of_stratum, seed=seed)
    return look(engine, [one for one in requests(drawn, seed) if one.sample == 0])


def audit(
    suite: Suite, pairs: Sequence[Pair], looks: Mapping[Side, Look]
) -> tuple[AuditFinding, ...]:
    """The findings on prompts, then on answers; BOS and tokens need `looks`, the rest does not."""
    return (
        *(found for side in OTHER for found in _begins(side, looks)),
        *(found for side in OTHER for found in _unread(side, pairs, looks)),
        *_texts(pairs),
        *(found for side in OTHER for found in _cut(side, pairs, looks)),
        *answer_findings(suite, pairs, looks),
    )


def _begins(side: Side, looks: Mapping[Side, Look]) -> Iterator[AuditFinding]:
    own, other = looks.get(side, Look()), looks.get(OTHER[side], Look())
    # A prompt that lost its begin lost BOS with it; that is said once, as a truncation.
    whole = {query: seen for query, seen in own.prompts.items() if not seen.cut_tokens}
    doubled = [query for query, seen in whole.items() if seen.n_begins > 1]
    missing = [query for query, seen in whole.items() if not seen.n_begins]
    why = "with which its tokenizer or chat template begins a text: let the template write it."
    if not own.begins:
        theirs = {query for query, seen in other.prompts.items() if seen.n_begins}
        shared = own.begin == other.begin
        missing = [query for query in missing if shared and query in theirs]
        why = (
            f"and the {OTHER[side]}'s begins with it, though both know it: set add_bos_token alike "
            "in both tokenizers."
        )
    for queries, message in (
        (
            doubled,
            f"The {side}'s prompt begins with {own.begin} more than once, which no model is "
            "trained on: take it out of the suite's prompts, or out of the chat template.",
        ),
        (missing, f"The {side}'s prompt lacks {own.begin}, {why}"),
    ):
        shown = [example(query, whole[query].text) for query in queries]
        yield from finding("bos", side, shown, len(whole), message)


def _unread(
    side: Side, pairs: Sequence[Pair], looks: Mapping[Side, Look]
) -> Iterator[AuditFinding]:
    """Prompts that the tokenizer does not give back."""
    prompts = looks.get(side, Look()).prompts
    read = [
        (pair, prompts[pair.query.id].text)
        for pair in both_answered(pairs)
        if pair.query.id in prompts and not prompts[pair.query.id].cut_tokens
    ]
    yield from finding(
        "template",
        side,
        [
            example(pair.query.id, text)
            for pair, text in read
            if loses(text, first(pair, side).prompt)
        ],
        len(read),
        f"The {side}'s tokens, read back, are not the prompt that it was sent: its tokenizer "
        "changes or drops characters. Check that it is the tokenizer the model was trained with.",
    )


def _texts(pairs: Sequence[Pair]) -> Iterator[AuditFinding]:
    texts = compare_texts(pairs)
    found: Iterable[tuple[Side | None, list[Pair], str]] = (
        *(
            (
                side,
                texts.lost[side],
                f"The {side} was not sent all that the suite asks: its chat template leaves out or "
                "changes a part. Move what it drops (often the system message) into the user's.",
            )
            for side in OTHER
        ),
        *(
            (
                side,
                texts.bare[side],
                f"The {side} was asked without a chat template, the {other} with one: give both "
                "theirs, or ask both in plain text.",
            )
            for side, other in OTHER.items()
        ),
        (
            None,
            texts.changed,
            "The two models were sent texts that differ by more than a template: run both on the "
            "same prompts, with the same worked examples.",
        ),
    )
    for side, differing, message in found:
        shown = [_of_both(pair) if side is None else _of(pair, side) for pair in differing]
        yield from finding("template", side, shown, texts.n, message)


def _of(pair: Pair, side: Side) -> AuditExample:
    return example(pair.query.id, first(pair, side).prompt)


def _of_both(pair: Pair) -> AuditExample:
    return example(pair.query.id, *(f"{side}: {first(pair, side).prompt}" for side in OTHER))


def _cut(side: Side, pairs: Sequence[Pair], looks: Mapping[Side, Look]) -> Iterator[AuditFinding]:
    prompts = looks.get(side, Look()).prompts
    answered = both_answered(pairs)
    cut = {p.query.id: n for p in answered if (n := first(p, side).cut_tokens)}
    # Those that were tokenised again show what is left.
    shown = [
        example(query, f"{_tokens(cut[query])} cut, then: {prompts[query].text}")
        if query in prompts
        else example(query, f"{_tokens(cut[query])} cut")
        for query in sorted(cut, key=lambda query: query not in prompts)
    ]
    yield from finding(
        "truncation",
        side,
        shown,
        len(answered),
        f"The {side}'s prompt did not fit its context and lost its begin, up to "
        f"{_tokens(max(cut.values(), default=0))}, as the suite says (truncate: left); fewer shots "
        "(--num-fewshot) or a smaller max_tokens leave more room.",
    )


def _tokens(n: int) -> str:
    return count_of(n, "token", "tokens")

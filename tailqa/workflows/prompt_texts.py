"""How the texts that two models were sent for the same queries differ."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tailqa.core.answer import Answered, Attempt, Pair, Side

OTHER: Mapping[Side, Side] = {"teacher": "student", "student": "teacher"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Texts:
    """Pairs whose prompts both models' answers hold: `n` in all, and those that differ.

    `lost`: the side was not sent all contents of the query. `bare`: it was sent nothing else, and
    the other side had a template around them. `changed`: something other than a template differs.
    `framed`: the same contents, each side in a template of its own.
    """

    n: int
    lost: Mapping[Side, list[Pair]] = field(default_factory=lambda: {side: [] for side in OTHER})
    bare: Mapping[Side, list[Pair]] = field(default_factory=lambda: {side: [] for side in OTHER})
    changed: list[Pair] = field(default_factory=list)
    framed: list[Pair] = field(default_factory=list)


def both_answered(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with two answers."""
    return [
        pair
        for pair in pairs
        if isinstance(pair.teacher, Answered) and isinstance(pair.student, Answered)
    ]


def first(pair: Pair, side: Side) -> Attempt:
    """The first attempt of a side that answered."""
    return (pair.teacher if side == "teacher" else pair.student).attempts[0]


def compare_texts(pairs: Sequence[Pair]) -> Texts:
    """Sorts the queries whose texts differ; a prompt that was not written down is left out.

    White space and Unicode's forms of compatibility do not count, as templates strip and
    tokenizers normalise.
    """
    known = [p for p in both_answered(pairs) if all(first(p, side).prompt for side in OTHER)]
    texts = Texts(n=len(known))
    plain = []
    for pair in known:
        if isinstance(pair.query.prompt, str):
            plain.append(pair)
        else:
            _sort_chat(pair, [message.content for message in pair.query.prompt], texts)
    if any(first(pair, "teacher").prompt != first(pair, "student").prompt for pair in plain):
        _sort_plain(plain, texts)
    return texts


def loses(text: str, content: str) -> bool:
    """Whether `content` does not stand in `text`.

    >>> loses("<user> What is it? <end>", "What  is it?\\n"), loses("<user> What is", "What is it?")
    (False, True)
    """
    return content not in text and _bare(content) not in _bare(text)


def _sort_chat(pair: Pair, contents: Sequence[str], texts: Texts) -> None:
    sent = {side: first(pair, side).prompt for side in OTHER}
    missed = [side for side in OTHER if any(loses(sent[side], one) for one in contents)]
    for side in missed:
        texts.lost[side].append(pair)
    if missed or sent["teacher"] == sent["student"]:
        return
    framed = {side: _framed(sent[side], contents) for side in OTHER}
    for side, other in OTHER.items():
        if framed[other] and not framed[side]:
            texts.bare[side].append(pair)
            return
    texts.framed.append(pair)


def _sort_plain(pairs: Sequence[Pair], texts: Texts) -> None:
    """Texts that another harness rendered: what of them is content is not known.

    What all prompts of a side share at their begin and end is its template.
    """
    bare = {side: [_bare(first(pair, side).prompt) for pair in pairs] for side in OTHER}
    cores = {side: _cores(bare[side]) for side in OTHER}
    for index, pair in enumerate(pairs):
        teacher, student = bare["teacher"][index], bare["student"][index]
        if teacher == student:
            continue
        if teacher in student:
            texts.bare["teacher"].append(pair)
        elif student in teacher:
            texts.bare["student"].append(pair)
        elif cores["teacher"][index] == cores["student"][index]:
            texts.framed.append(pair)
        else:
            texts.changed.append(pair)


def _cores(texts: Sequence[str]) -> list[str]:
    begin = _n_shared(texts)
    rests = [text[begin:] for text in texts]
    end = _n_shared([text[::-1] for text in rests])
    return [text[: len(text) - end] for text in rests]


def _n_shared(texts: Sequence[str]) -> int:
    """Characters that all texts begin with: what the first and the last in order share."""
    lowest, highest = min(texts), max(texts)
    same = (one == other for one, other in zip(lowest, highest, strict=False))
    return next((n for n, equal in enumerate(same) if not equal), len(lowest))


def _framed(text: str, contents: Sequence[str]) -> bool:
    rest = _bare(text)
    for content in sorted(map(_bare, contents), key=len, reverse=True):
        rest = rest.replace(content, "", 1)
    return bool(rest)


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())

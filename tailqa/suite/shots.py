"""Worked examples in front of a question, and the prompt that comes of it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tailqa.core.query import Message
from tailqa.suite.plan import Item, Question
from tailqa.suite.schema import FewShot, Prompt


@dataclass(frozen=True, kw_only=True, slots=True)
class Shots:
    """Distinct worked examples: question → answer, and how `k` of them are drawn."""

    spec: FewShot
    pool: dict[str, str]
    order: tuple[str, ...]

    def short_of(self, items: Sequence[Item]) -> bool:
        """Whether some query would get fewer than `k` examples."""
        spare = len(self.pool) - self.spec.k
        return spare < 0 or (spare == 0 and any(item.question in self.pool for item in items))

    def draw(self, question: str, query_id: str) -> list[tuple[str, str]]:
        """The examples of one query, never the query itself."""
        order: Sequence[str] = self.order
        if self.spec.draw == "per_query":
            rng = random.Random(f"{self.spec.seed}:{query_id}")  # noqa: S311
            order = rng.sample(self.order, min(self.spec.k + 1, len(self.order)))
        drawn = [shot for shot in order if shot != question][: self.spec.k]
        return [(shot, self.pool[shot]) for shot in drawn]


def make_shots(spec: FewShot, items: Sequence[Item]) -> Shots:
    """Examples out of rows that were read without a fault.

    `fixed` draws the first `k` rows, or `k` at random once where it has a seed; `per_query`
    draws anew for each query, by the seed and the query's id. One more than `k` is kept ready,
    because a query never gets itself as an example.
    """
    pool: dict[str, str] = {}
    for item in items:
        if isinstance(item.question, str) and item.references:
            pool.setdefault(item.question, item.references[0])
    order = tuple(pool)
    if spec.draw == "fixed" and spec.seed is not None:
        rng = random.Random(spec.seed)  # noqa: S311 - repeatable on purpose
        order = tuple(rng.sample(order, min(spec.k + 1, len(order))))
    return Shots(spec=spec, pool=pool, order=order)


def render(prompt: Prompt, question: Question, examples: Sequence[tuple[str, str]]) -> Question:
    """The whole prompt: system text, worked examples, question.

    Plain prompts join an example's question and answer by `delimiter` and end it with
    `separator`, as lm-eval does; in a chat each is a turn.

    >>> prompt = Prompt(template="Q: {q}\\nA:", separator="\\n")
    >>> render(prompt, "Q: 3+3\\nA:", [("Q: 1+1\\nA:", "2")])
    'Q: 1+1\\nA: 2\\nQ: 3+3\\nA:'
    """
    if not isinstance(question, str):
        return question
    if prompt.style == "plain":
        system = prompt.system + prompt.separator if prompt.system else ""
        shots = (shot + prompt.delimiter + answer for shot, answer in examples)
        return system + "".join(shot + prompt.separator for shot in shots) + question
    turns = [Message(role="system", content=prompt.system)] if prompt.system else []
    for shot, answer in examples:
        turns.append(Message(role="user", content=shot))
        turns.append(Message(role="assistant", content=answer))
    return (*turns, Message(role="user", content=question))

"""One model behind a worker thread: an answer at a time, each a new draw, graded and timed."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from tailqa.core.answer import Answered, Attempt, Scored
from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded, Engine, Request
from tailqa.core.query import Generation, Message, Query
from tailqa.engine import fitted
from tailqa.grade import Grader


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """One attempt. `fault` says why there is no answer, or no grade; it is then refused."""

    right: bool
    text: str
    prompt_tokens: int
    completion_tokens: int
    fault: str | None = None


@dataclass(kw_only=True)
class Answerer:
    """Makes attempts with one model, on the worker thread of its device.

    `retry_text` is appended to the prompt of a retry, {answer} in it standing for the answer that
    was refused.
    """

    engine: Engine
    grader: Grader
    generation: Generation
    worker: ThreadPoolExecutor
    retry_text: str | None = None

    def attempt(self, query: Query, seed: str, refused: str | None = None) -> Made:
        """One attempt, drawn by `seed`; call it on the worker. Never raises ModelError."""
        prompt = query.prompt if refused is None else retry_prompt(query, self.retry_text, refused)
        request = Request(
            query_id=query.id,
            prompt=prompt,
            generation=replace(self.generation, samples=1),
            choices=query.choices,
            seed=answer_seed(seed),
        )
        attempt: Attempt | None = None
        fault: str | None = None
        try:
            encoded: Encoded = fitted(self.engine, request)
            [got] = self.engine.run([encoded])
            attempt, fault = (None, str(got)) if isinstance(got, ModelError) else (got, None)
        except ModelError as error:
            fault = str(error)
        right = False
        if attempt is not None:
            grade = self.grader.grade(query, Answered(query_id=query.id, attempts=(attempt,)))
            right = isinstance(grade, Scored) and grade.correct
            fault = None if isinstance(grade, Scored) else grade.reason
        return Made(
            right=right,
            text=said(query, attempt),
            prompt_tokens=(attempt.prompt_tokens or 0) if attempt else 0,
            completion_tokens=(attempt.completion_tokens or 0) if attempt else 0,
            fault=fault,
        )


def answer_seed(seed: str) -> int:
    """A seed of its own for every text, as the requests of a comparison have it."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:7])


def retry_prompt(query: Query, text: str | None, refused: str) -> str | tuple[Message, ...]:
    """The prompt of a retry: the query's, with `text` behind it where there is one.

    >>> query = Query(id="q", stratum="s", prompt="Q: 2 + 2\\nA:", references=("4",))
    >>> retry_prompt(query, " {answer}\\nThat is wrong.\\nA:", "5")
    'Q: 2 + 2\\nA: 5\\nThat is wrong.\\nA:'
    """
    if text is None:
        return query.prompt
    added = text.replace("{answer}", refused.strip())
    if isinstance(query.prompt, str):
        return query.prompt + added
    return (*query.prompt, Message(role="user", content=added))


def said(query: Query, attempt: Attempt | None) -> str:
    """What the attempt answered: its text, or the choice it gave the highest log-probability."""
    if attempt is None:
        return ""
    logprobs: Sequence[float] | None = attempt.choice_logprobs
    if not logprobs:
        return attempt.text
    return query.choices[max(range(len(logprobs)), key=logprobs.__getitem__)]

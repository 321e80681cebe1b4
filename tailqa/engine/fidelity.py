"""The fidelity pass: both models read the same tokens, and their logits are reduced at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from tailqa.core.answer import Failed
from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded, Engine, Progress, Request
from tailqa.core.query import Generation
from tailqa.engine.fitting import fitted

if TYPE_CHECKING:
    from torch import Tensor

    from tailqa.engine.divergence import QueryFidelity
    from tailqa.engine.local import LocalEngine

WINDOW_TOKENS = 512
"""Given texts are cut in windows of so many tokens, or of the context where that is shorter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """The token ids 0 … `size` − 1 mean the same to both models.

    `n_beyond` ids behind them are named by one tokenizer alone.
    """

    size: int
    n_beyond: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """One sequence of tokens; its last `n_scored` are compared."""

    query_id: str
    token_ids: tuple[int, ...]
    n_scored: int


def shared_vocabulary(teacher: Engine, student: Engine) -> Vocabulary:
    """What both tokenizers share; rows of padding behind it are no part of it.

    Raises ModelError where a model gives no logits, and where an id that both know stands for
    different tokens: distributions over different things cannot be compared.
    """
    ours, theirs = (
        {index: token for token, index in _local(engine).vocabulary.items()}
        for engine in (teacher, student)
    )
    size = min(max(ours), max(theirs)) + 1
    different = [index for index in range(size) if ours.get(index) != theirs.get(index)]
    if different:
        first = different[0]
        raise ModelError(
            f"the vocabularies differ: {len(different):,} of {size:,} token ids do not mean the "
            f"same, e.g. {first} is {ours.get(first)!r} to the teacher and {theirs.get(first)!r} "
            "to the student"
        )
    return Vocabulary(size=size, n_beyond=len(ours.keys() ^ theirs.keys()))


def answer_fidelity(
    teacher: Engine,
    student: Engine,
    requests: Sequence[Request],
    *,
    vocabulary: Vocabulary,
    progress: Progress,
    task: str = "fidelity",
) -> "list[QueryFidelity | Failed]":
    """Per request how the student follows the teacher over its only choice, the answer.

    In order; Failed with the reason where the answer does not fit the context, is not the same
    tokens to both models, or gives logits that are not finite. The rest goes on. No logits are
    kept: at any time there are those of a few hundred positions. Progress counts requests. Raises
    ModelError where a model gives no logits.
    """
    rows = [_row(teacher, student, request) for request in requests]
    return _run(teacher, student, rows, vocabulary=vocabulary, progress=progress, task=task)


def text_fidelity(
    teacher: Engine,
    student: Engine,
    text: str,
    *,
    vocabulary: Vocabulary,
    progress: Progress,
    task: str = "given texts",
) -> "list[QueryFidelity | Failed]":
    """The same over a text, window by window; the first token of each window is context alone.

    Where the tokenizer begins a text with a token of its own, each window begins with it, as in
    llama.cpp's perplexity tool.

    Raises ModelError where the two tokenizers do not make the same tokens of the text.
    """
    request = Request(query_id="", prompt=text, generation=Generation())
    ours, theirs = teacher.encode(request).token_ids, student.encode(request).token_ids
    if ours != theirs:
        raise ModelError("the two tokenizers make different tokens of the given texts")
    begin = _begin(teacher, ours)
    ours = ours[len(begin) :]
    size = min(WINDOW_TOKENS, _context_tokens(teacher, student) or WINDOW_TOKENS) - len(begin)
    windows = (ours[start : start + size] for start in range(0, len(ours), size))
    rows: list[_Row | Failed] = [
        _Row(query_id=f"window {number}", token_ids=begin + window, n_scored=len(window) - 1)
        for number, window in zip(count(1), windows, strict=False)
        if len(window) > 1
    ]
    return _run(teacher, student, rows, vocabulary=vocabulary, progress=progress, task=task)


def _run(
    teacher: Engine,
    student: Engine,
    rows: Sequence[_Row | Failed],
    *,
    vocabulary: Vocabulary,
    progress: Progress,
    task: str,
) -> "list[QueryFidelity | Failed]":
    fit = [row for row in rows if isinstance(row, _Row)]
    made: list[QueryFidelity | Failed] = []
    progress.start(task, len(rows))
    try:
        progress.advance(task, len(rows) - len(fit))
        for row, found in zip(
            fit, _measure(_local(teacher), _local(student), fit, vocabulary.size), strict=True
        ):
            made.append(found)
            progress.advance(task, 1, row.n_scored)
    finally:
        progress.finish(task)
    in_order = iter(made)
    return [row if isinstance(row, Failed) else next(in_order) for row in rows]


def _measure(
    teacher: "LocalEngine", student: "LocalEngine", rows: Sequence[_Row], size: int
) -> "Iterator[QueryFidelity | Failed]":
    """In order. Where a forward pass fails, what is left is run again in halves."""
    ids, counts = [row.token_ids for row in rows], [row.n_scored for row in rows]
    n_done = 0
    try:
        chunks = zip(
            teacher.next_logits(ids, counts), student.next_logits(ids, counts), strict=True
        )
        for row in rows:
            found = _reduced(row, chunks, size)
            n_done += 1
            yield found
    except ModelError as error:
        if len(rows) == 1:
            yield Failed(query_id=rows[0].query_id, reason=str(error))
            return
        left = rows[n_done:]
        middle = max(1, len(left) // 2)
        yield from _measure(teacher, student, left[:middle], size)
        yield from _measure(teacher, student, left[middle:], size)


def _reduced(
    row: _Row, chunks: "Iterator[tuple[Tensor, Tensor]]", size: int
) -> "QueryFidelity | Failed":
    """Reads all chunks of a row, those behind a fault too: the next row begins after them."""
    from tailqa.engine.divergence import answer_of, reduce_chunk
    from tailqa.engine.loading import running

    answer = row.token_ids[-row.n_scored :]
    parts: list[Tensor] = []
    fault: Failed | None = None
    while answer:
        ours, theirs = next(chunks)
        targets, answer = answer[: len(ours)], answer[len(ours) :]
        try:
            with running("the fidelity pass"):
                parts.append(reduce_chunk(ours, theirs, targets, size=size))
        except ModelError as error:
            fault = fault or Failed(query_id=row.query_id, reason=str(error))
    return fault or answer_of(row.query_id, parts)


def _row(teacher: Engine, student: Engine, request: Request) -> _Row | Failed:
    try:
        ours, theirs = teacher.encode(request), student.encode(request)
    except ModelError as error:
        return Failed(query_id=request.query_id, reason=str(error))
    if _ids(ours) != _ids(theirs):
        reason = "prompt and answer are not the same tokens to both models"
        return Failed(query_id=request.query_id, reason=reason)
    token_ids = _ids(ours)[_cut(teacher, student, request) :]
    limit = _context_tokens(teacher, student)
    if limit is not None and len(token_ids) > limit:
        reason = f"prompt and answer exceed the context of {limit} tokens"
        return Failed(query_id=request.query_id, reason=reason)
    n_scored = len(ours.choice_ids[0])
    return _Row(query_id=request.query_id, token_ids=token_ids, n_scored=n_scored)


def _cut(teacher: Engine, student: Engine, request: Request) -> int:
    """How many tokens the prompt lost when it was answered, where the suite says so."""
    if request.generation.truncate != "left":
        return 0
    asked = replace(request, choices=()) if request.continues else request
    try:
        return max(fitted(engine, asked).cut_tokens for engine in (teacher, student))
    except ModelError:
        return 0


def _begin(engine: Engine, token_ids: tuple[int, ...]) -> tuple[int, ...]:
    """What the tokenizer put before the text."""
    special = engine.special_tokens
    return token_ids[:1] if special.begins and token_ids[:1] == (special.begin_id,) else ()


def _ids(encoded: Encoded) -> tuple[int, ...]:
    return encoded.token_ids + encoded.choice_ids[0]


def _context_tokens(teacher: Engine, student: Engine) -> int | None:
    limits = [engine.context_tokens for engine in (teacher, student)]
    return min((limit for limit in limits if limit is not None), default=None)


def _local(engine: Engine) -> "LocalEngine":
    from tailqa.engine.local import LocalEngine

    if not isinstance(engine, LocalEngine):
        raise ModelError(f"{engine.info.name} gives no logits; fidelity takes local models")
    return engine

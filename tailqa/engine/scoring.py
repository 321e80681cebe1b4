"""Log-probabilities of choices, and logits at the end of rows."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from tailqa.core.ports import Encoded
from tailqa.engine.memory import freed, is_out_of_memory
from tailqa.engine.prefixes import PACK_TOKENS, Row, shared_length
from tailqa.engine.shared import SharedForward, Token, run

CHUNK_POSITIONS = 64
"""Positions whose logits are held in float32 at a time."""

_TOGETHER = 256
"""Positions whose logits are held in the model's own dtype at a time."""

_FEWEST_TOKENS = 16

Targets = dict[Token, set[int]]
Found = dict[tuple[Token, int], float]


def score_choices(
    batch: Sequence[Encoded], find: Callable[[Sequence[Row], Targets], Found]
) -> list[tuple[float, ...]]:
    """The sum of the natural log-probabilities of each choice after its prompt, per request.

    A choice is read off the row `prompt + choice` without the last token; equal rows are computed
    once, so all choices of one token take no row of their own. `find` gives the log-probability of
    every target after (row, position). A sum that is no number is NaN.
    """
    rows = sorted({_row(item, choice) for item in batch for choice in item.choice_ids})
    owners = _Owners(rows)
    targets: Targets = {}
    places: dict[tuple[Row, Row], list[Token]] = {}
    for item in batch:
        for choice in item.choice_ids:
            first = len(item.token_ids) - 1
            row = _row(item, choice)
            tokens = [owners.of(row, first + n) for n in range(len(choice))]
            places[item.token_ids, choice] = tokens
            for token, target in zip(tokens, choice, strict=True):
                targets.setdefault(token, set()).add(target)
    found = find(rows, targets)
    return [
        tuple(
            math.fsum(
                found[pair] for pair in zip(places[item.token_ids, choice], choice, strict=True)
            )
            for choice in item.choice_ids
        )
        for item in batch
    ]


@torch.inference_mode()
def find_shared(forward: SharedForward, rows: Sequence[Row], targets: Targets) -> Found:
    """Every prefix is computed once; the vocabulary is projected at the targets only.

    Out of memory, the packs are halved.
    """
    pack_tokens = PACK_TOKENS
    while True:
        try:
            return _find_packed(forward, rows, targets, pack_tokens)
        except (RuntimeError, MemoryError) as error:
            pack_tokens //= 2
            if not is_out_of_memory(error) or pack_tokens < _FEWEST_TOKENS:
                raise
            freed(error)


def _find_packed(
    forward: SharedForward, rows: Sequence[Row], targets: Targets, pack_tokens: int
) -> Found:
    found: Found = {}
    for _, _, tokens, computed in run(forward, rows, targets, pack_tokens=pack_tokens):
        for start in range(0, len(tokens), CHUNK_POSITIONS):
            part = tokens[start : start + CHUNK_POSITIONS]
            _read(computed.logits[start : start + len(part)], part, targets, found)
    return found


def find_plain(
    logits_of: Callable[[Sequence[Row], Sequence[int]], Iterator[Tensor]],
    rows: Sequence[Row],
    targets: Targets,
) -> Found:
    """The same from padded batches: one row of the batch per row."""
    of_row: dict[int, list[int]] = {}
    for row, position in targets:
        of_row.setdefault(row, []).append(position)
    order = sorted(of_row, key=lambda row: -len(rows[row]))
    counts = [len(rows[row]) - min(of_row[row]) for row in order]
    found: Found = {}
    chosen = logits_of([rows[row] for row in order], counts)
    for row, logits in zip(order, chosen, strict=True):
        positions = of_row[row]
        places = torch.tensor(positions, device=logits.device) - len(rows[row])
        _read(logits[places], [(row, position) for position in positions], targets, found)
    return found


@torch.inference_mode()
def logits_shared(
    forward: SharedForward, rows: Sequence[Row], counts: Sequence[int]
) -> Iterator[Tensor]:
    """The logits of each row's last `count` positions, in order.

    In chunks (64 positions at most × vocabulary), a new one for each row. Rows that follow each
    other share their prefixes as long as few positions are asked for.
    """
    start = 0
    while start < len(rows):
        stop, positions = start + 1, counts[start]
        while stop < len(rows) and positions + counts[stop] <= _TOGETHER:
            positions += counts[stop]
            stop += 1
        part = rows[start:stop]
        owners = _Owners(ordered := sorted(set(part)))
        chunks = deque(
            [
                owners.of(row, place)
                for place in range(first, min(first + CHUNK_POSITIONS, len(row)))
            ]
            for row, count in zip(part, counts[start:stop], strict=True)
            for first in range(len(row) - count, len(row), CHUNK_POSITIONS)
        )
        asked = {token for chunk in chunks for token in chunk}
        found: dict[Token, Tensor] = {}
        for _, _, tokens, computed in run(forward, ordered, asked, pack_tokens=_TOGETHER):
            found |= zip(tokens, computed.logits, strict=False)
            del computed
            while chunks and found.keys() >= set(chunks[0]):
                chunk = torch.stack([found[token] for token in chunks[0]])
                if len(part) == 1:  # no other row needs them
                    found = {t: row for t, row in found.items() if t[1] > chunks[0][-1][1]}
                del chunks[0]
                yield chunk
                del chunk
        start = stop


class _Owners:
    """Which row computes a token that several share: the first of the sorted rows that has it."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._index = {row: index for index, row in enumerate(rows)}
        self._shared = [0, *(shared_length(first, second) for first, second in pairwise(rows))]

    def of(self, row: Row, position: int) -> Token:
        index = self._index[row]
        while self._shared[index] > position:
            index -= 1
        return index, position


def _row(item: Encoded, choice: Row) -> Row:
    return item.token_ids + choice[:-1]


def _read(logits: Tensor, tokens: Sequence[Token], targets: Targets, found: Found) -> None:
    """Log-probabilities of the targets of `tokens` from their logits (tokens × vocabulary)."""
    logprobs = torch.log_softmax(logits.float(), dim=-1)
    pairs = [(n, target) for n, token in enumerate(tokens) for target in targets[token]]
    where, which = (
        torch.tensor(column, device=logits.device) for column in zip(*pairs, strict=True)
    )
    values: list[float] = logprobs[where, which].tolist()
    for (n, target), value in zip(pairs, values, strict=True):
        found[tokens[n], target] = value

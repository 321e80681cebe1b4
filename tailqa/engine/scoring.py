"""Log-probabilities of choices."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded
from tailqa.engine.forward import Forward, left_pad

_Row = tuple[int, ...]


@torch.inference_mode()
def score_choices(
    forward: Forward, batch: Sequence[Encoded], *, pad_id: int, rows: int
) -> list[tuple[float, ...]]:
    """The sum of the natural log-probabilities of each choice after its prompt, per request.

    A choice is read off the row `prompt + choice` without the last token; equal rows are computed
    once, so all choices of one token take one row per question. At most `rows` rows share a
    forward pass. Raises ModelError at logits that are not numbers.
    """
    wanted: dict[_Row, set[_Row]] = {}
    for item in batch:
        for choice in item.choice_ids:
            wanted.setdefault(_row(item, choice), set()).add(choice)
    scores: dict[tuple[_Row, _Row], float] = {}
    for part in _parts(sorted(wanted, key=len, reverse=True), rows):
        longest = max(len(choice) for row in part for choice in wanted[row])
        ids, mask = left_pad(part, pad_id, forward.device)
        logits = forward.last_logits(ids, mask, longest)
        for row, of_row in zip(part, logits, strict=True):
            n = max(len(choice) for choice in wanted[row])
            logprobs = torch.log_softmax(of_row[-n:].float(), dim=-1)
            for choice in wanted[row]:
                scores[row, choice] = _sum(logprobs, choice)
    return [
        tuple(scores[_row(item, choice), choice] for choice in item.choice_ids) for item in batch
    ]


def _row(item: Encoded, choice: _Row) -> _Row:
    return item.token_ids + choice[:-1]


def _parts(rows: Sequence[_Row], size: int) -> Iterator[Sequence[_Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _sum(logprobs: Tensor, choice: _Row) -> float:
    targets = torch.tensor(choice, device=logprobs.device)[:, None]
    total = float(logprobs[-len(choice) :].gather(1, targets).sum())
    if not torch.isfinite(torch.tensor(total)):
        raise ModelError("the model computed logits that are not finite numbers")
    return total

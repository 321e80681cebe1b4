"""Logits → the next token of every row."""

from collections.abc import Sequence

import torch
from torch import Tensor

from tailqa.core.digest import digest
from tailqa.core.ports import Encoded


class Sampler:
    """Greedy or sampled, by the settings of each row.

    Every sampled row draws from a generator of its own, seeded by the request's seed, sample
    index and prompt: the draws depend on nothing else in the batch, and no two prompts share them.
    """

    def __init__(self, batch: Sequence[Encoded]) -> None:
        settings = [item.request.generation for item in batch]
        self._temperature = torch.tensor([one.temperature for one in settings])
        self._top_p = torch.tensor([one.top_p for one in settings])
        self._draws = {
            index: _generator(item)
            for index, item in enumerate(batch)
            if item.request.generation.temperature > 0
        }
        self._uniform: dict[int, Tensor] = {}

    def choose(self, logits: Tensor, rows: Sequence[int]) -> Tensor:
        """One token id per row of `logits` (rows × vocabulary); `rows` are places in the batch.

        Until it is told `taken`, a row draws the same again: memory can run out before its token
        is known.
        """
        chosen = logits.argmax(dim=-1)
        places = [place for place, row in enumerate(rows) if row in self._draws]
        if places:
            drawn = [rows[place] for place in places]
            where = torch.tensor(places, device=logits.device)
            chosen[where] = self._sample(logits[where], drawn)
        return chosen

    def taken(self, rows: Sequence[int]) -> None:
        """The tokens of `rows` are known; the next ones are drawn anew."""
        for row in rows:
            self._uniform.pop(row, None)

    def _sample(self, logits: Tensor, rows: Sequence[int]) -> Tensor:
        device = logits.device
        temperature, top_p = (
            values[list(rows)].to(device)[:, None] for values in (self._temperature, self._top_p)
        )
        probabilities = torch.softmax(logits / temperature, dim=-1)
        for row in rows:
            if row not in self._uniform:
                draw = self._draws[row]
                self._uniform[row] = torch.rand(1, generator=draw, dtype=torch.float64)
        uniform = torch.stack([self._uniform[row] for row in rows]).to(device)
        if bool((top_p < 1).all()):
            return _draw_nucleus(probabilities, top_p, uniform)
        if bool((top_p < 1).any()):
            nucleus = _draw_nucleus(probabilities, top_p, uniform)
            return torch.where(top_p[:, 0] < 1, nucleus, _draw(probabilities, uniform))
        return _draw(probabilities, uniform)


def penalise_repetition(logits: Tensor, ids: Tensor, mask: Tensor, penalty: float) -> Tensor:
    """The repetition penalty of the model's generation config, over prompt and completion.

    A logit of a token that has occurred is divided by `penalty` when positive, else multiplied.
    Padding does not count as an occurrence.
    """
    seen = ids.where(mask.bool(), ids[:, -1:])  # the last column is never padding
    scores = logits.gather(1, seen)
    return logits.scatter(1, seen, torch.where(scores < 0, scores * penalty, scores / penalty))


def _generator(item: Encoded) -> torch.Generator:
    request = item.request
    seed = int(digest([request.seed, request.sample, item.token_ids])[:15], 16)
    return torch.Generator().manual_seed(seed)


def _draw(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Inverse of the cumulative distribution at `uniform` (rows × 1, in [0, 1))."""
    cumulative = probabilities.double().cumsum(dim=-1)
    reached = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True)
    return reached[:, 0].clamp(max=probabilities.shape[-1] - 1)


def _draw_nucleus(probabilities: Tensor, top_p: Tensor, uniform: Tensor) -> Tensor:
    """The same among the fewest tokens whose probabilities reach `top_p`."""
    ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
    before = ordered.double().cumsum(dim=-1) - ordered
    kept = ordered.where(before < top_p, 0.0)
    return order.gather(1, _draw(kept, uniform)[:, None])[:, 0]

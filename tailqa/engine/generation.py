"""The decode loop: greedy or sampled, left-padded, with the model's own key/value cache."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded
from tailqa.engine.forward import Forward, left_pad
from tailqa.engine.sampling import Sampler, penalise_repetition
from tailqa.engine.stopping import StopFinder


@dataclass(kw_only=True, slots=True)
class Row:
    """One text in the making. `token_ids` includes the token that ended it."""

    encoded: Encoded
    stops: StopFinder
    token_ids: list[int] = field(default_factory=list)
    stopped: bool = False

    @property
    def done(self) -> bool:
        """Nothing more is to come."""
        return self.stopped or len(self.token_ids) >= self.encoded.request.generation.max_tokens


@dataclass(frozen=True, kw_only=True)
class Generator:
    """What the decode loop needs to know of a model."""

    forward: Forward
    tokenizer: Any
    end_ids: frozenset[int]
    pad_id: int
    repetition_penalty: float = 1.0

    @torch.inference_mode()
    def generate(
        self, batch: Sequence[Encoded], on_token: Callable[[], None] | None = None
    ) -> list[Row]:
        """One finished row per request, in order.

        `on_token` is called whenever the next token of the rows is known. Finished rows leave the
        batch once they are half of it: copying the cache then costs less than it saves. Raises
        ModelError at logits that are not numbers.
        """
        rows = [
            Row(encoded=item, stops=StopFinder(self.tokenizer, item.request.generation.stop))
            for item in batch
        ]
        sampler = Sampler(batch)
        device = self.forward.device
        ids, mask = left_pad([item.token_ids for item in batch], self.pad_id, device)
        logits, cache = self.forward.prefill(ids, mask)
        running = list(range(len(rows)))
        while True:
            chosen = self._choose(logits, sampler, running, ids, mask)
            for index, token in zip(running, chosen, strict=True):
                self._append(rows[index], token)
            if on_token is not None:
                on_token()
            if all(rows[index].done for index in running):
                return rows
            step = torch.tensor(chosen, device=device)[:, None]
            mask = pad(mask, (0, 1), value=1)
            ids = torch.cat([ids, step], dim=1)
            kept = [place for place, index in enumerate(running) if not rows[index].done]
            if 2 * len(kept) <= len(running):
                selected = torch.tensor(kept, device=device)
                # Unlike batch_select_indices, it also knows the states of hybrid models.
                cache.reorder_cache(selected)
                ids, mask, step = ids[selected], mask[selected], step[selected]
                running = [running[place] for place in kept]
            logits, cache = self.forward.step(step, mask, cache)

    def _choose(
        self, logits: Tensor, sampler: Sampler, running: Sequence[int], ids: Tensor, mask: Tensor
    ) -> list[int]:
        if self.repetition_penalty != 1.0:
            logits = penalise_repetition(logits, ids, mask, self.repetition_penalty)
        chosen = sampler.choose(logits, running)
        # NaN wins an argmax, so a look at the chosen logits is enough.
        finite = torch.isfinite(logits.gather(1, chosen[:, None])).all()
        tokens: list[int] = chosen.tolist()
        if not bool(finite):
            raise ModelError("the model computed logits that are not finite numbers")
        return tokens

    def _append(self, row: Row, token: int) -> None:
        if row.done:
            return
        row.token_ids.append(token)
        row.stopped = token in self.end_ids or row.stops.reached(row.token_ids)


def end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """All tokens that end a text: those of the generation config and of the tokenizer."""
    configured = model.generation_config.eos_token_id
    ids = set(configured) if isinstance(configured, list) else {configured}
    return frozenset(int(token) for token in ids | {tokenizer.eos_token_id} if token is not None)

"""Padded batches with the model's own cache, for models whose prefixes cannot be shared.

Sliding windows shorter than a row, states beside keys and values (Mamba, convolutions), attention
with terms of its own: whatever transformers runs with `past_key_values`, this runs too.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch.nn.functional import pad

from tailqa.core.ports import Encoded
from tailqa.engine.batching import length
from tailqa.engine.forward import Forward, left_pad
from tailqa.engine.texts import Text, Texts, Voice


@torch.inference_mode()
def generate_plain(
    forward: Forward,
    voice: Voice,
    batch: Sequence[Encoded],
    on_token: Callable[[], None] | None = None,
) -> list[Text]:
    """One finished text per request, in order; all start together.

    `on_token` is called whenever the next token of the texts is known. Finished rows leave once
    they are half of the batch: copying the cache then costs less than it saves.
    """
    if on_token is None and len(batch) > 1 and max(map(length, batch)) > forward.turn:
        # Rows that can pass the turn are run alone, unless they are timed.
        return [text for item in batch for text in generate_plain(forward, voice, [item])]
    texts = Texts(voice, batch)
    ids, mask = left_pad([item.token_ids for item in batch], voice.pad_id, forward.device)
    logits, cache = forward.prefill(ids, mask)
    running = list(range(len(batch)))
    while True:
        step = torch.tensor(texts.extend(logits, running), device=forward.device)[:, None]
        if on_token is not None:
            on_token()
        kept = [place for place, index in enumerate(running) if not texts.all[index].done]
        if not kept:
            return texts.all
        mask = pad(mask, (0, 1), value=1)
        if 2 * len(kept) <= len(running):
            selected = torch.tensor(kept, device=forward.device)
            # Unlike batch_select_indices, it also knows the states of hybrid models.
            cache.reorder_cache(selected)
            mask, step = mask[selected], step[selected]
            running = [running[place] for place in kept]
        if mask.shape[1] == forward.turn + 1:
            # The keys so far were rotated otherwise.
            said = [(*item.encoded.token_ids, *item.token_ids) for item in texts.all]
            ids, mask = left_pad([said[i] for i in running], voice.pad_id, forward.device)
            logits, cache = forward.prefill(ids, mask)
        else:
            logits, cache = forward.step(step, mask, cache)


@torch.inference_mode()
def logits_plain(
    forward: Forward,
    pad_id: int,
    rows: Sequence[Sequence[int]],
    counts: Sequence[int],
    size: int = 1,
) -> Iterator[torch.Tensor]:
    """The logits (count × vocabulary) of each row's last `count` positions, `size` rows at once."""
    start = 0
    while start < len(rows):
        alone = len(rows[start]) > forward.turn
        stop = start + (1 if alone else size)
        part, n = rows[start:stop], counts[start:stop]
        logits = forward.last_logits(*left_pad(part, pad_id, forward.device), max(n))
        for of_row, count in zip(logits, n, strict=True):
            yield of_row[-count:]
        start = stop

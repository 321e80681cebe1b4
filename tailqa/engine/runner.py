"""How a loaded model is run: behind shared prefixes where it can be, in padded batches else."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from tailqa.core.ports import Encoded
from tailqa.engine.attention import NAME
from tailqa.engine.batching import length
from tailqa.engine.footprint import cache_bytes
from tailqa.engine.forward import Forward
from tailqa.engine.generation import generate_shared
from tailqa.engine.memory import freed
from tailqa.engine.paged import can_page, generate_paged, give_back
from tailqa.engine.plain import generate_plain, logits_plain
from tailqa.engine.prefixes import Row
from tailqa.engine.rules import not_followed, rules_of
from tailqa.engine.scoring import (
    CHUNK_POSITIONS,
    find_plain,
    find_shared,
    logits_shared,
    score_choices,
)
from tailqa.engine.shared import SharedForward
from tailqa.engine.sharing import Sharing, attending, find_sharing, takes_padding
from tailqa.engine.texts import Text, Voice, end_ids
from tailqa.engine.weights import free_bytes

_CPU_ROWS, _GPU_ROWS = 64, 256
_PADDED_TOKENS = 32_768
"""Positions of a batch whose memory is not known."""

_MEMORY_SHARE = 0.25
"""Of the free memory for keys and values."""

_ANEW = "Prefixes that prompts share are computed anew"


class Runner:
    """A model with its attention replaced, unless `keep_attention` or a trial says otherwise.

    `batch_size` is how many texts, or questions with their choices, are run at a time; None
    follows the free memory.
    """

    def __init__(
        self, model: Any, tokenizer: Any, *, batch_size: int | None, keep_attention: bool
    ) -> None:
        ends = end_ids(model, tokenizer)
        config = model.generation_config
        rules = partial(rules_of, config, sorted(ends), device=model.device)
        self._not_followed = not_followed(config)
        self.voice = Voice(
            tokenizer=tokenizer,
            end_ids=ends,
            # Padding is masked: any token that exists will do.
            pad_id=tokenizer.pad_token_id or min(ends, default=0),
            repetition_penalty=config.repetition_penalty or 1.0,
            rules=rules if rules(0) else None,
        )
        self.model = model
        self.batch_size = batch_size
        self.plain = Forward(model)
        self.own_attention = model.config._attn_implementation
        self.sharing = (
            Sharing(0, "its attention was chosen by attn_implementation")
            if keep_attention
            else find_sharing(model, self.plain, self.voice.pad_id)
        )
        self.pads = math.isinf(self.sharing.longest) or takes_padding(
            model, self.plain, self.voice.pad_id
        )
        if self.sharing.longest:
            model.set_attn_implementation(NAME)
        self.shared = SharedForward(model)
        # On a CPU it is several times slower than the loop here.
        self.pages = model.device.type == "cuda"
        self._unpaged = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of how the model is run, in sentences."""
        notes = []
        if self.sharing.reason:
            notes.append(f"{_ANEW} for every row: {self.sharing.reason}.")
        elif math.isfinite(self.sharing.longest):
            window = f"{self.sharing.longest:,.0f} tokens, {self.sharing.limit}"
            notes.append(f"{_ANEW} for rows of more than {window}.")
        if not self.pads:
            notes.append(
                "They are run one at a time: beside others its logits come out differently, or not "
                "at all."
            )
        if self._unpaged:
            notes.append(
                "transformers' continuous batching failed, so texts were decoded by tailqa's own "
                f"loop ({self._unpaged})."
            )
        return (*notes, *self._not_followed)

    def close(self) -> None:
        """Gives the pages back."""
        give_back(self.model)

    def texts(self, batch: Sequence[Encoded]) -> Iterator[Text]:
        """Each text as soon as it and all before it are over."""
        longest = max(map(length, batch))
        if self.pages and longest <= self.plain.turn and can_page(self.voice, batch):
            n_given = 0
            for text in self._paged(batch):
                yield text
                n_given += 1
            batch = batch[n_given:]
        if not batch:
            return
        if self._shares(longest):
            yield from generate_shared(self.shared, self.voice, batch, self._rows(longest))
        else:
            yield from self._padded(batch, self._rows(longest))

    def timed(
        self, batch: Sequence[Encoded], on_token: Callable[[], None], *, endless: bool = False
    ) -> list[Text]:
        """The texts of one batch, all rows at a time; `endless` ones go on to the last token.

        `on_token` is called whenever next tokens are known. Out of memory is raised.
        """
        voice = replace(self.voice, end_ids=frozenset()) if endless else self.voice
        if self._shares(max(map(length, batch))):
            return list(generate_shared(self.shared, voice, batch, len(batch), on_token))
        return generate_plain(self.plain, voice, batch, on_token)

    def scores(self, batch: Sequence[Encoded]) -> list[tuple[float, ...]]:
        """The log-probabilities of the choices of each request."""
        longest = max(map(length, batch))
        if self._shares(longest):
            size = self.batch_size or len(batch)
            parts = (batch[start : start + size] for start in range(0, len(batch), size))
            found = (score_choices(part, partial(find_shared, self.shared)) for part in parts)
            return list(chain.from_iterable(found))
        rows = self._rows(longest)
        logits = partial(logits_plain, self.plain, self.voice.pad_id, size=rows)
        with attending(self.model, self.own_attention):
            return score_choices(batch, partial(find_plain, logits))

    def logits(self, rows: Sequence[Row], counts: Sequence[int]) -> Iterator[Tensor]:
        """The logits of each row's last `count` positions, in chunks (64 at most × vocabulary)."""
        if rows and self._shares(max(map(len, rows))):
            yield from logits_shared(self.shared, rows, counts)
            return
        for row, count in zip(rows, counts, strict=True):
            with attending(self.model, self.own_attention):
                [logits] = logits_plain(self.plain, self.voice.pad_id, [row], [count])
            yield from torch.split(logits, CHUNK_POSITIONS)

    def prepared(self, batch: Sequence[Encoded]) -> AbstractContextManager[None]:
        """The attention that a batch needs, so that changing it is no part of what is timed."""
        if self._shares(max(map(length, batch))):
            return nullcontext()
        return attending(self.model, self.own_attention)

    def _paged(self, batch: Sequence[Encoded]) -> Iterator[Text]:
        """The texts, or those before a failure: the loops here can do what is left."""
        try:
            with attending(self.model, self.own_attention):
                yield from generate_paged(self.model, self.voice, batch, self.batch_size)
        except Exception as error:
            # What a model cannot do in pages fails in any way.
            self.pages = False
            self._unpaged = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(".")
            freed(error)

    def _padded(self, batch: Sequence[Encoded], rows: int) -> Iterator[Text]:
        for start in range(0, len(batch), rows):
            with attending(self.model, self.own_attention):
                texts = generate_plain(self.plain, self.voice, batch[start : start + rows])
            yield from texts

    def _shares(self, longest: int) -> bool:
        return longest <= self.sharing.longest

    def _rows(self, longest: int) -> int:
        """How many rows of `longest` tokens are decoded at a time.

        A power of two, so that a little more or less free memory makes no difference.
        """
        if not (self.pads or self._shares(longest)):
            return 1
        if self.batch_size is not None:
            return self.batch_size
        device = self.model.device
        most = _GPU_ROWS if device.type == "cuda" else _CPU_ROWS
        free = free_bytes(str(device))
        if not self.sharing.longest:  # whole prompts are computed at once, padded
            most = max(1, min(most, _PADDED_TOKENS // longest))
        taken = self.sharing.bytes_per_token or cache_bytes(
            self.model.config, self.model.dtype.itemsize
        )
        needed = longest * taken
        if free is None or not needed:
            return max(1, min(most, _PADDED_TOKENS // longest))
        fitting = max(1, int(_MEMORY_SHARE * free / needed))
        return min(most, 1 << (fitting.bit_length() - 1))

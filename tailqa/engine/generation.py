"""The decode loop: rows leave when their text is over, waiting ones take their place."""

from collections.abc import Callable, Iterator, Sequence

import torch

from tailqa.core.ports import Encoded
from tailqa.engine.attention import KeysValues
from tailqa.engine.memory import OUT_OF_MEMORY, freed, is_out_of_memory
from tailqa.engine.prefixes import WORTH_TOKENS, Row, shared_length
from tailqa.engine.shared import SharedForward, ends_of
from tailqa.engine.slots import Slots
from tailqa.engine.texts import Text, Texts, Voice


def generate_shared(
    forward: SharedForward,
    voice: Voice,
    batch: Sequence[Encoded],
    rows: int,
    on_token: Callable[[], None] | None = None,
) -> Iterator[Text]:
    """Each text as soon as it and all before it are over; at most `rows` are decoded at a time.

    What all prompts share is computed and kept once; equal prompts (samples) share all of their
    prefill. Out of memory, half as many rows go on; a text that does not fit alone is over, with
    its fault. `on_token` is called whenever next tokens are known, which is for timing: out of
    memory is then raised.
    """
    loop = _Loop(forward, voice, batch, rows, whole=on_token is not None)
    given = 0
    while given < len(batch):
        with torch.inference_mode():
            loop.advance()
        if on_token is not None:
            on_token()
        while given < len(batch) and loop.texts.all[given].done:
            yield loop.texts.all[given]
            given += 1


class _Loop:
    """The state of one batch: who waits, who runs in which slot, and the trunk of all."""

    def __init__(
        self,
        forward: SharedForward,
        voice: Voice,
        batch: Sequence[Encoded],
        rows: int,
        *,
        whole: bool,
    ) -> None:
        self._whole = whole
        self._forward = forward
        self._rows = rows
        self.texts = Texts(voice, batch)
        self._prompts = [item.token_ids for item in batch]
        self._waiting = list(reversed(range(len(batch))))
        self._running: list[int] = []
        self._slots = Slots(min(rows, len(batch)))
        self._base = _base_length(self._prompts)
        self._trunk: Sequence[KeysValues] | None = None

    def advance(self) -> None:
        """Takes waiting texts in where a quarter of the slots is free, else goes a token on."""
        few = 4 * len(self._running) <= 3 * self._rows
        try:
            if self._waiting and (few or not self._running):
                self._admit()
            else:
                self._step()
        except (RuntimeError, MemoryError) as error:
            if self._whole or not is_out_of_memory(error):
                raise
            freed(error)
            self._halve()

    def _admit(self) -> None:
        """Prefills as many waiting prompts as there are slots free; their first token is known."""
        if self._trunk is None and self._base:
            self._trunk = self._forward.trunk(self._prompts[0][: self._base])
        n = min(self._rows - len(self._running), len(self._waiting))
        asking: dict[Row, list[int]] = {}
        for index in self._waiting[-n:]:
            row = (*self._prompts[index], *self.texts.all[index].token_ids)
            asking.setdefault(row, []).append(index)
        ends = ends_of(self._forward, sorted(asking), self._trunk, self._base)
        for row, logits, states in ends:
            indices = asking[row]
            self.texts.extend(logits.float().expand(len(indices), -1), indices)
            for index in indices:
                self._waiting.remove(index)
                if not self.texts.all[index].done:
                    self._running.append(index)
                    self._slots.add(states)

    def _step(self) -> None:
        """One more token for every running text."""
        ids = [self.texts.all[index].token_ids[-1] for index in self._running]
        positions = [self._base + length for length in self._slots.lengths]
        layout = self._slots.layout(self._trunk, self._forward.dtype)
        self.texts.extend(self._forward.step(ids, positions, layout), self._running)
        for slot in reversed(range(len(self._running))):
            if self.texts.all[self._running[slot]].done:
                self._running[slot] = self._running[self._slots.remove(slot)]
                self._running.pop()

    def _halve(self) -> None:
        """Everything that ran is put back, to be prefilled again in fewer slots."""
        self._waiting += reversed([i for i in self._running if not self.texts.all[i].done])
        self._running = []
        if self._rows == 1:
            self.texts.all[self._waiting.pop()].fault = OUT_OF_MEMORY
        self._rows = max(1, self._rows // 2)
        self._slots = Slots(self._rows)


def _base_length(prompts: Sequence[Row]) -> int:
    """The tokens that all prompts share, but for one of the shortest; 0 where it is no use."""
    if len(prompts) == 1:
        return 0
    shared = shared_length(min(prompts), max(prompts))
    base = min(shared, min(len(prompt) for prompt in prompts) - 1)
    return base if base >= WORTH_TOKENS else 0

"""The decode loop: rows leave when their text is over, waiting ones take their place."""

from collections.abc import Callable, Sequence

import torch

from tailqa.core.ports import Encoded
from tailqa.engine.attention import KeysValues
from tailqa.engine.prefixes import WORTH_TOKENS, Row, shared_length
from tailqa.engine.shared import SharedForward, ends_of
from tailqa.engine.slots import Slots
from tailqa.engine.texts import Text, Texts, Voice


@torch.inference_mode()
def generate_shared(
    forward: SharedForward,
    voice: Voice,
    batch: Sequence[Encoded],
    rows: int,
    on_token: Callable[[], None] | None = None,
) -> list[Text]:
    """One finished text per request, in order; at most `rows` are decoded at a time.

    What all prompts share is computed and kept once; equal prompts (samples) share all of their
    prefill. `on_token` is called whenever next tokens are known.
    """
    loop = _Loop(forward, voice, batch, rows)
    while loop.waiting or loop.running:
        if loop.waiting and (not loop.running or 4 * len(loop.running) <= 3 * rows):
            loop.admit()
        else:
            loop.step()
        if on_token is not None:
            on_token()
    return loop.texts.all


class _Loop:
    """The state of one batch: who waits, who runs in which slot, and the trunk of all."""

    def __init__(
        self, forward: SharedForward, voice: Voice, batch: Sequence[Encoded], rows: int
    ) -> None:
        self._forward = forward
        self._rows = rows
        self.texts = Texts(voice, batch)
        self._prompts = [item.token_ids for item in batch]
        # Long texts first: the last ones to run alone are then short.
        self.waiting = sorted(range(len(batch)), key=lambda index: _work(batch[index]))
        self.running: list[int] = []
        self._slots = Slots(min(self._rows, len(batch)))
        self._base = _base_length(self._prompts)
        self._trunk = self._forward.trunk(self._prompts[0][: self._base])

    def admit(self) -> None:
        """Prefills as many waiting prompts as there are slots free; their first token is known."""
        n = self._rows - len(self.running)
        taken = [self.waiting.pop() for _ in range(min(n, len(self.waiting)))]
        prompts = sorted({self._prompts[index] for index in taken})
        asking: dict[Row, list[int]] = {prompt: [] for prompt in prompts}
        for index in taken:
            asking[self._prompts[index]].append(index)
        for prompt, logits, states in ends_of(self._forward, prompts, self._trunk, self._base):
            indices = asking[prompt]
            self.texts.extend(logits.float().expand(len(indices), -1), indices)
            for index in indices:
                self._run(index, states)

    def step(self) -> None:
        """One more token for every running text."""
        ids = [self.texts.all[index].token_ids[-1] for index in self.running]
        positions = [self._base + length for length in self._slots.lengths]
        layout = self._slots.layout(self._trunk, self._forward.dtype)
        logits = self._forward.step(ids, positions, layout)
        self.texts.extend(logits, self.running)
        for slot in reversed(range(len(self.running))):
            if self.texts.all[self.running[slot]].done:
                moved = self.running[self._slots.remove(slot)]
                self.running[slot] = moved
                self.running.pop()

    def _run(self, index: int, states: Sequence[KeysValues]) -> None:
        if not self.texts.all[index].done:
            self._slots.add(states)
            self.running.append(index)


def _work(request: Encoded) -> int:
    return len(request.token_ids) + request.request.generation.max_tokens


def _base_length(prompts: Sequence[Row]) -> int:
    """The tokens that all prompts share, but for one of the shortest; 0 where it is no use."""
    if len(prompts) == 1:
        return 0
    shared = shared_length(min(prompts), max(prompts))
    base = min(shared, min(len(prompt) for prompt in prompts) - 1)
    return base if base >= WORTH_TOKENS else 0

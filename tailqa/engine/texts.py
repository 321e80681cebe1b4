"""Texts in the making: which token comes next, and when a text is over."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tailqa.core.ports import Encoded
from tailqa.engine.forward import left_pad
from tailqa.engine.rules import Rule
from tailqa.engine.sampling import Sampler, penalise_repetition
from tailqa.engine.stopping import StopFinder

NOT_FINITE = "the model computed logits that are not finite numbers"


@dataclass(frozen=True, kw_only=True)
class Voice:
    """What of a model decides how texts go on, beside its logits."""

    tokenizer: Any
    end_ids: frozenset[int]
    pad_id: int
    repetition_penalty: float = 1.0
    rules: Callable[[int], Sequence[Rule]] | None = None
    """Further ones of the generation config, for a prompt of so many tokens."""


@dataclass(kw_only=True, slots=True)
class Text:
    """One text. `token_ids` includes the token that ended it; `fault` says why there is none.

    `logprob` is the sum over them of what the model gave each, None where that is not known.
    """

    encoded: Encoded
    stops: StopFinder
    token_ids: list[int] = field(default_factory=list)
    logprob: float | None = 0.0
    stopped: bool = False
    fault: str | None = None

    @property
    def done(self) -> bool:
        """Nothing more is to come."""
        limit = self.encoded.request.generation.max_tokens
        return self.stopped or self.fault is not None or len(self.token_ids) >= limit

    @property
    def mean_logprob(self) -> float | None:
        """Per token, to the six decimals that float32 logits can tell."""
        if self.logprob is None or not self.token_ids:
            return None
        return round(self.logprob / len(self.token_ids), 6)

    def append(self, token: int, logprob: float | None, end_ids: frozenset[int]) -> None:
        """Goes on by one token, unless the text is over; numbers that are none end it.

        NaN wins an argmax, and infinity leaves NaN, so a look at the chosen token is enough.
        """
        if self.done:
            return
        if logprob is not None and not math.isfinite(logprob):
            self.fault = NOT_FINITE
        else:
            self.token_ids.append(token)
            if self.logprob is not None:
                self.logprob = None if logprob is None else self.logprob + logprob
            self.stopped = token in end_ids or self.stops.reached(self.token_ids)


class Texts:
    """The texts of one batch of requests, by their index in it."""

    def __init__(self, voice: Voice, batch: Sequence[Encoded]) -> None:
        self._voice = voice
        self._sampler = Sampler(batch)
        self._rules = [voice.rules(len(item.token_ids)) for item in batch] if voice.rules else []
        self.all = [
            Text(encoded=item, stops=StopFinder(voice.tokenizer, item.request.generation.stop))
            for item in batch
        ]

    def extend(self, logits: Tensor, indices: Sequence[int]) -> list[int]:
        """Appends a token to each of the texts (logits: float32, indices × vocabulary).

        Returns the tokens. A text whose logits are not finite is over, with its fault.
        """
        own = logits
        if self._voice.repetition_penalty != 1.0:
            logits = self._penalised(logits, indices)
        if self._rules:
            logits = torch.cat([self._ruled(*pair) for pair in zip(logits, indices, strict=True)])
        chosen = self._sampler.choose(logits, indices)
        logprobs = own.log_softmax(dim=-1).gather(1, chosen[:, None])[:, 0]
        tokens: list[int] = chosen.tolist()
        self._sampler.taken(indices)
        for index, token, logprob in zip(indices, tokens, logprobs.tolist(), strict=True):
            self.all[index].append(token, logprob, self._voice.end_ids)
        return tokens

    def _ruled(self, logits: Tensor, index: int) -> Tensor:
        row = (*self.all[index].encoded.token_ids, *self.all[index].token_ids)
        ids, ruled = torch.tensor([row], device=logits.device), logits[None]
        for rule in self._rules[index]:
            ruled = rule(ids, ruled)
        return ruled

    def _penalised(self, logits: Tensor, indices: Sequence[int]) -> Tensor:
        said = [(*self.all[i].encoded.token_ids, *self.all[i].token_ids) for i in indices]
        ids, mask = left_pad(said, self._voice.pad_id, logits.device)
        return penalise_repetition(logits, ids, mask, self._voice.repetition_penalty)


def end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """All tokens that end a text: those of the generation config and of the tokenizer."""
    configured = model.generation_config.eos_token_id
    ids = set(configured) if isinstance(configured, list) else {configured}
    return frozenset(int(token) for token in ids | {tokenizer.eos_token_id} if token is not None)

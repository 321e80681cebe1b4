"""A model on this machine, run by transformers."""

import copy
import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from tailqa.core.answer import Attempt
from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded, Footprint, Request, Timing
from tailqa.core.query import Generation
from tailqa.core.report import ModelInfo
from tailqa.engine.arguments import ModelArgs
from tailqa.engine.attention import NAME
from tailqa.engine.batching import MOST_TOKENS, length, partition
from tailqa.engine.encoding import Encoder
from tailqa.engine.fingerprint import model_info
from tailqa.engine.footprint import footprint
from tailqa.engine.forward import Forward
from tailqa.engine.generation import generate_shared
from tailqa.engine.loading import load, running
from tailqa.engine.memory import peak_bytes
from tailqa.engine.paged import can_page, generate_paged
from tailqa.engine.plain import generate_plain, logits_plain
from tailqa.engine.scoring import find_plain, find_shared, logits_shared, score_choices
from tailqa.engine.shared import SharedForward
from tailqa.engine.sharing import Sharing, attending, find_sharing
from tailqa.engine.spec import Source
from tailqa.engine.stopping import cut
from tailqa.engine.texts import NOT_FINITE, Text, Voice, end_ids
from tailqa.engine.weights import free_bytes

_CPU_ROWS, _GPU_ROWS = 64, 256
_CPU_WORK, _GPU_WORK = 1e13, 1e16
"""Operations of a batch: about a minute. What is killed in a batch is computed again."""

_PADDED_TOKENS = 32_768
"""Positions of a batch whose memory is not known."""

_ANEW = "Prefixes that prompts share are computed anew"

_MEMORY_SHARE = 0.25
"""Of the free memory for keys and values."""


class LocalEngine:
    """The Engine of one loaded model; `LocalEngine.load` makes it."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        info: ModelInfo,
        *,
        batch_size: int | None = None,
        keep_attention: bool = False,
    ) -> None:
        self._batch_size = batch_size
        self._tokenizer = tokenizer
        self._context_tokens = getattr(
            model.config.get_text_config(), "max_position_embeddings", None
        )
        # A tokenizer is not safe for threads, and texts are encoded ahead in one.
        self._encoder = Encoder(
            copy.deepcopy(tokenizer), n_embeddings=model.get_input_embeddings().num_embeddings
        )
        self._footprint = footprint(model)
        ends = end_ids(model, tokenizer)
        self._voice = Voice(
            tokenizer=tokenizer,
            end_ids=ends,
            # Padding is masked: any token that exists will do.
            pad_id=tokenizer.pad_token_id or min(ends, default=0),
            repetition_penalty=model.generation_config.repetition_penalty or 1.0,
        )
        self._model = model
        self._forward = Forward(model)
        self._own_attention = model.config._attn_implementation
        self._sharing = (
            Sharing(0, "its attention was chosen by attn_implementation")
            if keep_attention
            else find_sharing(model, self._forward, self._voice.pad_id)
        )
        self._info = replace(info, notes=_notes(self._sharing))
        if self._sharing.longest:
            model.set_attn_implementation(NAME)
        self._shared = SharedForward(model)
        # On a CPU it is several times slower than the loop here.
        self._pages = model.device.type == "cuda"

    @classmethod
    def load(
        cls,
        source: Source,
        *,
        name: str,
        device: str,
        dtype: str,
        batch_size: int | None,
        args: ModelArgs,
    ) -> "LocalEngine":
        """The engine of the model at `source`. Raises ModelError."""
        model, tokenizer = load(source, device=device, dtype=dtype, args=args)
        info = model_info(model, tokenizer, source, name=name, args=args)
        chosen = args.attn_implementation is not None
        return cls(model, tokenizer, info, batch_size=batch_size, keep_attention=chosen)

    @property
    def info(self) -> ModelInfo:
        """What identifies the model and the way it is run."""
        return self._info

    @property
    def context_tokens(self) -> int | None:
        """The positions that the model's config allows."""
        return self._context_tokens

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """Token → id, as the tokenizer names them; the model may have rows of padding beyond."""
        vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        return vocabulary

    def encode(self, request: Request) -> Encoded:
        """The request as token ids, as lm-eval's `hf` backend makes them."""
        return self._encoder.encode(request)

    def encode_many(self, requests: Sequence[Request]) -> list[Encoded | ModelError]:
        """The same for many at once, tokenised in parallel."""
        return self._encoder.encode_many(requests)

    def batches(self, requests: Sequence[Encoded]) -> list[list[int]]:
        """Prompts that share a prefix together; as many as keep the device busy for a while."""
        work = _GPU_WORK if self._info.device.startswith("cuda") else _CPU_WORK
        tokens = int(work / (2 * max(1, self._info.n_parameters)))
        return partition(requests, tokens=min(tokens, MOST_TOKENS))

    def run(self, batch: Sequence[Encoded]) -> Iterator[Attempt | ModelError]:
        """One attempt, or what kept it from being made, per request in order.

        All of them are choices or none of them.
        """
        with running(self._info.name):
            if batch[0].choice_ids:
                scores = self._score(batch)
                yield from (_choice(*pair) for pair in zip(batch, scores, strict=True))
            else:
                yield from (self._attempt(text) for text in self._generate(batch, self._voice))

    def time(self, request: Encoded) -> Timing:
        """From the encoded request to each token's id; a choice comes at once, as one token."""
        marks: list[float] = []
        with running(self._info.name):
            self._synchronise()
            start = time.perf_counter()
            if request.choice_ids:
                self._score([request])
                marks.append(time.perf_counter())
            else:
                tick = partial(_mark, marks)
                list(self._generate([request], self._voice, tick))
        return Timing(
            first_token_s=marks[0] - start,
            answer_s=marks[-1] - start,
            completion_tokens=len(marks),
        )

    def time_batch(self, prompts: Sequence[Sequence[int]], n_tokens: int) -> list[float]:
        """Seconds from the start to each of `n_tokens` tokens of a whole batch, greedily decoded.

        Nothing ends a row early. Raises ModelError, out of memory included.
        """
        marks: list[float] = []
        generation = Generation(max_tokens=n_tokens)
        request = Request(query_id="", prompt="", generation=generation)
        rows = [Encoded(request=request, text="", token_ids=tuple(row)) for row in prompts]
        endless = replace(self._voice, end_ids=frozenset())
        with running(self._info.name):
            self._synchronise()
            start = time.perf_counter()
            list(self._generate(rows, endless, partial(_mark, marks), len(rows)))
        return [mark - start for mark in marks]

    @property
    def footprint(self) -> Footprint:
        """What one pass of the model reads and multiplies."""
        return self._footprint

    def peak_batch_bytes(self, prompts: Sequence[Sequence[int]], n_tokens: int) -> int | None:
        """The most memory that `time_batch` of the same takes, above what was held before."""
        cuda = self._info.device.startswith("cuda")
        return peak_bytes(lambda: self.time_batch(prompts, n_tokens), cuda=cuda)

    @torch.inference_mode()
    def next_logits(
        self, rows: Sequence[Sequence[int]], counts: Sequence[int]
    ) -> Iterator[torch.Tensor]:
        """Per row the logits (count × vocabulary, model dtype, on its device) of its last tokens.

        Row i of the result predicts token i of the last `count` tokens; each row must be longer
        than its count. Raises ModelError.
        """
        begins = [tuple(row[:-1]) for row in rows]
        if begins and self._shares(max(map(len, begins))):
            with running(self._info.name):
                yield from logits_shared(self._shared, begins, counts)
            return
        for begin, count in zip(begins, counts, strict=True):
            with running(self._info.name), attending(self._model, self._own_attention):
                [logits] = logits_plain(self._forward, self._voice.pad_id, [begin], [count])
            yield logits

    def close(self) -> None:
        """Gives the memory back; the engine cannot be used any more."""
        del self._model, self._forward, self._shared
        gc.collect()  # modules and their hooks hold each other
        if self._info.device.startswith("cuda"):
            torch.cuda.empty_cache()

    def _generate(
        self,
        batch: Sequence[Encoded],
        voice: Voice,
        on_token: Callable[[], None] | None = None,
        rows: int | None = None,
    ) -> Iterator[Text]:
        longest = max(map(length, batch))
        rows = rows or self._rows(longest)
        if self._pages and on_token is None and can_page(voice, batch):
            with attending(self._model, self._own_attention):
                texts = generate_paged(self._model, voice, batch)
            yield from texts
            return
        if self._shares(longest):
            yield from generate_shared(self._shared, voice, batch, rows, on_token)
            return
        for start in range(0, len(batch), rows):
            part = batch[start : start + rows]
            with attending(self._model, self._own_attention):
                texts = generate_plain(self._forward, voice, part, on_token)
            yield from texts

    def _score(self, batch: Sequence[Encoded]) -> list[tuple[float, ...]]:
        if self._shares(max(map(length, batch))):
            return score_choices(batch, partial(find_shared, self._shared))
        rows = self._rows(max(map(length, batch)))
        logits = partial(logits_plain, self._forward, self._voice.pad_id, size=rows)
        with attending(self._model, self._own_attention):
            return score_choices(batch, partial(find_plain, logits))

    def _rows(self, longest: int) -> int:
        """How many rows of `longest` tokens are decoded at a time.

        A power of two, so that a little more or less free memory makes no difference.
        """
        if self._batch_size is not None:
            return self._batch_size
        most = _GPU_ROWS if self._info.device.startswith("cuda") else _CPU_ROWS
        free = free_bytes(self._info.device.partition(",")[0])
        needed = longest * self._sharing.bytes_per_token
        if free is None or not needed:
            return max(1, min(most, _PADDED_TOKENS // longest))
        fitting = max(1, int(_MEMORY_SHARE * free / needed))
        return min(most, 1 << (fitting.bit_length() - 1))

    def _shares(self, longest: int) -> bool:
        return longest <= self._sharing.longest

    def _attempt(self, text: Text) -> Attempt | ModelError:
        if text.fault is not None:
            return ModelError(text.fault)
        request = text.encoded.request
        said = str(self._tokenizer.decode(text.token_ids, skip_special_tokens=True))
        return Attempt(
            prompt=text.encoded.text,
            prompt_tokens=len(text.encoded.token_ids),
            completion_tokens=len(text.token_ids),
            text=cut(said, request.generation.stop),
            finish_reason="stop" if text.stopped else "length",
            sample=request.sample,
        )

    def _synchronise(self) -> None:
        if self._info.device.startswith("cuda"):
            for device in self._info.device.split(", "):
                torch.cuda.synchronize(device)


def _notes(sharing: Sharing) -> tuple[str, ...]:
    if sharing.reason:
        return (f"{_ANEW} for every row: {sharing.reason}.",)
    if math.isfinite(sharing.longest):
        window = f"{sharing.longest:,.0f} tokens, its attention window"
        return (f"{_ANEW} for rows of more than {window}.",)
    return ()


def _mark(marks: list[float]) -> None:
    marks.append(time.perf_counter())


def _choice(item: Encoded, logprobs: tuple[float, ...]) -> Attempt | ModelError:
    if not all(map(math.isfinite, logprobs)):
        return ModelError(NOT_FINITE)
    return Attempt(
        prompt=item.text,
        prompt_tokens=len(item.token_ids),
        completion_tokens=sum(len(ids) for ids in item.choice_ids),
        text="",
        finish_reason="choice",
        sample=item.request.sample,
        choice_logprobs=logprobs,
    )

"""A model on this machine, run by transformers."""

import copy
import gc
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from tailqa.core.answer import Attempt
from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded, Footprint, Request, SpecialTokens, Timing
from tailqa.core.query import Generation
from tailqa.core.report import ModelInfo
from tailqa.engine.arguments import ModelArgs
from tailqa.engine.batching import MOST_TOKENS, partition
from tailqa.engine.encoding import Encoder, special_tokens
from tailqa.engine.fingerprint import model_info, template_varies
from tailqa.engine.footprint import footprint
from tailqa.engine.loading import load, running
from tailqa.engine.memory import peak_bytes
from tailqa.engine.runner import Runner
from tailqa.engine.spec import Source
from tailqa.engine.stopping import cut
from tailqa.engine.texts import NOT_FINITE, Text

_CPU_WORK, _GPU_WORK = 1e13, 1e16
"""Operations of a batch: about a minute. What is killed in a batch is computed again."""

_MOST_PAGED = 4096


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
        self._tokenizer = tokenizer
        self._context_tokens = getattr(
            model.config.get_text_config(), "max_position_embeddings", None
        )
        # A tokenizer is not safe for threads, and texts are encoded ahead in one.
        self._encoder = Encoder(
            copy.deepcopy(tokenizer), n_embeddings=model.get_input_embeddings().num_embeddings
        )
        self._footprint = footprint(model)
        self._runner = Runner(
            model, tokenizer, batch_size=batch_size, keep_attention=keep_attention
        )
        self._info = info

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
        with running(name):
            return cls(model, tokenizer, info, batch_size=batch_size, keep_attention=chosen)

    @property
    def info(self) -> ModelInfo:
        """What identifies the model and the way it is run."""
        runner = getattr(self, "_runner", None)  # None once it is closed
        return self._info if runner is None else replace(self._info, notes=runner.notes)

    @property
    def context_tokens(self) -> int | None:
        """The positions that the model's config allows."""
        return self._context_tokens

    @property
    def chats_vary(self) -> bool:
        """Whether the chat template can render something else another time."""
        return template_varies(self._tokenizer)

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

    @property
    def special_tokens(self) -> SpecialTokens:
        """BOS and all tokens that end an answer here."""
        return special_tokens(self._tokenizer, self._runner.voice.end_ids)

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of token ids, special tokens written out."""
        return str(
            self._tokenizer.decode(
                list(token_ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
            )
        )

    def batches(self, requests: Sequence[Encoded]) -> list[list[int]]:
        """Prompts that share a prefix together; as many as keep the device busy for a while."""
        cuda = self._info.device.startswith("cuda")
        work = _GPU_WORK if cuda else _CPU_WORK
        tokens = int(work / (2 * max(1, self._info.n_parameters or 0)))
        if cuda and not any(request.choice_ids for request in requests):
            # Rows that are over are replaced at once, until none waits: the fewer ends the better.
            return partition(requests, tokens=tokens, most=_MOST_PAGED)
        return partition(requests, tokens=min(tokens, MOST_TOKENS))

    def run(self, batch: Sequence[Encoded]) -> Iterator[Attempt | ModelError]:
        """One attempt, or what kept it from being made, per request in order.

        All of them are choices or none of them.
        """
        with running(self._info.name):
            if batch[0].choice_ids:
                scores = self._runner.scores(batch)
                yield from (_choice(*pair) for pair in zip(batch, scores, strict=True))
            else:
                yield from (self._attempt(text) for text in self._runner.texts(batch))

    def time(self, request: Encoded) -> Timing:
        """From the encoded request to each token's id; a choice comes at once, as one token."""
        marks: list[float] = []
        with running(self._info.name), self._runner.prepared([request]):
            self._synchronise()
            start = time.perf_counter()
            if request.choice_ids:
                self._runner.scores([request])
                marks.append(time.perf_counter())
            else:
                self._checked(self._runner.timed([request], partial(_mark, marks)))
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
        with running(self._info.name), self._runner.prepared(rows):
            self._synchronise()
            start = time.perf_counter()
            self._checked(self._runner.timed(rows, partial(_mark, marks), endless=True))
        return [mark - start for mark in marks]

    @property
    def footprint(self) -> Footprint:
        """What one pass of the model reads and multiplies."""
        return self._footprint

    def peak_batch_bytes(self, prompts: Sequence[Sequence[int]], n_tokens: int) -> int | None:
        """The most memory that `time_batch` of the same takes, above what was held before."""
        cuda = self._info.device.startswith("cuda")
        return peak_bytes(lambda: self.time_batch(prompts, n_tokens), cuda=cuda)

    def next_logits(
        self, rows: Sequence[Sequence[int]], counts: Sequence[int]
    ) -> Iterator[torch.Tensor]:
        """The logits of each row's last tokens, a row after the other.

        In chunks (64 positions at most × vocabulary, model dtype, on its device), a new one for
        each row. They predict the last `count` tokens of the row, which must be longer than that.
        Raises ModelError.
        """
        begins = [tuple(row[:-1]) for row in rows]
        with running(self._info.name):
            yield from self._runner.logits(begins, counts)

    def close(self) -> None:
        """Gives the memory back; the engine cannot be used any more."""
        self._info = self.info
        self._runner.close()
        del self._runner
        gc.collect()  # modules and their hooks hold each other
        if self._info.device.startswith("cuda"):
            torch.cuda.empty_cache()

    def _checked(self, texts: Sequence[Text]) -> None:
        for text in texts:
            if text.fault is not None:
                raise ModelError(f"{self._info.name}: {text.fault}")

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
            mean_logprob=text.mean_logprob,
        )

    def _synchronise(self) -> None:
        if self._info.device.startswith("cuda"):
            for device in self._info.device.split(", "):
                torch.cuda.synchronize(device)


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

"""A model on this machine, run by transformers."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from tailqa.core.answer import Attempt
from tailqa.core.ports import Encoded, Footprint, Request, Timing
from tailqa.core.query import Generation
from tailqa.core.report import ModelInfo
from tailqa.engine.arguments import ModelArgs
from tailqa.engine.batching import DEFAULT_ROWS, partition
from tailqa.engine.encoding import Encoder
from tailqa.engine.fingerprint import model_info
from tailqa.engine.footprint import footprint
from tailqa.engine.forward import Forward, left_pad
from tailqa.engine.generation import Generator, Row, end_ids
from tailqa.engine.loading import load, running
from tailqa.engine.memory import peak_bytes
from tailqa.engine.scoring import score_choices
from tailqa.engine.spec import Source
from tailqa.engine.stopping import cut


class LocalEngine:
    """The Engine of one loaded model; `LocalEngine.load` makes it."""

    def __init__(
        self, model: Any, tokenizer: Any, info: ModelInfo, *, batch_size: int | None = None
    ) -> None:
        self._info = info
        self._batch_size = batch_size
        self._tokenizer = tokenizer
        self._context_tokens = getattr(
            model.config.get_text_config(), "max_position_embeddings", None
        )
        self._encoder = Encoder(tokenizer, n_embeddings=model.get_input_embeddings().num_embeddings)
        self._footprint = footprint(model)
        forward = Forward(model)
        ends = end_ids(model, tokenizer)
        # Padding is masked: any token that exists will do.
        self._generator = Generator(
            forward=forward,
            tokenizer=tokenizer,
            end_ids=ends,
            pad_id=tokenizer.pad_token_id or min(ends, default=0),
            repetition_penalty=model.generation_config.repetition_penalty or 1.0,
        )

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
        return cls(model, tokenizer, info, batch_size=batch_size)

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

    def batches(self, requests: Sequence[Encoded]) -> list[list[int]]:
        """Sorted by length, of a fixed size."""
        return partition(requests, rows=self._batch_size)

    def run(self, batch: Sequence[Encoded]) -> Iterator[Attempt]:
        """One attempt per request, in order; all of them choices or none of them."""
        if batch[0].choice_ids:
            yield from self._choices(batch)
            return
        with running(self._info.name):
            rows = self._generator.generate(batch)
        yield from (self._attempt(row) for row in rows)

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
                self._generator.generate([request], lambda: marks.append(time.perf_counter()))
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
        endless = replace(self._generator, end_ids=frozenset())
        with running(self._info.name):
            self._synchronise()
            start = time.perf_counter()
            endless.generate(rows, lambda: marks.append(time.perf_counter()))
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
        for row, count in zip(rows, counts, strict=True):
            ids, mask = left_pad([row[:-1]], self._generator.pad_id, self._generator.forward.device)
            with running(self._info.name):
                yield self._generator.forward.last_logits(ids, mask, count)[0]

    def close(self) -> None:
        """Gives the memory back; the engine cannot be used any more."""
        del self._generator
        if self._info.device.startswith("cuda"):
            torch.cuda.empty_cache()

    def _choices(self, batch: Sequence[Encoded]) -> Iterator[Attempt]:
        with running(self._info.name):
            scores = self._score(batch)
        for item, logprobs in zip(batch, scores, strict=True):
            yield Attempt(
                prompt=item.text,
                prompt_tokens=len(item.token_ids),
                completion_tokens=sum(len(ids) for ids in item.choice_ids),
                text="",
                finish_reason="choice",
                sample=item.request.sample,
                choice_logprobs=logprobs,
            )

    def _score(self, batch: Sequence[Encoded]) -> list[tuple[float, ...]]:
        return score_choices(
            self._generator.forward,
            batch,
            pad_id=self._generator.pad_id,
            rows=self._batch_size or DEFAULT_ROWS,
        )

    def _attempt(self, row: Row) -> Attempt:
        request = row.encoded.request
        text = str(self._tokenizer.decode(row.token_ids, skip_special_tokens=True))
        return Attempt(
            prompt=row.encoded.text,
            prompt_tokens=len(row.encoded.token_ids),
            completion_tokens=len(row.token_ids),
            text=cut(text, request.generation.stop),
            finish_reason="stop" if row.stopped else "length",
            sample=request.sample,
        )

    def _synchronise(self) -> None:
        if self._info.device.startswith("cuda"):
            for device in self._info.device.split(", "):
                torch.cuda.synchronize(device)

"""What the rooms ask of the outside: an engine that answers, and someone who watches progress."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tailqa.core.answer import Attempt
from tailqa.core.errors import ModelError
from tailqa.core.query import Generation, Message
from tailqa.core.report import ModelInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One attempt to be made. With `choices` they are scored, else `generation` draws a text.

    `seed` makes a sampled attempt repeatable on its own, whatever else is in its batch. A choice
    that `continues` is a text that was generated after the prompt.
    """

    query_id: str
    prompt: str | tuple[Message, ...]
    generation: Generation
    choices: tuple[str, ...] = ()
    sample: int = 0
    seed: int = 0
    continues: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded:
    """A request as one model sees it: the text after the chat template, and its token ids.

    For `choices`, `choice_ids` holds the token ids of each choice after the prompt. `cut_tokens`
    were taken from the begin of the prompt to fit the context.
    """

    request: Request
    text: str
    token_ids: tuple[int, ...]
    choice_ids: tuple[tuple[int, ...], ...] = ()
    cut_tokens: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecialTokens:
    """The tokens that frame a model's texts.

    `begin_id` is BOS, None without one. With `begins` the model's texts start with it: its
    tokenizer adds it by itself or its chat template writes it. Any of `end_ids` ends an answer.
    """

    begin_id: int | None
    begins: bool
    end_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """One answer at batch 1, timed from the request to each token; seconds."""

    first_token_s: float
    answer_s: float
    completion_tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Footprint:
    """What a model reads and multiplies; None where a pass uses only a part (experts).

    `step_weight_bytes` are read by every decode step, packed weights by their packed size. Each
    token is multiplied with `body_parameters`, the last one of a prompt with `head_parameters`
    too. Token ids lie below `n_vocabulary`.
    """

    n_vocabulary: int
    step_weight_bytes: int | None
    body_parameters: int | None
    head_parameters: int


class Engine(Protocol):
    """Answers requests with one model. All errors of the model's own are ModelError."""

    @property
    def info(self) -> ModelInfo:
        """What identifies the model and the way it is run."""

    @property
    def context_tokens(self) -> int | None:
        """The longest prompt plus completion that the model takes, where it says so."""

    @property
    def chats_vary(self) -> bool:
        """Whether one chat can become another prompt another day, as its template asks the time."""

    def encode(self, request: Request) -> Encoded:
        """The request as token ids."""

    def encode_many(self, requests: Sequence[Request]) -> list[Encoded | ModelError]:
        """Many requests at once, or what keeps the model from taking one, in order."""

    @property
    def special_tokens(self) -> SpecialTokens:
        """What begins and what ends a text."""

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of token ids, special tokens written out."""

    def batches(self, requests: Sequence[Encoded]) -> list[list[int]]:
        """A partition of `requests` by index, a function of them alone.

        A batch is answered whole or not at all, so an answer never depends on what was already
        in the store.
        """

    def run(self, batch: Sequence[Encoded]) -> Iterator[Attempt | ModelError]:
        """One attempt, or what kept it from being made, per request in order.

        Raises ModelError for the whole batch.
        """

    def time(self, request: Encoded) -> Timing:
        """Answers one request alone and times it."""

    def time_batch(self, prompts: Sequence[Sequence[int]], n_tokens: int) -> list[float]:
        """Seconds from the start to each of `n_tokens` tokens of a whole batch of token ids."""

    @property
    def footprint(self) -> Footprint:
        """What one pass of the model reads and multiplies."""

    def peak_batch_bytes(self, prompts: Sequence[Sequence[int]], n_tokens: int) -> int | None:
        """Runs what `time_batch` runs; the most memory taken, above what was held before.

        None where the system does not tell.
        """

    def close(self) -> None:
        """Gives the memory back."""


class Progress(Protocol):
    """Is told what goes on; the command line draws bars from it."""

    def start(self, task: str, total: int) -> None:
        """`total` units of `task` lie ahead."""

    def advance(self, task: str, n: int, tokens: int = 0, *, reused: bool = False) -> None:
        """`n` more units are done; `tokens` were generated; `reused` came from the store."""

    def finish(self, task: str) -> None:
        """The task is over."""


class Silent:
    """Progress that nobody watches."""

    def start(self, task: str, total: int) -> None:
        """Says nothing."""

    def advance(self, task: str, n: int, tokens: int = 0, *, reused: bool = False) -> None:
        """Says nothing."""

    def finish(self, task: str) -> None:
        """Says nothing."""

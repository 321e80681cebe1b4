"""An engine that says what it is told: the fake for tests and rehearsals."""

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from tailqa.core.answer import Attempt
from tailqa.core.digest import digest
from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded, Footprint, Request, SpecialTokens, Timing
from tailqa.core.report import ModelInfo
from tailqa.engine.batching import MOST_REQUESTS, partition
from tailqa.engine.stopping import cut

Script = str | tuple[float, ...]
"""What is said to one request: a text, or the log-probabilities of its choices."""


class ScriptedEngine:
    """Answers from `script`: a mapping by query id, or a function of the request.

    A batch with a query of `failures` raises ModelError. `token_s` is the time that a token takes:
    `run` sleeps it, `time` only reports it; in `time_batch` every row adds `row_s` to it, and more
    than `most_rows` run out of memory. `version` tells two scripted functions apart in the
    store. `n_batches` and `n_attempts` count what was run. Tokens are words; their ids are made
    from the words, so two prompts never share a key.

    >>> from tailqa.core.query import Generation
    >>> engine = ScriptedEngine({"q": "It is 4. Next"})
    >>> ask = Request(query_id="q", prompt="2 + 2", generation=Generation(stop=("Next",)))
    >>> [attempt] = engine.run([engine.encode(ask)])
    >>> attempt.text, attempt.completion_tokens, attempt.finish_reason
    ('It is 4. ', 3, 'stop')
    """

    def __init__(
        self,
        script: Mapping[str, Script] | Callable[[Request], Script],
        *,
        name: str = "scripted",
        version: str = "",
        failures: Collection[str] = (),
        token_s: float = 0.0,
        row_s: float = 0.0,
        most_rows: int | None = None,
        batch_size: int | None = None,
        context_tokens: int | None = None,
    ) -> None:
        self._script = script
        self._failures = frozenset(failures)
        self._token_s = token_s
        self._row_s = row_s
        self._most_rows = most_rows
        self._batch_size = batch_size
        self._context_tokens = context_tokens
        self._words: dict[int, str] = {}
        self.n_batches = 0
        self.n_attempts = 0
        said = dict(script) if isinstance(script, Mapping) else None
        self._info = ModelInfo(
            name=name,
            revision=None,
            weights_digest=digest([name, version, said]),
            tokenizer_digest=digest("words"),
            template_digest=None,
            architecture="Script",
            n_parameters=0,
            dtype="float32",
            device="cpu",
            engine="scripted 1",
        )

    @property
    def info(self) -> ModelInfo:
        """Names the script; the digest of the weights is that of a mapping's answers."""
        return self._info

    @property
    def context_tokens(self) -> int | None:
        """As told."""
        return self._context_tokens

    @property
    def chats_vary(self) -> bool:
        """They never do."""
        return False

    def encode(self, request: Request) -> Encoded:
        """Words as tokens; a chat is one line per message."""
        prompt = request.prompt
        if not isinstance(prompt, str):
            prompt = "\n".join(f"{message.role}: {message.content}" for message in prompt)
        return Encoded(
            request=request,
            text=prompt,
            token_ids=self._ids(prompt),
            choice_ids=tuple(self._ids(choice) or (0,) for choice in request.choices),
        )

    def encode_many(self, requests: Sequence[Request]) -> list[Encoded | ModelError]:
        """One after the other."""
        return [self.encode(request) for request in requests]

    @property
    def special_tokens(self) -> SpecialTokens:
        """Words have none."""
        return SpecialTokens(begin_id=None, begins=False, end_ids=())

    def decode(self, token_ids: Sequence[int]) -> str:
        """The words that were encoded, a blank between them."""
        return " ".join(self._words[token] for token in token_ids)

    def batches(self, requests: Sequence[Encoded]) -> list[list[int]]:
        """The partition that the local engine makes."""
        return partition(requests, most=self._batch_size or MOST_REQUESTS)

    def run(self, batch: Sequence[Encoded]) -> Iterator[Attempt]:
        """What the script says; raises ModelError where it says nothing or is told to fail."""
        self.n_batches += 1
        for encoded in batch:
            if encoded.request.query_id in self._failures:
                raise ModelError(f"the script fails at {encoded.request.query_id}")
        for encoded in batch:
            attempt = self._attempt(encoded)
            time.sleep(self._token_s * (attempt.completion_tokens or 0))
            self.n_attempts += 1
            yield attempt

    def time(self, request: Encoded) -> Timing:
        """`token_s` for every token; a choice comes all at once, as one token."""
        n = 1 if request.choice_ids else self._attempt(request).completion_tokens or 0
        return Timing(first_token_s=self._token_s, answer_s=self._token_s * n, completion_tokens=n)

    def time_batch(self, prompts: Sequence[Sequence[int]], n_tokens: int) -> list[float]:
        """`token_s` and `row_s` per row for every token. Raises ModelError as told."""
        if self._most_rows is not None and len(prompts) > self._most_rows:
            raise ModelError(f"{self._info.name} ran out of memory")
        step_s = self._token_s + self._row_s * len(prompts)
        return [step_s * (token + 1) for token in range(n_tokens if prompts else 0)]

    @property
    def footprint(self) -> Footprint:
        """Of a model that is not there: 1 MB of weights."""
        return Footprint(
            n_vocabulary=1000,
            step_weight_bytes=1_000_000,
            body_parameters=400_000,
            head_parameters=100_000,
        )

    def peak_batch_bytes(self, prompts: Sequence[Sequence[int]], n_tokens: int) -> int | None:
        """1,000 bytes for every token, prompt or new."""
        self.time_batch(prompts, n_tokens)
        return 1000 * sum(len(prompt) + n_tokens for prompt in prompts)

    def close(self) -> None:
        """There is nothing to give back."""

    def _attempt(self, encoded: Encoded) -> Attempt:
        request = encoded.request
        said = self._say(request)
        if isinstance(said, str) is bool(request.choices):
            raise ModelError(f"the script has the wrong kind of answer to {request.query_id}")
        if not isinstance(said, str):
            if len(said) != len(request.choices):
                raise ModelError(f"the script scores too few or too many of {request.query_id}")
            return Attempt(
                prompt=encoded.text,
                prompt_tokens=len(encoded.token_ids),
                completion_tokens=sum(len(ids) for ids in encoded.choice_ids),
                text="",
                finish_reason="choice",
                sample=request.sample,
                choice_logprobs=said,
            )
        settings = request.generation
        text = cut(said, settings.stop)
        words = text.split()
        if len(words) > settings.max_tokens:
            text = " ".join(words[: settings.max_tokens])
        return Attempt(
            prompt=encoded.text,
            prompt_tokens=len(encoded.token_ids),
            completion_tokens=max(1, min(len(words), settings.max_tokens)),
            text=text,
            finish_reason="length" if len(words) > settings.max_tokens else "stop",
            sample=request.sample,
        )

    def _say(self, request: Request) -> Script:
        if callable(self._script):
            return self._script(request)
        try:
            return self._script[request.query_id]
        except KeyError:
            raise ModelError(f"the script says nothing to {request.query_id}") from None

    def _ids(self, text: str) -> tuple[int, ...]:
        ids = {word: _token_id(word) for word in text.split()}
        self._words |= {token: word for word, token in ids.items()}
        return tuple(ids[word] for word in text.split())


def _token_id(word: str) -> int:
    return int.from_bytes(hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[:4], "big")

"""Requests → answers: look up, run what is missing, keep it, go on after a failure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tailqa.core.answer import Answer, Answered, Attempt, Failed
from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded, Engine, Progress, Request
from tailqa.engine.fitting import fitted
from tailqa.engine.store import ResponseStore, request_key


def answer(
    engine: Engine,
    store: ResponseStore,
    requests: Sequence[Request],
    *,
    progress: Progress,
    task: str,
) -> list[Answer]:
    """One Answered or Failed per query id, in order of first appearance, all samples gathered.

    What the store holds is not run again; what is run is committed batch by batch, so an
    interruption loses only the batch in flight. A request that the model cannot take, or that
    fails when it is run alone, makes its query Failed with the reason; the others go on.
    Progress counts requests. Raises ModelError when not a single request can be encoded, and
    StoreError.

    >>> import tempfile
    >>> from tailqa.core.ports import Silent
    >>> from tailqa.core.query import Generation
    >>> from tailqa.engine.scripted import ScriptedEngine
    >>> ask = Request(query_id="q1", prompt="2 + 2 =", generation=Generation())
    >>> with tempfile.TemporaryDirectory() as folder, ResponseStore(f"{folder}/store") as store:
    ...     model = ScriptedEngine({"q1": "four"})
    ...     [first] = answer(model, store, [ask], progress=Silent(), task="teacher")
    ...     [again] = answer(model, store, [ask], progress=Silent(), task="teacher")
    >>> first.attempts[0].text, again == first, model.n_attempts
    ('four', True, 1)
    """
    progress.start(task, len(requests))
    work = _Work(engine=engine, store=store, requests=requests, progress=progress, task=task)
    try:
        work.encode()
        work.reuse()
        work.run_missing()
    finally:
        progress.finish(task)
    return work.gather()


@dataclass(kw_only=True)
class _Work:
    """What is known of each request; those that share a key are answered once."""

    engine: Engine
    store: ResponseStore
    requests: Sequence[Request]
    progress: Progress
    task: str
    keys: dict[int, str] = field(default_factory=dict)
    encoded: dict[str, Encoded] = field(default_factory=dict)
    shared_by: Counter[str] = field(default_factory=Counter)
    found: dict[str, Attempt] = field(default_factory=dict)
    unfit: dict[int, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def encode(self) -> None:
        """Token ids and keys; what the model cannot take is set aside."""
        first_error: ModelError | None = None
        for index, request in enumerate(self.requests):
            try:
                encoded = fitted(self.engine, request)
            except ModelError as error:
                self.unfit[index] = str(error)
                first_error = first_error or error
                self.progress.advance(self.task, 1)
                continue
            key = request_key(self.engine.info, encoded)
            self.keys[index] = key
            self.encoded.setdefault(key, encoded)
            self.shared_by[key] += 1
        if first_error is not None and not self.keys:
            raise ModelError(f"{self.engine.info.name} can take no query: {first_error}")

    def reuse(self) -> None:
        """Takes from the store what is there."""
        self.found.update(self.store.get_many(self.encoded))
        if self.found:
            n = sum(self.shared_by[key] for key in self.found)
            self.progress.advance(self.task, n, reused=True)

    def run_missing(self) -> None:
        """Runs every batch that is not complete, and keeps it."""
        keys = list(self.encoded)
        for batch in self.engine.batches(list(self.encoded.values())):
            self._run([keys[index] for index in batch])

    def _run(self, keys: Sequence[str]) -> None:
        # A batch of which one row is missing is computed whole, so that an answer is the same to
        # the bit whatever was in the store.
        missing = [key for key in keys if key not in self.found]
        if not missing:
            return
        made: dict[str, Attempt | ModelError]
        try:
            attempts = self.engine.run([self.encoded[key] for key in keys])
            made = dict(zip(keys, attempts, strict=True))
        except ModelError as error:
            made = dict.fromkeys(keys, error)
        self._keep({key: got for key in missing if isinstance(got := made[key], Attempt)})
        failed = [key for key, got in made.items() if isinstance(got, ModelError)]
        if keys == failed[:1]:
            self.failed[keys[0]] = str(made[keys[0]])
            self.progress.advance(self.task, self.shared_by[keys[0]])
            return
        # What fails can be the fault of a row that shared the pass.
        middle = (len(failed) + 1) // 2
        self._run(failed[:middle])
        self._run(failed[middle:])

    def _keep(self, made: Mapping[str, Attempt]) -> None:
        self.store.put_many(list(made.items()))
        # Another process may have been faster: what the store holds is what counts.
        self.found.update(self.store.get_many(made))
        tokens = sum(attempt.completion_tokens for attempt in made.values())
        self.progress.advance(self.task, sum(self.shared_by[key] for key in made), tokens)

    def gather(self) -> list[Answer]:
        """The attempts by query."""
        attempts: dict[str, list[Attempt]] = {}
        reasons: dict[str, str] = {}
        for index, request in enumerate(self.requests):
            made = attempts.setdefault(request.query_id, [])
            if index in self.unfit:
                reasons.setdefault(request.query_id, self.unfit[index])
            elif (key := self.keys[index]) in self.found:
                cut_tokens = self.encoded[key].cut_tokens
                found = self.found[key]
                made.append(replace(found, sample=request.sample, cut_tokens=cut_tokens))
            else:
                reasons.setdefault(request.query_id, self.failed[key])
        return [_answer_of(query_id, made, reasons) for query_id, made in attempts.items()]


def _answer_of(query_id: str, made: Sequence[Attempt], reasons: Mapping[str, str]) -> Answer:
    in_order = tuple(sorted(made, key=lambda attempt: attempt.sample))
    if query_id in reasons:
        return Failed(query_id=query_id, reason=reasons[query_id], attempts=in_order)
    return Answered(query_id=query_id, attempts=in_order)

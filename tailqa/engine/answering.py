"""Requests → answers: look up, run what is missing, keep it, go on after a failure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from tailqa.core.answer import Answer, Answered, Attempt, Failed
from tailqa.core.errors import ModelError
from tailqa.core.ports import Encoded, Engine, Progress, Request
from tailqa.engine.fitting import fit_all
from tailqa.engine.store import ResponseStore, asked_key, request_key

WINDOW = 4096
"""Requests that are held as token ids at a time."""

_KEPT_TOGETHER = 8
"""Finished attempts that are committed in one transaction."""

Outcome = Attempt | str
"""An attempt, or why there is none."""


def answer(
    engine: Engine,
    store: ResponseStore,
    requests: Sequence[Request],
    *,
    progress: Progress,
    task: str,
) -> list[Answer]:
    """One Answered or Failed per query id, in order of first appearance, all samples gathered.

    What the store holds is not run again, nor tokenised; what is run is committed as it is
    finished, so an interruption loses only what is in flight. A request that the model cannot
    take, or that fails when it is run alone, makes its query Failed with the reason; the others go
    on. Progress counts requests. Raises ModelError when not a single request can be encoded, and
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
    attempts: dict[str, list[Attempt]] = {}
    reasons: dict[str, str] = {}
    unfit: list[str] = []
    try:
        for window, outcomes in _windows(
            engine, store, requests, progress=progress, task=task, unfit=unfit
        ):
            for request, outcome in zip(window, outcomes, strict=True):
                made = attempts.setdefault(request.query_id, [])
                if isinstance(outcome, str):
                    reasons.setdefault(request.query_id, outcome)
                else:
                    made.append(_shared_prompt(request, outcome))
    finally:
        progress.finish(task)
    if requests and len(unfit) == len(requests):
        raise ModelError(f"{engine.info.name} can take no query: {unfit[0]}")
    return [_answer_of(query_id, made, reasons) for query_id, made in attempts.items()]


def _windows(
    engine: Engine,
    store: ResponseStore,
    requests: Sequence[Request],
    *,
    progress: Progress,
    task: str,
    unfit: list[str],
) -> Iterator[tuple[Sequence[Request], list[Outcome]]]:
    """The outcomes window by window; the next one is tokenised while the model runs this one."""
    windows = [requests[start : start + WINDOW] for start in range(0, len(requests), WINDOW)]
    with ThreadPoolExecutor(max_workers=1) as thread:
        ahead = None
        for window, following in zip(windows, [*windows[1:], None], strict=True):
            keys = [_asked_key(engine, one) for one in window]
            known = store.get_asked(key for key in keys if key)
            if len(known) == len(set(keys)):
                progress.advance(task, len(window), reused=True)
                yield (
                    window,
                    [
                        replace(known[key], sample=one.sample)
                        for key, one in zip(map(str, keys), window, strict=True)
                    ],
                )
                ahead = None
                continue
            encoded = ahead.result() if ahead else fit_all(engine, window)
            ahead = thread.submit(fit_all, engine, following) if following else None
            work = _Work(engine=engine, store=store, progress=progress, task=task)
            outcomes = work.answer(encoded)
            unfit += [str(one) for one in encoded if isinstance(one, ModelError)]
            store.put_asked(
                (key, made, one.cut_tokens)
                for key, made, one in zip(keys, work.keys, encoded, strict=True)
                if key and isinstance(one, Encoded) and made in work.found
            )
            yield window, outcomes


def _asked_key(engine: Engine, request: Request) -> str | None:
    """None where what is asked does not tell what the model is given."""
    if engine.chats_vary and not isinstance(request.prompt, str):
        return None
    return asked_key(engine.info, request, engine.context_tokens)


@dataclass(kw_only=True)
class _Work:
    """What is known of each request of a window; those that share a key are answered once."""

    engine: Engine
    store: ResponseStore
    progress: Progress
    task: str
    keys: list[str | None] = field(default_factory=list)
    encoded: dict[str, Encoded] = field(default_factory=dict)
    shared_by: Counter[str] = field(default_factory=Counter)
    found: dict[str, Attempt] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def answer(self, encoded: Sequence[Encoded | ModelError]) -> list[Outcome]:
        """Looks up, runs every batch that is not complete, and keeps it."""
        for one in encoded:
            self._register(one)
        self.found.update(self.store.get_many(self.encoded))
        if self.found:
            n = sum(self.shared_by[key] for key in self.found)
            self.progress.advance(self.task, n, reused=True)
        keys = list(self.encoded)
        for batch in self.engine.batches(list(self.encoded.values())):
            self._run([keys[index] for index in batch])
        return [self._outcome(*pair) for pair in zip(encoded, self.keys, strict=True)]

    def _register(self, encoded: Encoded | ModelError) -> None:
        if isinstance(encoded, ModelError):
            self.keys.append(None)
            self.progress.advance(self.task, 1)
            return
        key = request_key(self.engine.info, encoded)
        self.keys.append(key)
        self.encoded.setdefault(key, encoded)
        self.shared_by[key] += 1

    def _run(self, keys: Sequence[str]) -> None:
        # A batch of which one row is missing is computed whole, so that an answer is the same to
        # the bit whatever was in the store.
        if all(key in self.found for key in keys):
            return
        waiting = list(keys)
        failed: dict[str, ModelError] = {}
        kept: dict[str, Attempt] = {}
        try:
            for got in self.engine.run([self.encoded[key] for key in keys]):
                key = waiting.pop(0)
                if isinstance(got, ModelError):
                    failed[key] = got
                elif key not in self.found:
                    kept[key] = got
                if len(kept) == _KEPT_TOGETHER:
                    self._keep(kept)
                    kept = {}
        except ModelError as error:
            failed |= dict.fromkeys(waiting, error)
        finally:  # an interruption as well
            self._keep(kept)
        again = [key for key in failed if key not in self.found]
        if [*keys] == again[:1]:
            self.failed[keys[0]] = str(failed[keys[0]])
            self.progress.advance(self.task, self.shared_by[keys[0]])
            return
        # What fails can be the fault of a row that shared the pass.
        middle = (len(again) + 1) // 2
        self._run(again[:middle])
        self._run(again[middle:])

    def _keep(self, made: Mapping[str, Attempt]) -> None:
        self.store.put_many(list(made.items()))
        # Another process may have been faster: what the store holds is what counts.
        self.found.update(self.store.get_many(made))
        tokens = sum(attempt.completion_tokens or 0 for attempt in made.values())
        self.progress.advance(self.task, sum(self.shared_by[key] for key in made), tokens)

    def _outcome(self, encoded: Encoded | ModelError, key: str | None) -> Outcome:
        if isinstance(encoded, ModelError) or key is None:
            return str(encoded)
        if key not in self.found:
            return self.failed[key]
        sample = encoded.request.sample
        return replace(self.found[key], sample=sample, cut_tokens=encoded.cut_tokens)


def _shared_prompt(request: Request, attempt: Attempt) -> Attempt:
    """The attempt with the request's own text, so that it is held in memory once."""
    same = attempt.prompt == request.prompt
    return replace(attempt, prompt=request.prompt) if same else attempt  # type: ignore[arg-type]


def _answer_of(query_id: str, made: Sequence[Attempt], reasons: Mapping[str, str]) -> Answer:
    in_order = tuple(sorted(made, key=lambda attempt: attempt.sample))
    if query_id in reasons:
        return Failed(query_id=query_id, reason=reasons[query_id], attempts=in_order)
    return Answered(query_id=query_id, attempts=in_order)

"""The response store: cache, journal and resume in one SQLite file."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType

from tailqa.core.answer import Attempt
from tailqa.core.digest import digest
from tailqa.core.errors import StoreError
from tailqa.core.ports import Encoded, Request
from tailqa.core.report import ModelInfo

APPLICATION_ID = 0x7461_6C71
SCHEMA_VERSION = 3
"""2 added `asked`; 3 has `mean_logprob` in an attempt, which tailqa before it cannot read."""

_KEY_VERSION = 1
_BUSY_S = 30.0


class ResponseStore:
    """Attempts by the digest of what was asked of which model.

    Safe with several processes at once. What `put_many` has returned from survives the kill of
    the process. All faults of the file are StoreError.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ResponseStore(Path(folder) / "responses.sqlite") as store:
    ...         store.get_many(["00"])
    {}
    """

    def __init__(self, path: Path | str, *, busy_s: float = _BUSY_S) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The folder of the response store {self.path} cannot be made: {error.strerror}."
            ) from error
        with self._faults():
            self._connection = sqlite3.connect(self.path, timeout=busy_s, isolation_level=None)
        try:
            with self._faults():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> "ResponseStore":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def get_many(self, keys: Iterable[str]) -> dict[str, Attempt]:
        """The attempts that are there, by key; keys that are not there are left out."""
        query = "SELECT key, value FROM attempts WHERE key IN (SELECT value FROM json_each(?))"
        with self._faults():
            rows = self._connection.execute(query, (json.dumps(list(keys)),)).fetchall()
        return {key: _attempt(value) for key, value in rows}

    def get_asked(self, asked: Iterable[str]) -> dict[str, Attempt]:
        """The attempts that are there, by what was asked (see `asked_key`)."""
        query = (
            "SELECT asked.key, attempts.value, asked.cut_tokens FROM asked JOIN attempts "
            "ON attempts.key = asked.attempt WHERE asked.key IN (SELECT value FROM json_each(?))"
        )
        with self._faults():
            rows = self._connection.execute(query, (json.dumps(list(asked)),)).fetchall()
        return {key: replace(_attempt(value), cut_tokens=cut) for key, value, cut in rows}

    def put_asked(self, asked: Iterable[tuple[str, str, int]]) -> None:
        """Keeps (asked key, request key, tokens cut from the prompt) in one transaction."""
        with self._faults(), self._transaction():
            self._connection.executemany("INSERT OR IGNORE INTO asked VALUES (?, ?, ?)", asked)

    def put_many(self, attempts: Sequence[tuple[str, Attempt]]) -> None:
        """Keeps all attempts in one transaction; a key that is there already is left as it is."""
        rows = [(key, json.dumps(asdict(attempt), allow_nan=False)) for key, attempt in attempts]
        with self._faults(), self._transaction():
            self._connection.executemany("INSERT OR IGNORE INTO attempts VALUES (?, ?)", rows)

    def close(self) -> None:
        """Closes the file; the store cannot be used any more."""
        self._connection.close()

    def _prepare(self) -> None:
        # In WAL mode the operating system holds a committed page even when the process is killed,
        # so NORMAL (no fsync per commit) risks only the last commits of a power failure.
        self._connection.execute("PRAGMA synchronous=NORMAL")
        if self._pragma("user_version") < SCHEMA_VERSION:
            with self._transaction():
                self._create()
        if self._pragma("application_id") != APPLICATION_ID:
            raise self._foreign()
        version = self._pragma("user_version")
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} was written by a newer tailqa (store version {version}, this one "
                f"knows {SCHEMA_VERSION}); upgrade tailqa or name another store."
            )
        self._connection.execute("PRAGMA journal_mode=WAL")

    def _create(self) -> None:
        version = self._pragma("user_version")
        if version >= SCHEMA_VERSION:  # another process was faster
            return
        if version == 0:
            if self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise self._foreign()
            self._connection.execute(
                "CREATE TABLE attempts (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)"
            )
        elif self._pragma("application_id") != APPLICATION_ID:
            raise self._foreign()
        if version < 2:
            self._connection.execute(
                "CREATE TABLE asked (key TEXT PRIMARY KEY NOT NULL, attempt TEXT NOT NULL, "
                "cut_tokens INTEGER NOT NULL)"
            )
        self._connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def _foreign(self) -> StoreError:
        return StoreError(
            f"{self.path} is a file of another program, not a response store; name another store."
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # A full disk has SQLite roll back by itself.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {_sentence(error)}") from error


def request_key(info: ModelInfo, encoded: Encoded) -> str:
    """The digest under which the attempt at `encoded` of the model `info` is kept.

    It covers all that can change the attempt and nothing else: a greedy text depends neither on
    the seed nor on the sample's index, a choice on no generation setting.
    """
    asked = _identity(info) | {"prompt": encoded.token_ids}
    if encoded.choice_ids:
        asked["choices"] = encoded.choice_ids
    else:
        asked |= _drawing(encoded.request)
    return digest(asked)


def asked_key(info: ModelInfo, request: Request, context_tokens: int | None) -> str:
    """A digest that leads to the attempt without tokenising anything.

    It covers the text that is asked and all that makes token ids and an attempt of it.
    """
    prompt = request.prompt
    messages: list[tuple[str, str]] = []
    if not isinstance(prompt, str):
        messages = [(message.role, message.content) for message in prompt]
    asked = _identity(info) | {"text": messages or prompt, "context": context_tokens}
    asked |= {"truncate": request.generation.truncate}
    if request.choices:
        asked["choices"] = request.choices
    else:
        asked |= _drawing(request)
    return digest(asked)


def _identity(info: ModelInfo) -> dict[str, object]:
    identity: dict[str, object] = {
        "version": _KEY_VERSION,
        "weights": info.weights_digest,
        "tokenizer": info.tokenizer_digest,
        "template": info.template_digest,
        "dtype": info.dtype,
        "engine": info.engine,
        "device": info.device.partition(":")[0],
    }
    return identity if info.weights is None else identity | {"kept": info.weights}


def _drawing(request: Request) -> dict[str, object]:
    settings = request.generation
    drawing: dict[str, object] = {"max_tokens": settings.max_tokens, "stop": settings.stop}
    if settings.temperature > 0:
        drawing |= {
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "seed": request.seed,
            "sample": request.sample,
        }
    return drawing


def _attempt(value: str) -> Attempt:
    fields = json.loads(value)
    fields.pop("token_logprobs", None)  # always null, until version 2
    if fields["choice_logprobs"] is not None:
        fields["choice_logprobs"] = tuple(fields["choice_logprobs"])
    return Attempt(**fields)


def _sentence(error: sqlite3.Error) -> str:
    text = str(error)
    known = {
        "unable to open": "the response store cannot be opened; is its folder writable?",
        "readonly": "the response store cannot be written to; give it write permission.",
        "full": "the disk is full; free some space and run again, what is finished is kept.",
        "locked": "another process holds the response store; wait for it to end and run again.",
        "not a database": "this is not a response store; name another file.",
        "malformed": "the response store is damaged; move it away, and it is made anew.",
    }
    for part, sentence in known.items():
        if part in text:
            return sentence
    return f"the response store failed ({text})."

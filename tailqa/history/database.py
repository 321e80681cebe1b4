"""One database, SQLite or PostgreSQL: transactions, and faults as one sentence."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from tailqa.core.errors import HistoryError
from tailqa.history.address import Address, address
from tailqa.history.faults import driver_text, sentence
from tailqa.history.migrate import is_current, migrate

BUSY_S = 30.0
"""How long a writer waits for another one."""

_CONNECT_S = 10
_LOCK = 0x7461_696C_7161
"""The advisory lock that writers of one PostgreSQL database take in turn."""


class Database:
    """A database with the tables of the history, made or migrated where it has to be.

    There is one writer at a time, on either kind: a week brings a few runs, and what writers
    share (texts, queries, the order of dates) is then read and written without a race. Readers
    see what was there when they began. All faults are HistoryError.

    Without `create` a file that may not be written is opened read-only, and left as it is.
    """

    def __init__(self, where: str | Path, *, create: bool = True, busy_s: float = BUSY_S) -> None:
        self.address = address(where)
        self.shown = self.address.shown
        self._busy_s = busy_s
        self._find(create=create)
        self._read_only = not create and _is_read_only(self.address.path)
        url = _read_only_url(self.address.path) if self._read_only else self.address.url
        self._engine = _engine(self.address, url, busy_s)
        self._reader, self._writer = self._engine, self._engine.execution_options(writes=True)
        if self.address.path is None:
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ")
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database."""
        with self._faults(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that is alone in writing; it is kept whole or not at all."""
        with self._faults(), self._writer.begin() as connection:
            if self.address.path is None:
                wait_ms = round(1000 * self._busy_s)
                connection.execute(sa.text(f"SET LOCAL lock_timeout = {wait_ms}"))
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            yield connection

    def tidy(self) -> None:
        """Gives the space of what was removed back, and leaves no trace of it in the file.

        Raises HistoryError where that fails, which says that it is removed all the same.
        """
        if self.address.path is None:
            return
        try:
            with self._past_transactions() as raw:
                # First what was removed is overwritten in its place: VACUUM needs room and time.
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                raw.execute("VACUUM")
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except (sa.exc.DBAPIError, sqlite3.Error) as error:
            raise HistoryError(
                f"{self.shown}: what was pruned is no longer in the history, but its space, and "
                f"perhaps parts of its texts, are still in the file ({driver_text(error)}); once "
                "that is mended, the same tailqa history prune frees them"
            ) from error

    def is_tidy(self) -> bool:
        """Whether a file has no space to give back; a server sees to that by itself."""
        if self.address.path is None:
            return True
        with self.reading() as connection:
            return not connection.exec_driver_sql("PRAGMA freelist_count").scalar()

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()

    def _find(self, *, create: bool) -> None:
        path = self.address.path
        if path is None or path.exists():
            return
        if not create:
            raise HistoryError(
                f"{self.shown}: there is no history yet; tailqa history add RUN makes it"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HistoryError(
                f"{self.shown}: its folder cannot be made ({(error.strerror or '').lower()}); "
                "name another history with --db"
            ) from error

    def _prepare(self) -> None:
        with self.reading() as connection:
            current = is_current(connection, self.shown)
        if current:
            return
        if self._read_only:
            raise HistoryError(
                f"{self.shown} has not the tables of this tailqa and may only be read; open it "
                "once with write permission (tailqa history list), which brings it forward"
            )
        if self.address.path is not None:
            with self._faults(), self._past_transactions() as raw:
                raw.execute("PRAGMA journal_mode=WAL")
        with self.writing() as connection:
            migrate(connection, self.shown)

    @contextmanager
    def _past_transactions(self) -> Iterator[Any]:
        """The driver's own connection to a file: SQLAlchemy would begin a transaction."""
        with self._engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None  # noqa: S101
            yield raw

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DBAPIError, sqlite3.Error) as error:
            said = sentence(error, password=self.address.url.password)
            raise HistoryError(f"{self.shown}: {said}") from error


def _is_read_only(path: Path | None) -> bool:
    """Whether SQLite cannot write there: it needs the file and, for its log, the folder."""
    if path is None or not path.exists():
        return False
    effective = os.access in os.supports_effective_ids
    return not all(os.access(at, os.W_OK, effective_ids=effective) for at in (path, path.parent))


def _read_only_url(path: Path | None) -> sa.URL:
    """A file that another process has open has a log beside it, which holds its newest rows.

    Without one the file is all there is; SQLite would still make a log, which it cannot or, being
    somebody else's, would be in the way of the next writer.
    """
    assert path is not None  # noqa: S101
    log, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    logged = index.exists() or (log.exists() and log.stat().st_size > 0)
    how = {"mode": "ro"} if logged else {"mode": "ro", "immutable": "1"}
    return sa.URL.create("sqlite", database=path.absolute().as_uri(), query={"uri": "true", **how})


def _engine(found: Address, url: sa.URL, busy_s: float) -> sa.Engine:
    # What a row holds is nothing for an error message: a prompt, an answer.
    if found.path is None:
        try:
            return sa.create_engine(
                url,
                hide_parameters=True,
                connect_args={"connect_timeout": _CONNECT_S, "application_name": "tailqa"}
                | dict(url.query),
            )
        except ModuleNotFoundError as error:
            raise HistoryError(
                "a history on a PostgreSQL server needs psycopg; install tailqa[postgresql]"
            ) from error
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": busy_s})
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def _connected(connection: Any, _: object) -> None:
    # The driver would begin transactions by itself, and late.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA secure_delete=ON")
    # In WAL mode the operating system holds a committed page even when the process is killed.
    connection.execute("PRAGMA synchronous=NORMAL")


def _begun(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

"""A history that cannot be opened or written: one sentence, no password, nothing changed."""

import os
import resource
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tailqa.core.errors import HistoryError
from tailqa.history import History, open_history
from tailqa.history.address import address
from tailqa.history.database import Database
from tailqa.history.faults import sentence
from tests.history.made import TODAY, answer, dump, new

TODAY_ = date.fromisoformat(TODAY)
PASSWORD = "hunter-two"  # noqa: S105


def refused(open_it: Callable[[], object]) -> str:
    """What is said, in one sentence; the password is nowhere in the chain of errors."""
    with pytest.raises(HistoryError) as raised:
        open_it()
    error: BaseException | None = raised.value
    while error is not None:
        assert PASSWORD not in f"{error}{error!r}"
        error = error.__cause__ or error.__context__
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("notes " * 1000)
    assert refused(lambda: open_history(path)) == (
        f"{path}: this is not a database; name another file"
    )
    assert path.read_text() == "notes " * 1000
    assert list(tmp_path.iterdir()) == [path]


def test_tables_of_another_program(where):
    engine = sa.create_engine(address(where).url)
    if address(where).path is not None:
        Path(where).parent.mkdir()
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE runs (mine integer)"))
    engine.dispose()
    for _ in range(2):
        said = refused(lambda: open_history(where))
        assert said.endswith(
            "holds the tables of another program and not a history; give the history a database "
            "of its own"
        )


def test_a_damaged_file(tmp_path):
    path = tmp_path / "history.db"
    with open_history(path) as history:
        history.add(new(1, marks={f"q{n}": "10" for n in range(500)}), today=TODAY_)
    data = bytearray(path.read_bytes())
    data[4096 * 20 :] = b"\xff" * (len(data) - 4096 * 20)
    path.write_bytes(data)
    with open_history(path) as history:
        said = refused(lambda: history.prune("2030-01-01"))
    assert "the file is damaged" in said


def test_a_folder_instead_of_a_file(tmp_path):
    assert "the file cannot be opened" in refused(lambda: open_history(tmp_path))
    (tmp_path / "file").touch()
    said = refused(lambda: open_history(tmp_path / "file" / "history.db"))
    assert "its folder cannot be made (file exists)" in said


def test_no_history_where_one_is_only_read(tmp_path):
    path = tmp_path / "absent" / "history.db"
    said = refused(lambda: open_history(path, create=False))
    assert said == f"{path}: there is no history yet; tailqa history add RUN makes it"
    assert not path.parent.exists()


@contextmanager
def somebody_else() -> Iterator[None]:
    """Root may write everywhere; nobody may not."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def only_readable(path: Path) -> Iterator[None]:
    """As another user finds a file that they may read in a folder that they may enter."""
    path.parent.chmod(0o755)
    for folder in path.parent.parents:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        with somebody_else():
            yield
    finally:
        path.parent.chmod(0o755)
        path.chmod(0o644)


def test_a_file_that_may_only_be_read(tmp_path):
    path = tmp_path / "history #1?.db"
    with open_history(path) as history:
        history.add(new(1), today=TODAY_)
    before = path.read_bytes()
    with only_readable(path):
        said = refused(lambda: add_to(path))
        made = refused(lambda: open_history(tmp_path / "other.db"))
        with open_history(path, create=False) as history:
            [run] = history.runs()
            assert len(history.answers(run.run, ["q1", "q4"])) == 4
            pruned = refused(lambda: history.prune("2030-01-01"))
    assert "write permission" in said or "may its folder be read and written?" in said
    assert "may its folder be read and written?" in made
    assert pruned == (
        f"{path}: the file cannot be written to; ask for write permission or name another history"
    )
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_may_only_be_read_while_somebody_adds(tmp_path):
    path = tmp_path / "history.db"
    with open_history(path) as writer:
        for number in (1, 2):
            writer.add(new(number), today=TODAY_)
            for file in tmp_path.iterdir():
                file.chmod(0o444)
            with only_readable(path), open_history(path, create=False) as history:
                assert len(history.runs()) == number


def test_a_file_that_may_only_be_read_is_not_brought_forward(tmp_path):
    path = tmp_path / "history.db"
    path.touch()
    with only_readable(path):
        said = refused(lambda: open_history(path, create=False))
    assert "open it once with write permission (tailqa history list)" in said
    assert path.read_bytes() == b""


def add_to(path: Path) -> None:
    with open_history(path) as history:
        history.add(new(2), today=TODAY_)


def test_a_full_disk(tmp_path):
    path = str(tmp_path / "history.db")
    database = Database(path)
    history = History(database)
    history.add(new(1), today=TODAY_)
    before = dump(path)
    with database._engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
        raw.execute(f"PRAGMA max_page_count={pages + 3}")
        large = new(2)
        large = type(large)(
            kept=large.kept,
            queries=large.queries,
            answers=(answer("q1", "student", "1", text="x" * 1_000_000),),
        )
    said = refused(lambda: history.add(large, today=TODAY_))
    assert said.endswith(
        "the disk of the database is full; free some space and do it again, the history is as it "
        "was"
    )
    assert dump(path) == before
    history.add(new(3), today=TODAY_)
    history.close()


@contextmanager
def no_room_for_files_of(n_bytes: int) -> Iterator[None]:
    """As on a full disk: no file grows beyond that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_pruned_file_that_cannot_be_tidied(tmp_path):
    path = tmp_path / "history.db"
    private = "the patient's name is never kept longer than needed"
    old = replace(new(1), answers=(answer("q1", "student", "1", text=private * 500),))
    large = answer("q1", "student", "1", text="x" * 2_000_000)
    with open_history(path) as history:
        history.add(old, today=TODAY_)
        history.add(replace(new(2, "2026-11-09"), answers=(large,)), today=TODAY_)
    with open_history(path) as history:
        with no_room_for_files_of(1_000_000):
            said = refused(lambda: history.prune("2026-11-09"))
        assert said.startswith(
            f"{path}: what was pruned is no longer in the history, but its space, and perhaps "
            "parts of its texts, are still in the file (disk I/O error); "
        )
        assert [run.name for run in history.runs()] == ["run-2"]
        before = path.stat().st_size
        assert history.prune("2026-11-09") == 0
        assert path.stat().st_size < before
    assert not any(private.encode() in file.read_bytes() for file in tmp_path.iterdir())


def test_a_new_file_that_somebody_else_is_writing(tmp_path):
    path = tmp_path / "history.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = refused(lambda: Database(path, busy_s=0.1))
    assert "another process has been writing to the history all the time" in said
    open_history(path).close()


def test_a_writer_that_does_not_end(where):
    waiting = Database(where, busy_s=0.1)
    other = Database(where)
    history = History(waiting)
    with other.writing():
        said = refused(lambda: history.add(new(1), today=TODAY_))
    assert "another process has been writing to the history all the time" in said
    assert history.add(new(1), today=TODAY_).new
    waiting.close()
    other.close()


UNREADABLE = [
    f"postgresql://ann:{PASSWORD}@x@db.example/tailqa",
    f"postgresql://ann:x@{PASSWORD}/x@db.example/tailqa",
    f"postgresql://ann:{PASSWORD}@db.example:port/tailqa",
    f"postgresql:ann:{PASSWORD}@db.example/tailqa",
    f"://ann:{PASSWORD}@db.example",
]


@pytest.mark.parametrize("url", UNREADABLE)
def test_a_url_that_cannot_be_read_is_not_repeated(url):
    assert refused(lambda: open_history(url)).startswith("the URL of the history cannot be read")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"mysql://ann:{PASSWORD}@db/x", "kept in SQLite or PostgreSQL, not in mysql"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("", "cannot be read"),
    ],
)
def test_another_kind_of_database(url, said):
    assert said in refused(lambda: open_history(url))


def test_a_server_that_is_not_there():
    url = f"postgresql://ann:{PASSWORD}@127.0.0.1:1/tailqa"
    assert refused(lambda: open_history(url)) == (
        "postgresql://ann@127.0.0.1:1/tailqa: the server cannot be reached; is it running, and "
        "are host and port right?"
    )


def test_a_wrong_password_and_a_missing_database(server):
    said = refused(lambda: open_history(server.url(password=PASSWORD)))
    assert said == (
        f"postgresql://tailqa@127.0.0.1:{server.port}/postgres: the server refused the user name "
        "or the password"
    )
    said = refused(lambda: open_history(server.url("absent")))
    assert said.endswith("the server has no database of this name; make it with createdb")


def test_a_server_that_goes_away_in_the_middle(server):
    with open_history(server.make_schema()) as history:
        history.add(new(1), today=TODAY_)
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'tailqa'"
            )
        said = refused(lambda: history.add(new(2), today=TODAY_))
        assert said.endswith(
            "the server ended the connection; do it again, the history is as it was"
        )
        assert history.add(new(2), today=TODAY_).new


def test_without_the_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    said = refused(lambda: open_history(f"postgresql://ann:{PASSWORD}@db.example/tailqa"))
    assert said.endswith("needs psycopg; install tailqa[postgresql]")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('could not extend file "base/1/2": No space left on device', "disk of the database"),
        ("cannot execute INSERT in a read-only transaction", "the server takes no writes"),
        ("permission denied for schema public", "have the right granted"),
        (f"odd {PASSWORD}\nmore", "the database failed (odd …)"),
    ],
)
def test_what_a_server_writes_becomes_a_sentence(written, said):
    error = sa.exc.OperationalError(None, None, Exception(written))
    assert said in sentence(error, password=PASSWORD)

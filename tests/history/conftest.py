"""Every test of a database runs on SQLite and on a real PostgreSQL server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.history.server import Server, binaries, running_server

WITHOUT = "PostgreSQL is not installed (apt-get install postgresql)"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server; skips where there is none to be had."""
    if binaries() is None:
        pytest.skip(WITHOUT)
    pytest.importorskip("psycopg")
    with running_server() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a history may be made: a file that is not there, an empty schema."""
    if request.param == "sqlite":
        return str(tmp_path / "kept" / "history.db")
    server: Server = request.getfixturevalue("server")
    return server.make_schema()

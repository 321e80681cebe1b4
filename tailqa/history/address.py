"""Where a history is: a path or a URL, and what may be shown of it."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from tailqa.core.errors import HistoryError

_UNREADABLE = HistoryError(
    "the URL of the history cannot be read; it is a path, sqlite:///PATH or "
    "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, where @, :, / and % of a password are written "
    "%40, %3A, %2F and %25"
)


@dataclass(frozen=True, kw_only=True)
class Address:
    """A database; `shown` names it without a password, `path` is None for a server."""

    url: sa.URL
    shown: str
    path: Path | None = None


def address(where: str | Path) -> Address:
    """The address of a history in a file or on a server.

    Raises HistoryError for a URL that cannot be read, never repeating it: it may hold a password.

    >>> address("outputs/history.db").shown
    'outputs/history.db'
    >>> address("postgresql://ann:secret@db.example/tailqa?sslmode=require").shown
    'postgresql://ann@db.example/tailqa'
    """
    text = str(where)
    if "://" not in text:
        if not text or text.startswith(("postgres:", "postgresql:", "sqlite:")):
            raise _UNREADABLE
        return _file(text)
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise _UNREADABLE from None
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite":
        if url.database in {None, "", ":memory:"}:
            raise HistoryError(
                "the history needs a file to be kept in, as in sqlite:///outputs/history.db"
            )
        return _file(str(url.database))
    if kind not in {"postgres", "postgresql"}:
        raise HistoryError(f"a history is kept in SQLite or PostgreSQL, not in {kind}")
    # An @ that was not written as %40 leaves the end of a password in the place of these.
    if any("@" in str(part) for part in (url.host, url.port, url.database)):
        raise _UNREADABLE
    user = f"{url.username}@" if url.username else ""
    port = f":{url.port}" if url.port else ""
    shown = f"postgresql://{user}{url.host or ''}{port}/{url.database or ''}"
    return Address(url=url.set(drivername="postgresql+psycopg"), shown=shown)


def _file(path: str) -> Address:
    return Address(url=sa.URL.create("sqlite", database=path), shown=path, path=Path(path))

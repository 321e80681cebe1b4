"""What went wrong in a database, in a sentence that says what to do."""

import sqlalchemy as sa

_FULL = (
    "the disk of the database is full; free some space and do it again, the history is as it was"
)
_BUSY = (
    "another process has been writing to the history all the time; do it again when it is done, "
    "the history is as it was"
)
_UNREACHED = "the server cannot be reached; is it running, and are host and port right?"
_REFUSED = "the server refused the user name or the password"
_LOST = "the server ended the connection; do it again, the history is as it was"

_KNOWN = {
    "unable to open": "the file cannot be opened; may its folder be read and written?",
    "readonly": "the file cannot be written to; ask for write permission or name another history",
    "disk is full": _FULL,
    "no space left": _FULL,
    "disk i/o error": "the disk failed to read or write the file; check it and its free space",
    "lock timeout": _BUSY,
    "locked": _BUSY,
    "not a database": "this is not a database; name another file",
    "malformed": "the file is damaged; put a copy in its place, or move it away and add the runs "
    "anew",
    "password authentication failed": _REFUSED,
    "no password supplied": _REFUSED,
    "pg_hba.conf": _REFUSED,
    "authentication failed": _REFUSED,
    "connection refused": _UNREACHED,
    "resolve host": _UNREACHED,
    "translate host": _UNREACHED,
    "timeout": _UNREACHED,
    "no such file or directory": _UNREACHED,
    "unreachable": _UNREACHED,
    "no route": _UNREACHED,
    "permission denied": "the user may not do this; have the right granted on the database and "
    "its schema",
    "read-only transaction": "the server takes no writes (it is a standby, or set to read only)",
    "server closed the connection": _LOST,
    "terminating connection": _LOST,
    "connection is closed": _LOST,
    "connection is lost": _LOST,
    "consuming input failed": _LOST,
}


def driver_text(error: Exception) -> str:
    """What the driver itself wrote, in one line."""
    text = str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)
    return next(iter(text.splitlines()), "")


def sentence(error: Exception, *, password: object = None) -> str:
    """What a user can do about `error`; without the `password`, whatever the driver wrote."""
    text = str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)
    lower = text.lower()
    if "database" in lower and "does not exist" in lower:
        return "the server has no database of this name; make it with createdb"
    if "role" in lower and "does not exist" in lower:
        return _REFUSED
    for part, said in _KNOWN.items():
        if part in lower:
            return said
    first = driver_text(error)
    if password:
        first = first.replace(str(password), "…")
    return f"the database failed ({first})"

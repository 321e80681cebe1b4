"""A PostgreSQL server of the tests' own, from the binaries of the system."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

USER = "tailqa"
NEEDED = ("initdb", "pg_ctl")


def binaries() -> Path | None:
    """The folder with the server's programs: Debian's newest, or that of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    on_path = shutil.which("pg_ctl")
    places = [*reversed(found), *([Path(on_path).resolve().parent] if on_path else [])]
    return next((bin_ for bin_ in places if all((bin_ / name).exists() for name in NEEDED)), None)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server."""

    port: int
    password: str

    def url(self, database: str = "postgres", *, password: str | None = None) -> str:
        word = quote(self.password if password is None else password, safe="")
        return f"postgresql://{USER}:{word}@127.0.0.1:{self.port}/{database}"

    def make_schema(self) -> str:
        """The URL of a new and empty schema, which takes less time than a database."""
        import psycopg

        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{self.url()}?options=-csearch_path%3D{name}"


@contextmanager
def running_server() -> Iterator[Server]:
    """A fresh server on a free port of the loopback, gone with all its data afterwards.

    It does not run as root, so then it is started as `postgres` or `nobody`.
    """
    programs = binaries()
    assert programs is not None
    word = "p@ss:w/rd %?#&"  # every sign that breaks a URL
    user = _other_user()
    with tempfile.TemporaryDirectory() as name:  # that of pytest is closed to other users
        folder = Path(name)
        (folder / "password").write_text(word)
        if user is not None:
            for path in (folder, folder / "password"):
                shutil.chown(path, user, user)
        data = folder / "data"

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [str(programs / program), "-D", str(data), *arguments],
                cwd=folder,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
                check=True,
                capture_output=True,
            )

        login = ["-U", USER, "-A", "scram-sha-256", f"--pwfile={folder / 'password'}"]
        run("initdb", *login, "--no-sync", "-E", "UTF8", "--locale=C")
        port = _free_port()
        settings = {"port": port, "listen_addresses": "127.0.0.1", "fsync": "off"}
        settings |= {"unix_socket_directories": "''", "shared_buffers": "16MB"}
        given = " ".join(f"-c {key}={value}" for key, value in settings.items())
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", given, "start")
        try:
            yield Server(port=port, password=word)
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")


def _other_user() -> str | None:
    if os.geteuid() != 0:
        return None
    import grp
    import pwd

    there = {entry.pw_name for entry in pwd.getpwall()} & {
        entry.gr_name for entry in grp.getgrall()
    }
    return "postgres" if "postgres" in there else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

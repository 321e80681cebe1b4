"""Brings the tables to the schema version of this tailqa, or refuses a newer one."""

from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from tailqa.core.errors import HistoryError
from tailqa.history.tables import VERSION_TABLE

SCHEMA_VERSION = 1
"""The newest version in migrations/versions."""

MIGRATIONS = Path(__file__).with_name("migrations")
VERSIONS = MIGRATIONS / "versions"


def is_current(connection: sa.Connection, shown: str, *, newest: int = SCHEMA_VERSION) -> bool:
    """Whether the tables are there in version `newest`.

    Raises HistoryError for a newer version and for tables of another program; `shown` is what the
    database is called in it.
    """
    version = _version(connection, shown)
    if version > newest:
        raise HistoryError(
            f"{shown} was written by a newer tailqa (schema version {version}, this one knows "
            f"{newest}); upgrade tailqa or name another history"
        )
    return version == newest


def migrate(
    connection: sa.Connection,
    shown: str,
    *,
    newest: int = SCHEMA_VERSION,
    versions: Sequence[Path] = (VERSIONS,),
) -> None:
    """Runs the migrations that are missing, inside the transaction of `connection`.

    `versions` are the folders that hold them. Raises HistoryError as `is_current` does.
    """
    if is_current(connection, shown, newest=newest):  # another process was faster
        return
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", _escaped(MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(_escaped, versions)))
    scripts = ScriptDirectory.from_config(config)

    def upgrade(now: object, _: object) -> object:
        return scripts._upgrade_revs(str(newest), now)  # type: ignore[arg-type]

    with EnvironmentContext(config, scripts, fn=upgrade) as environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE)
        environment.run_migrations()


def _version(connection: sa.Connection, shown: str) -> int:
    """0 for a database without tables."""
    names = sa.inspect(connection).get_table_names()
    if not names:
        return 0
    table = sa.table(VERSION_TABLE, sa.column("version_num"))
    found = connection.scalar(sa.select(table)) if VERSION_TABLE in names else None
    if found is None or not str(found).isdecimal():
        raise HistoryError(
            f"{shown} holds the tables of another program and not a history; give the history a "
            "database of its own"
        )
    return int(found)


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")

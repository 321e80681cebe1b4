"""Schema versions: an older history is brought forward, a newer one is left alone."""

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tailqa.core.errors import HistoryError
from tailqa.history import open_history
from tailqa.history.database import Database
from tailqa.history.migrate import MIGRATIONS, SCHEMA_VERSION, VERSIONS, is_current, migrate
from tailqa.history.tables import VERSION_TABLE, metadata
from tests.history.made import TODAY, dump, new

NEXT = SCHEMA_VERSION + 1
MIGRATION = f'''
"""Notes on runs, as a later version might have them."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{SCHEMA_VERSION}"


def upgrade():
    op.add_column("runs", sa.Column("note", sa.Text))
    op.execute("UPDATE runs SET note = 'was ' || name")
'''  # noqa: S608


@pytest.fixture
def versions(tmp_path: Path) -> tuple[Path, Path]:
    later = tmp_path / "100 % later"
    later.mkdir()
    (later / "later.py").write_text(MIGRATION)
    return (VERSIONS, later)


def filled(where: str) -> Database:
    with open_history(where) as history:
        history.add(new(1), today=date.fromisoformat(TODAY))
    return Database(where)


def test_the_migrations_lead_to_the_tables_that_are_used(where):
    database = filled(where)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    database.close()
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == str(SCHEMA_VERSION)


def test_an_older_history_is_migrated_with_all_that_it_holds(where, versions):
    database = filled(where)
    before = dump(where)
    with database.writing() as connection:
        assert not is_current(connection, where, newest=NEXT)
        migrate(connection, where, newest=NEXT, versions=versions)
    with database.writing() as connection:
        migrate(connection, where, newest=NEXT, versions=versions)  # nothing left to do
        assert is_current(connection, where, newest=NEXT)
        assert connection.scalar(sa.text("SELECT note FROM runs")) == "was run-1"
    database.close()
    assert dump(where) == before


def test_a_newer_history_is_refused_and_left_alone(where, versions):
    database = filled(where)
    with database.writing() as connection:
        migrate(connection, where, newest=NEXT, versions=versions)
    database.close()
    before = dump(where)
    with pytest.raises(HistoryError) as refused:
        open_history(where)
    assert str(refused.value) == (
        f"{database.shown} was written by a newer tailqa (schema version {NEXT}, this one knows "
        f"{SCHEMA_VERSION}); upgrade tailqa or name another history"
    )
    assert dump(where) == before


def test_a_migration_that_fails_leaves_the_older_history(where, versions):
    database = filled(where)
    before = dump(where)
    script = versions[1] / "later.py"
    script.write_text(script.read_text() + '    op.drop_table("nowhere")\n')
    with pytest.raises(HistoryError), database.writing() as connection:
        migrate(connection, where, newest=NEXT, versions=versions)
    with database.reading() as connection:
        assert is_current(connection, where)
        names = [column["name"] for column in sa.inspect(connection).get_columns("runs")]
    database.close()
    assert "note" not in names
    assert dump(where) == before

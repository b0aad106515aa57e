"""The schema that migrations make is the schema that the code means."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bridge.store import migrations
from bridge.store.database import Database
from bridge.store.schema import metadata


def test_the_migrated_database_has_exactly_the_tables_of_the_code(database: Database) -> None:
    with database.read() as conn:
        context = MigrationContext.configure(
            conn, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_the_revision_written_in_the_code_is_the_newest_script() -> None:
    folder = ScriptDirectory(str(migrations._FOLDER))
    assert folder.get_heads() == [migrations.HEAD]
    assert {script.revision for script in folder.walk_revisions()} == migrations.known()

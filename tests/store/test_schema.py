"""The schema that migrations make is the schema that the code means."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event

from bridge.store import bookings, migrations
from bridge.store.database import Database
from bridge.store.schema import metadata


def test_the_migrated_database_has_exactly_the_tables_of_the_code(database: Database) -> None:
    with database.read() as conn:
        context = MigrationContext.configure(
            conn, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_a_booking_is_found_by_its_meeting_without_reading_the_others(database: Database) -> None:
    with database.read() as conn:
        is_sqlite = conn.dialect.name == "sqlite"
        seen: list[tuple[str, Any]] = []
        event.listen(conn, "before_cursor_execute", lambda *said: seen.append(said[2:4]))
        bookings.meeting_at(conn, "zoom", "85")
        statement, parameters = seen[0]
        if not is_sqlite:
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")  # it is small
        how = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plan = conn.exec_driver_sql(f"{how} {statement}", parameters).fetchall()
    assert "ix_bookings_meeting_reference_meeting_kind" in str(plan)


def test_the_revision_written_in_the_code_is_the_newest_script() -> None:
    folder = ScriptDirectory(str(migrations._FOLDER))
    assert folder.get_heads() == [migrations.HEAD]
    assert {script.revision for script in folder.walk_revisions()} == migrations.known()

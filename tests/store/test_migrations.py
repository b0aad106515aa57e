"""A database of an earlier version keeps what it holds when it becomes one of this version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import MetaData, select

from bridge.model.resource import Projection, ResourceId
from bridge.store import busy, migrations, resources, sqlite, standing
from bridge.store.database import Database
from bridge.store.schema import occurrences
from tests.databases import closing_database

ROOM = ResourceId("room-a")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        sqlite.create(tmp_path / "old.sqlite3")
        with closing_database(f"sqlite:///{tmp_path / 'old.sqlite3'}") as database:
            yield database
        return
    server = request.getfixturevalue("postgresql_server")
    url = server.create(template="template1")
    with closing_database(url) as database:
        yield database
    server.drop(url)


def fill(database: Database, revision: str, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Make the schema of an earlier version, with data."""
    with database.write() as conn:
        command.upgrade(migrations.configuration(conn), revision)
        tables = MetaData()
        tables.reflect(conn)
        for name, values in rows.items():
            conn.execute(tables.tables[name].insert(), values)


def content(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    tables = MetaData()
    with database.read() as conn:
        tables.reflect(conn)
        return {
            table.name: sorted(map(tuple, conn.execute(select(table))), key=repr)
            for table in tables.sorted_tables
            if table.name != "alembic_version"
        }


def test_the_floor_of_the_log_becomes_one_for_each_projection(empty: Database) -> None:
    fill(
        empty,
        "0001",
        {
            "resources": [
                {
                    "id": name,
                    "plan": "{}",
                    "managed_by": "file",
                    "state": "active",
                    "epoch": f"epoch-{name}",
                    "change_seq": 50,
                    "log_floor": floor,
                    "changed_at": 1000,
                    "horizon_start": 0,
                    "horizon_end": 10_000,
                }
                for name, floor in (("room-a", 12), ("room-b", 0))
            ],
            "connections": [
                {
                    "id": "room-a.work",
                    "resource_id": "room-a",
                    "provider": "memory",
                    "plan": "{}",
                    "managed_by": "file",
                    "status": "active",
                    "position": 0,
                }
            ],
            "blocks": [
                {
                    "resource_id": "room-a",
                    "projection": kind,
                    "uid": "u@busybridge",
                    "start": 100,
                    "end": 200,
                    "fbtype": 3,
                    "etag": "e",
                    "details": "{}",
                    "sequence": 1,
                    "changed_at": 900,
                }
                for kind in ("times", "details")
            ],
            "changes": [
                {
                    "resource_id": "room-a",
                    "projection": kind,
                    "uid": uid,
                    "seq": seq,
                    "deleted": deleted,
                    "changed_at": 900,
                }
                for kind, uid, seq, deleted in (
                    ("times", "u@busybridge", 20, False),
                    ("details", "u@busybridge", 21, False),
                    ("details", "gone@busybridge", 30, True),
                )
            ],
        },
    )
    before = content(empty)
    empty.migrate()
    assert empty.revision() == migrations.HEAD
    after = content(empty)
    new = after.keys() - before.keys()
    assert "overlays" in new
    assert [after.pop(name) for name in new] == [[]] * len(new)
    del before["resources"], after["resources"]
    severed = [row[-1] for row in after["connections"]]
    after["connections"] = [row[:-1] for row in after["connections"]]
    assert (after, severed) == (before, [0]), "nothing else was touched"
    with empty.read() as conn:
        found = resources.get(conn, ROOM)
        assert found is not None
        assert (found.epoch, found.change_seq, found.changed_at) == ("epoch-room-a", 50, 1000)
        assert (found.times_floor, found.details_floor) == (12, 12)
        assert busy.floor(conn, "room-b", "times") == 0
        looks = [standing.look(conn, ROOM, kind) for kind in Projection]
    assert [look and look.seq for look in looks] == [20, 30]


def test_what_was_migrated_twice_is_migrated_once(empty: Database) -> None:
    fill(empty, "0001", {})
    empty.migrate()
    before = content(empty)
    empty.migrate()
    assert content(empty) == before


def test_blocks_of_other_instances_that_were_read_before_are_not_mirrored_on(
    empty: Database,
) -> None:
    of_others = "0123456789" * 4 + "@busybridge"
    uids = [of_others, f"{of_others}x", of_others.upper(), f"x{of_others}", "talk@example.org"]
    resource = {"id": ROOM, "plan": "{}", "epoch": "e", "change_seq": 1, "changed_at": 0}
    connection = {"id": "c", "resource_id": ROOM, "provider": "ics", "plan": "{}", "position": 0}
    calendar = {"id": "k", "connection_id": "c", "remote_id": "k"}
    events = [{"calendar_id": "k", "remote_id": uid, "uid": uid, "changed_at": 0} for uid in uids]
    hour = {"resource_id": ROOM, "calendar_id": "k", "original_start": 0, "start": 0, "end": 3600}
    fill(
        empty,
        "0013",
        {
            "resources": [resource | {"horizon_start": 0, "horizon_end": 10_000}],
            "connections": [connection],
            "calendars": [calendar],
            "events": events,
            "occurrences": [hour | {"id": uid, "remote_id": uid, "fbtype": 3} for uid in uids],
        },
    )
    empty.migrate()
    with empty.read() as conn:
        found = conn.execute(select(occurrences.c.id).where(occurrences.c.relayed)).scalars().all()
    assert found == [of_others]

"""What is set by API reaches the rows of its resource, and no others."""

from __future__ import annotations

import pytest

from bridge.config.document import Document
from bridge.config.settings import Settings
from bridge.config.supplements import Origin, Supplement
from bridge.errors import ConfigError
from bridge.inventory import Change, Overtaken, apply, change, lock
from bridge.model.resource import ConnectionId, ResourceId
from bridge.store import connections, resources, supplements
from bridge.store.database import Database
from bridge.store.resources import Owner, ResourceState
from tests.builders import NOW, make_connection, make_resource, make_settings

ROOM_A, ROOM_B = ResourceId("room-a"), ResourceId("room-b")
GUEST = ConnectionId("room-a.guest")


def settings(
    *names: str, made: tuple[str, ...] = (), generation: int | None = None, **keys: object
) -> Settings:
    """Connections by their global ids; `keys` are of the last one."""
    rooms: dict[str, list[object]] = {}
    for name in names:
        room, _, own = name.partition(".")
        given = keys if name == names[-1] else {}
        rooms.setdefault(room, []).append(make_connection(own, **given))
    found = make_settings(
        resources=[make_resource(room, connections=tuple(own)) for room, own in rooms.items()]
    )
    found.were_made(frozenset(made))
    if generation is not None:
        found.come_from(Origin(Document.__new__(Document), generation))
    return found


def owners(database: Database) -> dict[str, Owner]:
    with database.read() as conn:
        rows = [*resources.every(conn), *connections.every(conn)]
    return {row.id: row.managed_by for row in rows}


def put(database: Database, wanted: Settings, removed: tuple[ConnectionId, ...] = ()) -> None:
    with database.write() as conn:
        what = Change(resource_id=ROOM_A, removed=removed)
        change(conn, wanted, NOW, what, identity=b"identity")


def test_a_change_touches_its_resource_alone(database: Database) -> None:
    apply(database, settings("room-a.work", "room-b.team"), NOW, identity=b"identity")
    # The file of this process is an older one: it knows neither room B nor all of room A.
    put(database, settings("room-a.guest", made=(GUEST,)))
    assert owners(database) == {
        "room-a": Owner.FILE,
        "room-b": Owner.FILE,
        "room-a.work": Owner.FILE,
        "room-b.team": Owner.FILE,
        "room-a.guest": Owner.API,
    }
    with database.read() as conn:
        states = {row.id: row.state for row in resources.every(conn)}
    assert states == dict.fromkeys(("room-a", "room-b"), ResourceState.ACTIVE)
    put(database, settings("room-a.work"), (GUEST,))
    assert GUEST not in owners(database)
    with database.read() as conn:
        assert ROOM_A in resources.rebuilds(conn), "what it blocked is published no more"


def test_a_start_keeps_what_was_made_by_api(database: Database) -> None:
    made = ("room-c", "room-c.own", GUEST)
    both = settings("room-a.work", "room-a.guest", "room-c.own", made=made)
    apply(database, both, NOW, identity=b"identity")
    before = owners(database)
    assert [name for name, owner in before.items() if owner is Owner.API] == [
        "room-c",
        "room-a.guest",
        "room-c.own",
    ]
    again = apply(database, both, NOW, identity=b"identity")
    assert (again.added, again.changed, again.unchanged) == ((), (), 2)


def test_what_the_file_adopts_is_the_files_from_then_on(database: Database) -> None:
    made = settings("room-a.work", "room-a.guest", made=(GUEST,))
    apply(database, made, NOW, identity=b"identity")
    with database.write() as conn:
        supplements.put(conn, [Supplement(GUEST, {"provider": "memory"}, made=True)], NOW)
    adopted = settings("room-a.work", "room-a.guest", adopt=True)
    apply(database, adopted, NOW, identity=b"identity")
    assert owners(database)[GUEST] is Owner.FILE
    with database.read() as conn:
        assert supplements.generation(conn) == 1, "the other processes are told"
    apply(database, settings("room-a.work"), NOW, identity=b"identity")
    assert GUEST not in owners(database), "and goes when it leaves the file"


def test_settings_that_were_overtaken_are_not_written(database: Database) -> None:
    with database.write() as conn:
        supplements.advance(conn)
    with pytest.raises(Overtaken):
        apply(database, settings("room-a.work", generation=0), NOW, identity=b"identity")
    assert owners(database) == {}
    with database.write() as conn, pytest.raises(Overtaken):
        lock(conn, settings("room-a.work", generation=0))
    apply(database, settings("room-a.work", generation=1), NOW, identity=b"identity")
    assert len(owners(database)) == 2


def test_what_was_set_of_a_resource_goes_with_it(database: Database) -> None:
    first = settings("room-a.work", "room-b.team")
    apply(database, first, NOW, identity=b"identity")
    said = [Supplement("room-b", {"type": "room"}), Supplement("room-b.team", {"paused": True})]
    with database.write() as conn:
        supplements.put(conn, [*said, Supplement("room-a.work", {"paused": True})], NOW)
    narrow = settings("room-a.work").model_copy(update={"removed_resources": "purge"})
    apply(database, narrow, NOW, identity=b"identity")
    with database.read() as conn:
        keys = conn.exec_driver_sql("SELECT id FROM supplements").scalars().all()
    assert keys == ["room-a.work"]


def test_a_process_with_an_older_file_does_not_remove_a_resource_that_it_does_not_know(
    database: Database,
) -> None:
    apply(database, settings("room-a.work", "room-b.team"), NOW, identity=b"identity")
    with pytest.raises(ConfigError, match="room-a"):
        put(database, settings("room-b.team"))
    assert owners(database)["room-a.work"] is Owner.FILE


def test_what_is_parked_stays_parked_whatever_is_made_under_its_id(database: Database) -> None:
    apply(database, settings("room-a.work", "room-b.team"), NOW, identity=b"identity")
    apply(database, settings("room-b.team"), NOW, identity=b"identity")
    with pytest.raises(ConfigError, match="room-a"):
        put(database, settings("room-a.guest", made=("room-a", GUEST)))
    with database.read() as conn:
        row = resources.get(conn, ROOM_A)
    # Else what was read of room A when it was another one would be published again.
    assert row is not None
    assert row.state is ResourceState.PARKED
    assert owners(database)["room-a"] is Owner.FILE

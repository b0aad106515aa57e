"""What would come of a file is told before it comes, and is what comes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.config.settings import Settings
from bridge.errors import ConfigError
from bridge.inventory import InventoryReport, apply, foresee
from bridge.model.resource import ConnectionId, ResourceId
from bridge.store import holdings, resources
from bridge.store.database import Database
from bridge.store.resources import Owner
from bridge.tokens import OAUTH
from tests.builders import NOW, make_connection, make_resource, make_settings

AFTER = InventoryReport(
    added=("room-d", "room-a.new", "room-d.own"),
    changed=("room-a",),
    removed=("room-b", "room-a.old"),
    unchanged=1,
    rebuild=(ResourceId("room-d"), ResourceId("room-a")),
)


def settings(**rooms: list[str]) -> Settings:
    return make_settings(
        resources=[
            make_resource(f"room-{name}", connections=[make_connection(each) for each in own])
            for name, own in rooms.items()
        ]
    )


BEFORE, WANTED = (
    settings(a=["work", "old"], b=["team"], c=["own"]),
    settings(a=["work", "new"], c=["own"], d=["own"]),
)


def look(database: Database, wanted: Settings, *, purge: bool) -> InventoryReport:
    with database.read() as conn:
        return foresee(conn, wanted, purge=purge)


@pytest.mark.parametrize("purge", [False, True])
def test_what_is_foreseen_is_what_comes(database: Database, purge: bool) -> None:
    apply(database, BEFORE, NOW, identity=b"identity")
    ahead = look(database, WANTED, purge=purge)
    if purge:
        assert ahead == AFTER
    else:
        assert ahead == replace(AFTER, parked=("room-b",), removed=("room-a.old",))
    assert look(database, WANTED, purge=purge) == ahead, "a look changes nothing"
    assert apply(database, WANTED, NOW, identity=b"identity", purge=purge) == ahead
    again = look(database, WANTED, purge=purge)
    assert again == InventoryReport(unchanged=3)


@pytest.mark.covers("A-44")
def test_what_is_parked_is_deleted_when_that_is_wanted_and_what_was_made_by_api_never(
    database: Database,
) -> None:
    apply(database, BEFORE, NOW, identity=b"identity")
    with database.write() as conn:
        resources.upsert(conn, {ResourceId("room-z"): "{}"}, managed_by=Owner.API)
    apply(database, WANTED, NOW, identity=b"identity")
    assert look(database, WANTED, purge=True).removed == ("room-b",)
    apply(database, WANTED, NOW, identity=b"identity", purge=True)
    with database.read() as conn:
        left = [row.id for row in resources.every(conn)]
    assert left == ["room-a", "room-c", "room-d", "room-z"]


def test_a_clash_is_told_and_so_is_what_is_taken_over(database: Database) -> None:
    apply(database, settings(a=["work"]), NOW, identity=b"identity")
    with database.write() as conn:
        resources.upsert(conn, {ResourceId("room-b"): "{}"}, managed_by=Owner.API)
    with pytest.raises(ConfigError, match="room-b was made by API"):
        look(database, settings(a=["work"], b=["team"]), purge=False)
    room = make_resource("room-b", adopt=True)
    wanted = make_settings(resources=[*settings(a=["work"]).resources, room])
    assert look(database, wanted, purge=False).adopted == ("room-b",)


def test_nothing_is_held_of_what_nobody_read(database: Database) -> None:
    apply(database, BEFORE, NOW, identity=b"identity")
    with database.read() as conn:
        held = holdings.of_connections(conn, OAUTH)
        assert held.get(ConnectionId("room-a.work")) is None
        assert holdings.of_resources(conn) == {}

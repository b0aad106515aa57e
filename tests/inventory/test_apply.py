"""What a start or a reload makes of the file's resources and connections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from bridge.config.settings import Connection, Settings
from bridge.errors import ConfigError
from bridge.inventory import InventoryReport, apply
from bridge.model.interval import Window
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.provider import AccessRole, CalendarId, SyncToken
from bridge.store import calendars, connections, feeds, keys, resources, schedule
from bridge.store.calendars import NewCalendar, Pull
from bridge.store.connections import ConnectionRow, Failure, NewConnection
from bridge.store.database import Database
from bridge.store.resources import Owner, ResourceState
from bridge.store.schedule import Claim
from tests.builders import NOW, make_connection, make_resource, make_settings, store_resource

ROOM_A, ROOM_B = ResourceId("room-a"), ResourceId("room-b")
WORK = ConnectionId("room-a.work")
LATER = NOW + 60


class Options(BaseModel):
    """Keys of a kind as its own model has them."""

    url: str = "https://a.example/"
    password: SecretStr = SecretStr("canary")


def work(**keys: Any) -> Connection:
    url = keys.pop("url", "https://a.example/")
    return make_connection("work", options=Options(url=url), **keys)


def settings(*connection: Connection, room_b: bool = True, **sections: Any) -> Settings:
    """Room A with the connections given, `work` by default, and room B with one more."""
    rooms = [make_resource("room-a", connections=connection or (work(),))]
    if room_b:
        rooms.append(make_resource("room-b", connections=(make_connection("team"),)))
    return make_settings(resources=rooms, **sections)


def follow(database: Database, wanted: Settings, now: int = NOW) -> InventoryReport:
    return apply(database, wanted, now, identity=b"identity")


def row(database: Database, connection_id: ConnectionId = WORK) -> ConnectionRow:
    with database.read() as conn:
        found = connections.get(conn, connection_id)
    assert found
    return found


def generation(database: Database, resource_id: ResourceId = ROOM_A) -> int:
    with database.read() as conn:
        found = resources.get(conn, resource_id)
    assert found
    return found.generation


def pull_all(database: Database, now: int = NOW) -> list[Claim]:
    """Claim and release all that is due; next in an hour."""
    with database.write() as conn:
        claims = schedule.claim(conn, "test", now, 100, 60)
        for claim in claims:
            schedule.release(conn, claim, now + 3600, done=True)
    return claims


def due(database: Database, now: int) -> dict[str, bool]:
    """Connection -> whether a full listing is wanted."""
    return {str(claim.connection_id): claim.full for claim in pull_all(database, now)}


def give_calendar(database: Database, connection_id: ConnectionId = WORK) -> None:
    entry = NewCalendar(
        id=f"calendar of {connection_id}",
        connection_id=connection_id,
        remote_id=CalendarId("primary"),
        name="Calendar",
        role=AccessRole.READ,
        time_zone="",
        is_primary=True,
        reads=True,
        writes=False,
        policy="{}",
    )
    with database.write() as conn:
        calendars.upsert(conn, [entry])
        calendars.record_pull(
            conn, entry.id, NOW, Pull(SyncToken("token"), Window(0, 1), full=True)
        )


def token(database: Database, connection_id: ConnectionId = WORK) -> str | None:
    with database.read() as conn:
        [calendar] = calendars.of_connection(conn, connection_id)
    return calendar.token


def test_a_first_start_adds_everything_due_now(database: Database) -> None:
    report = follow(database, settings())
    assert report == InventoryReport(
        added=("room-a", "room-b", "room-a.work", "room-b.team"), rebuild=(ROOM_A, ROOM_B)
    )
    assert due(database, NOW) == {"room-a.work": False, "room-b.team": False}


def test_the_same_file_again_changes_nothing(database: Database) -> None:
    follow(database, settings())
    pull_all(database)
    assert follow(database, settings(), LATER) == InventoryReport(unchanged=2)
    assert generation(database) == 1
    assert due(database, LATER) == {}


def test_a_changed_policy_raises_only_its_resources_generation(database: Database) -> None:
    follow(database, settings())
    pull_all(database)
    report = follow(database, settings(work(availability={"all_day": "free"})), LATER)
    assert report == InventoryReport(
        changed=("room-a", "room-a.work"), unchanged=1, rebuild=(ROOM_A,)
    )
    assert (generation(database, ROOM_A), generation(database, ROOM_B)) == (2, 1)
    assert due(database, LATER) == {"room-a.work": False}


def test_a_connection_that_is_another_account_starts_afresh_and_keeps_its_busy_time_until_then(
    database: Database,
) -> None:
    follow(database, settings())
    pull_all(database)
    give_calendar(database)
    with database.write() as conn:
        failure = Failure("rate_limited", "429", limited_until=NOW + 9999)
        connections.record_failure(conn, WORK, NOW, failure)
    follow(database, settings(work(url="https://b.example/")), LATER)
    assert due(database, LATER) == {"room-a.work": True}
    fresh = row(database)
    assert (fresh.status, fresh.failures, fresh.error_code) == (ConnectionStatus.ACTIVE, 0, "")
    assert token(database) is None, "of the other account"


def test_a_secret_is_in_no_row(database: Database) -> None:
    follow(database, settings())
    assert "canary" not in row(database).plan
    assert "canary" not in repr(row(database))


def test_a_reload_tries_connections_once_more_that_wait_for_a_credential(
    database: Database,
) -> None:
    follow(database, settings())
    pull_all(database)
    with database.write() as conn:
        failure = Failure("token_expired", "401", status=ConnectionStatus.TOKEN_EXPIRED)
        connections.record_failure(conn, WORK, NOW, failure)
    assert follow(database, settings(), LATER).changed == ()
    assert row(database).status is ConnectionStatus.TOKEN_EXPIRED, "until a pull succeeds"
    assert due(database, LATER) == {"room-a.work": False}


def test_a_reload_tries_connections_once_more_that_fail_unless_a_pause_was_asked_for(
    database: Database,
) -> None:
    follow(database, settings(work(), make_connection("home"), make_connection("well")))
    pull_all(database)
    with database.write() as conn:
        failure = Failure("timeout", "no answer")
        connections.record_failure(conn, WORK, NOW, failure)
        limited = failure._replace(limited_until=LATER + 60)
        connections.record_failure(conn, ConnectionId("room-a.home"), NOW, limited)
    follow(database, settings(work(), make_connection("home"), make_connection("well")), LATER)
    assert due(database, LATER) == {"room-a.work": False}


def test_a_removed_connection_goes_at_once_with_what_was_read_from_it(database: Database) -> None:
    follow(database, settings(work(), make_connection("home")))
    give_calendar(database, ConnectionId("room-a.home"))
    report = follow(database, settings(), LATER)
    assert report.removed == ("room-a.home",)
    assert report.rebuild == (ROOM_A,)
    assert generation(database) == 2
    with database.read() as conn:
        assert calendars.every(conn) == []
        assert [each.id for each in connections.of_resource(conn, ROOM_A)] == [WORK]


def test_connections_keep_the_order_of_the_file(database: Database) -> None:
    follow(database, settings(work(), make_connection("home")))
    follow(database, settings(make_connection("home"), work()))
    with database.read() as conn:
        ids = [each.id for each in connections.of_resource(conn, ROOM_A)]
    assert ids == ["room-a.home", "room-a.work"]


def test_a_resource_that_left_is_parked_and_whole_again_when_it_returns(
    database: Database,
) -> None:
    follow(database, settings())
    pull_all(database)
    give_calendar(database, ConnectionId("room-b.team"))
    report = follow(database, settings(room_b=False), LATER)
    assert (report.parked, report.removed, report.rebuild) == (("room-b",), (), ())
    assert due(database, LATER + 86400) == {"room-a.work": False}
    assert follow(database, settings(room_b=False), LATER) == InventoryReport(unchanged=1)

    report = follow(database, settings(), LATER)
    assert (report.returned, report.rebuild) == (("room-b",), (ROOM_B,))
    assert due(database, LATER) == {"room-b.team": False}
    assert token(database, ConnectionId("room-b.team")) == "token"


def test_a_resource_that_left_is_deleted_when_the_file_says_purge(database: Database) -> None:
    follow(database, settings())
    report = follow(database, settings(room_b=False, removed_resources="purge"))
    assert report.removed == ("room-b",)
    with database.read() as conn:
        assert [each.id for each in resources.every(conn)] == ["room-a"]
        assert [each.id for each in connections.every(conn)] == [WORK]


def test_purge_deletes_what_was_parked_before(database: Database) -> None:
    follow(database, settings())
    follow(database, settings(room_b=False))
    report = follow(database, settings(room_b=False, removed_resources="purge"))
    assert report.removed == ("room-b",)


def test_a_pause_of_the_file_ends_with_it_and_one_by_hand_does_not(database: Database) -> None:
    follow(database, settings(work(paused=True)))
    assert row(database).status is ConnectionStatus.PAUSED
    assert due(database, NOW) == {"room-b.team": False}
    follow(database, settings(work()))
    assert row(database).status is ConnectionStatus.ACTIVE

    with database.write() as conn:
        connections.set_status(conn, WORK, ConnectionStatus.PAUSED)
    follow(database, settings(work(sync={"interval": "1m"})))
    assert row(database).status is ConnectionStatus.PAUSED


def test_an_id_that_was_made_by_api_is_refused_and_nothing_is_changed(database: Database) -> None:
    store_resource(database, "room-b")
    with database.write() as conn:
        resources.upsert(conn, {ROOM_B: "{}"}, managed_by=Owner.API)
    with pytest.raises(ConfigError, match=r"resources\[1\]\.id: room-b was made by API"):
        follow(database, settings())
    with database.read() as conn:
        assert [each.id for each in resources.every(conn)] == ["room-b"]


def test_what_was_made_by_api_survives_a_reload(database: Database) -> None:
    follow(database, settings())
    by_api = NewConnection(
        ConnectionId("room-a.guest"), ROOM_A, "memory", "{}", 9, ConnectionStatus.ACTIVE
    )
    with database.write() as conn:
        connections.upsert(conn, [by_api], managed_by=Owner.API)
        resources.upsert(conn, {ResourceId("room-z"): "{}"}, managed_by=Owner.API)
    assert follow(database, settings(), LATER) == InventoryReport(unchanged=2)
    with database.read() as conn:
        assert connections.get(conn, ConnectionId("room-a.guest"))
        found = resources.get(conn, ResourceId("room-z"))
    assert found
    assert found.state is ResourceState.ACTIVE


def test_users_and_feeds_follow_the_file(database: Database) -> None:
    room = make_resource("room-a", feeds=[{"name": "public"}])
    users = {"users": [{"name": "alice"}]}
    follow(database, make_settings(resources=[room], auth=users))
    with database.read() as conn:
        assert [feed.name for feed in feeds.feeds_of(conn, ROOM_A)] == ["public"]
        assert [user.name for user in keys.all_users(conn)] == ["alice"]
    follow(database, make_settings(resources=[make_resource("room-a")]))
    with database.read() as conn:
        assert feeds.feeds_of(conn, ROOM_A) == []
        assert keys.all_users(conn) == []


def test_processes_that_start_at_once_agree(database: Database) -> None:
    start = Barrier(3)

    def begin(_: int) -> InventoryReport:
        start.wait()
        return follow(database, settings())

    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(begin, range(3)))
    assert sorted(report.unchanged for report in reports) == [0, 2, 2]
    assert generation(database) == 1

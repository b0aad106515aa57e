"""An account that is given up may take along what was written to its calendars, and no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.app.purging import make_purging
from bridge.bookings.words import Act, Viewer, Write
from bridge.model.event import Event, EventSeries
from bridge.model.interval import rfc3339
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.provider import CalendarId
from bridge.sink import Desired
from bridge.store import resources
from tests.bookings.hall import event
from tests.cli.folder import calendar
from tests.cli.folder import event as noted
from tests.connecting.home import (
    DESK,
    ROOM,
    ROOM_B,
    WORK,
    Home,
    Provider,
    document,
    opened,
    serving,
)
from tests.connecting.owner import ANN
from tests.connecting.test_removal import connect_desk
from tests.connecting.test_setting import GOOGLE, connect
from tests.servers.dav import Dav
from tests.servers.radicale import radicale_account, shared_radicale

NINE, NOON = (datetime(2026, 9, 22, hour, tzinfo=UTC) for hour in (9, 12))
ALL = ["room-a", "room-a.work", "room-a.other", "room-b", "room-b.desk"]


def write(home: Home, connection: ConnectionId = WORK, **marks: str) -> None:
    """Write an event, as bookings and mirrors do."""
    made = Event(uid="ours@busybridge", start=NINE, end=NINE + timedelta(hours=1), summary="Ours")
    sink = home.bridge.accounts.open(connection).sink
    assert sink is not None
    marks = {"origin": home.bridge.keyfile.instance, "token": "0123456789abcdef" * 2, **marks}
    series = EventSeries(uid=made.uid, master=made)
    sink.put(CalendarId(ANN), Desired(series=series, **marks), None)


def titles(home: Home) -> list[str]:
    """What people see in Ann's calendar."""
    world = home.google.sandbox.world
    with world.lock:
        events = [it.event for it in world.calendar(ANN).records.values()]
        return sorted(it["summary"] for it in events if it["status"] != "cancelled")


def leave(home: Home, **keys: Any) -> None:
    """Take every resource out of the file."""
    path = home.bridge.config_path
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"resources": []} | keys))


def keep(home: Home, *names: str) -> None:
    """Have the file name these resources of the first one alone, as they were there."""
    path = home.bridge.config_path
    was = path.with_suffix(".first")
    if not was.exists():
        was.write_text(path.read_text())
    config = yaml.safe_load(was.read_text())
    config["resources"] = [it for it in config["resources"] if it["id"] in names]
    path.write_text(yaml.safe_dump(config))


def known(home: Home) -> list[str]:
    with home.bridge.database.read() as conn:
        return [f"{row.id} {row.state.value}" for row in resources.every(conn)]


@pytest.fixture
def dav(tmp_path_factory: pytest.TempPathFactory) -> Dav:
    return radicale_account(shared_radicale(tmp_path_factory.getbasetemp() / "radicale"))


def book(home: Home, resource: ResourceId, title: str, hour: str = "09") -> None:
    """Save an event, and have it written."""
    octets = event(f"20260922T{hour}0000Z", f"20260922T{hour}3000Z", uid=title, title=title)
    write = Write(
        resource_id=resource,
        viewer=Viewer("", sees_all=True),
        act=Act.PUT,
        name=f"{title}.ics",
        octets=octets,
    )
    home.bridge.bookings.propose(write, home.now)
    while jobs := home.bridge.dispatching.claim(4):
        for job in jobs:
            home.bridge.dispatching.run(job)


def busy(home: Home, key: str, resource: ResourceId) -> list[str] | int:
    """When a room is busy, or the status of the refusal."""
    window = f"start={rfc3339(home.now)}&end={rfc3339(home.now + 9 * 86400)}"
    status, found = home.call(key, "GET", f"/resources/{resource}/busy?{window}")
    return [it["start"][11:16] for it in found["periods"]] if status == 200 else status


@pytest.mark.covers("A-44", "S0-33", "S0-36", "S4-32")
def test_a_room_leaves_an_account_goes_and_what_we_wrote_is_purged_with_an_empty_database(
    tmp_path: Path, dav: Dav
) -> None:
    there = dav.make_calendar(tmp_path.name)
    dav.put(there, "board.ics", calendar(noted("board", "Board", 9, 10)))

    def adjust(_: Provider, config: Any) -> None:
        config["resources"][0]["connections"] = [
            {"id": "work", "provider": "google", "write_calendar": "primary", "primary": True}
        ]
        own = {"server_url": dav.url, "username": dav.username, "password": dav.password}
        chosen = {"read_calendars": [tmp_path.name], "write_calendar": tmp_path.name}
        config["resources"][1]["connections"] = [
            {"id": "desk", "provider": "caldav", "primary": True, **own, **chosen}
        ]

    def standing() -> tuple[list[str], list[str]]:
        return titles(home), dav.titles(there)

    with opened(tmp_path, adjust) as home:
        key = home.key(scope="busy:read")
        home.connect()
        home.google.meet(int(NOON.timestamp()))
        for name in (WORK, DESK):
            assert home.pull(name) == "ok"
        book(home, ROOM, "Ours")
        book(home, ROOM_B, "Ours")
        write(home, token="abcdef01" * 5, mirror="0123abcd")
        write(home, token="abcdef02" * 5, origin="fedcba9876543210")
        assert standing() == (["Ours", "Ours", "Ours", "Tea"], ["Board", "Ours"])
        assert busy(home, key, ROOM) == ["09:00", "12:00"]

        keep(home, "room-b")
        assert home.bridge.reload().ok
        assert known(home) == ["room-a parked", "room-b active"]
        assert (busy(home, key, ROOM), home.google.allows()) == (404, True)
        keep(home, "room-a", "room-b")
        assert home.bridge.reload().ok
        assert busy(home, key, ROOM) == ["09:00", "12:00"], "whole again"
        assert home.bridge.connecting.disconnect(WORK) is None
        home.bridge.rebuild()
        assert not home.google.allows()
        assert busy(home, key, ROOM) == ["09:00"], "what was booked stands in the calendar still"
        assert standing() == (["Ours", "Ours", "Ours", "Tea"], ["Board", "Ours"])

        path = tmp_path / "anew" / "busybridge.yaml"
        url, _ = document()
        config = yaml.safe_load(home.bridge.config_path.read_text())
        config["server"]["bind"] = url.removeprefix("http://")
        config["storage"] = {"encryption_key_file": str(tmp_path / "busybridge.key")}
        path.parent.mkdir()
        path.write_text(yaml.safe_dump(config))
        kinds = home.bridge.kinds
        with serving(path, kinds, lambda it: Home(it, url, home.google, home.other)) as anew:
            anew.connect()
            for name, number in ((WORK, 2), (DESK, 1)):
                purged = make_purging(anew.bridge).purge(name)
                assert (len(purged.deleted), purged.left) == (number, [])
            assert standing() == (["Ours", "Tea"], ["Board"]), "another instance's is left"


@pytest.mark.covers("S0-33", "A-44")
def test_nothing_is_given_back_while_something_written_is_left(home: Home) -> None:
    home.connect()
    home.google.sandbox.person(ANN).create("Tea", NINE)
    write(home)
    write(home, token="fedcba9876543210" * 2, origin="fedcba9876543210")
    purge = make_purging(home.bridge).purge_whole
    home.google.fault("unavailable")
    with pytest.raises(Exception, match="answered 503"):
        home.bridge.connecting.disconnect(WORK, purge=lambda it: purge(it) and None)
    home.google.fault("unavailable", value=False)
    assert titles(home) == ["Ours", "Ours", "Tea"]
    assert home.status() is ConnectionStatus.DISCONNECTED, "nothing more is written"
    assert home.google.allows()
    assert home.bridge.connecting.disconnect(WORK, purge=lambda it: purge(it) and None) is None
    assert titles(home) == ["Ours", "Tea"], "another instance's stays"
    assert not home.google.allows()


def test_what_another_room_has_in_the_same_calendar_stays_when_an_account_goes(
    tmp_path: Path,
) -> None:
    def adjust(_: Provider, config: Any) -> None:
        for resource, name in zip(config["resources"], ("work", "desk"), strict=True):
            one = {"id": name, "provider": "google", "write_calendar": "primary", "primary": True}
            resource["connections"] = [one]

    with opened(tmp_path, adjust) as home:
        home.connect()
        connect_desk(home, ANN)
        for name, resource, hour in ((WORK, ROOM, "09"), (DESK, ROOM_B, "11")):
            assert home.pull(name) == "ok"
            book(home, resource, f"Of {resource}", hour)
        purging = make_purging(home.bridge)
        assert len(purging.purge_whole(WORK).deleted) == 1
        assert titles(home) == ["Of room-b"]
        write(home)
        assert len(purging.purge(WORK).deleted) == 2, "who purges a calendar means all of it"
        assert titles(home) == []


@pytest.mark.covers("S0-33")
def test_a_program_removes_an_account_with_what_was_written(home: Home) -> None:
    key = home.key(scope="resources:write connections:read connections:write")
    home.call(key, "POST", "/resources", {"id": "room-x"})
    connect(
        home, home.call(key, "POST", "/resources/room-x/connections", {"provider": "google"})[1]
    )
    write(home, GOOGLE)
    home.google.fault("unavailable")
    status, refused = home.call(key, "DELETE", f"/connections/{GOOGLE}?purge_written=true")
    assert (status, refused["code"]) == (502, "provider_error")
    home.google.fault("unavailable", value=False)
    status, gone = home.call(key, "DELETE", f"/connections/{GOOGLE}?purge_written=true")
    assert (status, gone["given_back"], gone["purged"]) == (200, True, 1)
    assert titles(home) == []
    assert home.call(key, "GET", f"/connections/{GOOGLE}")[0] == 404


@pytest.mark.covers("A-44", "S4-32")
def test_what_was_written_stays_unless_the_file_says_purge(home: Home) -> None:
    home.connect()
    write(home)
    leave(home)
    assert home.bridge.reload().ok
    assert known(home) == ["room-a parked", "room-b parked"]
    assert (titles(home), home.google.allows()) == (["Ours"], True)
    assert home.bridge.reload.apply(ALL).ok
    assert known(home) == []
    assert (titles(home), home.google.allows()) == (["Ours"], False)


@pytest.mark.covers("A-44", "S4-32")
@pytest.mark.parametrize("parked_first", [False, True])
def test_what_was_written_goes_with_its_resource_where_the_file_says_purge(
    home: Home, parked_first: bool
) -> None:
    home.connect()
    connect_desk(home, ANN)
    home.google.sandbox.person(ANN).create("Tea", NINE)
    write(home, DESK, mirror="0123abcd")
    if parked_first:
        leave(home)
        assert home.bridge.reload().ok
        assert known(home) == ["room-a parked", "room-b parked"]
    leave(home, removed_resources="purge")
    home.google.fault("unavailable")
    refused = home.bridge.reload.apply(ALL)
    assert (refused.ok, "503" in refused.text) == (False, True)
    assert home.google.allows(), "else nobody could delete it any more"
    home.google.fault("unavailable", value=False)
    assert home.bridge.reload().ok
    assert titles(home) == ["Tea"]
    assert known(home) == []
    home.until(lambda: not home.google.allows(), "what Ann permitted is given back")
    assert home.bridge.reload.apply(ALL).ok


def test_what_cannot_be_deleted_for_good_is_said_and_keeps_nobody_from_going(home: Home) -> None:
    home.connect()
    write(home)
    home.google.fault("forbidden")
    leave(home, removed_resources="purge")
    verdict = home.bridge.reload.apply(ALL)
    assert verdict.ok
    assert "not purged: room-a.work (google): " in verdict.text
    assert not home.google.allows()

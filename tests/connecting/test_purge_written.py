"""An account that is given up may take along what was written to its calendars, and no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from bridge.app.purging import make_purging
from bridge.model.event import Event, EventSeries
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.provider import CalendarId
from bridge.sink import Desired
from bridge.store import resources
from tests.connecting.home import DESK, WORK, Home
from tests.connecting.owner import ANN
from tests.connecting.test_removal import connect_desk
from tests.connecting.test_setting import GOOGLE, connect

NINE = datetime(2026, 9, 22, 9, tzinfo=UTC)
ALL = ["room-a", "room-a.work", "room-a.other", "room-b", "room-b.desk"]


def write(home: Home, connection: ConnectionId = WORK, **marks: str) -> None:
    """Write an event, as bookings and mirrors do."""
    event = Event(uid="ours@busybridge", start=NINE, end=NINE + timedelta(hours=1), summary="Ours")
    sink = home.bridge.accounts.open(connection).sink
    assert sink is not None
    marks = {"origin": home.bridge.keyfile.instance, "token": "0123456789abcdef" * 2, **marks}
    series = EventSeries(uid=event.uid, master=event)
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


def known(home: Home) -> list[str]:
    with home.bridge.database.read() as conn:
        return [f"{row.id} {row.state.value}" for row in resources.every(conn)]


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

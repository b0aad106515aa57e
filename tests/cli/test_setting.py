"""`connections set` and `calendars select` set what the file leaves open, as programs do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.accounts import connect, prepare
from tests.cli.folder import DAY, Folder
from tests.connecting.home import Provider
from tests.connecting.owner import ANN, BOB

COMMANDS_INSIDE = True

WORK = "room-b.work"
FIXED = {
    "id": "room-a",
    "connections": [
        {"id": "file", "provider": "ics", "path": "calendar.ics", "read_calendars": ["primary"]}
    ],
}
ROOM_B = {
    "id": "room-b",
    "feeds": [{"name": "team"}],
    "connections": [{"id": "work", "provider": "google"}],
}


@pytest.fixture
def google() -> Iterator[Provider]:
    made = Provider()
    with made.sandbox:
        yield made


@pytest.fixture
def home(folder: Folder, google: Provider) -> Folder:
    return prepare(folder, google, FIXED, ROOM_B)


def test_what_is_set_beside_a_running_server_is_followed_by_it_and_survives(
    home: Folder, google: Provider
) -> None:
    with home.serve() as served:
        connect(home)
        google.meet(int(DAY.timestamp()))
        home.run("sync", WORK).ok()
        feed = home.json("urls", "room-b")["feeds"][0]["url"]
        busy = lambda: served.get(feed).body.count("BEGIN:VEVENT")  # noqa: E731
        assert busy() == 1
        told = home.run("connections", "set", WORK, "validate_availability=false").ok().out
        assert told.split() == ["id", WORK, "validate", "availability", "no"]
        assert busy() == 0
        home.run("reload").ok()
        assert busy() == 0
        back = home.json("connections", "set", WORK, "validate_availability=")
        assert (back["id"], back["validate_availability"]) == (WORK, True)
        served.until(lambda: busy() == 1, "it blocks again")


def test_calendars_are_chosen_by_name_and_what_is_not_said_stays(
    home: Folder, google: Provider
) -> None:
    trips = google.calendar("Trips")
    home.run("apply").ok()
    refused = home.run("calendars", "select", WORK, "--read", "Trips")
    assert (refused.code, "connection_pending: " in refused.err) == (1, True)
    connect(home)
    chosen = home.json("calendars", "select", WORK, "--read", "Trips", "--write", "primary")
    assert (chosen["read_calendars"], chosen["write_calendar"]) == ([trips], ANN)
    after = home.json("calendars", "select", WORK, "--no-write")
    assert (after["read_calendars"], after["write_calendar"]) == ([trips], None)
    assert home.json("calendars", "select", WORK, "--read-all")["read_calendars"] is None
    said = home.run("calendars", "select", WORK, "--read-all").ok().out
    assert "read calendars  all\n" in said
    missing = home.run("calendars", "select", WORK, "--read", "Nowhere")
    assert (missing.code, "no calendar 'Nowhere'" in missing.err) == (1, True)


def test_a_second_calendar_receives_bookings_only_when_that_is_said(
    home: Folder, google: Provider
) -> None:
    two = {"id": "two", "provider": "google"}
    home.config["resources"][1] = ROOM_B | {"connections": [*ROOM_B["connections"], two]}
    home.write()
    home.run("apply").ok()
    connect(home)
    connect(home, "room-b.two", BOB)
    home.run("calendars", "select", WORK, "--write", "primary").ok()
    second = ("calendars", "select", "room-b.two", "--write", "primary")
    refused = home.run(*second)
    assert (refused.code, "multiple_write_calendars: " in refused.err) == (1, True)
    chosen = home.json(*second, "--primary")
    assert (chosen["write_calendar"], chosen["is_primary"]) == (BOB, True)
    assert not home.json("connections", "set", WORK, "direction=both")["is_primary"]


def test_what_cannot_be_set_is_said(home: Folder) -> None:
    home.run("apply").ok()
    for line, code, said in (
        (("connections", "set", WORK, "valdate_availability=1"), 2, "did you mean validate_avail"),
        (("connections", "set", WORK, "password=hunter2"), 2, "BUSYBRIDGE_PASSWORD"),
        (("connections", "set", WORK, "direction"), 2, "write direction=VALUE"),
        (("connections", "set", WORK, "direction=up"), 2, "direction"),
        (("connections", "set", "room-b.wrk", "direction=both"), 1, "did you mean room-b.work"),
        (("connections", "set", WORK, "username=ann"), 1, "managed_by_file: "),
        (("calendars", "select", WORK), 2, "say what to choose"),
        (("calendars", "select", "room-a.file", "--read-all"), 1, "managed_by_file: "),
    ):
        done = home.run(*line)
        assert (done.code, said in done.err) == (code, True), done.err


def test_nothing_is_set_of_what_waits_for_a_reload(home: Folder) -> None:
    with home.serve():
        home.config["resources"][1] = ROOM_B | {"timezone": "Europe/Rome"}
        home.write()
        refused = home.run("connections", "set", WORK, "direction=inbound")
        assert (refused.code, "`busybridge reload` first" in refused.err) == (1, True)
        home.run("reload").ok()
        assert home.json("connections", "set", WORK, "direction=inbound")["direction"] == "inbound"

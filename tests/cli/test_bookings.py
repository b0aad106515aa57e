"""Bookings from the command line: made, listed, cancelled, with a server and without one."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from bridge.app.bridge import Bridge
from bridge.bookings.words import Act, Viewer, Write
from bridge.cli.carrying import carry_out
from bridge.model.resource import ResourceId
from tests.cli.folder import DAY, Folder, at, calendar, event
from tests.e2e import inside
from tests.servers.dav import Dav
from tests.servers.radicale import radicale_account, shared_radicale

COMMANDS_INSIDE = True

BUSY = ("--from", at(0), "--to", at(24))


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Dav:
    return radicale_account(shared_radicale(tmp_path_factory.getbasetemp() / "radicale"))


def bookable(path: Path, account: Dav, **bookings: Any) -> tuple[Folder, str]:
    """A folder whose room is booked in a calendar of its own at a CalDAV server.

    So is another one, in another zone.
    """
    name, far = f"room-{path.name}", f"far-{path.name}"
    there = account.make_calendar(name)
    account.make_calendar(far)
    account.put(there, "board.ics", calendar(event("board", "Secret board", 9, 10)))
    connection = {
        "id": "dav",
        "provider": "caldav",
        "server_url": account.url,
        "username": account.username,
        "password": account.password,
        "read_calendars": [name],
        "write_calendar": name,
        "primary": True,
    }
    away = connection | {"read_calendars": [far], "write_calendar": far}
    room = {"id": "room-a", "connections": [connection], "bookings": bookings}
    other = {"id": "far", "timezone": "Pacific/Honolulu", "connections": [away]}
    folder = Folder(path).prepare(
        resources=[room, other],
        allow_inline_secrets=True,
        outbound={"allow_networks": ["127.0.0.1/32"]},
        event_types=[{"id": "call", "title": "Call", "duration": "30m"}],
    )
    folder.run("sync").ok()
    return folder, there


def run(folder: Folder, *arguments: str) -> CompletedProcess[str]:
    """Run a command about bookings in this process, which is cheaper."""
    return inside.run(folder.path / "busybridge.yaml", "bookings", *arguments)


@pytest.mark.covers("S1-02", "S0-40")
def test_a_booking_is_made_shown_and_cancelled_without_a_server(
    tmp_path: Path, account: Dav
) -> None:
    folder, there = bookable(tmp_path, account)
    taken = run(folder, "create", "room-a", "--from", at(9.5), "--for", "1h")
    assert taken.returncode == 1
    assert "Error: busy " in taken.stderr
    assert "Secret" not in taken.stdout + taken.stderr
    wanted = ("--from", at(11), "--type", "call", "--location", "Room 1")
    made = folder.json("bookings", "create", "room-a", *wanted)
    assert (made["title"], made["state"], made["location"]) == ("Call", "confirmed", "Room 1")
    assert b"LOCATION:Room 1" in account.send("REPORT", there, _EVERYTHING, {"Depth": "1"})
    listed = run(folder, "list", "room-a").stdout
    assert listed.splitlines()[1].startswith(made["id"])
    assert listed.splitlines()[1].endswith("Call   confirmed")
    later = folder.json("bookings", "create", "far", "--from", at(12), "--for", "1h")
    every = json.loads(run(folder, "list", "--json").stdout)
    assert [it["id"] for it in every] == [made["id"], later["id"]], "by when, whatever the clock"
    assert run(folder, "show", made["id"]).stdout.startswith("id  ")
    config = folder.path / "busybridge.yaml"
    met = json.loads(inside.run(config, "conflicts", "room-a", *BUSY, "--json").stdout)["conflicts"]
    assert [(it["source"], it["start"]) for it in met] == [("calendar", at(9)), ("booking", at(11))]
    table = inside.run(config, "conflicts", "room-a", *BUSY).stdout
    assert len(table.splitlines()) == 3
    assert "Secret" not in table, "titles are hidden by default"
    assert run(folder, "list", "--failed").stdout == "no bookings\n"
    assert run(folder, "retry", made["id"]).returncode == 1
    for booking in every:
        assert run(folder, "cancel", booking["id"]).returncode == 0
    assert b"Room 1" not in account.send("REPORT", there, _EVERYTHING, {"Depth": "1"})
    assert run(folder, "list", "--json").stdout == "[]\n"
    assert run(folder, "cancel", made["id"]).returncode == 1
    assert run(folder, "create", "room-a", "--from", "soon").returncode == 2


def test_the_list_has_the_clock_of_the_resource_and_says_which_booking_lacks_its_meeting(
    tmp_path: Path, account: Dav
) -> None:
    folder, _ = bookable(tmp_path, account)
    wanted = ("--from", at(14), "--for", "1h", "--title", "Call", "--conference", "zoom")
    assert run(folder, "create", "room-a", *wanted).returncode == 0
    octets = calendar(event("in-utc", "Talk", 5, 6)).encode()
    write = Write(
        resource_id=ResourceId("room-a"),
        viewer=Viewer("alice"),
        act=Act.PUT,
        name="in-utc.ics",
        octets=octets,
    )
    bridge = Bridge(folder.path / "busybridge.yaml")
    try:
        bridge.bookings.propose(write, bridge.clock())
        carry_out(bridge)
    finally:
        bridge.close()
    talk, call = run(folder, "list").stdout.splitlines()[1:]
    assert f"{DAY:%a %Y-%m-%d} 10:30 IST  {DAY:%a %Y-%m-%d} 11:30 IST  Talk   confirmed" in talk
    missing = "confirmed, no meeting: Zoom is not set up: no account of it is connected"
    assert call.endswith(f"Call   {missing}")
    shown = json.loads(run(folder, "list", "--json").stdout)
    assert (shown[0]["start"], shown[0]["time_zone"]) == (at(5), "UTC")
    assert shown[1]["state"] == "confirmed"


@pytest.mark.covers("S4-33")
def test_bookings_go_to_another_calendar_when_that_is_said(tmp_path: Path, account: Dav) -> None:
    folder, there = bookable(tmp_path, account)
    [connection] = folder.config["resources"][0]["connections"]
    for key in ("read_calendars", "write_calendar", "primary"):  # what the file leaves open
        connection.pop(key)
    folder.write()
    config = folder.path / "busybridge.yaml"
    other = account.make_calendar(f"other-{tmp_path.name}")

    def select(calendar: str, *more: str) -> CompletedProcess[str]:
        name = calendar.strip("/").rpartition("/")[2]
        done = inside.run(config, "calendars", "select", "room-a.dav", "--write", name, *more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    assert inside.run(config, "sync").returncode == 0
    select(there, "--read", f"room-{tmp_path.name}")
    made = json.loads(
        run(folder, "create", "room-a", "--from", at(14), "--for", "1h", "--json").stdout
    )
    select(other)
    assert (len(account.paths(there)), len(account.paths(other))) == (2, 0), "it stays"
    moved = run(folder, "move", "room-a")
    assert (moved.returncode, moved.stdout) == (0, "1 went there\n"), moved.stderr
    assert (len(account.paths(there)), len(account.paths(other))) == (1, 1)
    back = json.loads(select(there, "--move", "--json").stdout)
    assert back["bookings"] == {"resource_id": "room-a", "moved": 1, "waiting": 0, "failed": []}
    assert (len(account.paths(there)), len(account.paths(other))) == (2, 0)
    assert "0 went there" in select(there, "--move").stdout
    assert json.loads(run(folder, "list", "--json").stdout)[0]["id"] == made["id"]
    assert run(folder, "cancel", made["id"]).returncode == 0
    assert len(account.paths(there)) == 1


def test_beside_a_server_either_of_them_may_write_it(tmp_path: Path, account: Dav) -> None:
    folder, _ = bookable(tmp_path, account)
    with folder.serve():
        made = folder.json("bookings", "create", "room-a", "--from", at(14), "--for", "1h")
        assert made["state"] == "confirmed"
        assert run(folder, "cancel", made["id"]).returncode == 0


_EVERYTHING = """<?xml version="1.0"?><C:calendar-query xmlns:D="DAV:"
 xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop><C:filter>
<C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>"""

"""`purge`: what this instance wrote is deleted, by its marks alone, and nothing else ever is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from bridge.app.bridge import Bridge
from bridge.cli.purge import foretell
from bridge.dispatch.sweeping import Found
from bridge.errors import TemporarilyUnavailable
from bridge.model.event import Event, EventSeries
from bridge.model.resource import ConnectionId
from bridge.provider import CalendarId, CalendarInfo
from bridge.sandbox.microsoft import scenario as microsoft
from bridge.sandbox.microsoft.mailbox import Mailbox
from bridge.sink import Desired
from tests.cli.folder import DAY, Folder, at, calendar, event
from tests.connecting.application import READING
from tests.connecting.home import Provider
from tests.connecting.owner import ANN, BOB
from tests.connecting.test_service_account import PROGRAM, key_file
from tests.e2e import inside
from tests.servers.dav import Dav
from tests.servers.ports import free_port
from tests.servers.radicale import radicale_account, shared_radicale

COMMANDS_INSIDE = True

GOOGLE, DAV = ConnectionId("room-a.work"), ConnectionId("room-b.dav")
OUTLOOK = ConnectionId("room-c.work")
EVERY = (GOOGLE, DAV, OUTLOOK)
AT_MICROSOFT = {
    "tenants": [
        {
            "domain": "example.test",
            "consented": {microsoft.CLIENT_ID: ["Calendars.ReadWrite", "User.Read.All"]},
        }
    ],
    "accounts": [{"email": ANN}],
}
BUSY = ("--from", at(0), "--to", at(24), "--json")


@dataclass
class Town:
    """Three rooms: at Google by a service account, at a CalDAV server, and at Microsoft by an
    application; nothing but the file is needed to open them."""

    folder: Folder
    google: Provider
    dav: Dav
    there: str
    """Path of the calendar at the CalDAV server."""

    def run(self, *arguments: str) -> CompletedProcess[str]:
        return inside.run(self.folder.path / "busybridge.yaml", *arguments)

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def book(self, room: str, title: str, hour: float, *more: str) -> str:
        wanted = ("--title", title, "--from", at(hour), "--for", "1h", *more)
        return str(self.json("bookings", "create", room, *wanted)["id"])

    def calendar(self, connection: ConnectionId) -> CalendarId:
        if connection == OUTLOOK:
            return CalendarId(self._mailbox.default.id)
        return CalendarId(ANN if connection == GOOGLE else self.there)

    @property
    def _mailbox(self) -> Mailbox:
        return self.google.sandbox.microsoft.directory.mailbox(ANN)

    def put(self, connection: ConnectionId, token: str, title: str, **marks: str) -> None:
        """Write an event as an instance does, whose state nobody has."""
        start = DAY + timedelta(hours=20)
        made = Event(
            uid=f"{token}@busybridge", start=start, end=start + timedelta(hours=1), summary=title
        )
        with opened(self.folder) as bridge:
            marks = {"origin": bridge.keyfile.instance, **marks}
            sink = bridge.accounts.open(connection).sink
            assert sink is not None
            series = EventSeries(uid=made.uid, master=made)
            desired = Desired(token=token * 5, series=series, **marks)
            sink.put(self.calendar(connection), desired, None)

    def titles(self, connection: ConnectionId) -> set[str]:
        """What stands there, as people see it."""
        if connection == GOOGLE:
            world = self.google.sandbox.world
            with world.lock:
                events = [it.event for it in world.calendar(ANN).records.values()]
                return {it["summary"] for it in events if it["status"] != "cancelled"}
        if connection == OUTLOOK:
            with self.google.sandbox.world.lock:
                return {it.event["subject"] for it in self._mailbox.default.items.values()}
        return set(self.dav.titles(self.there))

    def forget(self) -> None:
        """Lose the database."""
        for each in self.folder.path.glob("busybridge.sqlite3*"):
            each.unlink()

    def busy(self, room: str) -> list[str]:
        return [it["start"] for it in json.loads(self.run("busy", room, *BUSY).stdout)["periods"]]


@contextmanager
def opened(folder: Folder) -> Iterator[Bridge]:
    made = Bridge(folder.path / "busybridge.yaml")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def dav(tmp_path_factory: pytest.TempPathFactory) -> Dav:
    return radicale_account(shared_radicale(tmp_path_factory.getbasetemp() / "radicale"))


@pytest.fixture
def town(tmp_path: Path, dav: Dav) -> Iterator[Town]:
    google = Provider()
    account = google.sandbox.google.add_service_account(PROGRAM)
    account.delegated.update(READING)
    name = f"purged-{tmp_path.name}"
    there = dav.make_calendar(name)
    dav.put(there, "board.ics", calendar(event("board", "Board", 9, 10)))
    google.sandbox.person(ANN).create("Tea", DAY + timedelta(hours=9))
    microsoft.build(google.sandbox.microsoft, AT_MICROSOFT)
    google.sandbox.microsoft.person(ANN).create("Lunch", DAY + timedelta(hours=9))
    own = {
        "server_url": dav.url,
        "username": dav.username,
        "password": dav.password,
        "read_calendars": [name],
        "write_calendar": name,
    }
    with google.sandbox:
        folder = Folder(tmp_path).prepare(
            server={"bind": f"127.0.0.1:{free_port()}"},
            allow_inline_secrets=True,
            outbound={"allow_networks": ["127.0.0.1/32"]},
            providers={
                "google": google.section() | {"service_account_file": key_file(tmp_path, account)},
                "microsoft": {
                    "client_id": microsoft.CLIENT_ID,
                    "client_secret": microsoft.CLIENT_SECRET,
                    "sandbox_url": google.sandbox.url,
                    "application": True,
                    "tenant": "example.test",
                },
            },
            resources=[
                room("room-a", id="work", provider="google", account_email=ANN,
                     write_calendar="primary"),
                room("room-b", id="dav", provider="caldav", **own),
                room("room-c", id="work", provider="microsoft", account_email=ANN,
                     write_calendar="primary"),
            ],
        )  # fmt: skip
        yield Town(folder, google, dav, there)


def room(name: str, **connection: Any) -> dict[str, Any]:
    return {"id": name, "connections": [connection | {"primary": True}]}


@pytest.mark.covers("A-44", "S0-36", "P3")
def test_what_was_written_goes_and_bookings_end(town: Town) -> None:
    assert town.run("sync").returncode == 0
    booked = town.book("room-a", "Ours", 11, "--guest", BOB)
    other = town.book("room-b", "Ours, too", 11)
    third = town.book("room-c", "Ours as well", 11)
    for connection in EVERY:
        town.put(connection, "abcdef01", "Mirrored", mirror="0123abcd")
        town.put(connection, "abcdef02", "Theirs", origin="fedcba9876543210")
    own = {GOOGLE: "Tea", DAV: "Board", OUTLOOK: "Lunch"}
    standing = {connection: {title, "Theirs"} for connection, title in own.items()}
    told = town.run("purge", GOOGLE, "--dry-run")
    assert told.returncode == 0, told.stderr
    assert "Ours; 1 guest, who are told" in told.stdout
    assert told.stdout.splitlines()[-2:] == [
        "1 event with guests: they would be told of 1",
        "--dry-run: nothing was deleted; 1 booking and 1 mirrored block would be, "
        "from the calendars of room-a.work",
    ]
    assert town.titles(GOOGLE) == standing[GOOGLE] | {"Ours", "Mirrored"}, "nothing was done"
    asked = town.run("purge", GOOGLE)
    assert (asked.returncode, "--yes" in asked.stderr) == (2, True)
    town.google.sandbox.world.mail.clear()
    for connection, booking in zip(EVERY, (booked, other, third), strict=True):
        done = town.run("purge", connection, "--yes")
        assert done.returncode == 0, done.stderr
        assert f"1 booking and 1 mirrored block deleted from the calendars of {connection}" in (
            done.stdout
        )
        assert town.titles(connection) == standing[connection]
        shown = town.json("bookings", "show", booking)
        assert shown["state"] == "cancelled"
        assert town.busy(connection.partition(".")[0]) == [at(9)], "busy disappears at once"
    assert [(it.to, it.method) for it in town.google.sandbox.world.mail] == [(BOB, "CANCEL")]
    again = town.run("purge", GOOGLE, "--yes")
    assert (again.returncode, again.stdout) == (
        0, "nothing of this instance stands in the calendars of room-a.work\n",
    )  # fmt: skip
    town.book("room-b", "Again", 15)
    ended = town.run("connections", "disconnect", DAV, "--purge-written")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-2:] == [
        "1 booking deleted from the calendars of room-b.dav", "room-b.dav is disconnected",
    ]  # fmt: skip
    assert town.titles(DAV) == standing[DAV]
    town.folder.config |= {"resources": town.folder.config["resources"][:1]}
    town.folder.config |= {"removed_resources": "purge"}
    town.folder.write()
    assert "what was written to its calendars is deleted" in town.run("plan").stdout


@pytest.mark.covers("A-44", "P3")
def test_it_needs_no_database_and_makes_none(town: Town) -> None:
    assert town.run("sync").returncode == 0
    town.book("room-a", "Ours", 11, "--guest", BOB)
    town.book("room-b", "Ours, too", 11)
    town.put(DAV, "abcdef01", "Mirrored", mirror="0123abcd")
    town.book("room-c", "Ours as well", 11)
    town.put(OUTLOOK, "abcdef01", "Mirrored", mirror="0123abcd")
    town.forget()
    document = town.json("purge", DAV, "--dry-run")
    assert sorted((it["kind"], it["title"], it["mirror"]) for it in document["events"]) == [
        ("booking", "Ours, too", None),
        ("mirror", "Mirrored", "0123abcd"),
    ]
    for connection in EVERY:
        assert town.run("purge", connection, "--yes", "--silent").returncode == 0
    assert [town.titles(connection) for connection in EVERY] == [{"Tea"}, {"Board"}, {"Lunch"}]
    assert list(town.folder.path.glob("*.sqlite3*")) == []
    assert "did you mean room-a.work" in town.run("purge", "room-a.wrok").stderr
    town.folder.config["resources"][0]["connections"][0]["consent"] = True
    town.folder.write()
    lost = town.run("purge", GOOGLE, "--dry-run")
    assert (lost.returncode, "its owner permitted" in lost.stderr) == (1, True)
    assert list(town.folder.path.glob("*.sqlite3*")) == []


def test_of_a_calendar_that_cannot_be_read_it_does_not_say_that_nothing_stands_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unread = Found(CalendarInfo(CalendarId(ANN), "Ann"), problem=TemporarilyUnavailable("it hangs"))
    foretell(GOOGLE, [unread], silent=False)
    assert capsys.readouterr().out == "Ann: nobody knows what stands there: it hangs\n"

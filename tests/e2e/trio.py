"""One bridge that books at Google, at Microsoft and at an Apple-style CalDAV server.

Its owners edit what stands in their calendars as they do it there, with the mouse.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import update

from bridge.model.interval import Window, utc
from bridge.sandbox.google.editing import Editor
from bridge.sandbox.zoom.directory import Meeting
from bridge.store import deliveries, keys, outbox
from bridge.store.booking_tables import proposals
from bridge.store.database import Database
from bridge.store.wake import Wake
from tests.databases import closing_database
from tests.e2e import inside, reports
from tests.e2e.bookable import (
    ANN,
    GUEST,
    HOME,
    HOST,
    PLACES,
    Answer,
    Bookable,
    bookable,
    path,
    text,
)
from tests.e2e.occurring import taking_place
from tests.e2e.served import Reply, Served, get, ical, joined, json_periods, rfc3339, unfolded
from tests.e2e.sources import CalDavCalendar, vevent
from tests.e2e.town import Town

WRITTEN = ("meet", "teams", HOME)
"""A resource for each kind of calendar that is written to."""
ZOOM = "X-BUSYBRIDGE-CONFERENCE:zoom"
HOUR, DAY = 3600, 86400
FIRST = (int(time.time()) // 86400 + 3) * 86400


class Shown(NamedTuple):
    """A booking as a client sees it."""

    status: int
    etag: str
    lines: list[str]

    def value(self, name: str) -> str:
        """The value of the first property of that name; empty for none."""
        found = (it.partition(":")[2] for it in self.lines if re.match(rf"{name}[;:]", it))
        return next(found, "")


@dataclass
class Trio:
    """The bridge, and what is in the calendars that it writes to."""

    booked: Bookable
    calendar: CalDavCalendar
    _hours: count[int] = field(default_factory=count)
    _told: int = 0
    _key: str = ""
    _wrote: int = 0
    """When a write was last settled."""

    def __post_init__(self) -> None:
        self.client = self.booked.client()

    @property
    def served(self) -> Served:
        return self.booked.served

    def hour(self) -> int:
        """An hour that no other test has, on four days; the one after it is free, too."""
        number = next(self._hours)
        return FIRST + number // 8 * 5 * DAY + number % 8 * 3 * HOUR

    # Clients

    def put(self, room: str, uid: str, start: int, *more: str, **headers: str) -> Answer:
        return self.write("PUT", room, uid, text(room, uid, start, *more), **headers)

    def write(self, method: str, room: str, uid: str, body: str = "", **headers: str) -> Answer:
        self.client.close()  # the server ends connections that were idle for long
        answer = self.client.ask(method, path(room, uid), body, **headers)
        self._wrote = int(time.time())
        return answer

    def book(self, room: str, uid: str, *more: str) -> int:
        """Book an hour; give its start."""
        start = self.hour()
        answer = self.put(room, uid, start, *more)
        assert answer.status == 201, answer
        return start

    def shown(self, room: str, uid: str) -> Shown:
        answer = self.client.ask("GET", path(room, uid))
        return Shown(answer.status, answer.etag, unfolded(answer.body))

    def changes(self, room: str, token: str = "") -> reports.Changes:
        where, body = f"/ann/{room}.bookings/", reports.SYNC.format(token)
        answer = self.served.dav("REPORT", where, body, self.booked.login)
        assert answer.status == 207, answer
        return reports.changes_of(answer.body)

    def busy(self, room: str, start: int, end: int) -> list[tuple[int, int, str]]:
        return joined(json_periods(self.served.busy(room, start, end).body))

    # The bridge

    def reload(self) -> None:
        done = inside.run(self.served.config_path, "reload")
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def resources(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.served.config["resources"]
        return found

    def receive(self, calendars: Mapping[str, str]) -> None:
        """Have the file name other calendars that receive bookings, by resource."""
        for resource in self.resources:
            resource["connections"][0]["write_calendar"] = calendars[resource["id"]]
        self.served.write()
        self.reload()

    def second(self, room: str, title: str = "Second") -> str:
        """Give the owner another calendar; give the name by which the file knows it."""
        sandbox, owner = self.booked.sandbox, PLACES[room].owner
        with sandbox.world.lock:
            match PLACES[room].provider:
                case "google":
                    return sandbox.world.add_calendar(owner, title).id
                case "microsoft":
                    directory = sandbox.microsoft.directory
                    return directory.add_calendar(directory.mailbox(owner), title).id
        self.calendar.account.make_calendar(title.lower())
        return title.lower()

    def titles(self, room: str, calendar: str) -> list[str]:
        """What stands in another calendar of the owner's."""
        sandbox, owner = self.booked.sandbox, PLACES[room].owner
        with sandbox.world.lock:
            match PLACES[room].provider:
                case "google":
                    found = [it.event for it in sandbox.world.calendar(calendar).records.values()]
                    return [it["summary"] for it in found if it["status"] != "cancelled"]
                case "microsoft":
                    box = sandbox.microsoft.directory.mailbox(owner)
                    items = box.calendars[calendar].items.values()
                    return [it.event["subject"] for it in items]
        account = self.calendar.account
        return account.titles(f"{account.home}{calendar}/")

    def pull(self, room: str) -> None:
        """Pull, in a second after the one in which something was written: else that is newer."""
        self.served.wait(lambda: time.time() >= self._wrote + 1, "the second is over")
        outcome = self.served.pull(f"{room}.work")
        assert outcome == {f"{room}.work": "ok"}, outcome

    @contextmanager
    def store(self) -> Iterator[Database]:
        url = f"sqlite:///{self.served.folder}/busybridge.sqlite3"
        with closing_database(url) as database:
            yield database

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """Type and payload of what was told since the last time that this was asked."""
        with self.store() as database, database.read() as conn:
            rows = deliveries.after(conn, self._told)
        self._told = max([self._told, *(it.id for it in rows)])
        return [(it.type, json.loads(it.payload)) for it in rows]

    def mailed(self, uid: str) -> list[str]:
        """Methods of what the guest got about a booking, in order."""
        with self.booked.sandbox.world.lock:
            mails = list(self.booked.sandbox.world.mail)
        return [it.method for it in mails if it.to == GUEST and it.summary == uid]

    def hasten(self) -> None:
        """Let the time pass until what was put off is tried again."""
        waiting = proposals.c.state == outbox.State.QUEUED.value
        with self.store() as database:
            with database.write() as conn:
                conn.execute(update(proposals).where(waiting).values(due_at=1))
            Wake(database).notify("outbox")

    def set_up(self, room: str, pair: str) -> None:
        """Set a key of a connection, as an admin does; the server follows."""
        self.served.cli("connections", "set", f"{room}.work", pair)

    @contextmanager
    def insisting(self) -> Iterator[None]:
        """Have the file say that there are no bookings without their meetings."""
        for section in ({"on_failure": "reject"}, {}):
            self.served.config["conference"] = section
            self.served.write()
            self.reload()
            if section:
                yield

    @contextmanager
    def unlimited(self) -> Iterator[None]:
        """Have the file allow as many requests as anybody wants."""
        providers = self.served.config["providers"]
        own = {name: dict(providers[name]) for name in ("google", "microsoft")}
        rates = dict.fromkeys(("requests", "requests_per_account"), "100000/min")
        for more in (rates, {}):
            providers |= {name: section | more for name, section in own.items()}
            self.served.write()
            self.reload()
            if more:
                yield

    def post(self, room: str, start: int) -> Reply:
        """Book by HTTP, as programs do."""
        if not self._key:
            with self.store() as database, database.write() as conn:
                self._key = keys.create_api_key(
                    conn,
                    "programs",
                    scopes=["bookings:write"],
                    resources=["*"],
                    now=int(time.time()),
                )[1]
        wish = {"title": "by HTTP", "start": rfc3339(start), "end": rfc3339(start + HOUR)}
        head = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        url = f"{self.served.url}/api/v1/resources/{room}/bookings"
        return get(url, head, json.dumps(wish).encode(), "POST")

    # What stands at the providers

    def behave(self) -> None:
        """End whatever goes wrong at the stand-ins."""
        self.booked.sandbox.behave()
        self.booked.sandbox.microsoft.behave()
        self.booked.sandbox.zoom.behave()
        self.license(allowed=True)

    def license(self, *, allowed: bool) -> None:
        """Let Ann's mailbox have meetings, or not."""
        with self.booked.sandbox.world.lock:
            self.booked.sandbox.microsoft.directory.mailbox(ANN).is_personal = not allowed

    def create(self, room: str, title: str, start: int) -> None:
        """Write an event of the owner's own into the calendar."""
        match PLACES[room].provider:
            case "google":
                self._google(room).create(title, utc(start))
            case "microsoft":
                self._outlook(room).create(title, utc(start))
            case _:
                span = f"DTSTART:{ical(start)}", f"DTEND:{ical(start + HOUR)}"
                body = vevent(title, *span).replace(f"secret of {title}", title)
                self.calendar.put_text(title, body)

    def taken(self, room: str, uid: str) -> list[int]:
        """When the occurrences of a booking begin, as its provider works them out."""
        span = Window(FIRST, FIRST + 600 * DAY)
        return taking_place(self.booked.sandbox, self.calendar, PLACES[room], uid, span)

    def standing(self, room: str, uid: str) -> list[tuple[int, str]]:
        """Start and link of the events of a booking."""
        return self.booked.events(room).get(uid, [])

    def raw(self, room: str, uid: str) -> Any:
        """The event of a booking as its provider has it: JSON, or iCalendar."""
        sandbox, owner = self.booked.sandbox, PLACES[room].owner
        if PLACES[room].provider == "google":
            return sandbox.world.calendar(owner).records[self._named(room, uid)].event
        if PLACES[room].provider == "microsoft":
            with sandbox.world.lock:
                items = sandbox.microsoft.directory.mailbox(owner).default.items.values()
                return next(it.event for it in items if it.event["subject"] == uid)
        return self._object(uid)[1]

    def meeting(self, uid: str) -> Meeting | None:
        """Find the meeting of a booking at Zoom."""
        every = self.booked.sandbox.zoom.person(HOST).meetings
        return next((it for it in every if it.topic == uid), None)

    def delete(self, room: str, uid: str) -> None:
        """Delete its event with the mouse."""
        match PLACES[room].provider:
            case "google":
                self._google(room).delete(self._named(room, uid))
            case "microsoft":
                self._outlook(room).delete(self._outlook(room).invited(uid))
            case _:
                self.calendar.account.delete(self._object(uid)[0])

    def move(self, room: str, uid: str, start: int) -> None:
        """Drag its event to another time."""
        match PLACES[room].provider:
            case "google":
                self._google(room).move(self._named(room, uid), utc(start))
            case "microsoft":
                self._outlook(room).move(self._outlook(room).invited(uid), utc(start))
            case _:
                self._rewrite(uid, DTSTART=ical(start), DTEND=ical(start + HOUR))

    def carry(self, room: str, uid: str, calendar: str) -> None:
        """Drag its event into another calendar of the owner's."""
        owner = PLACES[room].owner
        match PLACES[room].provider:
            case "google":
                world, name = self.booked.sandbox.world, self._named(room, uid)
                with world.lock:
                    editor = Editor(world, world.calendar(owner), owner)
                    editor.move(name, world.calendar(calendar))
            case "microsoft":
                outlook = self._outlook(room)
                outlook.move_to(outlook.invited(uid), calendar)
            case _:
                found, body = self._object(uid)
                there = f"{self.calendar.account.home}{calendar}/"
                self.calendar.account.put(there, found.rpartition("/")[2], body)
                self.calendar.account.delete(found)

    def rename(self, room: str, uid: str, title: str) -> None:
        match PLACES[room].provider:
            case "google":
                self._google(room).change(self._named(room, uid), summary=title)
            case "microsoft":
                self._outlook(room).change(self._outlook(room).invited(uid), subject=title)
            case _:
                self._rewrite(uid, SUMMARY=title)

    def describe(self, room: str, uid: str, html: str) -> None:
        """Format its description, at Google or in Outlook."""
        if PLACES[room].provider == "google":
            self._google(room).change(self._named(room, uid), description=html)
        else:
            outlook, body = self._outlook(room), {"contentType": "html", "content": html}
            outlook.change(outlook.invited(uid), body=body)

    def described(self, room: str, uid: str) -> str:
        """Its description there, as a browser is given it."""
        raw = self.raw(room, uid)
        if PLACES[room].provider == "google":
            return str(raw["description"])
        kind, content = raw["body"]["contentType"], str(raw["body"]["content"])
        return content if kind.lower() == "html" else escape(content)

    def decline(self, room: str, uid: str) -> None:
        """Say no to it; Outlook lets no organizer do that."""
        owner = PLACES[room].owner
        if PLACES[room].provider == "google":
            name = self._named(room, uid)
            with self.booked.sandbox.world.lock:
                event = self.booked.sandbox.world.calendar(owner).records[name].event
                guests = [*event.get("attendees", ())]
            mine = {"email": owner, "responseStatus": "declined"}
            self._google(room).change(name, attendees=[*guests, mine])
        else:
            found, body = self._object(uid)
            mine_ = f"ATTENDEE;PARTSTAT=DECLINED:mailto:{owner}\r\nEND:VEVENT"
            self._write(found, body.replace("END:VEVENT", mine_))

    def change_series(self, room: str, uid: str, *, moved: tuple[int, int], deleted: int) -> None:
        """Move one occurrence of a series, and delete another."""
        was, start = moved
        if PLACES[room].provider == "google":
            person, name = self._google(room), self._named(room, uid)
            person.move(person.instance(name, utc(was)), utc(start))
            person.delete(person.instance(name, utc(deleted)))
        elif PLACES[room].provider == "microsoft":
            outlook = self._outlook(room)
            name = outlook.invited(uid)
            outlook.move(outlook.instance(name, utc(was)), utc(start))
            outlook.delete(outlook.instance(name, utc(deleted)))
        else:
            found, body = self._object(uid)
            lines = (
                f"RECURRENCE-ID:{ical(was)}",
                f"DTSTART:{ical(start)}",
                f"DTEND:{ical(start + HOUR)}",
            )
            override = vevent(uid, *lines).replace(f"secret of {uid}", uid)
            body = body.replace("END:VEVENT", f"EXDATE:{ical(deleted)}\r\nEND:VEVENT")
            self._write(found, body.replace("END:VCALENDAR", f"{override}END:VCALENDAR"))

    def split(self, room: str, uid: str, original: int, **changes: str) -> None:
        """Change "this and following" of a series."""
        if PLACES[room].provider == "google":
            self._google(room).split(self._named(room, uid), utc(original), **changes)
        else:
            outlook = self._outlook(room)
            outlook.split(outlook.invited(uid), utc(original), **changes)

    def _google(self, room: str) -> Any:
        return self.booked.sandbox.person(PLACES[room].owner)

    def _outlook(self, room: str) -> Any:
        return self.booked.sandbox.microsoft.person(PLACES[room].owner)

    def _named(self, room: str, uid: str) -> str:
        """Find the id of an event at Google."""
        world = self.booked.sandbox.world
        with world.lock:
            [found] = [
                name
                for name, record in world.calendar(PLACES[room].owner).records.items()
                if record.event.get("summary") == uid and not record.is_cancelled
            ]
        return found

    def _object(self, uid: str) -> tuple[str, str]:
        """Find path and text of an object at the CalDAV server."""
        every = self.calendar.objects().items()
        [found] = [each for each in every if f"\r\nSUMMARY:{uid}\r\n" in each[1]]
        return found

    def _rewrite(self, uid: str, **values: str) -> None:
        found, body = self._object(uid)
        for name, value in values.items():
            body = re.sub(rf"\r\n{name}[;:].*\r\n", f"\r\n{name}:{value}\r\n", body)
        self._write(found, body)

    def _write(self, found: str, body: str) -> None:
        kind = {"Content-Type": "text/calendar; charset=utf-8"}
        self.calendar.account.send("PUT", found, body, kind)


@contextmanager
def trio(folder: Path, town: Town) -> Iterator[Trio]:
    """Serve the three, with bookings that are tentative only where their provider hangs."""
    calendar = town.calendar("radicale", "home")
    assert isinstance(calendar, CalDavCalendar)
    with bookable(folder, rooms=WRITTEN, calendar=calendar) as booked:
        yield Trio(booked, calendar)


__all__ = ["DAY", "FIRST", "GUEST", "HOME", "HOUR", "WRITTEN", "ZOOM", "Shown", "Trio", "trio"]

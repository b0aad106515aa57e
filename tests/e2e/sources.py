"""Calendars at real servers, edited with plain HTTP as any calendar program would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.e2e.oracle import Written
from tests.servers.dav import Dav
from tests.servers.faultproxy import FaultProxy
from tests.servers.origin import Answer, Origin

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\n"
TAIL = "END:VCALENDAR\r\n"


def vevent(uid: str, *lines: str) -> str:
    """A VEVENT of these lines."""
    head = ("BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z")
    return "\r\n".join((*head, *lines, f"SUMMARY:secret of {uid}", "END:VEVENT", ""))


class Source(Protocol):
    """A calendar that a test edits and that the bridge reads."""

    def put(self, event: Written) -> None: ...
    def put_text(self, uid: str, vevents: str) -> None: ...
    def set_zone(self, name: str) -> None: ...
    def delete(self, uid: str) -> None: ...
    def connection(self) -> dict[str, Any]: ...


@dataclass
class CalDavCalendar:
    """One calendar of an account at a CalDAV server."""

    account: Dav
    name: str
    path: str = ""
    through: FaultProxy | None = None
    """What stands between the bridge and the server; the test itself goes to the server."""

    def __post_init__(self) -> None:
        self.path = self.account.make_calendar(self.name)

    def put(self, event: Written) -> None:
        self.account.put(self.path, f"{event.uid}.ics", event.ics())

    def put_text(self, uid: str, vevents: str) -> None:
        self.account.put(self.path, f"{uid}.ics", HEAD + vevents + TAIL)

    def put_all(self, objects: Mapping[str, str]) -> None:
        """Replace the whole calendar; only Radicale can."""
        head = f"{HEAD}X-WR-CALNAME:{self.name}\r\n"
        self.account.put(self.path, "", head + "".join(objects.values()) + TAIL)

    def set_zone(self, name: str) -> None:
        """Say the calendar's zone as clients do, with rules that say nothing of it."""
        rules = "DTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0000\n"
        text = (
            f"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\nTZID:{name}\nBEGIN:STANDARD\n{rules}"
            "END:STANDARD\nEND:VTIMEZONE\nEND:VCALENDAR\n"
        )
        props = f"<C:calendar-timezone>{text}</C:calendar-timezone>"
        self.account.set_props(self.path, props)

    def delete(self, uid: str) -> None:
        self.account.delete(self.path, f"{uid}.ics")

    def objects(self) -> dict[str, str]:
        """What stands there: path -> unfolded text."""
        return {
            path: self.account.send("GET", path).decode().replace("\r\n ", "")
            for path in self.account.paths(self.path)
        }

    def connection(self) -> dict[str, Any]:
        return {
            "id": self.name,
            "provider": "caldav",
            "server_url": self.through.url() if self.through else self.account.url,
            "username": self.account.username,
            "password": self.account.password,
            "read_calendars": [self.name],
        }


@dataclass
class IcsUrl:
    """One calendar file behind a URL; a conditional request is answered as good servers do."""

    origin: Origin
    path: str
    name: str = "feed"
    events: dict[str, str] = field(default_factory=dict)
    prologue: str = ""
    """Lines after PRODID, each with its line end: X-WR-TIMEZONE, VTIMEZONEs."""
    version: int = 0

    def __post_init__(self) -> None:
        self._publish()

    def put(self, event: Written) -> None:
        self.put_text(event.uid, event.vevents())

    def put_text(self, uid: str, vevents: str) -> None:
        self.events[uid] = vevents
        self._publish()

    def put_all(self, objects: Mapping[str, str]) -> None:
        self.events = dict(objects)
        self._publish()

    def set_zone(self, name: str) -> None:
        self.prologue = f"X-WR-TIMEZONE:{name}\r\n"
        self._publish()

    def delete(self, uid: str) -> None:
        del self.events[uid]
        self._publish()

    def connection(self) -> dict[str, Any]:
        return {"id": self.name, "provider": "ics", "url": self.origin.url(self.path)}

    def text(self) -> str:
        return HEAD + self.prologue + "".join(self.events.values()) + TAIL

    def _publish(self) -> None:
        self.version += 1
        etag, body = f'"{self.version}"', self.text().encode()
        headers = {"Content-Type": "text/calendar; charset=utf-8", "ETag": etag}

        def answer(request: Any) -> Answer:
            if request.headers.get("if-none-match") == etag:
                return Answer(304, headers)
            return Answer(200, headers, body)

        self.origin.routes[self.path] = answer

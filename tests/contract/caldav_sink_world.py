"""Calendars on a real CalDAV server, whose owner edits events with a program of her own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from uuid import uuid4

from icalendar import Calendar, Component

from bridge.model.event import PartStat
from bridge.model.http import Http
from bridge.model.interval import utc
from bridge.provider import Account, CalendarId, Provider, RemoteId
from bridge.providers.caldav import KIND, CaldavConnection, CaldavDefaults
from tests.contract.interrupting import Interruptions
from tests.contract.provider_contract import NOW
from tests.contract.sink_calendar import Cannot
from tests.servers.dav import Dav

COLOUR = "X-APPLE-CALENDAR-COLOR"
EMAIL = "ann@example.com"


@dataclass
class CaldavSinkWorld:
    """One login's calendars; nobody mails guests who have no login there."""

    account: Dav
    http: Http
    url: str = ""
    """Of a proxy before the server, where there is one."""
    email: str = EMAIL
    """What the connection says of its account."""
    cannot: Collection[Cannot] = ()
    calendars: list[CalendarId] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.way = Interruptions(self.http)

    def open(self, _calendar: CalendarId) -> Provider:
        settings = CaldavConnection.model_validate(
            {"server_url": self.url or self.account.url, "username": "ann", "password": "secret"}
        )
        account = Account("r.c", settings, CaldavDefaults(), self.way, owner=self.email)
        return KIND.open(account)

    def new_calendar(self) -> CalendarId:
        path = self.account.make_calendar(f"c{uuid4().hex}", displayname="A calendar")
        self.calendars.append(CalendarId(path))
        return self.calendars[-1]

    def clean_up(self) -> None:
        for calendar in self.calendars:
            self.account.delete(calendar)

    def write(self, calendar: CalendarId, summary: str) -> None:
        lines = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tests//EN", "BEGIN:VEVENT",
                 f"UID:{summary}", "DTSTAMP:20260101T000000Z", f"SUMMARY:{summary}",
                 f"DTSTART:{utc(NOW):%Y%m%dT%H%M%SZ}", "DURATION:PT1H", "END:VEVENT",
                 "END:VCALENDAR", "")  # fmt: skip
        self.account.put(calendar, f"{summary}.ics", "\r\n".join(lines))

    def in_short_pages(self) -> AbstractContextManager[None]:
        return nullcontext()

    def rename(self, calendar: CalendarId, remote_id: RemoteId, summary: str) -> None:
        def change(event: Component) -> None:
            event["SUMMARY"] = summary

        self.edit(calendar, remote_id, change)

    def remove(self, calendar: CalendarId, remote_id: RemoteId) -> None:
        self.account.delete(calendar, remote_id)

    def colour(self, calendar: CalendarId, remote_id: RemoteId, value: str) -> None:
        self.edit(calendar, remote_id, lambda event: event.add(COLOUR, value))

    def coloured(self, calendar: CalendarId, remote_id: RemoteId) -> str:
        (event, *_) = self.shown(calendar, remote_id).walk("VEVENT")
        return str(event.get(COLOUR, ""))

    def answer(
        self, calendar: CalendarId, remote_id: RemoteId, guest: str, partstat: PartStat
    ) -> None:
        def change(event: Component) -> None:
            people = event["ATTENDEE"]
            for person in people if isinstance(people, list) else [people]:
                if person.lower() == guest:
                    person.params["PARTSTAT"] = partstat.value

        self.edit(calendar, remote_id, change)

    def mailed(self, _calendar: CalendarId) -> Sequence[tuple[str, str]] | None:
        return None

    def interrupted(self, number: int, *, done: bool) -> AbstractContextManager[None]:
        return self.way.interrupted(number, done=done)

    def text(self, calendar: CalendarId, remote_id: RemoteId) -> str:
        """Return the object as it stands, unfolded."""
        octets = self.account.send("GET", calendar + remote_id)
        return octets.decode().replace("\r\n ", "").replace("\r\n", "\n")

    def shown(self, calendar: CalendarId, remote_id: RemoteId) -> Calendar:
        """Return the object as another program reads it."""
        return Calendar.from_ical(self.text(calendar, remote_id))

    def edit(
        self, calendar: CalendarId, remote_id: RemoteId, change: Callable[[Component], None]
    ) -> None:
        """Change each VEVENT and save, as another program does."""
        shown = self.shown(calendar, remote_id)
        for event in shown.walk("VEVENT"):
            change(event)
        self.account.put(calendar, remote_id, shown.to_ical().decode())

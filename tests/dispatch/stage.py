"""A resource that can be booked, and the engine that carries bookings out; no threads of its own.

The account is in this process and misbehaves on command; the database is real.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from bridge import points
from bridge.bookings.words import Outcome, Ticket
from bridge.dispatch import Dispatch, Report
from bridge.dispatch.points import Point
from bridge.model.conference import ConferenceKind
from bridge.model.event import Event, EventSeries
from bridge.provider import RemoteId
from bridge.providers.memory import Memory, MemoryCalendar
from bridge.store import bookings, outbox
from bridge.store.bookings import BookingRow
from bridge.store.database import Database
from bridge.store.outbox import ProposalRow
from tests.bookings.hall import LEASE, Hall, event

ZOOM = "zoom"


class Killed(BaseException):
    """The process ends here and now."""


class Stage(Hall):
    """A hall with an engine; `zoom` is an account that makes meetings, `more` are others."""

    def __init__(self, database: Database, *, natively: Any = None, **resource: Any) -> None:
        zoom = resource.pop("zoom", False)
        work = {
            "id": "work",
            "account_email": "room@example.com",
            "write_calendar": resource.pop("calendar", "main"),
            "primary": True,
            **({"read_calendars": reads} if (reads := resource.pop("reads", None)) else {}),
        }
        more = resource.pop("more", [])
        resource["connections"] = [work, *([{"id": ZOOM}] if zoom else []), *more]
        super().__init__(database, **resource)
        if natively is not None:
            self.memory.natively = natively
        if zoom:
            self.zoom.making = ConferenceKind.ZOOM
        self.dispatch = Dispatch(
            database=database,
            outbox=self.outbox,
            accounts=self.house.accounts,
            clock=lambda: self.house.now,
            random=Random(7),
        )

    @property
    def memory(self) -> Memory:
        """The account that receives bookings."""
        return self.house.memory()

    @property
    def zoom(self) -> Memory:
        """The account that makes meetings."""
        return self.house.memory(ZOOM)

    @property
    def calendar(self) -> MemoryCalendar:
        """The calendar that receives bookings."""
        return self.house.calendar()

    # The engine

    def work(self) -> list[Report]:
        """Carry out what is due, until nothing is."""
        reports: list[Report] = []
        while claims := self.outbox.claim("engine", self.now, 10, LEASE):
            reports += [self.dispatch.run(claim) for claim in claims]
            assert len(reports) < 50, "it never ends"
        return reports

    def outcomes(self) -> list[str]:
        return [report.outcome for report in self.work()]

    def die(self) -> None:
        """Carry out what is due in a process that is killed on the way, and time passes."""
        try:
            self.work()
        except Killed:
            self.house.now += LEASE + 1
        else:
            raise AssertionError("it was not killed")

    def later(self, seconds: int = 3600) -> list[Report]:
        """Let time pass, and carry out what is due then."""
        self.house.now += seconds
        return self.work()

    def persist(self, hours: int = 12) -> list[str]:
        """Let hours pass, and give how it ended in each."""
        return [report.outcome for _ in range(hours) for report in self.later()]

    def done(self, ticket: Ticket) -> Outcome:
        """Carry it out, and give what the client is told."""
        self.work()
        return self.end(ticket)

    # What came of it

    def events(self) -> list[EventSeries]:
        """What stands at the provider."""
        return [it for it in self.calendar.objects.values() if isinstance(it, EventSeries)]

    def event(self) -> Event:
        """The one event that stands at the provider."""
        (series,) = self.events()
        assert series.master is not None
        return series.master

    def meetings(self) -> list[str]:
        """References of the meetings that were made by themselves and not cancelled."""
        return [key for key, it in self.zoom.meetings.items() if not it.cancelled]

    def text(self, name: str = "one.ics") -> str:
        seen = self.seen(name)
        assert seen is not None
        return seen.text.replace("\r\n ", "")

    def booking(self) -> BookingRow:
        with self.database.read() as conn:
            found = bookings.by_uid(conn, "room-a", "one")
        return found[0]

    def proposals(self) -> list[ProposalRow]:
        """All of the booking, the oldest first."""
        with self.database.read() as conn:
            return outbox.of_booking(conn, self.booking().id)[::-1]

    # Somebody at the provider

    def edit(self, change: Callable[[Event], Event]) -> None:
        """Change the one event at the provider."""
        ((remote_id, series),) = self.calendar.objects.items()
        assert isinstance(series, EventSeries)
        assert series.master is not None
        self.calendar.put(remote_id, replace(series, master=change(series.master)))

    def remove(self) -> None:
        """Delete the one event at the provider."""
        (remote_id,) = self.calendar.objects
        self.calendar.delete(RemoteId(remote_id))


def die_at(stage: Stage, point: Point) -> bool:
    """Carry out what is due in a process that dies there; False when it does not come by."""

    def act(reached: Point) -> None:
        if reached is point:
            raise Killed

    points.arm(act)
    try:
        stage.work()
    except Killed:
        return True
    finally:
        points.arm(None)
        stage.house.now += LEASE + 1
    return False


def kill(*_: object) -> None:
    raise Killed


__all__ = ["Killed", "Stage", "die_at", "event", "kill"]

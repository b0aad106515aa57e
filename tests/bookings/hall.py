"""A resource that can be booked: one memory account whose calendar `main` receives bookings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.bookings import Bookings, Claim, Outbox, shelf
from bridge.bookings.shelf import Seen
from bridge.bookings.words import Act, Outcome, Ticket, Viewer, Write
from bridge.config.live import Live
from bridge.model.conference import Conference
from bridge.model.remote import ETag, RemoteId
from bridge.provider import Provider
from bridge.sink import Written
from bridge.store import deliveries, outbox
from bridge.store.database import Database
from bridge.store.outbox import LEASE, ProposalRow
from bridge.store.wake import Wake
from tests.builders import make_settings
from tests.engine.house import INSTANCE, NOW, ROOM, House, make_series

ALICE = Viewer("alice")
BOB = Viewer("bob")
SOON = timedelta()
PATIENT = {"confirm_within": "60s"}
"""How long clients wait where nothing else is said: a machine that stalls is no calendar that is
down."""


def event(
    start: str = "20261123T090000Z",
    end: str = "20261123T100000Z",
    *more: str,
    uid: str = "one",
    title: str = "Talk",
) -> bytes:
    """One event as a client sends it."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//A client//EN",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20261101T000000Z",
        f"DTSTART:{start}",
        f"DTEND:{end}",
        f"SUMMARY:{title}",
        *more,
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines).encode()


class Hall:
    """The desk and the outbox of a resource `room-a`, with the house that pulls its calendars."""

    def __init__(
        self,
        database: Database,
        *,
        sections: Any = None,
        unread: bool = False,
        opened: Provider | None = None,
        **resource: Any,
    ) -> None:
        """`opened` is another account than one in memory."""
        self.database = database
        connection = {
            "id": "work",
            "account_email": "room@example.com",
            "write_calendar": "main",
            "primary": True,
        }
        self.house = House(
            database, **{"sections": sections or {}, "connections": [connection]} | resource
        )
        if opened is not None:
            self.house.accounts.providers["room-a.work"] = opened
        self.house.calendar()
        if not unread:
            self.house.pull()
        self.wake = Wake(database)
        users = [
            {"name": "alice", "email": "alice@example.com", "password_hash": "$2b$04$" + "a" * 53},
        ]
        self.live = Live(make_settings(auth={"users": users}))
        self.desk = self.another_desk()
        self.outbox = Outbox(database, self.live, self.house.publisher, self.wake)

    @property
    def now(self) -> int:
        return self.house.now

    def another_desk(self, database: Database | None = None, **more: Any) -> Bookings:
        return Bookings(
            database or self.database,
            self.house.publisher,
            self.wake,
            lambda: self.house.now,
            **more,
        )

    def write(self, octets: bytes, name: str = "one.ics", viewer: Viewer = ALICE) -> Write:
        return Write(resource_id=ROOM, viewer=viewer, act=Act.PUT, name=name, octets=octets)

    def close(self) -> None:
        self.wake.close()

    # Clients

    def put(
        self,
        octets: bytes,
        name: str = "one.ics",
        viewer: Viewer = ALICE,
        desk: Bookings | None = None,
        **more: Any,
    ) -> Ticket:
        return (desk or self.desk).propose(
            Write(resource_id=ROOM, viewer=viewer, act=Act.PUT, name=name, octets=octets, **more),
            self.now,
        )

    def delete(self, name: str = "one.ics", viewer: Viewer = ALICE, **more: Any) -> Ticket:
        write = Write(resource_id=ROOM, viewer=viewer, act=Act.DELETE, name=name, **more)
        return self.desk.propose(write, self.now)

    def move(self, name: str, destination: str, viewer: Viewer = ALICE) -> Ticket:
        write = Write(
            resource_id=ROOM, viewer=viewer, act=Act.MOVE, name=name, destination=destination
        )
        return self.desk.propose(write, self.now)

    def end(self, ticket: Ticket) -> Outcome:
        """Answer now, whatever it is."""
        return self.desk.wait(ticket, SOON)

    def seen(self, name: str = "one.ics", viewer: Viewer = ALICE) -> Seen | None:
        with self.database.read() as conn:
            return shelf.get(conn, ROOM, name, viewer)

    def names(self) -> list[str]:
        with self.database.read() as conn:
            return [it.name for it in shelf.listing(conn, ROOM, ALICE)]

    def changed(self, since: int = 0) -> list[tuple[str, bool]]:
        """Give the names that changed, and whether they are gone."""
        with self.database.read() as conn:
            return [(it.uid, it.deleted) for it in shelf.changes_since(conn, ROOM, since)]

    def seq(self) -> int:
        with self.database.read() as conn:
            return shelf.last_change(conn, ROOM)[0]

    def told(self) -> list[str]:
        with self.database.read() as conn:
            return [it.type for it in deliveries.after(conn, 0)]

    # The engine

    def claims(self, limit: int = 10) -> list[Claim]:
        return self.outbox.claim("engine", self.now, limit, LEASE)

    def claim(self) -> Claim:
        [claim] = self.claims()
        return claim

    def settle(self, claim: Claim | None = None, conference: Conference | None = None) -> bool:
        """Let a provider have what a claim wants."""
        claim = claim or self.claim()
        if claim.kind is outbox.Kind.DELETE:
            return self.outbox.settle(claim, None, None, self.now)
        intent = self.outbox.desired(claim, ())
        assert intent.desired is not None
        written = Written(
            remote_id=RemoteId(f"r-{claim.booking.token}"),
            etag=ETag(f"e{claim.proposal.id}"),
            series=replace(intent.desired.series),
            conference=None,
        )
        return self.outbox.settle(claim, written, conference, self.now, meeting_due=self.now + 30)

    def book(self, octets: bytes, name: str = "one.ics", **more: Any) -> Outcome:
        """Book, and let the provider have it."""
        ticket = self.put(octets, name, **more)
        if ticket.proposal_id:
            assert self.settle()
        return self.end(ticket)

    def proposal(self, ticket: Ticket) -> ProposalRow:
        with self.database.read() as conn:
            row = outbox.get(conn, ticket.proposal_id)
        assert row is not None
        return row

    def busy(self) -> list[tuple[str, str, str]]:
        return self.house.busy()

    # Others

    def occupy(self, start: str, hours: float = 1, **changes: Any) -> None:
        """Put an event into the calendar at the provider, and pull it."""
        uid = changes.pop("uid", f"other-{start}")
        self.house.calendar().put(uid, make_series(start, hours, uid=uid, **changes))
        self.house.pull()


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


__all__ = [
    "ALICE",
    "BOB",
    "INSTANCE",
    "LEASE",
    "NOW",
    "PATIENT",
    "ROOM",
    "Hall",
    "event",
    "utc",
]

"""A house whose `room-a` can be booked, and what stands for the provider of its calendar."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

from sqlalchemy import select, update

from bridge.bookings import Bookings, Claim, Outbox
from bridge.bookings.desk import OUTBOX
from bridge.model.remote import ETag, RemoteId
from bridge.sink import Written
from bridge.store import booking_tables, schema
from bridge.store.database import Database
from bridge.store.outbox import Kind, State
from bridge.store.wake import Wake
from tests.bookings import hall
from tests.bookings.hall import PATIENT
from tests.builders import make_plan
from tests.dav.client import Client
from tests.dav.house import House, house_settings, utc
from tests.web.site import Response

ROOM = "room-a"
BOOKINGS = "/carol/room-a.bookings/"
CALENDAR = "text/calendar; charset=utf-8"


def event(
    start: int,
    *more: str,
    uid: str = "one",
    title: str = "Talk",
    length: int = 3600,
) -> str:
    """One event, as a client writes it."""
    return hall.event(utc(start), utc(start + length), *more, uid=uid, title=title).decode()


class Provider:
    """Takes every event at once, refuses each with a text, or says nothing at all."""

    def __init__(self, outbox: Outbox, wake: Wake, house: House) -> None:
        self.answers = True
        self.refuses = ""
        self.written: list[tuple[str, str]] = []
        """Kind of change and UID."""
        self._outbox = outbox
        self._wake = wake
        self._house = house
        self._ended = Event()
        self._thread = Thread(target=self._work, name="provider")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._wake.notify(OUTBOX)
        self._thread.join(60)
        assert not self._thread.is_alive()

    def work(self) -> None:
        """Do what waits, now."""
        for claim in self._outbox.claim("tests", self._house.now, 10, 60):
            self._answer(claim)

    def _work(self) -> None:
        while not self._ended.is_set():
            seen = self._wake.seen(OUTBOX)
            if self.answers:
                self.work()
            self._wake.wait(OUTBOX, 0.5, seen)

    def _answer(self, claim: Claim) -> None:
        now = self._house.now
        if self.refuses:
            assert self._outbox.refuse(claim, self.refuses, now)
            return
        self.written.append((claim.kind.value, claim.booking.uid))
        if claim.kind is Kind.DELETE:
            assert self._outbox.settle(claim, None, None, now)
            return
        intent = self._outbox.desired(claim, ())
        assert intent.desired is not None
        written = Written(
            remote_id=RemoteId(f"r-{claim.booking.token}"),
            etag=ETag(f"e{claim.proposal.id}"),
            series=intent.desired.series,
        )
        assert self._outbox.settle(claim, written, None, now, meeting_due=now + 30)


_QUEUED = booking_tables.proposals.c.state == State.QUEUED.value


class Reception(House):
    """Everybody of the house; carol may book, and bob may look."""

    def __init__(self, database: Database, *, threads: int = 16, **bookings: Any) -> None:
        bookings = PATIENT | bookings
        rooms = [
            {"id": ROOM, "name": "Room A", "email": "room-a@example.com", "bookings": bookings},
            {"id": "room-b", "name": "Beatrix", "email": "b@example.com", "type": "individual"},
            {"id": "room-c", "name": "Beamer", "type": "resource"},
        ]
        self.wake = Wake(database)
        self._most_waiting = max(1, threads // 4)
        super().__init__(database, house_settings(resources=rooms))
        self._make_bookable(database, {"id": ROOM, "bookings": bookings})
        outbox = Outbox(database, self.live, self.publisher, self.wake)
        self.provider = Provider(outbox, self.wake, self)

    def make_bookings(self) -> Bookings:
        return Bookings(
            self.database,
            self.publisher,
            self.wake,
            lambda: self.now,
            most_waiting=self._most_waiting,
        )

    def waiting(self) -> list[object]:
        """What is asked and not settled."""
        with self.database.read() as conn:
            return list(conn.execute(select(booking_tables.proposals.c.id).where(_QUEUED)))

    def _make_bookable(self, database: Database, resource: dict[str, Any]) -> None:
        connection = {
            "id": "work",
            "provider": "memory",
            "account_email": "room@example.com",
            "write_calendar": "calendar",
            "primary": True,
        }
        _, [plan] = make_plan(**resource, connections=[connection])
        with database.write() as conn:
            conn.execute(
                update(schema.connections)
                .where(schema.connections.c.id == f"{ROOM}.work")
                .values(plan=plan.model_dump_json())
            )
            conn.execute(
                update(schema.calendars).where(schema.calendars.c.id == ROOM).values(writes=True)
            )

    def __enter__(self) -> Reception:
        super().__enter__()
        self.provider.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.provider.stop()
        super().__exit__(*problem)
        self.wake.close()


def put(client: Client, path: str, text: str | bytes, **headers: str) -> Response:
    return client.send("PUT", path, text, **{"Content_Type": CALENDAR} | headers)

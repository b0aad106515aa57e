"""A web room before a resource that can be booked: a real engine, a calendar in memory."""

from __future__ import annotations

import json
from threading import Event, Thread
from typing import Any

from bridge.bookings import Bookings
from bridge.bookings.desk import OUTBOX
from bridge.store import cipherkeys
from bridge.store.database import Database
from tests.bookings.hall import PATIENT
from tests.dispatch.stage import Stage
from tests.web.site import Response, Site

SCOPES = ("bookings:read", "bookings:write", "busy:read")
MORNING = {"title": "Talk", "start": "2026-11-23T09:00:00Z", "end": "2026-11-23T10:00:00Z"}


class Front(Site):
    """Programs on one side, and on the other a thread that writes what was booked."""

    def __init__(self, database: Database, **resource: Any) -> None:
        resource["bookings"] = PATIENT | resource.get("bookings", {})
        self.stage = Stage(database, **resource)
        super().__init__(database, self.stage.house.settings, store=False)
        self.now = self.stage.now
        with database.write() as conn:
            cipherkeys.pin(conn, ["key-1"])
        self.answers = True
        """Whether the calendar is written to at all."""
        self._ended = Event()
        self._engine = Thread(target=self._work, name="engine")

    def make_bookings(self) -> Bookings | None:
        return self.stage.desk

    def _work(self) -> None:
        wake = self.stage.wake
        while not self._ended.is_set():
            seen = wake.seen(OUTBOX)
            if self.answers:
                self.stage.work()
            wake.wait(OUTBOX, 0.5, seen)

    def __enter__(self) -> Front:
        super().__enter__()
        self._engine.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._ended.set()
        self.stage.wake.notify(OUTBOX)
        self._engine.join(60)
        assert not self._engine.is_alive()
        super().__exit__(*problem)
        self.stage.close()

    def pass_time(self, seconds: int) -> None:
        self.stage.house.now += seconds
        self.now = self.stage.now

    def booker(self, *globs: str, scopes: tuple[str, ...] = SCOPES) -> Booker:
        return Booker(self, self.key(*globs, scopes=scopes))


class Booker:
    """A program that has a key."""

    def __init__(self, front: Front, key: str) -> None:
        self.front = front
        self.key = key

    def get(self, target: str, **headers: str) -> Response:
        return self.front.api(target, self.key, **headers)

    def book(self, **changes: Any) -> Response:
        headers = {name: changes.pop(name) for name in list(changes) if name[:1].isupper()}
        body = {k: v for k, v in (MORNING | changes).items() if v is not ...}
        return self.front.api("/resources/room-a/bookings", self.key, body, **headers)

    def change(self, booking: str, **changes: Any) -> Response:
        headers = {name: changes.pop(name) for name in list(changes) if name[:1].isupper()}
        return self.front.api(f"/bookings/{booking}", self.key, changes, method="PATCH", **headers)

    def send(self, method: str, target: str, body: object = None, **headers: str) -> Response:
        raw = None if body is None else json.dumps(body).encode()
        return self.front.get(
            f"/api/v1{target}", method, raw, Authorization=f"Bearer {self.key}", **headers
        )

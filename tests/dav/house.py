"""Three rooms and everybody who may or may not look into them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from bridge.config.settings import Settings
from bridge.model.interval import Instant
from bridge.store import busy, events, resources
from bridge.store.database import Database
from tests.access.people import user
from tests.dav.client import Client
from tests.web.site import DAY, NOW, TODAY, Site, Window, basic, site_settings

HOUR = 3600
TOMORROW = TODAY + DAY
NINE = TOMORROW + 9 * HOUR
EVERYBODY = ("alice", "bob", "carol", "dora", "root", "gil", "lia", "room-b")
PASSWORD = "a password of a person"


def house_settings(**sections: Any) -> Settings:
    """`room-a` shows all to who may read it; `room-b` is a login, too; `room-c` has no address."""
    users = [
        user("alice", PASSWORD, email="alice@example.com", access={"room-a": "free-busy"}),
        user("bob", access={"room-a": "read"}),
        user("carol", access={"room-a": "write"}),
        user("dora", access={"room-a": "manage"}),
        user("root", role="admin"),
        user("gil", access={"room-*": "free-busy"}),
        user("lia", access={"room-*": {"level": "read", "list": True}}),
        user("room-b", access={"room-b": "read", "room-a": "free-busy"}),
    ]
    rooms = [
        {
            "id": "room-a",
            "name": "Room A",
            "email": "Room-A@example.com",
            "type": "room",
            "privacy": {"mode": "full"},
        },
        {"id": "room-b", "name": "Beatrix", "email": "b@example.com", "type": "individual"},
        {"id": "room-c", "name": "Beamer", "type": "resource"},
    ]
    return site_settings(**{"auth": {"users": users}, "resources": rooms} | sections)


class House(Site):
    """A web room with CalDAV, and its callers."""

    def __init__(
        self,
        database: Database,
        settings: Settings | None = None,
        *,
        store: bool = True,
        unread: Collection[str] = (),
    ) -> None:
        self._unread = unread
        super().__init__(database, settings or house_settings(), caldav=True, store=store)
        self._unread = ()
        self._clients: list[Client] = []

    def pulled(self, resource_id: str, at: Instant) -> None:
        """Record a complete pull; resources that begin unread had none."""
        if resource_id not in self._unread:
            super().pulled(resource_id, at)

    def client(self, name: str, password: str | None = None) -> Client:
        """Somebody with an app password, or with the one given."""
        made = Client(self.port, basic(name, password or self.app_password(name)))
        self._clients.append(made)
        return made

    def everybody(self) -> dict[str, Client]:
        return {name: self.client(name) for name in EVERYBODY}

    def drop(self, resource_id: str, *spans: tuple[int, int], at: Instant = NOW - 20) -> None:
        """Take some busy time away."""
        with self.database.write() as conn:
            row = resources.lock(conn, resource_id)
            assert row is not None
            longest = busy.extents(conn, resource_id).occurrence
            for start, end in spans:
                found = events.at(conn, resource_id, Window(start, end), longest=longest)
                events.remove_occurrences(
                    conn, [each.id for each in found if (each.start, each.end) == (start, end)]
                )
            self.publisher.publish(conn, row, [Window(*span) for span in spans], at)

    def __exit__(self, *problem: object) -> None:
        for each in self._clients:
            each.close()
        super().__exit__(*problem)


def hours(count: int, *, first: int = NINE) -> list[tuple[int, int]]:
    """Busy half hours, one an hour."""
    return [(first + n * HOUR, first + n * HOUR + 1800) for n in range(count)]


def utc(when: int) -> str:
    return f"{datetime.fromtimestamp(when, UTC):%Y%m%dT%H%M%SZ}"

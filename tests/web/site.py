"""A real web room over a real database behind waitress, and clients that speak HTTP by hand."""

from __future__ import annotations

import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any, NamedTuple

from waitress import wasyncore

from bridge.access import Gate
from bridge.bookings import Bookings
from bridge.config.live import Live
from bridge.config.plan import plan
from bridge.config.settings import Settings
from bridge.model.interval import FBType, Instant, Window
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.provider import AccessRole, CalendarId
from bridge.publish import Publisher
from bridge.store import busy, calendars, cipherkeys, connections, events, feeds, keys, resources
from bridge.store.calendars import NewCalendar, Pull
from bridge.store.connections import NewConnection
from bridge.store.database import Database
from bridge.store.events import OccurrenceRow
from bridge.store.resources import Owner
from bridge.store.vault import Vault
from bridge.web.context import WebContext
from bridge.web.dispatcher import make_wsgi
from bridge.web.framing import PATIENCE, Crowd, open_server
from radicale_plugin.application import make_dav
from radicale_plugin.ground import Ground
from tests.builders import make_plan, make_settings

IDENTITY = b"identity of the tests, 32 bytes."
NOW: Instant = 1_795_188_600
"""2026-11-20T15:30:00Z."""
DAY = 86400
TODAY = NOW - NOW % DAY
HORIZON = Window(TODAY - 10 * DAY, TODAY + 400 * DAY)


class StillTime:
    """The module `time` of whoever counts how often something happens; its clock stands still."""

    def __getattr__(self, name: str) -> Any:
        return (lambda: 1000.0) if name == "monotonic" else getattr(time, name)


class Response(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Engine:
    """Stands where the scheduler would: remembers who asked, and can make a pull happen."""

    asked: list[tuple[tuple[str, ...], timedelta]] = field(default_factory=list)
    full: list[bool] = field(default_factory=list)
    pull: Callable[[], None] = lambda: None
    alive: bool = True

    def stir(self) -> None:
        pass

    def sync(
        self, resource_ids: Sequence[ResourceId], timeout: timedelta, *, full: bool = False
    ) -> bool:
        self.asked.append((tuple(resource_ids), timeout))
        self.full.append(full)
        self.pull()
        return True


class Site:
    """One web room."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        dav: Any = None,
        caldav: bool = False,
        store: bool = True,
    ) -> None:
        self.database = database
        self.live = Live(settings)
        self.publisher = Publisher(IDENTITY)
        self.engine = Engine()
        self.now = NOW
        self.gate = Gate(database, self.live)
        self.bookings = self.make_bookings()
        if caldav:
            dav = make_dav(
                Ground(
                    database=database,
                    publisher=self.publisher,
                    gate=self.gate,
                    live=self.live,
                    instance="test-instance",
                    clock=lambda: self.now,
                    bookings=self.bookings,
                )
            )
        self.context = WebContext(
            database=database,
            publisher=self.publisher,
            gate=self.gate,
            live=self.live,
            engine=self.engine,
            instance="test-instance",
            dav=dav,
            clock=lambda: self.now,
            bookings=self.bookings,
            vault=Vault({"key-1": bytes(32)}.get),
        )
        self.wsgi = make_wsgi(self.context)
        self.port = 0
        self.crowd = Crowd(1000, ())
        self.patience = PATIENCE
        if store:
            self._store(settings)

    def make_bookings(self) -> Bookings | None:
        """What takes bookings; nothing here does."""
        return None

    @classmethod
    def over(cls, other: Site) -> Site:
        """The same installation in another process."""
        made = cls(other.database, other.live.current, store=False)
        made.now = other.now
        return made

    def _store(self, settings: Settings) -> None:
        plans = plan(settings)
        with self.database.write() as conn:
            resources.upsert(
                conn,
                {resource.id: resource.model_dump_json() for resource, _ in plans},
                managed_by=Owner.FILE,
            )
            keys.sync_users(conn, settings.auth.users, NOW)
            cipherkeys.pin(conn, ["key-1"])
            for resource, _ in plans:
                resources.set_horizon(conn, resource.id, HORIZON)
                feeds.sync_feeds(conn, IDENTITY, resource.id, resource.feeds)
                connection = ConnectionId(f"{resource.id}.work")
                connections.upsert(
                    conn,
                    [
                        NewConnection(
                            connection,
                            resource.id,
                            "memory",
                            make_plan(id=resource.id)[1][0].model_dump_json(),
                            0,
                            ConnectionStatus.ACTIVE,
                        )
                    ],
                    managed_by=Owner.FILE,
                )
                calendars.upsert(conn, [_calendar(connection, resource.id)])
        for resource, _ in plans:
            self.pulled(resource.id, NOW - 60)

    def pulled(self, resource_id: str, at: Instant) -> None:
        """Record a complete pull."""
        with self.database.write() as conn:
            calendars.record_pull(conn, resource_id, at, Pull(None, HORIZON, full=True))
            connections.record_attempt(conn, ConnectionId(f"{resource_id}.work"), at)
            connections.record_success(conn, ConnectionId(f"{resource_id}.work"), at)

    def fill(
        self,
        resource_id: str,
        spans: Sequence[tuple[int, int]],
        fbtype: FBType = FBType.BUSY,
        *,
        at: Instant = NOW - 30,
        **details: object,
    ) -> None:
        """Add busy time, as a pull would."""
        rows = [
            OccurrenceRow(
                id=f"{resource_id}/{start}/{end}/{fbtype}",
                resource_id=resource_id,
                calendar_id=resource_id,
                remote_id=f"{start}",
                original_start=start,
                start=start,
                end=end,
                fbtype=int(fbtype),
                all_day=False,
                reason="busy",
                details=json.dumps({"title": "Busy"} | details),
            )
            for start, end in spans
        ]
        with self.database.write() as conn:
            row = resources.lock(conn, ResourceId(resource_id))
            assert row is not None
            events.save_occurrences(conn, rows)
            before = busy.extents(conn, resource_id)
            longest = max(before.occurrence, *(end - start for start, end in spans))
            busy.set_extents(conn, resource_id, before._replace(occurrence=longest))
            dirty = [Window(start, end) for start, end in spans]
            self.publisher.publish(conn, row, dirty, at)

    def clear(self, resource_id: str, *, at: Instant = NOW - 30) -> None:
        """Take all busy time away."""
        with self.database.write() as conn:
            row = resources.lock(conn, ResourceId(resource_id))
            assert row is not None
            events.clear(conn, resource_id)
            self.publisher.publish(conn, row, [HORIZON], at)

    def token(self, resource_id: str, name: str, generation: int = 0) -> str:
        return feeds.feed_token(IDENTITY, ResourceId(resource_id), name, generation)

    def rotate(self, resource_id: str, name: str) -> None:
        with self.database.write() as conn:
            assert feeds.rotate_feed(conn, IDENTITY, ResourceId(resource_id), name)

    def key(self, *globs: str, scopes: Sequence[str] = ("busy:read",), **more: Any) -> str:
        with self.database.write() as conn:
            _, key = keys.create_api_key(
                conn, "tests", scopes=scopes, resources=globs or ("*",), now=NOW, **more
            )
        return key

    def app_password(self, login: str) -> str:
        with self.database.write() as conn:
            return keys.create_app_password(conn, login, "tests", NOW)[1]

    def get(self, target: str, method: str = "GET", body: bytes | None = None, **headers: str):
        """Send one request on a connection of its own; `_` in a header's name means `-`."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body=body, headers=named)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, found, answer.read())
        finally:
            connection.close()

    def api(self, target: str, key: str, body: object = None, **headers: str) -> Response:
        method = headers.pop("method", "GET" if body is None else "POST")
        if body is not None:
            headers = {"Content_Type": "application/json"} | headers
        raw = None if body is None else json.dumps(body).encode()
        return self.get(f"/api/v1{target}", method, raw, Authorization=f"Bearer {key}", **headers)

    def raw(self, data: bytes, *, whole: bool = True) -> bytes:
        """Send bytes as they are, then read until the server closes or says no more."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as client:
            client.sendall(data)
            if whole:
                client.shutdown(socket.SHUT_WR)
            received = b""
            while chunk := client.recv(65536):
                received += chunk
            return received

    def __enter__(self) -> Site:
        self._server = open_server(
            self.wsgi,
            self.crowd,
            patience=self.patience,
            host="127.0.0.1",
            port=0,
            threads=8,
            max_request_body_size=2 << 20,
        )
        self.port = self._server.effective_port
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        server = self._server
        with suppress(OSError):  # the loop may wake by itself and close the trigger first
            server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map, ignore_all=True))
        self._thread.join(60)
        assert not self._thread.is_alive()


def _calendar(connection: ConnectionId, resource_id: str) -> NewCalendar:
    return NewCalendar(
        id=resource_id,
        connection_id=connection,
        remote_id=CalendarId("calendar"),
        name="Calendar",
        role=AccessRole.WRITE,
        time_zone="",
        is_primary=True,
        reads=True,
        writes=False,
        policy="{}",
    )


def basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def site_settings(**sections: Any) -> Settings:
    """Two resources: `room-a`, with feeds, and `room-b`, which is public."""
    server = {"rate_limit": {"per_client": "100000/min"}} | sections.pop("server", {})
    sections = {
        "auth": {
            "users": [
                {"name": "alice", "access": {"room-a": "free-busy"}},
                {"name": "bob", "access": {"room-b": "read"}},
            ]
        },
        "resources": [
            {
                "id": "room-a",
                "name": "Room A",
                "email": "Room-A@example.com",
                "feeds": [
                    {"name": "public"},
                    {"name": "team", "detail": "full"},
                ],
            },
            {
                "id": "room-b",
                "email": "room-b@example.com",
                "freebusy": {"public": True},
                "feeds": [{"name": "public"}],
            },
        ],
    } | sections
    return make_settings(server=server, **sections)

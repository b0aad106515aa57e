"""An admin with a webhook, and connections that fare as a test says."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import time_machine
from standardwebhooks import Webhook

from bridge import inventory
from bridge.app.alerting import Ways
from bridge.app.outlet import Outlet, make_transport
from bridge.config.live import Live
from bridge.model.interval import Window, utc
from bridge.model.resource import ConnectionId, ConnectionStatus, ResourceId
from bridge.notify import Notifier
from bridge.provider import AccessRole, CalendarId, SyncToken
from bridge.store import calendars, connections
from bridge.store.calendars import NewCalendar, Pull
from bridge.store.connections import Failure
from bridge.store.database import Database
from tests.builders import NOW, make_settings
from tests.servers.mail import MailBox
from tests.servers.origin import Answer, Origin, Request
from tests.servers.tls import Authority

WORK, OTHER = ConnectionId("room-a.work"), ConnectionId("room-a.other")
SECRET = "whsec_" + "c2VjcmV0LW9mLXRoaXJ0eS1ieXRlcy1mb3ItYWxlcnRz"
MINUTE, HOUR, DAY = 60, 3600, 86400
IDENTITY = bytes(32)


class Desk:
    """The admin's; its clock stands still until a test moves it."""

    def __init__(self, database: Database, origin: Origin, **notify: Any) -> None:
        self.database = database
        self.origin = origin
        self.now = NOW
        self.answers: list[Answer] = []
        """What the webhook says, in turn; then 204."""
        self.live = Live(self.settings(**notify))
        inventory.apply(database, self.live.current, self.now, identity=IDENTITY)
        origin.routes["/alerts"] = self._take
        self._received: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.http = Outlet(make_transport(self.live.current.outbound))
        self.notifier = self.another()

    def mails_to(self, box: MailBox, authority: Authority) -> None:
        """Reload with a mail server instead of the webhook."""
        smtp = {"host": "127.0.0.1", "port": box.port, "from": "a@example.test"}
        changed = self.settings(webhook={}, smtp=smtp | {"to": ["b@example.test"]})
        outbound = changed.outbound.model_copy(update={"ca_file": authority.pem})
        self.live.swap(changed.model_copy(update={"outbound": outbound}))

    def settings(self, *, resource: Any = (), **notify: Any) -> Any:
        hook = {"url": self.origin.url("/alerts"), "secret": SECRET}
        room = {
            "id": "room-a",
            "name": "Room A",
            "connections": [
                {"id": "work", "provider": "memory", "account_email": "ann@example.test"},
                {"id": "other", "provider": "memory"},
            ],
        } | dict(resource)
        return make_settings(
            outbound={"allow_networks": ["127.0.0.1/32"]},
            notify={"webhook": hook} | notify,
            resources=[room],
        )

    def another(self) -> Notifier:
        """What another process, or this one after a restart, has."""
        return Notifier(self.database, self.live, Ways(self.http), lambda: self.now)

    def _take(self, request: Request) -> Answer:
        with time_machine.travel(utc(self.now), tick=False):
            document = Webhook(SECRET).verify(request.body.decode(), request.headers)
        assert document == json.loads(request.body)
        assert document["id"] == request.headers["webhook-id"]
        self.headers.append(request.headers)
        answer = self.answers.pop(0) if self.answers else Answer(204)
        if 200 <= answer.status < 300:
            self._received.append(document)
        return answer

    def received(self) -> list[dict[str, Any]]:
        """What arrived since this was last asked."""
        taken, self._received = self._received, []
        return taken

    def looks(self, later: int = 0, every: int = 10 * MINUTE) -> list[str]:
        """Let time pass as the scheduler does, and say what the admin was told meanwhile."""
        end = self.now + later
        while True:
            self.notifier.look()
            self.notifier.deliver()
            if self.now >= end:
                return [_short(each) for each in self.received()]
            self.now = min(end, self.now + every)

    # How connections fare, as the scheduler and the engine note it.

    def fails(self, times: int = 1, connection: ConnectionId = WORK, **failure: Any) -> None:
        given = {"code": "unavailable", "message": "the server answered 503"} | failure
        with self.database.write() as conn:
            for _ in range(times):
                connections.record_failure(conn, connection, self.now, Failure(**given))

    def expires(self, connection: ConnectionId = WORK) -> None:
        self.fails(
            connection=connection,
            code="token_expired",
            message="invalid_grant",
            hint="connect the account again",
            status=ConnectionStatus.TOKEN_EXPIRED,
        )

    def succeeds(self, connection: ConnectionId = WORK) -> None:
        with self.database.write() as conn:
            connections.record_success(conn, connection, self.now)

    def becomes(self, status: ConnectionStatus, connection: ConnectionId = WORK) -> None:
        with self.database.write() as conn:
            connections.set_status(conn, connection, status)

    def calendar(self, name: str = "Main") -> str:
        """Add a calendar that was read now; give its id."""
        key = f"calendar-{name}"
        new = NewCalendar(
            key,
            WORK,
            CalendarId(name),
            name,
            AccessRole.READ,
            "",
            is_primary=False,
            reads=True,
            writes=False,
            policy="{}",
        )
        with self.database.write() as conn:
            calendars.upsert(conn, [new])
            window = Window(self.now, self.now + DAY)
            calendars.record_pull(conn, key, self.now, Pull(SyncToken("1"), window, full=True))
        return key

    def stale(self, key: str, *, stale: bool = True) -> None:
        with self.database.write() as conn:
            calendars.set_stale(conn, [key], stale=stale)

    def shrink(self, key: str, *, waits: bool = True) -> None:
        held = {"since": self.now, "missing": 30, "known": 40, "ids": ["a"]}
        with self.database.write() as conn:
            calendars.set_shrink(conn, key, json.dumps(held) if waits else None)


def _short(document: dict[str, Any]) -> str:
    data = document["data"]
    assert data["resource_id"] == ResourceId("room-a")
    return f"{document['type'].removeprefix('alert.')} {' '.join(data['troubles'])}"


@contextmanager
def logged() -> Iterator[list[logging.LogRecord]]:
    """Collect what the log says of alerts."""
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handler = Keep()
    named = logging.getLogger("bridge.alerts")
    named.addHandler(handler)
    try:
        yield records
    finally:
        named.removeHandler(handler)

"""A bridge that serves and pulls, and a stand-in for Google that posts to it; on one clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2

from bridge.channels import shown
from bridge.channels.standing import Standing
from bridge.model.interval import utc
from bridge.model.resource import ConnectionId
from bridge.sandbox.google.push import Channel, Message
from bridge.store import channels, connections, leases, resources
from bridge.store.channels import ChannelRow
from tests.connecting.home import ROOM, WORK, Home, opened
from tests.connecting.owner import ANN

DAY = 86400


class Pushed:
    """A home whose scheduler runs."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.bridge = home.bridge
        self.sandbox = home.google.sandbox
        self.sandbox.world._clock = lambda: utc(home.now)
        self.bridge.hearing._tick = lambda: home.now + monotonic()

    def start(self) -> None:
        self.bridge.scheduler.start()

    def restart(self) -> None:
        """Begin again with what is stored, on the same address."""
        assert self.bridge.scheduler.stop(30)
        del vars(self.bridge)["scheduler"]
        self.bridge.open()
        self.bridge.scheduler.start()

    def pass_time(self, seconds: int) -> None:
        """Let time pass, here and at Google, and have what is due by then begun."""
        self.home.now += seconds
        self.bridge.wake.notify("schedule")

    def create(self, hours: int, summary: str = "Talk") -> str:
        return self.sandbox.person(ANN).create(summary, self.at(hours))

    def at(self, hours: int) -> datetime:
        return utc((self.home.now // 3600 + hours) * 3600)

    def busy(self) -> int:
        """How many periods are published."""
        with self.bridge.database.read() as conn:
            resource = resources.get(conn, ROOM)
            assert resource is not None
            return len(self.bridge.publisher.periods(conn, ROOM, resource.horizon))

    def rows(self, connection: ConnectionId = WORK) -> list[ChannelRow]:
        with self.bridge.database.read() as conn:
            return channels.of_connection(conn, connection)

    def standing(self, connection: ConnectionId = WORK) -> Standing:
        with self.bridge.database.read() as conn:
            return shown.standing(conn, self.home.row(connection), self.home.now)

    def there(self) -> list[Channel]:
        """The channels that live at Google."""
        with self.sandbox.world.lock:
            return self.sandbox.google.push.channels(ANN)

    def connect(self) -> None:
        """Connect Ann, and wait until her calendar is watched."""
        self.home.connect()
        self.until(lambda: self.standing().state == "on", "her calendar is watched")
        self.quiet()
        self.pass_time(6 * 60)  # the first polls may have been before that was known
        self.quiet()

    def until(self, condition: Any, what: str) -> None:
        self.home.until(condition, what)

    def due_in(self, connection: ConnectionId = WORK) -> int:
        with self.bridge.database.read() as conn:
            due = leases.due_at(conn, connection)
        assert due is not None
        return due - self.home.now

    def quiet(self) -> None:
        """Wait until everything was posted, and nothing that is due is left."""
        self.sandbox.flush()
        self.until(self._is_quiet, "nothing is due")

    def _is_quiet(self) -> bool:
        if self.due_in() <= 0:
            return False
        # In this order: what is not due cannot be claimed in between.
        with self.bridge.database.read() as conn:
            ids = [row.id for row in connections.every(conn)]
            return not any(leases.holder(conn, name, self.home.now) for name in ids)

    def pulls(self) -> int:
        """How many listings of events were asked for."""
        return sum(1 for call in self.asked if call.startswith("GET") and "/events?" in call)

    asked: list[str]

    def post(self, message: Message | None = None, **headers: str) -> httpx2.Response:
        """Post to the hook as Google does, with headers of a message or made up ones."""
        given = dict(message.headers) if message else {}
        given |= {f"X-Goog-{name.replace('_', '-')}": value for name, value in headers.items()}
        return self.client.post(f"{self.home.url}/hooks/google", headers=given)

    @property
    def client(self) -> httpx2.Client:
        return httpx2.Client(trust_env=False, timeout=30)


@contextmanager
def pushed(folder: Path, **sections: Any) -> Iterator[Pushed]:
    with opened(folder, **sections) as home:
        made = Pushed(home)
        made.asked = _listen(made)
        made.start()
        try:
            yield made
        finally:
            assert made.bridge.scheduler.stop(30)


def _listen(made: Pushed) -> list[str]:
    """Note each request that the bridge sends."""
    asked: list[str] = []
    outlet = made.bridge.http
    send = outlet.request

    def noted(method: str, url: str, **options: Any) -> Any:
        asked.append(f"{method} {url}")
        return send(method, url, **options)

    outlet.request = noted  # type: ignore[method-assign]
    return asked

"""A bridge that serves and pulls, and a stand-in for a provider that posts to it; on one clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import httpx2

from bridge.channels import shown
from bridge.channels.standing import Standing
from bridge.model.interval import utc
from bridge.model.resource import ConnectionId
from bridge.sandbox.google.push import Channel
from bridge.sandbox.microsoft.push import Subscription
from bridge.sandbox.posting import Message
from bridge.sandbox.server import Sandbox
from bridge.store import channels, connections, leases, resources
from bridge.store.channels import ChannelRow
from tests.connecting import outlook
from tests.connecting.home import ROOM, WORK, Home, House, opened
from tests.connecting.outlook import Office
from tests.connecting.owner import ANN

DAY = 86400
AnyWatched = TypeVar("AnyWatched", bound="Watched")


class Watched:
    """A house whose scheduler runs; its accounts are Ann's."""

    def __init__(self, home: House, sandbox: Sandbox) -> None:
        self.home: House = home
        self.bridge = home.bridge
        self.sandbox = sandbox
        self.asked = self._listen()
        self.sandbox.world._clock = lambda: utc(home.now)
        self.bridge.hearing._tick = lambda: home.now + monotonic()

    def start(self) -> None:
        self.bridge.scheduler.start()

    def restart(self) -> None:
        """Begin again with what is stored, on the same address."""
        assert self.bridge.scheduler.stop(60)
        del vars(self.bridge)["scheduler"]
        self.bridge.open()
        self.bridge.scheduler.start()

    def pass_time(self, seconds: int) -> None:
        """Let time pass, here and at the provider, and have what is due by then begun."""
        self.home.now += seconds
        self.bridge.wake.notify("schedule")

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

    def connect(self) -> None:
        """Connect Ann, and wait until her calendar is watched."""
        self.agree()
        self.until(lambda: self.standing().state == "on", "her calendar is watched")
        self.quiet()
        self.pass_time(6 * 60)  # the first polls may have been before that was known
        self.quiet()

    def agree(self) -> None:
        """Go all the way, as an owner does."""
        raise NotImplementedError

    @staticmethod
    def is_listing(call: str) -> bool:
        """Tell whether a request begins a listing of events."""
        raise NotImplementedError

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
        return sum(1 for call in self.asked if self.is_listing(call))

    def _listen(self) -> list[str]:
        """Note each request that the bridge sends."""
        asked: list[str] = []
        outlet = self.bridge.http
        send = outlet.request

        def noted(method: str, url: str, **options: Any) -> Any:
            asked.append(f"{method} {url}")
            return send(method, url, **options)

        outlet.request = noted  # type: ignore[method-assign]
        return asked

    @property
    def client(self) -> httpx2.Client:
        return httpx2.Client(trust_env=False, timeout=60)


class Pushed(Watched):
    """With Google."""

    def __init__(self, home: Home) -> None:
        super().__init__(home, home.google.sandbox)
        self._home = home

    def agree(self) -> None:
        self._home.connect()

    @staticmethod
    def is_listing(call: str) -> bool:
        return call.startswith("GET") and "/events?" in call

    def create(self, hours: int, summary: str = "Talk") -> str:
        return self.sandbox.person(ANN).create(summary, self.at(hours))

    def there(self) -> list[Channel]:
        """The channels that live at Google."""
        with self.sandbox.world.lock:
            return self.sandbox.google.push.channels(ANN)

    def post(self, message: Message | None = None, **headers: str) -> httpx2.Response:
        """Post to the hook as Google does, with headers of a message or made up ones."""
        given = dict(message.headers) if message else {}
        given |= {f"X-Goog-{name.replace('_', '-')}": value for name, value in headers.items()}
        return self.client.post(f"{self.home.url}/hooks/google", headers=given)


class PushedOffice(Watched):
    """With Microsoft."""

    def __init__(self, office: Office) -> None:
        super().__init__(office, office.microsoft.sandbox)
        self.microsoft = self.sandbox.microsoft
        self.office = office

    def agree(self) -> None:
        self.office.connect()

    @staticmethod
    def is_listing(call: str) -> bool:
        return call.startswith("GET") and "/calendarView/delta?" in call

    def create(self, hours: int, summary: str = "Talk") -> str:
        return self.microsoft.person(ANN).create(summary, self.at(hours))

    def there(self) -> list[Subscription]:
        """The subscriptions that live at Microsoft."""
        with self.sandbox.world.lock:
            return self.microsoft.push.of(self.microsoft.directory.mailbox(ANN))


@contextmanager
def pushed(folder: Path, **sections: Any) -> Iterator[Pushed]:
    with opened(folder, **sections) as home, _running(Pushed(home)) as made:
        yield made


@contextmanager
def pushed_office(folder: Path, **options: Any) -> Iterator[PushedOffice]:
    with outlook.opened(folder, **options) as office, _running(PushedOffice(office)) as made:
        yield made


@contextmanager
def _running(made: AnyWatched) -> Iterator[AnyWatched]:
    made.start()
    try:
        yield made
    finally:
        assert made.bridge.scheduler.stop(60)

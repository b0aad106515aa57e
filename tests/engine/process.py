"""The parts of a bridge that pull, as one process has them: tokens, accounts, engine, claims.

No threads: a test lets it work, and moves the clock. Any number of them may follow each other on
one database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

from bridge import inventory
from bridge.accounts import Accounts
from bridge.channels import shown
from bridge.channels.hearing import Hearing
from bridge.channels.keeper import Keeper
from bridge.config.keyfile import KeyFile
from bridge.config.keyring import CREDENTIALS, KeyRing
from bridge.config.live import Live
from bridge.config.settings import Settings
from bridge.ingest import Ingest
from bridge.model.http import Http, Response
from bridge.model.interval import Window
from bridge.model.resource import ConnectionId, ResourceId
from bridge.notifier import Delivery
from bridge.publish import Publisher
from bridge.registry import KINDS
from bridge.scheduler.ground import Ground
from bridge.scheduler.pulls import Pulled, Pulls
from bridge.store import channels, cipherkeys, connections, schedule
from bridge.store.channels import ChannelState
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database
from bridge.store.schema import calendars, events
from bridge.store.vault import Vault
from bridge.store.wake import Wake
from bridge.tokens import Tokens

ROOM, WORK = ResourceId("room-a"), ConnectionId("room-a.work")
_IDENTITY = bytes(range(32))
_INSTANCE = "0123456789abcdef"


class Killed(BaseException):
    """The process ends here and now."""


@dataclass
class Line:
    """An `Http` whose answers can be lost after the request was done."""

    http: Http
    left: int = 0
    """The so-manieth answer from now on is lost; 0 for none."""
    loss: BaseException | None = None

    def request(self, method: str, url: str, **options: Any) -> Response:
        answer = self.http.request(method, url, **options)
        if self.left:
            self.left -= 1
            if not self.left and self.loss is not None:
                raise self.loss
        return answer

    def services(self, name: str) -> Any:
        return self.http.services(name)

    def texts(self, name: str) -> Any:
        return self.http.texts(name)


class Process:
    """One process on a database that others may have left, or still use."""

    def __init__(
        self, url: str, key_file: Path, http: Http, settings: Settings, clock: Callable[[], int]
    ) -> None:
        if not key_file.exists():
            KeyFile.create(key_file)
        ring = KeyRing(key_file)
        self.database = Database(url)
        with self.database.write() as conn:
            cipherkeys.pin(conn, ring.current.ring(CREDENTIALS))
        self.clock = clock
        self.wake = Wake(self.database)
        self.publisher = Publisher(_IDENTITY, _INSTANCE)
        # A lease of one that was killed ends by the clock, which only the test moves.
        self.tokens = Tokens(self.database, self.wake, Vault(ring.find), clock, patience=0.01)
        live = Live(settings)
        self.accounts = Accounts(live, http, KINDS, self.tokens)
        self.ingest = Ingest(self.database, self.accounts, self.publisher)
        ground = Ground(
            database=self.database, wake=self.wake, live=live, clock=clock, random=Random(1)
        )
        self.keeper = Keeper(
            self.database, live, self.accounts, KINDS, clock=clock, random=Random(1)
        )
        self.hearing = Hearing(self.database, self.wake, KINDS, clock=clock, tick=clock)
        self.pulls = Pulls(ground, self.ingest, tender=self.keeper)
        report = inventory.apply(self.database, settings, clock(), identity=_IDENTITY)
        for resource_id in report.rebuild:
            self.ingest.rebuild(resource_id, clock())
        shown.note(self.database, settings, KINDS)
        self.keeper.begin()

    def close(self) -> None:
        self.accounts.close()
        self.wake.close()
        self.database.close()

    def mark(self, times: int = 1) -> None:
        """Note that something changed, as a notification of the provider does."""
        for _ in range(times):
            with self.database.write() as conn:
                schedule.mark(conn, [WORK], self.clock())

    def hear(self, provider: str, posted: Iterable[Delivery]) -> None:
        """Take notifications, as a provider posted them."""
        for each in posted:
            self.hearing.hear(provider, each)

    def is_told(self, calendar: str) -> bool:
        """Whether a calendar is watched and notifications were seen to arrive."""
        with self.database.read() as conn:
            state = shown.standing(conn, self.row(), self.clock()).state
            rows = channels.of_connection(conn, WORK)
        watched = {each.calendar for each in rows if each.state is ChannelState.OPEN}
        return state in ("on", "partial") and calendar in watched

    def work(self) -> list[Pulled]:
        """Pull what is due."""
        return [self.pulls.run(job) for job in self.pulls.claim(1)]

    def row(self) -> ConnectionRow:
        with self.database.read() as conn:
            found = connections.get(conn, WORK)
        assert found is not None
        return found

    def periods(self) -> list[tuple[int, int]]:
        with self.database.read() as conn:
            every = self.publisher.periods(conn, ROOM, Window(-(10**11), 10**12))
        return [(each.start, each.end) for each in every]

    def texts(self, calendar: str) -> list[tuple[str, str]]:
        """Give id and text of every event that is stored of a calendar."""
        query = (
            select(events.c.remote_id, events.c.text)
            .join(calendars, calendars.c.id == events.c.calendar_id)
            .where(calendars.c.remote_id == calendar)
        )
        with self.database.read() as conn:
            return [(row.remote_id, row.text) for row in conn.execute(query)]

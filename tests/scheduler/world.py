"""A simulated clock, sources that remember what was asked of them, and the scheduler's parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Condition, Event
from typing import Any

from bridge import deadline
from bridge.budgets import Budgets
from bridge.config.live import Live
from bridge.config.settings import Settings
from bridge.errors import BridgeError, ProviderError
from bridge.inventory import apply
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.registry import KINDS
from bridge.scheduler.ground import Ground
from bridge.scheduler.pulls import Pulled, Pulls
from bridge.scheduler.workers import Workers
from bridge.store import connections, leases
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database
from bridge.store.wake import Wake
from tests.builders import NOW, make_settings

IDENTITY = bytes(32)
PATIENCE = 60.0
"""Seconds of real time after which something that must happen counts as not happening."""


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: Instant = NOW

    def __call__(self) -> Instant:
        return self.now

    def advance(self, seconds: int) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Reported:
    error: ProviderError | None = None
    objects: int = 0
    blocks: int = 0


@dataclass
class Sources:
    """What the engine would read: each connection answers, fails, or hangs until it is let go."""

    failures: dict[str, Exception] = field(default_factory=dict)
    partial: dict[str, ProviderError] = field(default_factory=dict)
    """Raised for one calendar of several: the others are read."""
    gates: dict[str, Event] = field(default_factory=dict)
    pulls: list[tuple[str, Instant, bool]] = field(default_factory=list)
    active: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    overlapped: list[str] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)
    allowed: list[float | None] = field(default_factory=list)
    """The seconds that were left at the beginning of each pull."""

    def pull(self, connection_id: ConnectionId, now: Instant, *, full: bool = False) -> Reported:
        with self.changed:
            self.pulls.append((connection_id, now, full))
            self.allowed.append(deadline.remaining())
            self.active[connection_id] += 1
            if self.active[connection_id] > 1:
                self.overlapped.append(connection_id)
            self.most_at_once = max(self.most_at_once, self.active.total())
            self.changed.notify_all()
        try:
            gate = self.gates.get(connection_id)
            if gate is not None:
                assert gate.wait(10 * PATIENCE)
            if connection_id in self.failures:
                raise self.failures[connection_id]
            return Reported(self.partial.get(connection_id))
        finally:
            with self.changed:
                self.active[connection_id] -= 1
                self.changed.notify_all()

    def check_staleness(self, now: Instant) -> object:
        return now

    def advance_horizons(self, now: Instant) -> object:
        return now

    def hang(self, connection_id: str) -> Event:
        gate = self.gates[connection_id] = Event()
        return gate

    def count(self, connection_id: str) -> int:
        return sum(each == connection_id for each, _, _ in self.pulls)

    def wait(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), self.pulls[-20:]


def settings_of(count: int, *, urls: Sequence[str] = (), **sync: Any) -> Settings:
    """`count` resources, `room-0` and so on, each with the connection `work`.

    The first ones go to these URLs, the others to no server.
    """
    options: list[dict[str, Any]] = [
        {
            "provider": "ics",
            "options": KINDS["ics"].connection_settings.model_validate({"url": url}),
        }
        for url in urls
    ]
    options += [{"provider": "memory"}] * (count - len(options))
    resources = [
        {"id": f"room-{number}", "connections": [{"id": "work"} | each]}
        for number, each in enumerate(options)
    ]
    return make_settings(resources=resources, sync=sync)


@dataclass
class World:
    """One process' view of a database."""

    database: Database
    settings: Settings
    clock: Clock = field(default_factory=Clock)
    sources: Sources = field(default_factory=Sources)
    ended: list[Pulled] = field(default_factory=list)

    def __post_init__(self) -> None:
        apply(self.database, self.settings, self.clock.now, identity=IDENTITY)
        self.wake = Wake(self.database)
        self.ground = Ground(
            database=self.database,
            wake=self.wake,
            live=Live(self.settings),
            clock=self.clock,
            random=Random(7),
            budgets=Budgets(self.clock),
        )
        self.pulls = Pulls(self.ground, self.sources, observe=self.ended.append)
        self.workers = Workers(self.pulls, lambda: self.ground.live.current.sync.concurrency)

    def run_due(self, limit: int = 1000) -> list[Pulled]:
        """Claim and run what is due, in this thread."""
        return [self.pulls.run(job) for job in self.pulls.claim(limit)]

    def prove(self) -> None:
        """Let everything go well once, and the time pass until all of it is due again."""
        self.run_due()
        sync = self.settings.sync
        self.clock.advance(int(sync.interval.total_seconds() * (1 + sync.jitter)))
        self.sources.pulls.clear()
        self.sources.most_at_once = 0

    def start(self) -> None:
        self.workers.start()
        self.workers.stir()

    def settle(self, *, hanging: Collection[str] = ()) -> None:
        """Look for due work and wait until none is left but what hangs, as long as any ends."""
        workers = self.workers
        workers.stir()

        def is_settled() -> bool:
            return not (workers._stirred or workers._claiming) and set(workers._running) <= set(
                hanging
            )

        with workers._changed:
            ended = -1
            while not workers._changed.wait_for(is_settled, PATIENCE):
                assert len(self.ended) > ended, self.sources.pulls[-20:]
                ended = len(self.ended)

    def wait_for_success(self) -> None:
        """Wait until the first pull of `room-0.work` is over and recorded."""
        seen = self.wake.seen("published")
        while self.row().success_at is None:
            seen = self.wake.wait("published", PATIENCE, seen)
            assert seen is not None

    def row(self, connection_id: str = "room-0.work") -> ConnectionRow:
        with self.database.read() as conn:
            row = connections.get(conn, ConnectionId(connection_id))
        assert row is not None
        return row

    def due_in(self, connection_id: str = "room-0.work") -> int:
        with self.database.read() as conn:
            due = leases.due_at(conn, ConnectionId(connection_id))
        assert due is not None
        return due - self.clock.now

    def fail(self, error: BridgeError | Exception, connection_id: str = "room-0.work") -> None:
        self.sources.failures[connection_id] = error

    def close(self) -> None:
        for gate in self.sources.gates.values():
            gate.set()
        self.workers.stop(PATIENCE)
        self.wake.close()

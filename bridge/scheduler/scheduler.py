"""The scheduler of one process: clock, workers, just-in-time pulls, commands."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from time import monotonic
from typing import Protocol

from bridge.bookings.desk import OUTBOX
from bridge.errors import StoreError
from bridge.model.interval import Instant
from bridge.model.resource import ResourceId
from bridge.scheduler import pace
from bridge.scheduler.dispatching import Claimed, Dispatching
from bridge.scheduler.errands import Errands, Handler
from bridge.scheduler.freshening import Freshening
from bridge.scheduler.ground import DISPATCHES, MIRRORS, Ground, Puller, Tender, is_dead
from bridge.scheduler.jobs import Job, Jobs
from bridge.scheduler.mirroring import TICK as MIRROR_TICK
from bridge.scheduler.mirroring import Claimed as Mirror
from bridge.scheduler.mirroring import Rounds
from bridge.scheduler.pulls import LEASE, Pulled, Pulls
from bridge.scheduler.pulls import Job as Pull
from bridge.scheduler.workers import Workers
from bridge.store import leases, schedule

logger = logging.getLogger(__name__)

_WATCH = 1.0
_SWEEP, _MINUTE, _HOUR = 5, 60, 3600


class Engine(Puller, Protocol):
    """What the scheduler has done regularly; `bridge.ingest.Ingest` is one."""

    def check_staleness(self, now: Instant) -> object:
        """Apply `on_stale` to calendars that became stale or fresh."""
        ...

    def advance_horizons(self, now: Instant) -> object:
        """Move the horizon of resources where a new month began, and forget old changes."""
        ...


class Observer(Protocol):
    """Keeps figures; called by the threads that do the work."""

    def pulled(self, pulled: Pulled) -> None:
        """A pull ended."""
        ...

    def job(self, name: str, problem: str) -> None:
        """A regular job ended; the problem is empty when it went well."""
        ...


class Unobserved:
    """Keeps no figures."""

    def pulled(self, pulled: Pulled) -> None:
        """Forget it."""

    def job(self, name: str, problem: str) -> None:
        """Forget it."""


class Scheduler:
    """Pulls what is due until it is stopped; without an engine it only passes wishes on.

    It stays the same object over a reload: intervals, limits and backoff are read from the
    settings in force whenever they are needed.
    """

    def __init__(  # noqa: PLR0913 - what it has done, by name
        self,
        ground: Ground,
        engine: Engine | None,
        *,
        tender: Tender | None = None,
        dispatching: Dispatching | None = None,
        rounds: Rounds | None = None,
        handlers: Mapping[str, Handler] | None = None,
        chores: Sequence[Job] = (),
        observer: Observer | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            ground: store, settings and clock.
            engine: None in a process that does not pull (`server.role: web`).
            tender: has providers tell of changes.
            dispatching: carries out bookings; None in a process that does not.
            rounds: writes mirrors; None in a process that does not.
            handlers: what to do with each kind of command (`reload`, `apply`).
            chores: what else this process does regularly.
            observer: keeps the figures.
        """
        self._ground = ground
        self._stopping = Event()
        self._freshening = Freshening(ground)
        self._errands = Errands(ground, handlers or {})
        observer = observer or Unobserved()
        self._workers = None if engine is None else _workers(ground, engine, tender, observer)
        self._dispatching = dispatching
        self._couriers = None if dispatching is None else Workers(dispatching, lambda: DISPATCHES)
        self._rounds = rounds
        self._scribes = None if rounds is None else Workers(rounds, lambda: MIRRORS)
        jobs = [Job("commands", self._errands.look, pace.TICK), *chores]
        if self._workers is not None and engine is not None:
            jobs += _pulling_jobs(ground, engine, self._workers)
            if tender is not None:
                jobs.append(Job("channels", tender.sweep, _SWEEP))
        if dispatching is not None and self._couriers is not None:
            jobs += _dispatching_jobs(dispatching, self._couriers)
        if rounds is not None and self._scribes is not None:
            jobs += _mirroring_jobs(rounds, self._scribes)
        self._jobs = Jobs(jobs, observe=observer.job)
        heeded = {"commands": lambda: self._jobs.run("commands")}
        heeded |= {job.topic: partial(self._jobs.run, job.name) for job in chores if job.topic}
        if self._workers is not None:
            heeded["schedule"] = self._workers.stir
        if self._couriers is not None:
            heeded[OUTBOX] = self._couriers.stir
        if self._scribes is not None:
            heeded["published"] = self._scribes.stir
        self._watchers = {
            topic: Thread(target=self._watch, args=(topic, run), name=f"watch-{topic}", daemon=True)
            for topic, run in heeded.items()
        }

    @property
    def running(self) -> int:
        """How many pulls run at this moment."""
        return 0 if self._workers is None else self._workers.running

    @property
    def alive(self) -> bool:
        """Whether it does its work: from `start` to `stop`, unless a fault of ours ended it."""
        return self._jobs.alive and all(crew.alive for crew in self._crews)

    @property
    def _crews(self) -> list[Workers[Pull] | Workers[Claimed] | Workers[Mirror]]:
        crews = (self._workers, self._couriers, self._scribes)
        return [crew for crew in crews if crew is not None]

    def start(self) -> None:
        """Begin to pull.

        Raises:
            StoreError: the database cannot be used.
        """
        self._errands.begin()
        if self._workers is not None:
            heal_clock(self._ground)
            end_dead_leases(self._ground)
        if self._dispatching is not None:
            self._dispatching.keep_house()
        if self._rounds is not None:
            self._rounds.keep_house()
        for crew in self._crews:
            crew.start()
            crew.stir()
        for watcher in self._watchers.values():
            watcher.start()
        self._jobs.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Start no new work and wait for what runs, at most `timeout` seconds.

        Returns:
            Whether all jobs, pulls and dispatches ended; what did not is given back.
        """
        deadline = monotonic() + timeout
        self._stopping.set()
        self._jobs.stop()
        for crew in self._crews:
            crew.halt()
        finished = True
        for crew in self._crews:
            finished = crew.stop(max(0.0, deadline - monotonic())) and finished
        finished = self._jobs.wait(max(0.0, deadline - monotonic())) and finished
        for topic, watcher in self._watchers.items():
            self._ground.wake.notify(topic)
            if watcher.ident is not None:
                watcher.join(_WATCH)
        return finished

    def sync(
        self, resource_ids: Sequence[ResourceId], timeout: timedelta, *, full: bool = False
    ) -> bool:
        """See `Freshening.sync`."""
        return self._freshening.sync(resource_ids, timeout, full=full)

    def stir(self) -> None:
        """Tell whoever pulls that something was marked."""
        self._ground.wake.notify("schedule")

    def _watch(self, topic: str, run: Callable[[], None]) -> None:
        seen = None
        while not self._stopping.is_set():
            try:
                number = self._ground.wake.wait(topic, _WATCH, seen)
            except StoreError:
                self._stopping.wait(_WATCH)  # the job of the same name goes on looking
                continue
            if number is not None:
                seen = number
                run()


def heal_clock(ground: Ground) -> None:
    """Make due what was put off by a clock that ran ahead.

    Raises:
        StoreError: the database cannot be used.
    """
    with ground.database.write() as conn:
        schedule.heal_clock(conn, ground.clock())


def end_dead_leases(ground: Ground) -> None:
    """Make due what processes had claimed that were killed since.

    Who shares a SQLite file shares the machine, where it shows that a process is dead. Elsewhere
    the leases end by themselves.

    Raises:
        StoreError: the database cannot be used.
    """
    if ground.database.path is None:
        return
    with ground.database.read() as conn:
        dead = [owner for owner in leases.owners(conn) if is_dead(owner)]
    for owner in dead:
        with ground.database.write() as conn:
            leases.end(conn, owner, ground.clock())
        logger.info("%s did not end its pulls: they are begun again", owner)


def _keep_house(ground: Ground) -> None:
    heal_clock(ground)
    end_dead_leases(ground)


def _workers(
    ground: Ground, engine: Puller, tender: Tender | None, observer: Observer
) -> Workers[Pull]:
    pulls = Pulls(ground, engine, tender=tender, observe=observer.pulled)
    return Workers(pulls, lambda: ground.live.current.sync.concurrency)


def _pulling_jobs(ground: Ground, engine: Engine, workers: Workers[Pull]) -> list[Job]:
    clock = ground.clock
    return [
        Job("tick", workers.stir, pace.TICK),
        Job("leases", workers.renew, LEASE // 4),
        Job("staleness", lambda: engine.check_staleness(clock()), _MINUTE),
        Job("horizon", lambda: engine.advance_horizons(clock()), _HOUR),
        Job("housekeeping", lambda: _keep_house(ground), _MINUTE),
    ]


def _dispatching_jobs(dispatching: Dispatching, couriers: Workers[Claimed]) -> list[Job]:
    return [
        Job("bookings", couriers.stir, pace.TICK),
        Job("booking leases", couriers.renew, LEASE // 4),
        Job("booking housekeeping", dispatching.keep_house, _MINUTE),
    ]


def _mirroring_jobs(rounds: Rounds, scribes: Workers[Mirror]) -> list[Job]:
    return [
        Job("mirrors", scribes.stir, MIRROR_TICK),
        Job("mirror leases", scribes.renew, LEASE // 4),
        Job("mirror housekeeping", rounds.keep_house, _MINUTE),
    ]

"""Having proposals carried out: claimed with leases, each in a thread, tried again when it is due.

Any number of processes may share a database. Each proposal belongs to the process that claimed it,
and its claim's fence decides whether what it says at the end still counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from bridge import deadline
from bridge.bookings import Claim, Outbox
from bridge.errors import BridgeError, StoreError
from bridge.model.resource import ConnectionId, ResourceId
from bridge.scheduler.freshening import Freshening
from bridge.scheduler.ground import DISPATCHES, Ground, is_dead
from bridge.scheduler.reading_back import read_back
from bridge.scheduler.workers import Task
from bridge.store import outbox
from bridge.store.outbox import LEASE

_SHARE = DISPATCHES // 2
"""Bookings of one account at the same time: one that hangs leaves the others some threads."""
_ALLOWANCE = 60.0
"""Seconds that one try may take: less than its lease."""

logger = logging.getLogger(__name__)


class Recheck(Protocol):
    """Whether calendars are to be read once more before a proposal is decided."""

    @property
    def resource_id(self) -> ResourceId:
        """Whose."""
        ...

    @property
    def max_age(self) -> timedelta:
        """Fresher ones are not read again."""
        ...

    @property
    def timeout(self) -> timedelta:
        """Longest wait."""
        ...


class Report(Protocol):
    """How a try ended."""

    @property
    def outcome(self) -> str:
        """`settled`, `refused`, `later`, `failed` or `lost`."""
        ...

    @property
    def error(self) -> BridgeError | None:
        """Why it is tried again later, or never."""
        ...

    @property
    def limited(self) -> str | None:
        """The account whose provider asked for a pause."""
        ...

    @property
    def wrote_to(self) -> ConnectionId | None:
        """The account in whose calendar an event was written or deleted."""
        ...


class Dispatcher(Protocol):
    """Carries out one proposal; `bridge.dispatch.Dispatch` is one."""

    def recheck(self, claim: Claim) -> Recheck | None:
        """Say what has to be read before; None when nothing has to.

        Raises:
            StoreError: the database cannot be used.
        """
        ...

    def run(self, claim: Claim) -> Report:
        """Carry it out, or note when it is tried again; whatever the provider does, this returns.

        Raises:
            StoreError: what came of it was not recorded.
        """
        ...


@dataclass(slots=True)
class Claimed(Task[Claim]):
    """One claimed proposal."""

    begun: Claim | None = field(default=None, kw_only=True)
    """The claim under which it is worked on."""

    @property
    def name(self) -> str:
        """The booking's; of each booking one proposal is worked on."""
        return f"booking-{self.claim.booking.id}"


class Dispatching:
    """Claims proposals and has them carried out. Safe in many threads."""

    def __init__(
        self,
        ground: Ground,
        proposals: Outbox,
        dispatcher: Dispatcher,
        *,
        observe: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Claim nothing yet.

        Args:
            ground: store, settings and clock.
            proposals: what is claimed.
            dispatcher: carries it out.
            observe: told how each try ended.
        """
        self._ground = ground
        self._observe = observe
        self._outbox = proposals
        self._dispatcher = dispatcher
        self._freshening = Freshening(ground)

    def claim(self, limit: int, running: Collection[Claimed] = ()) -> list[Claimed]:
        """Take up to `limit` proposals that are due.

        Raises:
            StoreError: nothing is claimed.
        """
        del running
        ground, now = self._ground, self._ground.clock()
        due = self._outbox.next_due(now)
        if due is None or due > now:
            return []
        # A booking whose last proposal was settled a moment ago may still be counted as running:
        # `Workers` then gives its next one back, and claims it anew.
        barred = ground.budgets.resting()
        claims = self._outbox.claim(ground.owner, now, limit, LEASE, share=_SHARE, barred=barred)
        return [Claimed(claim) for claim in claims]

    def run(self, job: Claimed) -> None:
        """Read what has to be read, and carry it out."""
        job.begun = claim = job.claim
        wrote_to = None
        try:
            wanted = self._dispatcher.recheck(claim)
            if wanted is not None:
                self._freshening.sync([wanted.resource_id], wanted.timeout, max_age=wanted.max_age)
            with deadline.within(_ALLOWANCE):
                report = self._dispatcher.run(claim)
            wrote_to = report.wrote_to
            self._observe(report.outcome)
            if report.limited:
                self._ground.budgets.refused(report.limited)
        except StoreError as err:
            # Whoever claims it next looks for what was done.
            logger.error("%s: what came of a booking was not recorded: %s", job.name, err)  # noqa: TRY400
            with suppress(StoreError):
                self.give_back([job])
        finally:
            job.settled = claim
        self._ground.wake.notify("booked")
        self._ground.wake.notify("published")
        if wrote_to is not None:
            read_back(self._ground, wrote_to)

    def renew(self, jobs: list[Claimed]) -> None:
        """Hold on to the leases of what is still being carried out."""
        until = self._ground.clock() + LEASE
        for job in jobs:
            # One that was lost is noticed at the end.
            self._outbox.renew(job.claim, until)

    def give_back(self, jobs: list[Claimed]) -> None:
        """Let others go on at once with what this process will not finish."""
        now = self._ground.clock()
        for job in jobs:
            self._outbox.give_back(job.claim, now, begun=job.claim is job.begun)

    def keep_house(self) -> None:
        """Make due what a clock that ran ahead put off, and what killed processes had claimed.

        What waits for a stopped connection is given up in the end.

        See `bridge.scheduler.scheduler.end_dead_leases`.

        Raises:
            StoreError: the database cannot be used.
        """
        ground = self._ground
        with ground.database.write(lasting=False) as conn:
            outbox.heal_clock(conn, ground.clock())
        self._outbox.keep_house(ground.clock())
        if ground.database.path is None:
            return
        with ground.database.read() as conn:
            dead = [owner for owner in outbox.owners(conn) if is_dead(owner)]
        for owner in dead:
            with ground.database.write(lasting=False) as conn:
                outbox.end(conn, owner, ground.clock())
            logger.info("%s did not finish its bookings: they are gone on with", owner)

"""Having mirrors written: claimed with leases, each in a thread, when their sources changed.

Any number of processes may share a database. Each round belongs to the process that claimed it, and
its claim's fence decides whether what it says at the end still counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from bridge import deadline
from bridge.errors import BridgeError, ConfigError, RateLimited, StoreError, TemporarilyUnavailable
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionStatus
from bridge.scheduler import pace
from bridge.scheduler.ground import Ground, is_dead
from bridge.scheduler.pulls import InternalError
from bridge.scheduler.workers import Task
from bridge.store import mirrored, mirrors, restored
from bridge.store.mirrors import LEASE, MirrorRow

TICK = 5
"""Seconds between two looks at what is due; what was published is heeded at once."""
_ALLOWANCE = 75.0
"""Seconds that one round may take at first: less than its lease, which is renewed meanwhile."""
_MOST_DOUBLINGS = 3
_ELSEWHERE = 2
"""Seconds that a mirror is left to processes that know its connection."""
_CROWDED = 30
"""Seconds after which a provider is asked again that allows no more requests now."""
_LONGEST = 900
"""Seconds between two tries, unless the provider asks for more: a person puts right what is wrong,
and does not think of telling us."""
_REMEMBER = 30 * 86400
"""Seconds for which blocks that are gone are remembered: feeds of a calendar are slow to tell."""

logger = logging.getLogger(__name__)


class Report(Protocol):
    """How a round ended."""

    @property
    def outcome(self) -> str:
        """`written`, `unchanged`, `waiting`, `gone`, `lost`, or `failed` where some was refused."""
        ...

    @property
    def made(self) -> int:
        """Blocks that were written anew."""
        ...

    @property
    def moved(self) -> int:
        """Blocks that were changed in place."""
        ...

    @property
    def dropped(self) -> int:
        """Blocks that were deleted."""
        ...


class Mirrorer(Protocol):
    """Carries out one round; `bridge.mirror.Mirroring` is one."""

    def run(self, claimed: MirrorRow, *, look: bool = False) -> Report:
        """Carry it out, and give the claim back.

        Raises:
            BridgeError: it has to be tried again; the claim is still held.
        """
        ...


Ended = Callable[[str, Report | None], object]
"""Told how each round ended; one that `failed` as a whole has no report."""


@dataclass(slots=True)
class Claimed(Task[MirrorRow]):
    """One claimed mirror."""

    @property
    def name(self) -> str:
        """The mirror's."""
        return f"mirror-{self.claim.id}"


class Rounds:
    """Claims mirrors and has them written. Safe in many threads."""

    def __init__(
        self, ground: Ground, mirrorer: Mirrorer, *, observe: Ended = lambda *_: None
    ) -> None:
        """Claim nothing yet.

        Args:
            ground: store, settings and clock.
            mirrorer: carries rounds out.
            observe: told how each round ended.
        """
        self._ground = ground
        self._mirrorer = mirrorer
        self._observe = observe

    def claim(self, limit: int, running: Collection[Claimed] = ()) -> list[Claimed]:
        """Take up to `limit` mirrors that are due.

        Raises:
            StoreError: nothing is claimed.
        """
        del running
        ground, now = self._ground, self._ground.clock()
        with ground.database.read() as conn:
            if not mirrors.is_any_due(conn, now):
                return []
        with ground.database.write(lasting=False) as conn:
            return [Claimed(row) for row in mirrors.claim(conn, ground.owner, now, limit)]

    def take(self, mirror_id: str) -> Claimed | None:
        """Claim one mirror for a person who asked, due or not; None when that cannot be now."""
        ground = self._ground
        with ground.database.write() as conn:
            found = mirrors.claim(conn, ground.owner, ground.clock(), 1, only=mirror_id)
        return Claimed(found[0]) if found else None

    def run(self, job: Claimed, *, look: bool = False) -> Report | None:
        """Carry a round out, or note when it is tried again; whatever the provider does.

        Returns:
            None when it failed; the mirror's row says why.
        """
        row, report = job.claim, None
        try:
            if self._ground.budgets.admits(row.connection_id):
                with deadline.within(_allowance(row.failures)):
                    report = self._mirrorer.run(row, look=look)
                self._observe(report.outcome, report)
            else:
                self._rest(row, self._ground.clock() + _CROWDED)
        except StoreError as err:
            # Whoever claims it next goes by what stands in the target.
            logger.error("%s: what came of a mirror was not recorded: %s", row.resource_id, err)  # noqa: TRY400
            with suppress(StoreError):
                self.give_back([job])
        except ConfigError:
            # Another process has the connection in its file; this one has not reloaded yet.
            self._rest(row, self._ground.clock() + _ELSEWHERE)
        except BridgeError as err:
            self._failed(row, err)
        except Exception as err:
            # One mirror's fault must not end the others; it is shown with the mirror.
            logger.exception("%s: mirroring failed by a fault of ours", row.resource_id)
            name = type(err).__name__
            self._failed(row, InternalError(f"a fault of BusyBridge ({name}); see the log"))
        finally:
            job.settled = row
        self._ground.wake.notify("mirrored")
        return report

    def renew(self, jobs: list[Claimed]) -> None:
        """Hold on to the leases of what is still being written."""
        until = self._ground.clock() + LEASE
        with self._ground.database.write(lasting=False) as conn:
            for job in jobs:
                mirrors.renew(conn, job.claim, until)

    def give_back(self, jobs: list[Claimed]) -> None:
        """Let others go on at once with what this process will not finish."""
        with self._ground.database.write(lasting=False) as conn:
            for job in jobs:
                mirrors.end(conn, job.claim, due_at=self._ground.clock())

    def keep_house(self) -> None:
        """Make due what a clock that ran ahead put off, and what killed processes had claimed.

        Blocks that are gone are forgotten in the end. See `scheduler.end_dead_leases`.

        Raises:
            StoreError: the database cannot be used.
        """
        ground = self._ground
        with ground.database.read() as conn:
            if not mirrors.are_any(conn):
                return
            owners = mirrors.owners(conn) if ground.database.path is not None else []
        dead = [owner for owner in owners if is_dead(owner)]
        with ground.database.write(lasting=False) as conn:
            mirrors.heal_clock(conn, ground.clock())
            restored.heal_clock(conn, ground.clock())
            mirrored.forget(conn, ground.clock() - _REMEMBER)
            for owner in dead:
                mirrors.end_all(conn, owner)
        for owner in dead:
            logger.info("%s did not finish its mirrors: they are gone on with", owner)

    def _rest(self, row: MirrorRow, until: Instant) -> None:
        with self._ground.database.write(lasting=False) as conn:
            mirrors.end(conn, row, rest_until=until, due_at=min(row.due_at, until))

    def _failed(self, row: MirrorRow, err: BridgeError) -> None:
        """Record why, and when it is tried again."""
        logger.warning("%s: the mirror to %s is not written: %s", row.resource_id, row.target, err)
        ground, now = self._ground, self._ground.clock()
        if isinstance(err, RateLimited):
            ground.budgets.refused(row.connection_id)
        before = (ConnectionStatus.ACTIVE, row.failures)
        backoff = ground.live.current.sync.backoff
        verdict = pace.after_failure(err, backoff, before, now, ground.random)
        shown = verdict.failure or pace.failure(err, ConnectionStatus.ERROR)
        due = verdict.next_due
        if not _asks_for_a_pause(err):
            due = min(due, now + _LONGEST)
        with ground.database.write(lasting=False) as conn:
            mirrors.end(
                conn,
                row,
                due_at=now,
                rest_until=due,
                digest="",
                failures=row.failures + 1,
                error_code=shown.code,
                error_message=shown.message,
                error_hint=shown.hint,
                error_since=row.error_since or now,
            )
        self._observe("failed", None)


def _allowance(failures: int) -> float:
    """Give seconds to a round, after so many failures in a row: a slow calendar is read once."""
    return _ALLOWANCE * float(2 ** min(failures, _MOST_DOUBLINGS))


def _asks_for_a_pause(err: BridgeError) -> bool:
    """Tell whether a provider wants to be left alone, for as long as it says or as we judge."""
    if isinstance(err, RateLimited):
        return True
    return isinstance(err, TemporarilyUnavailable) and err.retry_after is not None

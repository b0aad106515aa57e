"""One pull from claim to release: leases, what is recorded, when it is due again. No threads here.

Any number of processes may share a database. Each pull belongs to the process that claimed it, and
its claim's fence decides whether what it says at the end still counts.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bridge import deadline
from bridge.channels.standing import Tended
from bridge.config.plan import ConnectionPlan, plan
from bridge.config.settings import Settings
from bridge.errors import BridgeError, RateLimited
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.scheduler import pace
from bridge.scheduler.ground import Ground, Puller, Report, Tender
from bridge.scheduler.shares import Shares, sites_of
from bridge.scheduler.workers import Task
from bridge.store import connections, leases, schedule
from bridge.store.connections import ConnectionRow
from bridge.store.database import Transaction
from bridge.store.schedule import Claim

LEASE = 120
"""Seconds. A process that dies gives its pulls back after so long."""

_ELSEWHERE = 2
"""Seconds that a pull is left to processes that know its connection."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Job(Task[Claim]):
    """One claimed pull."""

    row: ConnectionRow
    """The connection as it was before."""
    claimed_at: Instant

    @property
    def name(self) -> str:
        """The connection's id."""
        return self.claim.connection_id

    @property
    def connection_id(self) -> ConnectionId:
        """The connection that is pulled."""
        return self.claim.connection_id

    @property
    def proven(self) -> bool:
        """Whether the pull before this one went well."""
        return self.row.failures == 0 and self.row.success_at is not None


class Pulled(NamedTuple):
    """How a pull ended."""

    connection_id: ConnectionId
    report: Report | None
    """None when nothing was read."""
    error: BridgeError | None
    """Of the pull, or of one of its calendars."""
    seconds: float
    """How long it took."""
    lateness: int
    """Seconds by which it started later than interval and jitter allow; 0 when in time."""
    next_due: Instant

    @property
    def outcome(self) -> str:
        """`ok`, or the code of the failure; for metrics."""
        return "ok" if self.error is None else str(getattr(self.error, "code", "internal_error"))


class _Known(NamedTuple):
    """The connections of the file that this process read."""

    settings: Settings | None
    sites: Mapping[str, str]
    """The server of each."""
    accounts: Mapping[ConnectionId, str]
    """The fingerprint of each."""

    def means(self, row: ConnectionRow) -> bool:
        """Tell whether a row speaks of the account that the file has under its name."""
        account: str = json.loads(row.plan)["fingerprint"]
        return self.accounts.get(row.id) == account


class InternalError(BridgeError):
    """A fault of ours in a pull; its traceback is in the log."""


class Pulls:
    """Claims connections, pulls them, and records what came of it. Safe in many threads."""

    def __init__(
        self,
        ground: Ground,
        puller: Puller,
        *,
        tender: Tender | None = None,
        observe: Callable[[Pulled], None] = lambda _: None,
    ) -> None:
        """Claim nothing yet.

        Args:
            ground: store, settings and clock.
            puller: reads.
            tender: has providers tell of changes; without one all is polled as if none could.
            observe: told of each pull that ended.
        """
        self._ground = ground
        self._puller = puller
        self._tender = tender
        self._observe = observe
        self._known = _Known(None, {}, {})

    def claim(self, limit: int, running: Collection[Job] | None = None) -> list[Job]:
        """Take up to `limit` pulls that are due.

        Args:
            limit: how many at most.
            running: beside which pulls they start: they take no more than their `Shares` of
                all slots, the running ones' and these. None: who is due is taken, if its
                provider's budget allows.

        Raises:
            StoreError: nothing is claimed.
        """
        ground, now = self._ground, self._ground.clock()
        with ground.database.read() as conn:
            due = schedule.next_due(conn)
        if due is None or due > now:
            return []  # on SQLite every commit makes one look: that must keep no writer waiting
        jobs: list[Job] = []
        known = self._follow(ground.live.current)
        shares = None if running is None else _shares(limit, running, known.sites)

        def admit(name: ConnectionId, proven: bool) -> bool:  # noqa: FBT001 - `schedule.Admit`
            if not ground.budgets.admits(name):
                return False
            return shares is None or shares.admit(name, proven=proven)

        with ground.database.write(lasting=False) as conn:
            for claim in schedule.claim(conn, ground.owner, now, limit, LEASE, admit=admit):
                row = connections.get(conn, claim.connection_id)
                if row is not None and known.means(row):
                    jobs.append(self._begin(conn, claim, row, now))
                else:
                    # Another process read it in its file; this one has not reloaded yet.
                    schedule.release(conn, claim, now + _ELSEWHERE, done=False)
        return jobs

    def take(self, connection_id: ConnectionId, *, full: bool = False) -> Job | None:
        """Claim one connection for a person who asked, due or not.

        Returns:
            None when another process pulls it, its provider asked for a pause, it is stopped, or
            the file that this process read does not have it, or not as the account in force.
        """
        ground, now = self._ground, self._ground.clock()
        known = self._follow(ground.live.current)
        with ground.database.write() as conn:
            before = connections.get(conn, connection_id)
            if before is None or not known.means(before):
                return None
            if full:
                schedule.mark(conn, [connection_id], now, full=True)
            for claim in schedule.claim(conn, ground.owner, now, 1, LEASE, connection_id):
                row = connections.get(conn, connection_id)
                if row is not None:
                    return self._begin(conn, claim, row, now)
        return None

    def run(self, job: Job) -> Pulled:
        """Pull, record and release; whatever the provider does, this returns."""
        began = time.monotonic()
        report, error = self._pull(job)
        tended = self._tend(job, report) if report is not None else Tended()
        if isinstance(error, RateLimited):
            self._ground.budgets.refused(job.connection_id)
        seconds = time.monotonic() - began
        now = self._ground.clock()
        plan = ConnectionPlan.model_validate_json(job.row.plan)
        verdict = self._judge(job, plan, (report, error), now, tended)
        self._settle(job, verdict, now)
        pulled = Pulled(
            connection_id=job.connection_id,
            report=report,
            error=error or (report.error if report else None),
            seconds=seconds,
            lateness=_lateness(job, plan),
            next_due=verdict.next_due,
        )
        self._ground.wake.notify("published")
        self._observe(pulled)
        return pulled

    def renew(self, jobs: list[Job]) -> None:
        """Hold on to leases of pulls that are still running."""
        now = self._ground.clock()
        with self._ground.database.write() as conn:
            for job in jobs:
                # One that was lost is noticed at the end, by `release`.
                leases.renew(conn, job.claim, now + LEASE)

    def give_back(self, jobs: list[Job]) -> None:
        """Let others pull at once what this process will not finish."""
        now = self._ground.clock()
        with self._ground.database.write() as conn:
            for job in jobs:
                schedule.release(conn, job.claim, now, done=False)

    def _follow(self, settings: Settings) -> _Known:
        known = self._known
        if known.settings is not settings:
            accounts = {each.id: each.fingerprint for _, own in plan(settings) for each in own}
            known = self._known = _Known(settings, sites_of(settings), accounts)
        return known

    def _begin(self, conn: Transaction, claim: Claim, row: ConnectionRow, now: Instant) -> Job:
        connections.record_attempt(conn, claim.connection_id, now)
        return Job(claim, row, now)

    def _pull(self, job: Job) -> tuple[Report | None, BridgeError | None]:
        try:
            with deadline.within(deadline.allowance(job.row.failures)):
                report = self._puller.pull(job.connection_id, job.claimed_at, full=job.claim.full)
        except BridgeError as err:
            logger.warning("%s: %s", job.connection_id, err)
            return None, err
        except Exception as err:
            # One connection's fault must not end the others; it is shown with the connection.
            logger.exception("%s: the pull failed by a fault of ours", job.connection_id)
            name = type(err).__name__
            return None, InternalError(f"a fault of BusyBridge ({name}); see the log")
        if report.error is not None:
            logger.warning("%s: %s", job.connection_id, report.error)
        logger.debug(
            "%s: %d objects and %d blocks changed", job.connection_id, report.objects, report.blocks
        )
        return report, None

    def _tend(self, job: Job, report: Report) -> Tended:
        """Have the provider tell of changes, if it can; what goes wrong there costs no pull."""
        if self._tender is None:
            return Tended()
        asked = job.claim.marked_at is not None or job.claim.full
        surprised = bool(report.objects) and job.proven and not asked
        try:
            with deadline.within(deadline.EXTRA):
                return self._tender.tend(job.connection_id, job.claim, surprised=surprised)
        except BridgeError as err:
            logger.warning("%s: its channels were left alone: %s", job.connection_id, err)
        except Exception:
            logger.exception("%s: its channels were left alone", job.connection_id)
        return Tended()

    def _judge(
        self,
        job: Job,
        plan: ConnectionPlan,
        outcome: tuple[Report | None, BridgeError | None],
        now: Instant,
        tended: Tended,
    ) -> pace.Verdict:
        """Decide what is recorded, and when the connection is due again."""
        report, error = outcome
        random = self._ground.random
        if error is not None:
            backoff = self._ground.live.current.sync.backoff
            before = (job.row.status, job.row.failures)
            return pace.after_failure(error, backoff, before, now, random)
        rhythm = pace.rhythm(plan, self._ground.live.current.sync, tended)
        due = pace.after_success(rhythm, job.claimed_at, now, random, tended)
        if report is not None and not report.objects:
            due = min(due, pace.repeated(job.claimed_at, tended) or due)
        if report is not None and report.error is not None:
            # The calendars that can be read are pulled as often as ever.
            return pace.Verdict(pace.failure(report.error, ConnectionStatus.ERROR), due)
        return pace.Verdict(None, due)

    def _settle(self, job: Job, verdict: pace.Verdict, now: Instant) -> None:
        """Record the outcome and release the claim; the lease ends by itself when that fails."""
        failure = verdict.failure
        claim = job.settled = job.claim
        try:
            with self._ground.database.write(lasting=False) as conn:
                done = failure is None
                rest = None if failure is None else failure.limited_until
                if not schedule.release(conn, claim, verdict.next_due, done=done, rest=rest):
                    logger.warning("%s: somebody else pulled it meanwhile", job.connection_id)
                elif failure is None:
                    connections.record_success(conn, job.connection_id, now)
                else:
                    connections.record_failure(conn, job.connection_id, now, failure)
        except BridgeError as err:
            # The message names the remedy.
            logger.error("%s: the end of a pull was not recorded: %s", job.connection_id, err)  # noqa: TRY400


def _shares(limit: int, running: Collection[Job], sites: Mapping[str, str]) -> Shares:
    shares = Shares(limit + len(running), sites)
    for job in running:
        shares.add(job.connection_id, proven=job.proven)
    return shares


def _lateness(job: Job, plan: ConnectionPlan) -> int:
    row, claim = job.row, job.claim
    if row.failures or row.attempt_at is None or row.success_at is None:
        return 0
    gap = pace.longest_gap(pace.Rhythm(plan.interval, plan.jitter))
    # A connection that is told of its changes is due later than that, and is late after it.
    return max(0, min(job.claimed_at - row.attempt_at - gap, job.claimed_at - claim.due_at))

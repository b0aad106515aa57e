"""How a try ends: visible, later, failed, or lost to somebody else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from bridge.bookings import Outbox
from bridge.config.syncing import Backoff
from bridge.dispatch import retry
from bridge.dispatch.points import Point
from bridge.dispatch.report import Report, code_of
from bridge.dispatch.work import Work
from bridge.errors import BridgeError
from bridge.model.conference import Conference, ConferenceState
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.points import reached
from bridge.sink import Written
from bridge.store import connections, schedule
from bridge.store.database import Database
from bridge.store.outbox import Kind

_SEEN_TO = {ConferenceState.PENDING: 2, ConferenceState.FAILING: 60}
"""Seconds after which a meeting that is not ready is seen to again."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Records how tries end; any thread may call."""

    database: Database
    outbox: Outbox
    clock: Callable[[], Instant]
    random: Random

    def settle(
        self,
        work: Work,
        written: Written | None,
        conference: Conference | None,
        *,
        cancel: str = "",
        is_last: bool = False,
    ) -> Report:
        """Make it visible.

        Args:
            work: what was done.
            written: the event.
            conference: its meeting, made by itself or with it.
            cancel: meetings that are still to be cancelled (`Owed`), one a line.
            is_last: a meeting that is not ready is not seen to again.
        """
        now, owed = self.clock(), {}
        if conference is not None and conference.reason:
            conference = replace(conference, reason=work.plainly(conference.reason))
        if cancel:
            owed["cancel"] = cancel
        elif work.progress.update and work.claim.kind is not Kind.MEETING:
            owed["update"] = work.progress.update
        due = None if is_last else self.due(work, conference)
        settled = self.outbox.settle(
            work.claim,
            written,
            conference,
            now,
            meeting_due=due,
            owed=owed,
            theirs=work.theirs,
        )
        return self.recorded(work, settled=settled)

    def recorded(self, work: Work, *, settled: bool) -> Report:
        """Tell whether it is visible now, and in whose calendar something was written for it."""
        reached(Point.SETTLED)
        if not settled:
            return self.lost(work)
        return Report("settled", wrote_to=work.connection_id if work.wrote else None)

    def due(self, work: Work, conference: Conference | None) -> Instant | None:
        """Say when a meeting is to be seen to again; None while it is ready, or there is none."""
        wait = None if conference is None else _SEEN_TO.get(conference.state)
        if wait is None:
            return None
        return self.clock() + max(wait, retry.asked(work.trouble, self.random))

    def have_pulled(self, connection_id: ConnectionId, now: Instant) -> None:
        """Have the calendar read: what was deleted there is seen by that."""
        with self.database.write(lasting=False) as conn:
            schedule.mark(conn, [connection_id], now)

    def later(self, work: Work, err: BridgeError) -> Report:
        """Try again when it is worth it, or have a human look."""
        logger.warning("%s: a booking is not written yet: %s", work.connection_id, err)
        is_transfer = work.claim.kind is Kind.TRANSFER  # half of it may be done
        if not is_transfer and retry.is_hopeless(work.claim.proposal.created_at, self.clock()):
            return self.fail(work, err)
        return self.again(work, err)

    def again(self, work: Work, err: BridgeError, backoff: Backoff = retry.BACKOFF) -> Report:
        """Give it back until it is due again."""
        wait = retry.wait(err, work.claim.proposal.attempts, self.random, backoff)
        due = self.clock() + wait
        touched = work.touched or work.claim.kind.is_errand
        if not self.outbox.retry(
            work.claim, (code_of(err), work.plainly(err)), due, touched=touched
        ):
            return self.lost(work)
        if work.limited:  # what else is written to this account waits as well
            with self.database.write(lasting=False) as conn:
                connections.rest(conn, work.limited, due)
        return Report("later", err, limited=work.limited)

    def fail(self, work: Work, err: BridgeError) -> Report:
        """Give up until a human looks."""
        logger.error("%s: a booking needs somebody to look at it: %s", work.connection_id, err)
        failed = self.outbox.fail(work.claim, (code_of(err), work.plainly(err)), self.clock())
        return Report("failed", err) if failed else self.lost(work)

    def lost(self, work: Work) -> Report:
        """Leave it to whoever has it now."""
        logger.info("%s: somebody else goes on with a booking", work.connection_id)
        return Report("lost")

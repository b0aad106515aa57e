"""Bookings whose events were purged: what becomes of them in the store.

While it is at it nothing is written: what is queued is put off, and so are rounds of mirrors, again
and again, so that a purge that was killed leaves all of it as it was. Once their events are gone,
bookings end as if somebody had deleted these in the calendar: they are shown as cancelled, their
time is free, and nothing that was queued makes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from bridge import deadline
from bridge.bookings import showing
from bridge.bookings.desk import OUTBOX, announce
from bridge.bookings.ledger import Ledger
from bridge.bookings.owed import Owed
from bridge.dispatch.progress import Progress
from bridge.errors import StoreError
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ResourceId
from bridge.publish import Publisher
from bridge.sink import Marked
from bridge.store import bookings, mirrored, mirrors, outbox, pausing, resources, schedule
from bridge.store.bookings import BookingRow, State
from bridge.store.database import Database, Transaction
from bridge.store.outbox import LEASE, Kind, ProposalRow
from bridge.store.pausing import Held
from bridge.store.wake import Wake

PURGED = "its event was purged from the calendar"
_ACTOR = "purge"
_PUT_OFF = 180
"""Seconds by which what is queued is put off, and after which it goes on where a purge was killed:
no request takes as long."""
_OFTEN = 60
"""Seconds after which it is put off for longer."""
_LATER = 120
"""Seconds after which a meeting that could not be cancelled at once is tried again."""
_KEPT = 30
"""Seconds of a deadline that are not waited for, and are left for the purge itself."""
_AT_ONCE = 50
"""Bookings of one transaction: nobody else writes to their resource meanwhile."""
_BUSY = "its calendars are being written to at this moment"


class Ended(NamedTuple):
    """What ended with the events."""

    tokens: frozenset[str]
    """Of the bookings."""
    due: Sequence[Due]
    """Meetings that were made by themselves, and have to be cancelled."""


class Due(NamedTuple):
    """A meeting that is to be cancelled, and the proposal that says so."""

    resource_id: ResourceId
    owed: Owed
    proposal_id: int


@dataclass(slots=True)
class _Hold:
    """Holds what is queued for the calendars of a connection while it is asked to."""

    database: Database
    connection_id: ConnectionId
    clock: Callable[[], Instant]
    held: Held = field(default_factory=Held)
    at: Instant | None = None
    """Since when it is put off."""

    def take(self) -> bool:
        """Put off what can be; False while something is being written all the same."""
        now = self.clock()
        self._keep(now)
        with self.database.write() as conn:
            pausing.put_off(conn, self.connection_id, now, _PUT_OFF, self.held)
            each = (it.is_written_to(conn, self.connection_id, now) for it in (pausing, mirrors))
            return not any(each)

    def keep(self) -> None:
        """Put it off for longer, now and then: asked before each request.

        Raises:
            StoreError: the database cannot be used.
        """
        self._keep(self.clock())

    def _keep(self, now: Instant) -> None:
        if self.at is None:
            self.at = now
        elif now - self.at >= _OFTEN:
            with self.database.write() as conn:
                pausing.put_off_longer(conn, self.held, now - self.at)
            self.at = now


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """Ends bookings; any thread may call."""

    database: Database
    publisher: Publisher
    wake: Wake
    clock: Callable[[], Instant]

    @contextmanager
    def holding(self, connection_id: ConnectionId) -> Iterator[None]:
        """Have nothing written to a connection's calendars, and have them read afterwards.

        Raises:
            StoreError: something is being written, and does not come to an end in time.
        """
        hold = _Hold(self.database, connection_id, self.clock)
        try:
            self._hold(hold)
            with deadline.asking(hold.keep):
                yield
        finally:
            self._release(hold)

    def unlisted(
        self, connection_id: ConnectionId, calendar: str, found: AbstractSet[str], since: Instant
    ) -> list[BookingRow]:
        """List the bookings of a calendar of which no event was found there by its marks.

        Args:
            connection_id: where.
            calendar: its remote id.
            found: remote ids of the events that were, and tokens of those that are left.
            since: when it was looked; what was written later is left out.
        """
        with self.database.read() as conn:
            return [
                row
                for row in bookings.of_connection(conn, connection_id, calendar)
                if not {row.remote_id, row.token} & found and not _is_newer(conn, row, since)
            ]

    def cancel(
        self,
        connection_id: ConnectionId,
        calendar: str,
        *,
        gone: Collection[str],
        absent: Collection[str],
        since: Instant,
    ) -> Ended:
        """End the bookings, and note the blocks, of a calendar whose events are gone.

        Args:
            connection_id: where.
            calendar: its remote id.
            gone: remote ids of the events that were deleted.
            absent: ids of bookings whose events were not there.
            since: when it was looked what stands there; what was written later is left alone.
        """
        if gone:
            with self.database.write() as conn:
                mirrored.bury_deleted(conn, connection_id, calendar, gone, self.clock())
        with self.database.read() as conn:
            rows = bookings.of_connection(conn, connection_id, calendar)
        ended = [row for row in rows if row.remote_id in gone or row.id in absent]
        due: list[Due] = []
        for resource_id, own in groupby(ended, key=lambda row: row.resource_id):
            every = [row.id for row in own]
            for start in range(0, len(every), _AT_ONCE):
                some = every[start : start + _AT_ONCE]
                due += self._cancel(ResourceId(resource_id), some, gone, since)
        return Ended(frozenset(row.token for row in ended), due)

    def of_others(self, connection_id: ConnectionId, marked: Collection[Marked]) -> set[str]:
        """Name the tokens and mirrors among marks that another connection is known to have.

        Several may be of one account.
        """
        with self.database.read() as conn:
            tokens = bookings.whose(conn, {it.token for it in marked if not it.mirror})
            mirroring = mirrors.whose(conn)
        return {mark for mark, it in (tokens | mirroring).items() if it != connection_id}

    def done(self, due: Due) -> None:
        """Note that a meeting is cancelled."""
        with self.database.write() as conn:
            outbox.withdraw(conn, due.proposal_id, self.clock())

    def _hold(self, hold: _Hold) -> None:
        until = self.clock() + LEASE + 10
        while True:
            seen = self.wake.seen(OUTBOX)
            if hold.take():
                return
            left = deadline.remaining()
            if self.clock() >= until or (left is not None and left < _KEPT):
                raise StoreError(_BUSY, busy=True)
            self.wake.wait(OUTBOX, 0.5, seen)

    def _release(self, hold: _Hold) -> None:
        with self.database.write() as conn:
            pausing.let_go_on(conn, hold.held)
        with self.database.write(lasting=False) as conn:
            schedule.mark(conn, [hold.connection_id], self.clock())
        for topic in (OUTBOX, "schedule"):
            self.wake.notify(topic)

    def _cancel(
        self,
        resource_id: ResourceId,
        booking_ids: Collection[str],
        gone: Collection[str],
        since: Instant,
    ) -> list[Due]:
        now = self.clock()
        due: list[Due] = []
        with self.database.write() as conn:
            if resources.lock(conn, resource_id) is None:
                return []
            ledger = Ledger(conn, self.publisher, resource_id, now)
            for booking_id in booking_ids:
                booking = bookings.get(conn, booking_id)
                if booking is None:
                    continue
                if booking.remote_id in gone or not _is_newer(conn, booking, since):
                    due += _end(ledger, booking)
            ledger.close()
        announce(self.wake)
        return due


def _is_newer(conn: Transaction, booking: BookingRow, since: Instant) -> bool:
    """Tell whether it was asked for or written since, or is being written."""
    return any(
        it.state is outbox.State.CLAIMED
        or (it.state is outbox.State.SETTLED and (it.settled_at or 0) >= since)
        or (it.created_at >= since and not it.kind.is_errand)
        for it in outbox.of_booking(conn, booking.id)
        if it.kind is not Kind.MEETING
    )


def _end(ledger: Ledger, booking: BookingRow) -> list[Due]:
    conn, now = ledger.conn, ledger.now
    history = outbox.of_booking(conn, booking.id)
    left = [it for it in history if it.state.is_open or it.state is outbox.State.FAILED]
    owed = _meetings(booking, left)
    for each in left:
        if not _only_clears(each):
            outbox.close(
                conn, each.id, outbox.State.WITHDRAWN, now, error_code=_ACTOR, error_message=PURGED
            )
    ledger.clear(booking.id)
    after = booking._replace(meeting_kind="", meeting_state="", meeting_reference="")
    if booking.state in (State.CONFIRMED, State.TENTATIVE):
        after = ledger.save(booking, showing.cancelled(after, booking.text, PURGED))
        ledger.tell("cancelled", after, reason=PURGED)
    elif booking.state is not State.CANCELLED:  # nobody sees it
        ledger.save(booking, after._replace(state=State.REMOVED))
    else:
        ledger.save(booking, after)
    resource_id = ResourceId(booking.resource_id)
    return [
        Due(
            resource_id,
            each,
            outbox.owe(
                conn,
                booking.id,
                now,
                actor=_ACTOR,
                name=booking.name,
                due_at=now + _LATER,
                progress={"cancel": str(each)},
            ),
        )
        for each in owed
    ]


def _meetings(booking: BookingRow, left: Collection[ProposalRow]) -> list[Owed]:
    """Name the meetings that were made by themselves, for what is written or was to be."""
    found = [Owed.of(booking)]
    for each in left:
        made = Progress.read(json.loads(each.progress)).made
        if made is not None and made.reference:
            found.append(Owed(made.kind, made.reference, made.maker))
    return [it for it in dict.fromkeys(found) if it is not None]


def _only_clears(proposal: ProposalRow) -> bool:
    """Tell whether it makes nothing anew: a transfer of what ended deletes what it finds."""
    progress = Progress.read(json.loads(proposal.progress))
    cancels = proposal.kind is Kind.MEETING and bool(progress.cancel)
    return cancels or proposal.kind is Kind.TRANSFER

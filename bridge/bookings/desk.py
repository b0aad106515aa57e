"""Taking writes, waiting for them, and showing what stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import BoundedSemaphore
from time import monotonic

from bridge.bookings import draft, failing, place, preconditions, shelf, showing
from bridge.bookings.draft import Draft
from bridge.bookings.ledger import Ledger
from bridge.bookings.place import Place
from bridge.bookings.proposing import Proposing
from bridge.bookings.words import (
    Act,
    NoSuchBooking,
    NotBookable,
    NotNow,
    NotRead,
    Outcome,
    Result,
    Ticket,
    Write,
)
from bridge.model.event import Occurrence
from bridge.model.interval import Instant
from bridge.model.resource import ResourceId
from bridge.publish import Publisher
from bridge.store import bookings, outbox, resources
from bridge.store.bookings import BookingRow, State
from bridge.store.database import Database, Transaction
from bridge.store.outbox import ProposalRow
from bridge.store.wake import Wake

OUTBOX = "outbox"
"""Topic of `Wake`: there is something to dispatch."""
BOOKED = "booked"
"""Topic of `Wake`: something became of a proposal."""
_TRIES = 5


def announce(wake: Wake) -> None:
    """Wake whoever waits for a proposal, for what is published, or for something to carry out."""
    for topic in (BOOKED, "published", OUTBOX):
        wake.notify(topic)


class Bookings:
    """What the CalDAV plugin and the HTTP API call; any thread may.

    A write is a proposal: `propose` commits it, `wait` waits until the dispatch engine has settled
    it, with neither transaction nor lock. `perform` does both.
    """

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        wake: Wake,
        clock: Callable[[], Instant],
        *,
        most_waiting: int = 4,
    ) -> None:
        """Take what it works with.

        Args:
            database: the store.
            publisher: publishes busy time; knows the instance, whose bookings have its name.
            wake: tells the engine of proposals, and the waiters of what became of them.
            clock: the present.
            most_waiting: how many threads may wait at once; at most a quarter of those that
                answer requests.
        """
        self._database = database
        self._publisher = publisher
        self._wake = wake
        self._clock = clock
        self._places = BoundedSemaphore(most_waiting)

    def perform(self, write: Write) -> Outcome:
        """Take a write and wait for it, at most `bookings.confirm_within` of its resource.

        Raises:
            BookingRefused, InvalidCalendarObject: as `propose` does; `NotNow` also where too many
                are waiting already. Nothing was done then.
            StoreError: the database cannot be used.
        """
        with self._waiting():
            ticket = self.propose(write, self._clock())
            with self._database.read() as conn:
                plan = place.look(conn, write.resource_id).plan
            return self.wait(ticket, plan.bookings.confirm_within)

    def propose(self, write: Write, now: Instant) -> Ticket:
        """Commit a write, or refuse it; the engine is woken.

        The body is parsed and expanded before the transaction. In it, under the resource's lock:
        conditions, UID, conflicts with what is pulled, booked and proposed; then the proposal with
        the time that it holds. A write that is the same as the last open one of its booking joins
        it. What needs no provider (MOVE, a declined booking, deleting what was never written) is
        settled in the same transaction: `proposal_id` of its ticket is 0.

        Raises:
            BookingRefused: one of its classes says why.
            InvalidCalendarObject: with the precondition of RFC 4791 section 5.3.2.1.
            StoreError: the database cannot be used.
        """
        for _ in range(_TRIES):
            ticket = self._propose(write, now)
            if ticket is not None:
                if ticket.proposal_id:
                    self._wake.notify(OUTBOX)
                else:
                    self._wake.notify("published")
                return ticket
        raise NotNow("the resource is being changed; try again", retry_after=1)

    def wait(self, ticket: Ticket, patience: timedelta) -> Outcome:
        """Wait until a write is settled, no longer than the patience; then decide what to say.

        The end of the patience is decided in one transaction under the resource's lock: a proposal
        that nobody ever claimed is withdrawn, or shown as tentative where `on_provider_down` is
        `queue`; one that was claimed is shown as tentative. Several may wait for one.
        """
        deadline = monotonic() + patience.total_seconds()
        while True:
            seen = self._wake.seen(BOOKED)
            with self._database.read() as conn:
                outcome = _outcome(conn, ticket)
            if outcome is not None:
                return outcome
            remaining = deadline - monotonic()
            if remaining <= 0:
                break
            self._wake.wait(BOOKED, remaining, seen)
        return self._end(ticket)

    def remind(self, resource_id: ResourceId, name: str) -> None:
        """List a booking once more as changed, under the tag that it has.

        Some clients forget what they were told to delete, whatever the answer. Who asks for the
        changes then finds it again; to everybody else it is what they have.
        """
        with self._database.write() as conn:
            if resources.lock(conn, resource_id) is None:
                return
            if name in bookings.shown(conn, resource_id, [name]):
                ledger = Ledger(conn, self._publisher, resource_id, self._clock())
                ledger.remind(name)
                ledger.close()

    def retry(self, booking_id: str) -> bool:
        """Have tried again what failed of a booking; False when nothing did."""
        with self._database.write() as conn:
            booking = bookings.get(conn, booking_id)
            if booking is None or not resources.lock(conn, ResourceId(booking.resource_id)):
                return False
            found = failing.of_booking(conn, booking_id)
            done = [failing.again(conn, it.id, self._clock()) for it in found]
        if any(done):
            self._wake.notify(OUTBOX)
        return any(done)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise NotNow("too many bookings wait for their calendars; try again", retry_after=5)
        try:
            yield
        finally:
            self._places.release()

    def _propose(self, write: Write, now: Instant) -> Ticket | None:
        """Try once; None when the resource was changed meanwhile."""
        with self._database.read() as conn:
            here = place.look(conn, write.resource_id)
            write = _named(conn, write)
            standing = _standing(conn, write)
            unread = self._publisher.freshness(conn, write.resource_id).unread
        wanted: tuple[Draft, list[Occurrence]] | None = None
        if write.act is Act.PUT:
            if here.horizon.start == here.horizon.end or unread:
                if not here.awaits:
                    here.receiver()  # without one, waiting for its calendars is in vain
                raise NotRead
            sent = draft.read(write.octets, here.plan)
            wanted = sent, preconditions.check(sent, here, standing, now)
        with self._database.write() as conn:
            row = resources.lock(conn, write.resource_id)
            if row is None or not here.stands(row):
                return None
            return _take(Proposing(conn, self._publisher, here, write, now), wanted)

    def _end(self, ticket: Ticket) -> Outcome:
        now = self._clock()
        with self._locked(ticket) as conn:
            proposal = outbox.get(conn, ticket.proposal_id)
            if proposal is not None and proposal.state.is_open and not proposal.shown:
                here = place.look(conn, ticket.resource_id)
                rejects = here.plan.bookings.on_provider_down == "reject"
                if not (rejects and self._withdraw(conn, proposal, now)):
                    self._show(conn, here, proposal, now)
            outcome = _outcome(conn, ticket)
        self._wake.notify(BOOKED)
        self._wake.notify("published")
        return outcome or Outcome(result=Result.TENTATIVE, booking=None, created=ticket.created)

    def _withdraw(self, conn: Transaction, proposal: ProposalRow, now: Instant) -> bool:
        """Take a proposal back; False when somebody has begun with it."""
        booking = bookings.get(conn, proposal.booking_id)
        if booking is None or not outbox.withdraw(conn, proposal.id, now):
            return False
        bookings.clear_booked(conn, booking.id, [proposal.id])
        if booking.state is State.PROPOSED and not outbox.open_of(conn, booking.id):
            bookings.save(conn, [booking._replace(state=State.REMOVED, changed_at=now)])
        return True

    def _show(self, conn: Transaction, here: Place, proposal: ProposalRow, now: Instant) -> None:
        booking = bookings.get(conn, proposal.booking_id)
        if booking is None:
            return
        ledger = Ledger(conn, self._publisher, here.resource.id, now)
        showing.tentative(ledger, booking, proposal)
        ledger.close()

    @contextmanager
    def _locked(self, ticket: Ticket) -> Iterator[Transaction]:
        with self._database.write() as conn:
            if resources.lock(conn, ticket.resource_id) is None:
                raise NotBookable("there is nothing to book")
            yield conn


def _named(conn: Transaction, write: Write) -> Write:
    """Find the name of a booking that is meant by its id."""
    if not write.booking_id:
        return write
    row = bookings.get(conn, write.booking_id)
    if row is None or row.resource_id != write.resource_id or not row.state.is_visible:
        raise NoSuchBooking
    return replace(write, name=row.name)


def _standing(conn: Transaction, write: Write) -> frozenset[Instant]:
    """Give the starts that the visible revision has."""
    row = bookings.shown(conn, write.resource_id, [write.name]).get(write.name)
    if row is None:
        return frozenset()
    # What blocks is stored with its buffers: the original start of what was moved says less.
    rows = bookings.booked_of(conn, row.id, 0)
    return frozenset(it.original_start for it in rows) | frozenset(it.start for it in rows)


def _take(proposing: Proposing, wanted: tuple[Draft, list[Occurrence]] | None) -> Ticket:
    if wanted is not None:
        return proposing.put(*wanted)
    return proposing.delete() if proposing.write.act is Act.DELETE else proposing.move()


def _outcome(conn: Transaction, ticket: Ticket) -> Outcome | None:
    """Tell what became of a write; None while nothing did."""
    booking = bookings.get(conn, ticket.booking_id)
    if not ticket.proposal_id:
        return _said(ticket, booking, Result.SETTLED, ticket.reason)
    proposal = outbox.get(conn, ticket.proposal_id)
    if proposal is None or proposal.state is outbox.State.SETTLED:
        if booking is not None:
            result, reason = Result.SETTLED, ""
        else:
            result, reason = Result.REFUSED, "the calendar was removed meanwhile"
        return _said(ticket, booking, result, reason)
    if proposal.state is outbox.State.WITHDRAWN:
        return _said(ticket, booking, Result.WITHDRAWN, "the calendar cannot be reached at present")
    if proposal.state is outbox.State.REFUSED:
        said = _said(ticket, booking, Result.REFUSED, proposal.error_message)
        return replace(said, code=proposal.error_code)
    if proposal.shown:
        return _said(ticket, booking, Result.TENTATIVE, "")
    return None


def _said(ticket: Ticket, booking: BookingRow | None, result: Result, reason: str) -> Outcome:
    if booking is None or not booking.state.is_visible:
        return Outcome(result=result, booking=None, created=ticket.created, reason=reason)
    visible = shelf.seen(booking, ticket.viewer)
    return Outcome(
        result=result,
        booking=booking,
        etag=visible.etag,
        created=ticket.created,
        verbatim=result is Result.SETTLED and bool(ticket.sent) and visible.text == ticket.sent,
        reason=reason or booking.reason,
    )

"""Bookings that go to another calendar: written there first, then deleted where they were.

For each booking there are two errands (`Kind.TRANSFER`), one after the other. The first writes its
event into the calendar that receives bookings by now, under a token of its own; the transaction
that settles it lets the booking name that event, and queues the second, which deletes the old one.
Whoever is killed in between finds the new event by its token, and the old one in the errand.

Errands wait for whatever clients write, and clients do not wait for them. Guests are invited by
the new calendar; that the old event goes they are not told, where its provider can keep quiet.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.bookings import desired, draft, echo, failing, linking, place, showing, times
from bridge.bookings.desk import OUTBOX, announce
from bridge.bookings.echo import Calendar
from bridge.bookings.following import without_replies
from bridge.bookings.ledger import Ledger
from bridge.bookings.place import Place, Target
from bridge.bookings.settling import Claim, owe, told_of_meeting, written_as
from bridge.bookings.words import NotBookable
from bridge.config.plan import ConnectionPlan
from bridge.errors import TemporarilyUnavailable
from bridge.model.conference import Conference, ConferenceKind
from bridge.model.event import Event, EventSeries
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId, ResourceId
from bridge.publish import Publisher
from bridge.sink import Written
from bridge.store import bookings, connections, outbox, resources
from bridge.store.bookings import BookingRow, State
from bridge.store.database import Database, Transaction
from bridge.store.outbox import Kind
from bridge.store.wake import Wake

if TYPE_CHECKING:
    from bridge.bookings.settle import Outbox

_TO, LEFT = "to", "left"
_AT_ONCE = 50
"""Bookings of one transaction: nobody else writes to their resource meanwhile, nor to SQLite."""
_WHERE = ("connection_id", "calendar")
_STOOD = (*_WHERE, "token", "remote_id", "remote_uid", "remote_etag", "written")


def deletes(claim: Claim) -> bool:
    """Tell whether an errand deletes what was left behind; else it writes."""
    return LEFT in claim.progress


def elsewhere(claim: Claim, instance: str) -> Claim:
    """Give the claim as one of the calendar in which there is something to do.

    Its booking is what stands there: nothing that is known yet, or what was left behind.
    """
    booking, progress = claim.booking, claim.progress
    if deletes(claim):
        left = {name: progress[LEFT][name] for name in _STOOD}
        return replace(claim, booking=booking._replace(**left))
    to = progress[_TO]
    target = Target(to["connection_id"], to["calendar"], "")
    token = place.token(
        instance,
        target,
        booking.resource_id,
        booking.uid,
        booking.generation,
        transfer=claim.proposal.id,
    )
    new = booking._replace(
        **{name: to[name] for name in _WHERE},
        token=token,
        remote_id="",
        remote_uid="",
        remote_etag=None,
        written="",
        echoed="",
    )
    if not booking.meeting_reference:  # it belongs to the old event, or there is none yet
        new = linking.met(new, None)
    return replace(claim, booking=new)


def is_as_it_was(booking: BookingRow, found: Written) -> bool:
    """Tell whether an event is as it was when it was read last, but for what guests replied."""
    if found.etag is not None and found.etag == booking.remote_etag:
        return True
    seen_now = written_as(booking, found)
    if seen_now.written == booking.written:
        return True
    before, now = desired.base_of(booking), desired.base_of(seen_now)
    return before is not None and now is not None and _told(before.series) == _told(now.series)


def seen(booking: BookingRow, found: Written | None) -> dict[str, object]:
    """Say what stands of a booking, as an errand says what it left."""
    row = written_as(booking, found)
    return {name: getattr(row, name) for name in _STOOD}


@dataclass(frozen=True, slots=True)
class Transfers:
    """Queues errands, says what they are to do, and settles them; any thread may call."""

    database: Database
    publisher: Publisher
    wake: Wake
    outbox: Outbox

    def queue(self, resource_id: ResourceId, now: Instant, *, actor: str = "") -> list[int]:
        """Let the bookings of a resource go to the calendar that receives bookings.

        What is over by now stays, and what stands in an account that is not connected.

        Returns:
            The numbers of their errands; those are left out that are under way.

        Raises:
            NotBookable: no calendar receives bookings.
            StoreError: not all of it is queued; whoever asks again queues the rest.
        """
        with self.database.read() as conn:
            place.look(conn, resource_id).receiver()
            every = [it.id for it in bookings.living(conn, resource_id)]
        numbers: list[int] = []
        for start in range(0, len(every), _AT_ONCE):
            numbers += self._queue(resource_id, every[start : start + _AT_ONCE], now, actor)
            self.wake.notify(OUTBOX)
        return numbers

    def _queue(
        self, resource_id: ResourceId, some: Collection[str], now: Instant, actor: str
    ) -> list[int]:
        with self.database.write() as conn:
            row = resources.lock(conn, resource_id)
            if row is None:
                raise NotBookable("there is nothing to book")
            here = place.of(conn, row)
            target = here.receiver()
            to = {"connection_id": target.connection_id, "calendar": target.calendar}
            numbers: list[int] = []
            for booking in filter(None, (bookings.get(conn, it) for it in some)):
                # What failed comes first: half of it may be done.
                numbers += _tried_again(conn, booking, now)
                if _goes(conn, booking, here, to, now):
                    numbers.append(_add(conn, booking, now, actor, {_TO: to}))
        return numbers

    def follow(self, here: Claim, found: Written | None, now: Instant) -> bool:
        """Let a booking follow what became of its event, as if a pull had told of it.

        Args:
            here: in force; the booking as it stands.
            found: the event as it was read just now; None: it is gone.
            now: the present.

        Returns:
            False when the claim is not in force any more: nothing was changed.
        """
        booking = here.booking
        with self.database.write() as conn:
            row = resources.lock(conn, here.resource_id)
            if row is None or outbox.held(conn, here.proposal) is None:
                return False
            connection = connections.get(conn, ConnectionId(booking.connection_id))
            plan = ConnectionPlan.model_validate_json(connection.plan) if connection else None
            calendar = Calendar(
                booking.connection_id,
                booking.calendar,
                "",
                cancels=plan is None or plan.cancel_if_declined_or_deleted,
                window=row.horizon,
                full=False,
                removed=[booking.remote_id],
            )
            echo.heed_read(conn, self.publisher, row, calendar, (booking, found), now)
        announce(self.wake)
        return True

    def intent(self, there: Claim, natively: Collection[ConferenceKind]) -> desired.Intent | None:
        """Say what the event is to be in its new calendar; reads only.

        None: it is to be nothing there, since the booking ended, or stands there already.

        Raises:
            InvalidCalendarObject: the text cannot be understood any more.
        """
        with self.database.read() as conn:
            here = place.look(conn, there.resource_id)
            booking = bookings.get(conn, there.booking.id)
        if booking is None or not _is_to_go(booking, there.booking):
            return None
        text = linking.without_link(booking.text, _dying_link(booking, there.booking))
        return self.outbox.intent(draft.parse(text, here.plan), there.booking, here, natively)

    def settle(
        self,
        there: Claim,
        written: Written,
        conference: Conference | None,
        now: Instant,
        *,
        stood: Written | None = None,
        meeting_due: Instant | None = None,
    ) -> bool:
        """The new calendar has it: let the booking name that event, and have the old one deleted.

        Args:
            there: in force, as `elsewhere` gave it.
            written: what stands there.
            conference: its meeting, made by itself or with it.
            now: the present.
            stood: what was seen in the old calendar before anything was written.
            meeting_due: when its meeting is to be seen to again, while that is not READY.

        Returns:
            False when the claim is not in force any more: nothing was changed.

        Raises:
            TemporarilyUnavailable: the booking was changed meanwhile: bring the event in line.
        """
        with self.database.write() as conn:
            row = resources.lock(conn, there.resource_id)
            if row is None or outbox.held(conn, there.proposal) is None:
                return False
            here = place.of(conn, row)
            before = bookings.get(conn, there.booking.id)
            if before is None or before.etag != there.booking.etag:
                raise TemporarilyUnavailable("the booking was changed meanwhile")
            if not _is_to_go(before, there.booking):
                raise TemporarilyUnavailable("the booking ended meanwhile")
            if before.reason == showing.UNTAKEN:
                raise TemporarilyUnavailable("its event was changed in the calendar meanwhile")
            ledger = Ledger(conn, self.publisher, there.resource_id, now)
            after = linking.met(written_as(there.booking, written), conference)
            after = _moved(before, after, written, here)
            series = draft.parse(after.text, here.plan).series
            timed = times.of(series, here, after)
            ledger.times(after.id, [0], timed.rows)
            after = ledger.save(before, after)
            _add(conn, after, now, there.proposal.actor, {LEFT: seen(before, stood)})
            outbox.close(conn, there.proposal.id, outbox.State.SETTLED, now)
            ledger.tell("updated", after)
            if told_of_meeting(ledger, before, after) and meeting_due is not None:
                owe(ledger, after, there, meeting_due, {})
            ledger.close()
        announce(self.wake)
        return True

    def end(self, claim: Claim, now: Instant) -> bool:
        """There is nothing left to do; False when the claim is not in force any more."""
        with self.database.write() as conn:
            resources.lock(conn, claim.resource_id)
            if outbox.held(conn, claim.proposal) is None:
                return False
            outbox.close(conn, claim.proposal.id, outbox.State.SETTLED, now)
        announce(self.wake)
        return True


def _add(
    conn: Transaction, booking: BookingRow, now: Instant, actor: str, said: Mapping[str, object]
) -> int:
    return outbox.owe(
        conn, booking.id, now, actor=actor, name=booking.name, progress=said, kind=Kind.TRANSFER
    )


def _tried_again(conn: Transaction, booking: BookingRow, now: Instant) -> list[int]:
    found = [it for it in failing.of_booking(conn, booking.id) if it.kind is Kind.TRANSFER]
    return [it.id for it in reversed(found) if failing.again(conn, it.id, now)]


def _goes(
    conn: Transaction, booking: BookingRow, here: Place, to: Mapping[str, str], now: Instant
) -> bool:
    """Tell whether a booking is to go, and nobody said so before."""
    waiting = [it for it in outbox.open_of(conn, booking.id) if it.kind is Kind.TRANSFER]
    destinations = [said[_TO] for it in waiting if _TO in (said := json.loads(it.progress))]
    stands = {name: getattr(booking, name) for name in _WHERE}
    if (destinations or [stands])[-1] == to or booking.connection_id not in here.connected:
        return False
    is_over = all(it.end <= now for it in bookings.booked_of(conn, booking.id))
    return booking.state not in (State.CANCELLED, State.LEAVING, State.REMOVED) and not is_over


def _is_to_go(booking: BookingRow, there: BookingRow) -> bool:
    stands = all(getattr(booking, name) == getattr(there, name) for name in _WHERE)
    return booking.state is State.CONFIRMED and bool(booking.remote_id) and not stands


def _told(series: EventSeries) -> list[Event]:
    """Give what an event says, without its replies and its history."""
    return [
        replace(it, sequence=0, created=None, last_modified=None, alarms=None, attachments=())
        for it in without_replies(series)
    ]


def _dying_link(before: BookingRow, after: BookingRow) -> str:
    """Give the link of a meeting that goes with the old event."""
    return "" if after.meeting_reference else before.meeting_url


def _moved(before: BookingRow, after: BookingRow, written: Written, here: Place) -> BookingRow:
    sent = draft.parse(before.text, here.plan)
    guests = any(it.attendees for it in sent.series.events())
    text = linking.settled_text(
        before.text,
        after,
        old_link=before.meeting_url,
        told=guests and desired.notifies(sent, here.rules(after.connection_id)),
        note=linking.note_in(before.text),
        replies=linking.replies_of(written.series),
    )
    return showing.revised(after, text, State.CONFIRMED, reason=before.reason)

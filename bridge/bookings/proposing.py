"""The transaction that takes a write: everything is decided here, under the resource's lock."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256

from bridge.bookings import conflicts, place, revising, shelf, showing, times
from bridge.bookings.draft import Draft
from bridge.bookings.ledger import Ledger
from bridge.bookings.place import Place
from bridge.bookings.times import Timed
from bridge.bookings.words import (
    Act,
    NameTaken,
    NoSuchBooking,
    NotAllowed,
    NotSeen,
    Outdated,
    Ticket,
    UidTaken,
    Write,
)
from bridge.config.booking import OnConflict
from bridge.model.event import Occurrence
from bridge.model.interval import Instant
from bridge.publish import Publisher
from bridge.store import bookings, outbox
from bridge.store.bookings import BookingRow, State
from bridge.store.database import Transaction
from bridge.store.outbox import Kind, ProposalRow

_RETRIED = 600
"""Seconds in which the same octets again are a retry of somebody who got no answer."""


@dataclass(frozen=True, slots=True)
class Proposing:
    """One write in its transaction, which holds the resource's lock."""

    conn: Transaction
    publisher: Publisher
    place: Place
    write: Write
    now: Instant

    # PUT

    def put(self, draft: Draft, found: Sequence[Occurrence]) -> Ticket:
        """Take a PUT.

        Args:
            draft: what the client sent.
            found: its occurrences up to the horizon, checked.
        """
        write = self.write
        here = bookings.named(self.conn, write.resource_id, write.name)
        shown = next((it for it in here if it.state.is_visible), None)
        latest = here[-1] if here else None
        pending = [] if latest is None else self._open(latest)
        digest = self._digest()
        again = self._again(latest, pending, digest, draft)
        if again is not None:
            return again
        self._check(shown, latest, pending)
        self._check_uid(draft, latest)
        booking, created = latest, shown is None
        if booking is None or not self._goes_on(booking, pending):
            booking = self._new(draft)
        ledger = self._ledger()
        wanted = times.timed(found, self.place, booking.id, booking.connection_id)
        why = self._conflict(booking, wanted)
        if why and self.place.plan.bookings.on_conflict is OnConflict.DECLINE:
            return self._declined(ledger, booking, draft, why, created=created)
        if booking.state is State.PROPOSED and latest is not booking:
            ledger.save(None, booking)
        number = outbox.add(
            self.conn,
            booking.id,
            Kind.CREATE if booking.state is State.PROPOSED else Kind.CHANGE,
            self.now,
            actor=write.viewer.login,
            name=write.name,
            text=draft.text,
            digest=digest,
            base=booking.etag,
            progress=json.dumps({"warning": why}) if why else "{}",
        )
        ledger.times(booking.id, [], times.of_proposal(wanted.rows, number))
        ledger.close()
        return self._ticket(booking, number, draft.text, created=created)

    def _again(
        self,
        latest: BookingRow | None,
        pending: Sequence[ProposalRow],
        digest: str,
        draft: Draft,
    ) -> Ticket | None:
        """Join a write that is the same, and still open or just settled."""
        if latest is None:
            return None
        if pending:
            last = pending[-1]
            if last.digest == digest and last.actor == self.write.viewer.login:
                created = last.kind is Kind.CREATE
                return self._ticket(latest, last.id, draft.text, created=created)
        if pending or latest.state is not State.CONFIRMED:
            return None
        if latest.text == draft.text:
            return self._ticket(latest, 0, draft.text, created=False)
        history = outbox.of_booking(self.conn, latest.id)
        last_one = next((it for it in history if not it.kind.is_errand), None)
        if last_one is not None and self._is_retry(last_one, digest):
            created = last_one.kind is Kind.CREATE
            return self._ticket(latest, 0, draft.text, created=created)
        return None

    def _is_retry(self, last: ProposalRow, digest: str) -> bool:
        """Tell whether somebody sends again what was settled, and never heard of that."""
        recent = self.now - (last.settled_at or 0) <= _RETRIED
        settled = last.state is outbox.State.SETTLED and last.digest == digest
        return settled and recent and self.write.if_match is None

    def _check_uid(self, draft: Draft, latest: BookingRow | None) -> None:
        """RFC 4791 section 5.3.2.1, no-uid-conflict: each UID once, and always under its name."""
        for row in bookings.by_uid(self.conn, self.write.resource_id, draft.uid):
            alive = row.state.is_visible or row.state is State.PROPOSED
            if alive and row.name != self.write.name:
                raise UidTaken(row.name)
        if latest is not None and latest.uid != draft.uid:
            raise UidTaken(latest.name)

    def _new(self, draft: Draft) -> BookingRow:
        """Begin a booking."""
        if self.place.target is None and self.place.awaits:
            raise NotSeen
        target = self.place.receiver()
        resource_id, uid = self.write.resource_id, draft.uid
        before = bookings.by_uid(self.conn, resource_id, uid)
        generation = before[0].generation + 1 if before else 0
        return BookingRow(
            id=place.booking_id(resource_id, uid, generation),
            resource_id=resource_id,
            name=self.write.name,
            uid=uid,
            generation=generation,
            login=self.write.viewer.login,
            private=revising.is_private(draft.text),
            state=State.PROPOSED,
            text="",
            etag="",
            schedule_tag="",
            sequence=0,
            reason="",
            created_at=self.now,
            changed_at=self.now,
            token=place.token(self.publisher.instance, target, resource_id, uid, generation),
            connection_id=target.connection_id,
            calendar=target.calendar,
        )

    def _conflict(self, booking: BookingRow, wanted: Timed) -> str:
        """Decide a conflict; where it is no reason to refuse, tell of it.

        Raises:
            Clash: it is.
        """
        how = self.place.plan.bookings.on_conflict
        if how is OnConflict.ALLOW:
            return ""
        moved = conflicts.moved(self.place, wanted, bookings.booked_of(self.conn, booking.id, 0))
        found = conflicts.clash(self.conn, self.place, booking, moved, self.now)
        if found is None:
            return ""
        if how is OnConflict.REJECT:
            raise found
        return str(found)

    def _declined(
        self, ledger: Ledger, booking: BookingRow, draft: Draft, why: str, *, created: bool
    ) -> Ticket:
        """Answer as a room's mailbox does: taken, and declined; a change leaves all as it was."""
        if booking.state.is_visible and booking.state is not State.CANCELLED:
            after = showing.restored(booking, showing.remembered(booking), why)
        else:
            after = showing.cancelled(booking, draft.text, why)
        known = bookings.get(self.conn, booking.id)
        ledger.save(known, after)
        ledger.tell("failed", after, reason=why)
        ledger.close()
        return self._ticket(after, 0, draft.text, created=created, reason=why)

    def _goes_on(self, booking: BookingRow, pending: Collection[ProposalRow]) -> bool:
        """Tell whether a PUT changes a booking, instead of beginning another of the same UID."""
        if any(it.kind is Kind.DELETE for it in pending):
            return False
        if booking.connection_id not in self.place.policies:
            return False  # its calendar is not connected any more
        # What was cancelled at its provider is not brought back to life there: its id is used up.
        return not (booking.state is State.CANCELLED and booking.remote_id)

    # DELETE and MOVE

    def delete(self) -> Ticket:
        """Take a DELETE."""
        booking = self._existing()
        pending = self._open(booking)
        if pending and pending[-1].kind is Kind.DELETE:
            return self._ticket(booking, pending[-1].id, "", created=False)
        self._check(booking, booking, pending)
        # What failed may stand there all the same: nobody knows.
        unknown = any(
            it.state.is_open or it.state is outbox.State.FAILED
            for it in outbox.of_booking(self.conn, booking.id)
        )
        if not (booking.remote_id or unknown) or booking.connection_id not in self.place.policies:
            # Nothing of it stands anywhere, or where nobody can take it away.
            ledger = self._ledger()
            ledger.clear(booking.id)
            ledger.save(booking, booking._replace(state=State.REMOVED))
            ledger.close()
            return self._ticket(booking, 0, "", created=False)
        number = outbox.add(
            self.conn,
            booking.id,
            Kind.DELETE,
            self.now,
            actor=self.write.viewer.login,
            name=booking.name,
            digest=self._digest(),
            base=booking.etag,
        )
        return self._ticket(booking, number, "", created=False)

    def move(self) -> Ticket:
        """Take a MOVE: nothing at the provider knows of names, so that it is done at once."""
        booking = self._existing()
        self._check(booking, booking, [])
        if bookings.named(self.conn, self.write.resource_id, self.write.destination):
            raise NameTaken
        ledger = self._ledger()
        for proposal in outbox.open_of(self.conn, booking.id):
            outbox.change(self.conn, proposal.id, name=self.write.destination)
        after = ledger.save(booking, booking._replace(name=self.write.destination))
        ledger.close()
        return self._ticket(after, 0, after.text, created=True)

    def _existing(self) -> BookingRow:
        name = self.write.name
        row = bookings.shown(self.conn, self.write.resource_id, [name]).get(name)
        if row is None:
            raise NoSuchBooking
        return row

    # What all have in common

    def _check(
        self,
        shown: BookingRow | None,
        latest: BookingRow | None,
        pending: Collection[ProposalRow],
    ) -> None:
        """Hold what the client knows against what there is (RFC 9110 section 13)."""
        write = self.write
        if write.if_none_match and latest is not None:
            raise Outdated("there is a booking of this name already")
        if shown is not None:
            visible = shelf.seen(shown, write.viewer)
            if write.act is Act.PUT and not visible.whole:
                raise NotAllowed("this booking is somebody else's, and private")
        if write.if_match is not None:
            if shown is None:
                raise Outdated("there is no such booking any more")
            if "*" not in write.if_match:
                # Of two who know the same revision the first one wins, settled or not.
                unseen = [it for it in pending if not it.shown]
                if shelf.seen(shown, write.viewer).etag not in write.if_match or unseen:
                    raise Outdated
        if write.if_schedule_tag_match and (
            shown is None or shown.schedule_tag != write.if_schedule_tag_match
        ):
            raise Outdated

    def _open(self, booking: BookingRow) -> list[ProposalRow]:
        found = outbox.open_of(self.conn, booking.id)
        return [it for it in found if not it.kind.is_errand]

    def _digest(self) -> str:
        write = self.write
        return sha256(b"\n".join([write.act.value.encode(), write.octets])).hexdigest()

    def _ledger(self) -> Ledger:
        return Ledger(self.conn, self.publisher, self.write.resource_id, self.now)

    def _ticket(
        self, booking: BookingRow, number: int, sent: str, *, created: bool, reason: str = ""
    ) -> Ticket:
        return Ticket(
            resource_id=self.write.resource_id,
            booking_id=booking.id,
            proposal_id=number,
            viewer=self.write.viewer,
            created=created,
            sent=sent,
            reason=reason,
        )

"""What settles a claim, or takes it back, inside the transaction of `settle`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.bookings import desired, linking, showing, times
from bridge.bookings.draft import Draft
from bridge.bookings.ledger import Ledger
from bridge.bookings.place import Place
from bridge.config.plan import ResourcePlan
from bridge.model.conference import Conference, ConferenceState
from bridge.model.interval import Instant
from bridge.model.resource import ResourceId
from bridge.sink import Written
from bridge.store import bookings, outbox
from bridge.store.bookings import BookingRow, State
from bridge.store.outbox import Kind, ProposalRow


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one proposal until its lease ends."""

    proposal: ProposalRow
    booking: BookingRow
    """As it stood when it was claimed."""
    plan: ResourcePlan

    @property
    def kind(self) -> Kind:
        """What is to happen. A CHANGE of what nothing stands of yet makes it."""
        return self.proposal.kind

    @property
    def resource_id(self) -> ResourceId:
        """Whose."""
        return self.plan.id

    @property
    def is_retry(self) -> bool:
        """Whether somebody may have written already: look before anything is made."""
        return self.proposal.started

    @property
    def progress(self) -> Mapping[str, Any]:
        """What an earlier try noted."""
        found: Mapping[str, Any] = json.loads(self.proposal.progress)
        return found


@dataclass(frozen=True, slots=True)
class Settling:
    """The settling of one claim, in its transaction."""

    ledger: Ledger
    claim: Claim
    here: Place
    meeting_due: Instant | None
    follows: bool = True
    """False: somebody changed the event meanwhile."""

    def gone(self) -> None:
        """Remove the booking."""
        conn = self.ledger.conn
        booking = bookings.get(conn, self.claim.booking.id) or self.claim.booking
        _, stood = showing.beneath(conn, booking)
        self.ledger.clear(booking.id)
        outbox.supersede(conn, booking.id, self.claim.proposal.id, self.ledger.now)
        after = booking._replace(
            state=State.REMOVED, meeting_kind="", meeting_state="", meeting_url=""
        )
        self.ledger.save(booking, after)
        if stood is not State.CANCELLED:  # that was told when its event went
            self.ledger.tell("cancelled", booking)

    def done(
        self,
        new: Draft,
        timed: times.Timed,
        written: Written | None,
        conference: Conference | None,
    ) -> None:
        """Make the revision the visible one."""
        conn, proposal = self.ledger.conn, self.claim.proposal
        booking = bookings.get(conn, self.claim.booking.id) or self.claim.booking
        after = booking
        if self.follows or self.claim.kind is not Kind.MEETING:
            after = written_as(booking, written)  # else the next pull has something to tell
        meeting = conference or (written.conference if written is not None else None)
        if self.claim.kind is Kind.MEETING and written is None and meeting is None:
            return  # what was to be done was done elsewhere
        if written is not None or meeting is not None:
            after = linking.met(after, meeting)
        text = self._text(new, booking, after, written)
        number = proposal.id
        later = [it for it in outbox.open_of(conn, booking.id) if it.shown and it.id > number]
        shown = showing.revised(after, text, State.CONFIRMED)
        if self.claim.kind is Kind.MEETING:
            shown = shown._replace(
                state=showing.beneath(conn, booking)[1],
                schedule_tag=booking.schedule_tag,
                reason=booking.reason,
            )
        else:
            self._succeed(shown)
            outbox.supersede(conn, booking.id, number, self.ledger.now)
            held = {it.proposal_id for it in bookings.booked_of(conn, booking.id)}
            # What was proposed later keeps its time, settled or not.
            gone = sorted(it for it in held if abs(it) <= number)
            self.ledger.times(booking.id, gone, timed.rows)
        if later:
            if self.claim.kind is Kind.MEETING and showing.is_untaken(later[0].before):
                shown = shown._replace(reason=showing.UNTAKEN)
            outbox.change(conn, later[0].id, before=showing.remembered(shown))
            shown = after._replace(
                text=booking.text,
                etag=booking.etag,
                schedule_tag=booking.schedule_tag,
                state=booking.state,
            )
        self.ledger.save(booking, shown)
        self._told(booking, shown)

    def _text(
        self, new: Draft, before: BookingRow, after: BookingRow, written: Written | None
    ) -> str:
        rules = self.here.rules(after.connection_id)
        guests = any(it.attendees for it in new.series.events())
        note = str(self.claim.progress.get("warning", ""))
        if self.claim.kind is Kind.MEETING:
            note = linking.note_in(new.text)
        return linking.settled_text(
            new.text,
            after,
            old_link=before.meeting_url,
            told=guests and desired.notifies(new, rules),
            note=note,
            replies={} if written is None else linking.replies_of(written.series),
        )

    def _succeed(self, booking: BookingRow) -> None:
        """Take away what is shown of an earlier generation, cancelled or not connected any more."""
        conn = self.ledger.conn
        for row in bookings.by_uid(conn, booking.resource_id, booking.uid):
            if row.id != booking.id and row.state.is_visible:
                self.ledger.clear(row.id)
                self.ledger.save(row, row._replace(state=State.REMOVED))

    def _told(self, before: BookingRow, after: BookingRow) -> None:
        if self.claim.kind is not Kind.MEETING:
            was_there = bool(before.remote_id)
            self.ledger.tell("updated" if was_there else "created", after)
        is_due = told_of_meeting(self.ledger, before, after)
        if is_due and self.meeting_due is not None:
            owe(self.ledger, after, self.claim, self.meeting_due, {})


def written_as(booking: BookingRow, written: Written | None) -> BookingRow:
    """Let a booking name what stands at its provider."""
    if written is None:
        return booking
    return booking._replace(
        remote_id=written.remote_id,
        remote_uid=written.uid or written.series.uid,
        remote_etag=written.etag,
        written=desired.written_text(written.series),
    )


def told_of_meeting(ledger: Ledger, before: BookingRow, after: BookingRow) -> bool:
    """Tell what became of the meeting; give whether it is to be seen to again."""
    if after.meeting_url and after.meeting_url != before.meeting_url:
        ledger.tell("conference_assigned", after)
    failing = ConferenceState.FAILING.value
    if after.meeting_state == failing and before.meeting_state != failing:
        ledger.tell("conference_failing", after, reason=after.meeting_reason)
    return after.meeting_state not in ("", ConferenceState.READY.value)


def owe(
    ledger: Ledger,
    booking: BookingRow,
    claim: Claim,
    due_at: Instant,
    progress: Mapping[str, str],
) -> None:
    """Queue what is left to do about a meeting, unless it is queued already."""
    conn = ledger.conn
    queued = [it for it in outbox.open_of(conn, booking.id) if it.kind is Kind.MEETING]
    if not progress and any(it.id != claim.proposal.id for it in queued):
        return
    outbox.owe(
        conn,
        booking.id,
        ledger.now,
        actor=claim.proposal.actor,
        name=booking.name,
        due_at=due_at,
        progress=progress,
    )

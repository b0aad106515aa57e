"""The errands of one booking that goes to another calendar; see `bridge.bookings.transfers`.

Nobody pulls for a transfer, and the calendar of before may not be read any more. So its event is
looked at before anything is written, and once more before it is deleted: what a person did there
counts. The first is followed as a pull would follow it; the second a human is to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bridge.bookings import Outbox, showing, transfers
from bridge.bookings.desired import written_text
from bridge.dispatch.ending import Ending
from bridge.dispatch.events import CalendarMissing, gone
from bridge.dispatch.meetings import Meetings
from bridge.dispatch.opening import Opening
from bridge.dispatch.progress import Refusal
from bridge.dispatch.report import Report
from bridge.dispatch.work import Lost, Refused, Work
from bridge.errors import RemoteNotFound, RemoteRejected, TemporarilyUnavailable
from bridge.model.interval import Instant
from bridge.sink import Written
from bridge.store import bookings
from bridge.store.bookings import BookingRow, State
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database

_BEGUN = "begun"
"""With what was left: that it was looked at, or that somebody was told how it is not as it was."""
_UNTAKEN = (
    "its event was changed in the calendar as cannot be said in the booking's text: change the"
    " booking, or put the event back to its times, and try again"
)
_ONE_UID = (
    "the server of the calendar that it is in would tell its guests that it is cancelled, by a UID"
    " that it has in both calendars: take the guests out before, or delete it and book it anew"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferring:
    """Carries one errand out."""

    work: Work
    """Of the calendar in which there is something to do."""
    database: Database
    outbox: Outbox
    clock: Callable[[], Instant]
    opening: Opening
    meetings: Meetings
    ending: Ending

    def run(self) -> Report:
        """Write the event into its new calendar, or delete what was left in the old one.

        Raises:
            Refused: not without a human.
            BridgeError: not now.
        """
        return self._delete() if transfers.deletes(self.work.claim) else self._write()

    def refuse(self, refusal: Refusal) -> Report:
        """Let the booking stay where it is, nothing of it stand elsewhere, and somebody know.

        Raises:
            BridgeError: what was written cannot be deleted now; it is all tried again.
        """
        reason = refusal.reason
        if not transfers.deletes(self.work.claim):
            try:
                self._unwrite()
            except Refused as err:
                reason += f"; what was written there, if anything, cannot be deleted: {err}"
        return self.ending.fail(self.work, RemoteRejected(reason, code=refusal.code))

    def _unwrite(self) -> None:
        work = self.work
        if not (work.touched or work.claim.is_retry):
            return
        _, events = self.opening.open(work)
        try:
            found = events.find()
        except RemoteNotFound:  # it is gone with its calendar
            return
        if found is not None:
            intent = self.outbox.transfers.intent(work.claim, events.sink.natively)
            # Whom it invited hears that it goes; the invitation of before stands.
            events.delete(found, notify=intent is None or intent.notify)

    def _write(self) -> Report:
        work = self.work
        row, events = self.opening.open(work)
        self._await_pause(row)
        there = work.claim
        intent = self.outbox.transfers.intent(there, events.sink.natively)
        if intent is None:  # it ended meanwhile, and may stand there all the same
            found = events.find() if there.is_retry else None
            if found is not None:
                events.delete(found, notify=True)
            return self._done()
        stood = self._stood(keeps_uids=events.sink.keeps_uids)
        desired, made = self.meetings.prepare(intent, look=True)
        written = events.put(desired, events.standing(intent, look=there.is_retry))
        meeting = made or written.conference
        due = self.ending.due(work, meeting)
        settled = self.outbox.transfers.settle(
            there, written, meeting, self.clock(), stood=stood, meeting_due=due
        )
        return self.ending.recorded(work, settled=settled)

    def _delete(self) -> Report:
        work = self.work
        try:
            row, events = self.opening.open(work)
            self._await_pause(row)
            found = events.look()
        except (Refused, CalendarMissing):
            return self._done()  # who is not connected any more has it
        left: Mapping[str, Any] = work.claim.progress[transfers.LEFT]
        is_as_it_was = found is not None and transfers.is_as_it_was(work.claim.booking, found)
        if not is_as_it_was and not (found is None and _BEGUN in left):
            self._note(left, found)
            what = "changed" if found else "deleted"
            raise Refused(
                f"it went to the other calendar, and its event in the calendar of before was {what}"
                " meanwhile: see whether the booking is to follow; what is left of that event is"
                " deleted with the next try",
                "remote_changed",
            )
        if found is not None:
            if _BEGUN not in left:
                self._note(left, found)
            events.delete(found, notify=False)
        return self._done()

    def _await_pause(self, row: ConnectionRow) -> None:
        """Leave an account alone that asked for it: who claims looks at the booking's own.

        Raises:
            TemporarilyUnavailable: not before that pause is over.
        """
        rest = (row.limited_until or 0) - self.clock()
        if rest > 0:
            raise TemporarilyUnavailable(
                "the account of that calendar asked for a pause",
                retry_after=timedelta(seconds=rest),
            )

    def _done(self) -> Report:
        ended = self.outbox.transfers.end(self.work.claim, self.clock())
        return self.ending.recorded(self.work, settled=ended)

    def _note(self, left: Mapping[str, Any], found: Written | None) -> None:
        """Note that the old event is about to go, as it is now."""
        seen = transfers.seen(self.work.claim.booking, found)
        others = {**self.work.progress.others, transfers.LEFT: {**left, **seen, _BEGUN: True}}
        self.work.note(replace(self.work.progress, others=others))

    # The calendar of before

    def _stood(self, *, keeps_uids: bool) -> Written | None:
        """Look what stands in the calendar of before; None where that calendar is gone.

        Args:
            keeps_uids: guests are to see the new event under the UID of the old one.

        Raises:
            TemporarilyUnavailable: the event is not as it was when it was read last: the booking
                follows that, and is looked at anew.
            Refused: the event is gone, and its booking stays; or it cannot go.
        """
        booking = self._booking()
        before = replace(self.work, claim=replace(self.work.claim, booking=booking))
        try:
            _, events = self.opening.open(before)
            found = events.look()
        except CalendarMissing:
            return None
        finally:
            self.work.limited = before.limited
        if found is not None and not written_text(found.series):
            raise Refused(_UNTAKEN, "untaken")
        if found is not None and transfers.is_as_it_was(booking, found):
            if booking.reason == showing.UNTAKEN:
                raise Refused(_UNTAKEN, "untaken")
            if keeps_uids and _is_told(found) and events.sink.ends_by_uid(before.calendar):
                raise Refused(_ONE_UID, "guests_would_be_told")
            return found
        if not self.outbox.transfers.follow(before.claim, found, self.clock()):
            raise Lost
        if found is None and self._booking().state is State.CONFIRMED:
            raise gone()
        raise TemporarilyUnavailable("its event was changed in the calendar meanwhile")

    def _booking(self) -> BookingRow:
        with self.database.read() as conn:
            found = bookings.get(conn, self.work.claim.booking.id)
        if found is None:
            raise Lost
        return found


def _is_told(stood: Written) -> bool:
    """Tell whether the server of an event tells any of its guests (RFC 6638 section 7.1)."""
    guests = [guest for event in stood.series.events() for guest in event.attendees]
    return not all(guest.is_told_elsewhere for guest in guests)

"""The engine: one claim from the last look at conflicts to what becomes visible."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from bridge import deadline
from bridge.bookings import Claim, Outbox, transfers
from bridge.bookings.desired import Intent, plain
from bridge.bookings.merging import taken_back
from bridge.bookings.owed import Owed
from bridge.dispatch import retry
from bridge.dispatch.ending import Ending
from bridge.dispatch.events import Events
from bridge.dispatch.makers import Accounts, Makers
from bridge.dispatch.meetings import Meetings
from bridge.dispatch.opening import Opening
from bridge.dispatch.points import Point
from bridge.dispatch.progress import Progress, Refusal
from bridge.dispatch.putting_back import PuttingBack, is_over
from bridge.dispatch.report import Recheck, Report
from bridge.dispatch.transferring import Transferring
from bridge.dispatch.work import InternalFault, Lost, Refused, Work
from bridge.errors import (
    BridgeError,
    InvalidCalendarObject,
    RemoteNotFound,
    RemoteRejected,
    StoreError,
    TemporarilyUnavailable,
)
from bridge.model.conference import Conference, ConferenceState
from bridge.model.event import EventSeries
from bridge.model.interval import Instant
from bridge.points import reached
from bridge.sink import Desired, Written
from bridge.store import bookings, outbox
from bridge.store.bookings import State
from bridge.store.connections import ConnectionRow
from bridge.store.database import Database
from bridge.store.outbox import Kind

_DELETED = "deleted_at_provider"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Carries out claims; any thread may call."""

    database: Database
    outbox: Outbox
    accounts: Accounts
    clock: Callable[[], Instant]
    random: Random

    def recheck(self, claim: Claim) -> Recheck | None:
        """Say what has to be read before a claim is decided: for what is made or moved.

        Raises:
            StoreError: the database cannot be used.
        """
        if claim.kind is Kind.DELETE or claim.kind.is_errand:
            return None
        if claim.is_retry and claim.proposal.attempts:
            return None
        with self.database.read() as conn:
            rows = bookings.booked_of(conn, claim.booking.id)
        held = {(it.start, it.end) for it in rows if it.proposal_id == claim.proposal.id}
        if held <= {(it.start, it.end) for it in rows if it.proposal_id == 0}:
            return None
        asked = claim.plan.bookings.recheck
        return Recheck(claim.resource_id, asked.max_age, asked.timeout)

    def run(self, claim: Claim) -> Report:
        """Carry out a claim, or note when it is tried again, whatever its provider does.

        Raises:
            StoreError: what came of it was not recorded; whoever claims it next finds out.
        """
        reached(Point.CLAIMED)
        work = self._work(claim)
        try:
            try:
                work.hold()  # calendars were read since it was claimed
                with deadline.asking(work.keep):
                    return self._carry_out(work)
            except Refused as err:
                logger.info("%s: a booking is refused: %s", work.connection_id, err)
                with deadline.asking(work.keep):
                    return self._refuse(work, Refusal(err.code, work.plainly(err)))
        except Lost:
            return self._ending.lost(work)
        except StoreError:
            raise
        except InvalidCalendarObject as err:
            return self._ending.fail(work, err)
        except BridgeError as err:
            return self._ending.later(work, err)
        except Exception as err:
            # One booking's fault must not end the others; it is shown with the booking.
            logger.exception("%s: a booking failed by a fault of ours", work.connection_id)
            text = f"a fault of BusyBridge ({type(err).__name__}); see the log"
            return self._ending.later(work, InternalFault(text))

    def _work(self, claim: Claim) -> Work:
        if claim.kind is not Kind.TRANSFER:
            return Work(claim, self.outbox, self.clock, Progress.read(claim.progress))
        there = transfers.elsewhere(claim, self.outbox.instance)
        # Its meeting is found by the token that the booking has still.
        progress, named = Progress.read(claim.progress), claim.booking.token
        return Work(there, self.outbox, self.clock, progress, meeting_token=named)

    def _carry_out(self, work: Work) -> Report:
        if work.progress.refusal is not None:
            return self._refuse(work, work.progress.refusal)
        if work.claim.kind is Kind.MEETING:
            return self._see_to_meeting(work)
        if work.claim.kind is Kind.TRANSFER:
            return self._transferring(work).run()
        row, events = self._opening.open(work)
        intent = self.outbox.desired(work.claim, events.sink.natively)
        if intent.desired is None:
            return self._delete(work, events, intent)
        return self._put(work, row, events, intent)

    # Events

    def _put(self, work: Work, row: ConnectionRow, events: Events, intent: Intent) -> Report:
        claim, meetings = work.claim, self._meetings(work)
        unsure = claim.is_retry or bool(self._unfinished(work))
        # Of a provider that answers nothing, it is better known before anything was asked for.
        base = events.standing(intent, look=unsure or bool(row.failures))
        if base is None or intent.base is not None:
            clash = self.outbox.recheck(claim, self.clock())
            if clash is not None:
                raise Refused(str(clash), "conflict")
        events = replace(events, written_before=self._before(work, events))
        have = intent.conference
        desired, conference = meetings.prepare(intent, look=unsure or have is not None)
        written = events.put(desired, base)
        if conference is not None and conference.state is ConferenceState.READY:
            written, conference = self._follow(
                (work, events, meetings), replace(intent, desired=desired), written, conference
            )
        conference = conference or written.conference
        if self._is_unwanted(work, meetings, conference):
            raise Refused(f"no meeting: {conference.reason}" if conference else "", "no_meeting")
        is_other = have is not None and (conference is None or conference.kind is not have.kind)
        owed = meetings.drop(have) if is_other else ""
        reached(Point.MEETING_FOLLOWED)
        return self._ending.settle(work, written, conference, cancel=owed)

    def _before(self, work: Work, events: Events) -> EventSeries | None:
        """Say what the visible revision wanted; None where a proposal is shown in its place."""
        claim = work.claim
        if claim.kind is not Kind.CHANGE or claim.booking.state is not State.CONFIRMED:
            return None
        desired = self._beneath(work, events)
        return None if desired is None else desired.series

    def _beneath(self, work: Work, events: Events) -> Desired | None:
        """Say what the event was to be before this change was asked for."""
        before = work.claim.proposal._replace(kind=Kind.MEETING)
        beneath = replace(work.claim, proposal=before)
        return self.outbox.desired(beneath, events.sink.natively).desired

    def _follow(
        self,
        ground: tuple[Work, Events, Meetings],
        intent: Intent,
        written: Written,
        conference: Conference,
    ) -> tuple[Written, Conference]:
        _, _, meetings = ground
        desired = intent.desired
        if desired is None:
            return written, conference
        try:
            return written, meetings.follow(conference, intent, desired.series)
        except RemoteNotFound:
            return self._renew(ground, intent, written, conference)

    def _renew(
        self,
        ground: tuple[Work, Events, Meetings],
        intent: Intent,
        base: Written | None,
        conference: Conference,
    ) -> tuple[Written, Conference]:
        """Make another meeting for an event whose meeting was deleted."""
        work, events, meetings = ground
        logger.info("%s: a meeting was deleted; another is made", work.connection_id)
        desired = intent.desired
        if desired is None:
            raise Refused("the event is gone", _DELETED)
        again = replace(intent, conference=None, desired=self._unlinked(desired, conference))
        desired, made = meetings.prepare(again, look=True)
        return events.put(desired, base), made or conference

    def _unlinked(self, desired: Desired, conference: Conference) -> Desired:
        return replace(desired, series=plain(desired.series, conference.join_url))

    def _is_unwanted(self, work: Work, meetings: Meetings, conference: Conference | None) -> bool:
        """Tell whether an event that was made is to go again, since its meeting failed."""
        failed = conference is not None and conference.state is ConferenceState.FAILING
        return failed and meetings.insists and work.claim.kind is Kind.CREATE

    def _delete(self, work: Work, events: Events, intent: Intent) -> Report:
        base = events.standing(intent, look=True)
        if base is not None:
            events.delete(base, notify=intent.notify)
        meetings = self._meetings(work)
        left = [it.made for it in self._unfinished(work) if it.made is not None]
        owed = [meetings.drop(it) for it in dict.fromkeys([intent.conference, *left])]
        reached(Point.MEETING_FOLLOWED)
        return self._ending.settle(work, None, None, cancel="\n".join(filter(None, owed)))

    def _unfinished(self, work: Work) -> list[Progress]:
        """Give how far earlier proposals came that failed: something of them may stand."""
        with self.database.read() as conn:
            earlier = outbox.of_booking(conn, work.claim.booking.id)
        failed = [it for it in earlier if it.state is outbox.State.FAILED]
        return [Progress.of(it) for it in failed if it.id != work.claim.proposal.id]

    # Meetings alone

    def _see_to_meeting(self, work: Work) -> Report:
        meetings, progress = self._meetings(work), work.progress
        if progress.cancel:
            booking = work.claim.booking
            for owed in map(Owed.read, progress.cancel.splitlines()):
                if not (booking.meeting_kind and booking.meeting_reference == owed.reference):
                    meetings.cancel(owed)  # else it was found by a later try, and is used
            return self._ending.settle(work, None, None)
        _, events = self._opening.open(work)
        intent = self.outbox.desired(work.claim, events.sink.natively)
        if intent.desired is None or intent.conference is None:
            return self._ending.settle(work, None, None)
        booking_id, series = work.claim.booking.id, intent.desired.series
        is_late = not intent.is_native and is_over(self.database, booking_id, series, self.clock())
        is_owed = bool(progress.update or progress.changed)
        if is_late or (intent.conference.state is ConferenceState.READY and not is_owed):
            return self._ending.settle(work, None, None)
        if is_owed:
            return self._update(work, events, intent)
        if intent.is_native:
            return self._poll(work, events, intent)
        return self._make_up(work, events, intent)

    def _update(self, work: Work, events: Events, intent: Intent) -> Report:
        """Move a meeting that could not be moved when its event was, or was moved at its maker."""
        desired, conference = intent.desired, intent.conference
        if desired is None or conference is None:
            return self._ending.settle(work, None, None)
        meetings = self._meetings(work)
        try:
            if work.progress.update:
                meetings.update(Owed.read(work.progress.update), desired.series)
            else:
                PuttingBack(self.database, meetings).run(desired.series, self.clock())
        except RemoteNotFound:
            base = events.standing(intent, look=True)
            written, made = self._renew((work, events, meetings), intent, base, conference)
            return self._ending.settle(work, written, made)
        return self._ending.settle(work, None, None)

    def _poll(self, work: Work, events: Events, intent: Intent) -> Report:
        """Look whether the provider has made its meeting by now, or have it try again."""
        desired, base = intent.desired, intent.base
        if desired is None or base is None or intent.conference is None:
            return self._ending.settle(work, None, None)
        if intent.conference.state is ConferenceState.FAILING:
            written = events.put(desired, base)
            return self._met(work, written, written.conference or intent.conference)
        try:
            written = events.sink.read(work.calendar, base.remote_id)
        except RemoteNotFound:  # the next pull sees to that
            return self._ending.settle(work, None, None)
        found = written.conference or intent.conference
        if found.state is not ConferenceState.PENDING:
            return self._met(work, written, found)
        age = self.clock() - work.claim.proposal.created_at
        if age > retry.PENDING:
            reason = f"the meeting was not there after {retry.PENDING // 60} minutes"
            late = replace(found, state=ConferenceState.FAILING, reason=reason)
            return self._ending.settle(work, written, late, is_last=True)
        return self._ending.again(
            work, TemporarilyUnavailable("the meeting is being made"), retry.POLLING
        )

    def _make_up(self, work: Work, events: Events, intent: Intent) -> Report:
        """Make a meeting that could not be made when its event was."""
        desired, made = self._meetings(work).prepare(intent, look=True)
        if made is None:
            return self._ending.settle(work, None, None)
        if made.state is not ConferenceState.READY:
            return self._met(work, None, made)
        return self._met(work, events.put(desired, events.standing(intent, look=True)), made)

    def _met(self, work: Work, written: Written | None, found: Conference) -> Report:
        hopeless = retry.is_hopeless(work.claim.proposal.created_at, self.clock())
        if found.state is ConferenceState.FAILING and not hopeless:
            trouble = work.trouble or TemporarilyUnavailable(found.reason)
            return self._ending.again(work, trouble, retry.MEETING)
        reached(Point.MEETING_FOLLOWED)
        is_last = found.state is ConferenceState.FAILING
        return self._ending.settle(work, written, found, is_last=is_last)

    @property
    def _ending(self) -> Ending:
        return Ending(
            database=self.database, outbox=self.outbox, clock=self.clock, random=self.random
        )

    @property
    def _opening(self) -> Opening:
        return Opening(self.database, self.accounts)

    def _transferring(self, work: Work) -> Transferring:
        return Transferring(
            work=work,
            database=self.database,
            outbox=self.outbox,
            clock=self.clock,
            opening=self._opening,
            meetings=self._meetings(work),
            ending=self._ending,
        )

    def _meetings(self, work: Work) -> Meetings:
        return Meetings(work, Makers(self.database, self.accounts))

    # What becomes of it

    def _refuse(self, work: Work, refusal: Refusal) -> Report:
        """Undo what was done for it, and say no.

        Raises:
            BridgeError: it cannot be undone now; whoever goes on with it does nothing else.
        """
        if work.claim.kind is Kind.TRANSFER:  # it stays where it is, and somebody is to know
            return self._transferring(work).refuse(refusal)
        made = work.progress.made
        is_done = made is not None or refusal.code == "no_meeting" or work.in_parts
        # What an earlier try wrote, and got no answer to, may stand.
        is_done = is_done or work.claim.is_retry or bool(self._unfinished(work))
        if work.progress.refusal is None and is_done:
            work.note(replace(work.progress, refusal=refusal))
        owed = ""
        if work.progress.refusal is not None:
            reached(Point.UNDOING)
            if work.claim.kind is Kind.CREATE and not work.claim.booking.remote_id:
                self._undo(work, self._unwrite)
            elif work.claim.kind is Kind.CHANGE:
                self._undo(work, self._put_back)
            owed = self._meetings(work).drop(made)
        now = self.clock()
        if not self.outbox.refuse(work.claim, refusal.reason, now, code=refusal.code, owed=owed):
            return self._ending.lost(work)
        if refusal.code == _DELETED:
            self._ending.have_pulled(work.connection_id, now)
        return Report("refused")

    def _undo(self, work: Work, undo: Callable[[Work, Events, Written], None]) -> None:
        """Undo what was written of what is refused.

        Raises:
            BridgeError: not now; where nobody lets us it stays owed, and is shown in the end.
        """
        try:
            _, events = self._opening.open(work)
            found = events.find()
            if found is not None:
                undo(work, events, found)
        except Refused as err:
            raise RemoteRejected(str(err), code=err.code) from err

    def _unwrite(self, work: Work, events: Events, found: Written) -> None:
        intent = self.outbox.desired(work.claim, events.sink.natively)
        events.delete(found, notify=intent.notify)

    def _put_back(self, work: Work, events: Events, found: Written) -> None:
        """Make it what it was, as far as this change is in it: what others changed there stays."""
        refused = self.outbox.desired(work.claim, events.sink.natively).desired
        visible = self._beneath(work, events)
        if refused is None or visible is None:
            return
        made = work.progress.made
        stands = found.series if made is None else plain(found.series, made.join_url)
        back = taken_back(stands, refused.series, visible.series)
        if back != found.series:
            events.put(replace(visible, series=back), found)

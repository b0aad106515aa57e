"""What the dispatch engine works on: claims of proposals, and what becomes of them.

Each method is one transaction. Those that change what stands take the resource's lock first, look
whether the claim is in force still, and do nothing when it is not: a process that slept through its
lease changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from bridge.bookings import conflicts, desired, draft, failing, place, showing, stranded, times
from bridge.bookings.desired import Intent, Organizer
from bridge.bookings.desk import announce
from bridge.bookings.draft import Draft
from bridge.bookings.following import with_theirs
from bridge.bookings.ledger import Ledger
from bridge.bookings.merging import Side
from bridge.bookings.place import Place
from bridge.bookings.returning import lives_again, taken_back
from bridge.bookings.settling import Claim, Settling, owe
from bridge.bookings.transfers import Transfers
from bridge.bookings.words import KEY, Clash
from bridge.config.booking import OnConflict
from bridge.config.live import Live
from bridge.config.plan import ResourcePlan
from bridge.model.conference import Conference, ConferenceKind
from bridge.model.interval import Instant
from bridge.model.resource import ResourceId
from bridge.publish import Publisher
from bridge.sink import Written
from bridge.store import bookings, claiming, outbox, resources
from bridge.store.bookings import BookingRow
from bridge.store.database import Database
from bridge.store.outbox import Kind
from bridge.store.wake import Wake

CONFLICT = "conflict"
"""Code of a refusal because of busy time."""
_TRIES = 5


class Outbox:
    """Any thread may call."""

    def __init__(self, database: Database, live: Live, publisher: Publisher, wake: Wake) -> None:
        self._database = database
        self._live = live
        self._publisher = publisher
        self._wake = wake

    @property
    def instance(self) -> str:
        """Names this instance in what is written."""
        return self._publisher.instance

    @property
    def transfers(self) -> Transfers:
        """What lets bookings go to another calendar."""
        return Transfers(self._database, self._publisher, self._wake, self)

    # Claims

    def claim(
        self,
        owner: str,
        now: Instant,
        limit: int,
        lease: int,
        *,
        share: int | None = None,
        barred: Collection[str] = (),
    ) -> list[Claim]:
        """Take up to `limit` proposals that are due; see `bridge.store.claiming.claim`.

        One transaction: the rows are marked as claimed and `started`, with a new fence. Of each
        UID one proposal is worked on at a time, the oldest first.
        """
        with self._database.write() as conn:
            found: list[Claim] = []
            for row in claiming.claim(conn, owner, now, limit, lease, share=share, barred=barred):
                booking = bookings.get(conn, row.booking_id)
                if booking is not None:
                    here = place.look(conn, ResourceId(booking.resource_id))
                    found.append(Claim(row, booking, here.plan))
            return found

    def renew(self, claim: Claim, lease_until: Instant) -> bool:
        """Keep a claim for longer; False when somebody else has it: stop."""
        with self._database.write(lasting=False) as conn:
            return outbox.renew(conn, claim.proposal, lease_until)

    def give_back(self, claim: Claim, now: Instant, *, begun: bool) -> None:
        """Let others go on at once; see `bridge.store.outbox.give_back`."""
        with self._database.write(lasting=False) as conn:
            outbox.give_back(conn, claim.proposal, now, begun=begun)

    def next_due(self, now: Instant) -> Instant | None:
        """Tell when `claim` may next find something; None when never."""
        with self._database.read() as conn:
            return claiming.next_due(conn, now)

    def keep_house(self, now: Instant) -> None:
        """Give up what has waited too long for a stopped connection; go on when it does."""
        if stranded.see_to(self._database, self._publisher, now):
            announce(self._wake)

    # Deciding what to do

    def recheck(self, claim: Claim, now: Instant) -> Clash | None:
        """Decide the conflict once more, after fresh pulls; reads only.

        None where nothing speaks against it: for deletions and meetings, and where `on_conflict`
        lets it pass. Where it is found, `refuse` with its text.
        """
        if claim.kind is Kind.DELETE or claim.kind.is_errand:
            return None
        with self._database.read() as conn:
            here = place.look(conn, claim.resource_id)
        if here.plan.bookings.on_conflict in (OnConflict.ALLOW, OnConflict.WARN):
            return None
        wanted = times.of(draft.parse(claim.proposal.text, here.plan).series, here, claim.booking)
        with self._database.read() as conn:
            standing = bookings.booked_of(conn, claim.booking.id, 0)
            moved = conflicts.moved(here, wanted, standing)
            return conflicts.clash(conn, here, claim.booking, moved, now)

    def desired(self, claim: Claim, natively: Collection[ConferenceKind]) -> Intent:
        """Say what the event and its meeting are to be; reads only.

        For a meeting alone (`Kind.MEETING`) it is the visible revision that is to be.

        Args:
            claim: in force.
            natively: meetings that the sink makes itself, the preferred one first.

        Raises:
            InvalidCalendarObject: the text cannot be understood any more: `fail`.
        """
        with self._database.read() as conn:
            here = place.look(conn, claim.resource_id)
            booking = bookings.get(conn, claim.booking.id) or claim.booking
            standing, _ = showing.beneath(conn, booking)
        return self.intent(
            self._draft(claim, booking, standing, here.plan), booking, here, natively
        )

    def intent(
        self,
        new: Draft | None,
        booking: BookingRow,
        here: Place,
        natively: Collection[ConferenceKind],
    ) -> Intent:
        """Say what the event of a booking is to be; None: it goes."""
        organizer = Organizer(
            origin=self.instance,
            account=here.accounts.get(booking.connection_id, ""),
            guest=self._address(booking.login),
            zone=here.zone,
        )
        rules = here.rules(booking.connection_id)
        return desired.intent(new, booking, rules, organizer, natively)

    # What becomes of it

    def settle(  # noqa: PLR0913 - what came of it, by name
        self,
        claim: Claim,
        written: Written | None,
        conference: Conference | None,
        now: Instant,
        *,
        meeting_due: Instant | None = None,
        owed: Mapping[str, str] | None = None,
        theirs: Side | None = None,
    ) -> bool:
        """The provider has it: make the proposal the visible revision.

        One transaction under the resource's lock: the visible text (the client's octets, with what
        has to be added), what stands at the provider, the meeting; booked rows of the proposal
        take the place of those before, and the busy time that they touch is published; change
        log, `deliveries`; the proposal is settled. Waiters and listeners are woken.

        Args:
            claim: in force.
            written: what stands at the provider; None: it is gone (DELETE), or was not touched
                (MEETING).
            conference: the meeting; None: `written` says, or there is none.
            now: the present.
            meeting_due: when its meeting is to be seen to again, while that is not READY.
            owed: what is left to do about a meeting that was made by itself: it is tried again, as
                a `Kind.MEETING` of this progress (`cancel`, `update`).
            theirs: what somebody changed of the event meanwhile, and `written` has, too: readers
                see it with the proposal.

        Returns:
            False when the claim is not in force any more: nothing was changed.
        """
        for _ in range(_TRIES):
            with self._database.read() as conn:
                here = place.look(conn, claim.resource_id)
                booking = bookings.get(conn, claim.booking.id)
                if booking is None:
                    return False
                standing, _ = showing.beneath(conn, booking)
            new = self._draft(claim, booking, standing, here.plan)
            if new is not None and theirs is not None and claim.kind is Kind.CHANGE:
                new = with_theirs(new, theirs, booking, standing, here)
            rows = times.of(new.series, here, booking) if new is not None else None
            with self._database.write() as conn:
                row = resources.lock(conn, claim.resource_id)
                if row is None or outbox.held(conn, claim.proposal) is None:
                    return False
                if not here.stands(row):
                    continue
                ledger = Ledger(conn, self._publisher, claim.resource_id, now)
                work = Settling(ledger, claim, here, meeting_due, follows=theirs is None)
                if claim.kind is Kind.DELETE:
                    work.gone()
                elif new is not None and rows is not None:
                    work.done(new, rows, written, conference)
                outbox.close(conn, claim.proposal.id, outbox.State.SETTLED, now)
                if owed:
                    owe(ledger, booking, claim, now, owed)
                ledger.close()
            announce(self._wake)
            return True
        return False

    def refuse(
        self, claim: Claim, reason: str, now: Instant, *, code: str = "rejected", owed: str = ""
    ) -> bool:
        """The provider, or a late conflict, says no: what was visible before stays, or comes back.

        One transaction under the resource's lock: the proposal is refused and its time is let go.
        Was it shown as tentative, a creation is now shown as cancelled with the reason, a change
        or a deletion restores the revision before as a new one with the reason, and
        `booking.failed` is told; else nothing visible changes, and the waiting client is told.
        A conflict is shown in the same way, shown before or not, where `on_conflict` is `decline`:
        then the proposal counts as settled.

        Args:
            claim: in force.
            reason: for the person who booked; names no other event.
            now: the present.
            code: stable, snake_case; `conflict` for what `recheck` found.
            owed: reference of a meeting that could not be cancelled yet: it is tried again, as a
                `Kind.MEETING` with `progress["cancel"]`.

        Returns:
            False when the claim is not in force any more: nothing was changed.
        """
        with self._held(claim, now) as ledger:
            if ledger is None:
                return False
            proposal = outbox.held(ledger.conn, claim.proposal) or claim.proposal
            booking = bookings.get(ledger.conn, claim.booking.id) or claim.booking
            how = place.look(ledger.conn, claim.resource_id).plan.bookings.on_conflict
            if claim.kind is Kind.DELETE and lives_again(ledger.conn, booking):
                # What took its place stands already, and both cannot be shown.
                failing.fail(ledger, claim.proposal, (code, reason))
                return True
            declined = code == CONFLICT and how is OnConflict.DECLINE
            if declined and not proposal.shown:
                # As a room's mailbox answers; what was visible is what it was declined for.
                before = showing.remembered(booking)
                proposal = proposal._replace(shown=True, before=before)
            outbox.close(
                ledger.conn,
                proposal.id,
                outbox.State.SETTLED if declined else outbox.State.REFUSED,
                now,
                error_code=code,
                error_message=reason,
            )
            ledger.times(booking.id, [proposal.id, -proposal.id], [])
            taken_back(ledger, booking, proposal, reason)
            if owed:
                owe(ledger, booking, claim, now, {"cancel": owed})
            ledger.close()
        announce(self._wake)
        return True

    def retry(
        self,
        claim: Claim,
        error: tuple[str, str],
        due_at: Instant,
        *,
        touched: bool = True,
    ) -> bool:
        """Not now: give the proposal back until `due_at`.

        One statement. Its time stays held; what `note_progress` wrote stays.

        Args:
            claim: in force.
            error: code and text, for `bookings list`.
            due_at: when it may be claimed again.
            touched: False when it is certain that nothing was asked of the provider: then a client
                that waits can still be told that nothing was done.

        Returns:
            False when the claim is not in force any more.
        """
        with self._database.write() as conn:
            return outbox.release(conn, claim.proposal, error, due_at, touched=touched)

    def fail(self, claim: Claim, error: tuple[str, str], now: Instant) -> bool:
        """Give up until a human looks (`bookings list --failed`, `retry`).

        One transaction under the resource's lock: the proposal is failed, and shown as tentative
        where it was not yet, with its time blocked: nobody knows what the provider has.
        `booking.failed` is told.

        Returns:
            False when the claim is not in force any more.
        """
        with self._held(claim, now) as ledger:
            if ledger is None:
                return False
            failing.fail(ledger, claim.proposal, error)
        announce(self._wake)
        return True

    def note_progress(self, claim: Claim, progress: Mapping[str, object]) -> bool:
        """Keep what was done already, before the next step: a later claim finds it.

        One statement; it replaces what was noted before.

        Returns:
            False when the claim is not in force any more: do not take the next step.
        """
        text = json.dumps(progress, ensure_ascii=False, separators=(",", ":"))
        with self._database.write() as conn:
            return outbox.note(conn, claim.proposal, text)

    # What they share

    @contextmanager
    def _held(self, claim: Claim, now: Instant) -> Iterator[Ledger | None]:
        with self._database.write() as conn:
            row = resources.lock(conn, claim.resource_id)
            if row is None or outbox.held(conn, claim.proposal) is None:
                yield None
            else:
                yield Ledger(conn, self._publisher, claim.resource_id, now)

    def _draft(
        self, claim: Claim, booking: BookingRow, standing: str, plan: ResourcePlan
    ) -> Draft | None:
        """Read what is to be; None where it is to go."""
        if claim.kind is Kind.DELETE:
            return None
        if claim.kind is Kind.MEETING:
            return draft.parse(standing, plan) if booking.state.is_visible else None
        return draft.parse(claim.proposal.text, plan)

    def _address(self, login: str) -> str:
        if login.startswith(KEY):
            return ""
        users = self._live.current.auth.users
        return next((it.email.lower() for it in users if it.name == login), "")

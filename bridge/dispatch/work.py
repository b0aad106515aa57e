"""One claim while it is worked on, and the ways in which it ends early."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from bridge.bookings import Claim, Outbox
from bridge.bookings.merging import Side
from bridge.dispatch.progress import Progress
from bridge.dispatch.telling import for_people
from bridge.errors import BridgeError
from bridge.model.conference import ConferenceKind
from bridge.model.interval import Instant
from bridge.model.resource import ConnectionId
from bridge.provider import CalendarId
from bridge.store.outbox import LEASE

_OFTEN = LEASE // 4
"""Seconds after which a claim that is held is kept anew."""


class Lost(Exception):
    """The claim is not in force any more: whoever has it now goes on."""


class Refused(Exception):
    """It will never be as it was asked for; the text is for the person who booked."""

    def __init__(self, reason: str, code: str = "rejected") -> None:
        super().__init__(reason)
        self.code = code


class InternalFault(BridgeError):
    """A fault of ours; its traceback is in the log."""


@dataclass(slots=True)
class Work:
    """One claim while it is worked on."""

    claim: Claim
    outbox: Outbox
    clock: Callable[[], Instant]
    progress: Progress
    held_at: Instant | None = None
    """When the claim was last kept."""
    touched: bool = False
    """Something was asked after which nobody can say that nothing was done."""
    wrote: bool = False
    """An event was written or deleted."""
    limited: ConnectionId | None = None
    """The account whose provider asked for a pause; a transfer asks two."""
    in_parts: bool = False
    """What was written takes many requests: some of it may stand although another was refused."""
    theirs: Side | None = None
    """What somebody else changed of the event meanwhile."""
    trouble: BridgeError | None = None
    """What kept its meeting from being made, while the event goes without."""
    natively: Collection[ConferenceKind] = ()
    """Meetings that the calendar's provider makes itself; known once it is open."""
    meeting_token: str = ""
    """Names its meeting, where that was asked for before its event had another token."""

    @property
    def calendar(self) -> CalendarId:
        """Where the event stands, or will."""
        return CalendarId(self.claim.booking.calendar)

    @property
    def connection_id(self) -> ConnectionId:
        """The account of that calendar."""
        return ConnectionId(self.claim.booking.connection_id)

    @property
    def token(self) -> str:
        """Names event and meeting."""
        return self.claim.booking.token

    def plainly(self, text: object) -> str:
        """Say what went wrong to whoever booked: see `for_people`."""
        booking = self.claim.booking
        return for_people(
            str(text),
            calendar=booking.calendar,
            names=(booking.token, booking.remote_id, booking.remote_uid, booking.meeting_reference),
            own=f"{booking.uid}\n{self.claim.proposal.text}\n{booking.text}",
        )

    def hold(self) -> None:
        """Keep the claim for as long as the next step may take.

        Raises:
            Lost: somebody else works on it, or did meanwhile.
        """
        now = self.clock()
        if not self.outbox.renew(self.claim, now + LEASE):
            raise Lost
        self.held_at = now

    def keep(self) -> None:
        """Keep the claim through a step of many requests: asked before each, it looks now and then.

        Raises:
            Lost: somebody else works on it.
        """
        if self.held_at is None or self.clock() - self.held_at >= _OFTEN:
            self.hold()

    def note(self, progress: Progress) -> None:
        """Keep how far it is, before the next step.

        Raises:
            Lost: somebody else works on it.
        """
        if not self.outbox.note_progress(self.claim, progress.write()):
            raise Lost
        self.progress = progress

"""Meetings that belong to no calendar: made before their event, moved and cancelled after it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from bridge.bookings.desired import Intent, with_link
from bridge.bookings.owed import Owed
from bridge.dispatch.makers import Keeper, Makers
from bridge.dispatch.points import Point
from bridge.dispatch.work import Refused, Work
from bridge.errors import BridgeError, ProviderError, RemoteNotFound, RemoteRejected
from bridge.model.conference import Conference, ConferenceKind, ConferenceState
from bridge.model.event import EventSeries
from bridge.points import reached
from bridge.sink import ConferenceMaker, Desired

WORDS = {
    ConferenceKind.GOOGLE_MEET: "Google Meet",
    ConferenceKind.TEAMS: "Teams",
    ConferenceKind.ZOOM: "Zoom",
}
"""What people call meetings."""
_OF_CALENDARS = frozenset({ConferenceKind.GOOGLE_MEET, ConferenceKind.TEAMS})
"""They are made with events of their own provider's calendars, and nowhere else."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Meetings:
    """The meeting of one claim."""

    work: Work
    makers: Makers

    @property
    def insists(self) -> bool:
        """Whether a booking without the meeting that it asks for is refused."""
        return self.work.claim.plan.conference.on_failure == "reject"

    def prepare(self, intent: Intent, *, look: bool) -> tuple[Desired, Conference | None]:
        """See to the meeting that the event is to have, before it is written.

        Args:
            intent: what is to be done; the event does not go.
            look: whether a meeting may be there that nobody has noted.

        Returns:
            What the event is to be, with the link; the meeting where it was made by itself.

        Raises:
            Refused: it cannot be made, and the booking is not wanted without.
            ProviderError: not now, and the booking is not wanted without.
        """
        desired, kind = intent.desired, intent.meeting
        if desired is None:
            raise ValueError("an event that goes has no meeting")
        if kind is None or intent.is_native:
            return desired, None
        have = intent.conference
        if have is not None and have.kind is kind and have.state is ConferenceState.READY:
            return desired, have
        try:
            made = self._made(kind, desired.series, look=look)
        except RemoteRejected as err:
            if self.insists:
                raise Refused(f"no {WORDS[kind]} meeting: {err}", err.code) from err
            made = self._failing(kind, err)
        except BridgeError as err:
            if self.insists:
                raise
            logger.warning("%s: no %s meeting yet: %s", self.work.connection_id, WORDS[kind], err)
            made = self._failing(kind, err)
        if made.state is not ConferenceState.READY:
            return desired, made
        return replace(desired, series=with_link(desired.series, made)), made

    def follow(self, conference: Conference, intent: Intent, series: EventSeries) -> Conference:
        """Bring a meeting in line with its event that was changed.

        Raises:
            RemoteNotFound: somebody deleted it.
        """
        if not conference.reference:
            return conference  # its host left, and had us forget it
        before = intent.base.series if intent.base is not None else None
        if self.work.progress.made == conference or (
            before and _outline(before) == _outline(series)
        ):
            return conference
        try:
            maker = self._keeper(Owed(conference.kind, conference.reference, conference.maker))
            self.work.hold()
            updated = maker.update(conference.reference, series)
        except RemoteNotFound:
            raise
        except BridgeError as err:
            # Its link is good all the same, and stands in the event.
            logger.warning("%s: a meeting was not moved yet: %s", self.work.connection_id, err)
            owed = str(Owed(conference.kind, conference.reference, conference.maker))
            self.work.note(replace(self.work.progress, update=owed))
            return conference
        return replace(updated, reference=updated.reference or conference.reference)

    def drop(self, conference: Conference | None) -> str:
        """Cancel a meeting that was made by itself, if it is one.

        Returns:
            What is owed when that was not possible now; empty when it is done.
        """
        if conference is None or not conference.reference:
            return ""
        owed = Owed(conference.kind, conference.reference, conference.maker)
        try:
            self.cancel(owed)
        except BridgeError as err:
            logger.warning("%s: a meeting was not cancelled yet: %s", self.work.connection_id, err)
            return str(owed)
        return ""

    def cancel(self, owed: Owed) -> None:
        """Cancel a meeting; one that is gone already is as good.

        Raises:
            BridgeError: not now.
        """
        if not owed.reference:
            found = self._found(owed.kind)
            if found is None:
                return
            owed = Owed(owed.kind, found.reference, found.maker)
        maker = self._keeper(owed)
        self.work.hold()
        try:
            maker.cancel(owed.reference)
        except RemoteNotFound:
            logger.debug("%s: the meeting was gone already", self.work.connection_id)

    def update(self, owed: Owed, series: EventSeries) -> None:
        """Bring a meeting in line with the event, where it is not: few changes a day are allowed.

        Raises:
            RemoteNotFound: somebody deleted it.
            BridgeError: not now.
        """
        if not self.is_in_line(owed, series):
            maker = self._keeper(owed)
            self.work.hold()
            maker.update(owed.reference, series)

    def is_in_line(self, owed: Owed, series: EventSeries) -> bool:
        """Look whether a meeting has title and times of the event; raises as `update`."""
        return self._keeper(owed).is_in_line(owed.reference, series)

    @property
    def _token(self) -> str:
        return self.work.meeting_token or self.work.token

    def _made(self, kind: ConferenceKind, series: EventSeries, *, look: bool) -> Conference:
        noted = self.work.progress.made
        if noted is not None and noted.kind is kind:
            return noted
        maker = self._maker(kind)
        # Who insists looks first: when that is not possible, nothing was asked for yet.
        found = self._found(kind) if look or self.insists else None
        if found is None:
            reached(Point.MEETING_WANTED)
            self.work.hold()  # looking may have taken long
            self.work.touched = True
            found = maker.create(self._token, series)
        reached(Point.MEETING_MADE)
        self.work.note(replace(self.work.progress, made=found))
        reached(Point.MEETING_NOTED)
        return found

    def _failing(self, kind: ConferenceKind, err: BridgeError) -> Conference:
        self.work.trouble = err
        reason = str(err) if isinstance(err, ProviderError) else "it cannot be made at present"
        return Conference(kind, ConferenceState.FAILING, reason=reason)

    def _found(self, kind: ConferenceKind) -> Conference | None:
        """Find what an earlier try made, at whichever account that was.

        The first account is the one that makes meetings now: what it does not say keeps us waiting.
        """
        found = self._maker(kind).find(self._token)
        for other in self.makers.every(self.work.claim.resource_id, kind)[1:]:
            if found is None:
                try:
                    found = other.find(self._token)
                except ProviderError as err:
                    logger.debug("%s: not found there: %s", self.work.connection_id, err)
        return found

    def _keeper(self, owed: Owed) -> Keeper:
        """Give the account that has a meeting."""
        name, booking = owed.maker, self.work.claim.booking
        if not name and booking.meeting_reference == owed.reference:
            name = booking.meeting_maker
        resource_id = self.work.claim.resource_id
        return self.makers.of(resource_id, owed.kind, name) or self._maker(owed.kind)

    def _maker(self, kind: ConferenceKind) -> ConferenceMaker:
        maker = self.makers.find(self.work.claim.resource_id, kind)
        if maker is None and kind in _OF_CALENDARS:
            reason = f"{WORDS[kind]} meetings cannot be had in this calendar: {self._carried()}"
            raise Refused(reason, "no_such_meeting")
        if maker is None:
            raise RemoteRejected(
                f"{WORDS[kind]} is not set up: no account of it is connected",
                code="not_connected",
                hint=f"give the resource a connection, or fill in providers.{kind.value}",
            )
        return maker

    def _carried(self) -> str:
        """Say which meetings the calendar can have."""
        kinds = [*self.work.natively]
        if self.makers.every(self.work.claim.resource_id, ConferenceKind.ZOOM):
            kinds.append(ConferenceKind.ZOOM)
        names = " or ".join(WORDS[kind] for kind in kinds)
        return f"it carries {names}" if names else "its provider has none, and Zoom is not set up"


def _outline(series: EventSeries) -> object:
    """Give what a meeting shows of its event: titles, whether they are public, and times."""
    return [
        (
            *(it.recurrence_id, it.start, it.end, it.status, it.summary, it.classification),
            *(it.rrules, it.exrules, it.rdates, it.exdates),
        )
        for it in series.events()
    ]

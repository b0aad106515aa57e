"""Writing to calendars and making meetings, as Protocols and values. No I/O.

What every sink and every maker of conferences keeps (fixed by `tests/contract/`):

- A `token` names one booking for ever: a name of lower-case hexadecimal digits, the same in every
  try, whatever was killed in between. `put` without a base is safe to repeat with the same token:
  at most one event comes of it, and an event that an earlier try made is found and brought in line.
- `put` with a base changes that event in place, and nothing but what differs between the base and
  what is desired: what a person changed at the provider meanwhile, and what only the provider
  knows, stays. It never deletes and creates anew, and never ends or doubles a meeting.
- What a provider cannot say is refused before anything is written: `RemoteRejected`, with a text
  that says what and why to the person who booked. Nothing is approximated.
- They do not retry and do not sleep. What they remember spares requests, and nothing depends on it.
  An error after which nobody knows whether it was done is a `TemporarilyUnavailable`; whoever
  repeats it asks `find` first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.model.conference import Conference, ConferenceKind
from bridge.model.event import EventSeries
from bridge.model.remote import CalendarId, ETag, RemoteId


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What an event is to be."""

    token: str
    """Names the booking; the provider's id, transaction or object name is made of it."""
    origin: str
    """X-BUSYBRIDGE-ORIGIN: the instance that writes; it stands in what is written, unseen."""
    series: EventSeries
    """Master and changed occurrences, zones and texts as the client wrote them; `attendees` without
    the account that organizes; alarms and class settled from the defaults."""
    conference: ConferenceKind | None = None
    """A meeting that the provider itself makes with the event: once, in the first `put` that asks
    for it. None: no meeting, and one that is there goes. A link of another kind is in `series`:
    `conference_url`, and the texts in which guests look for it."""
    notify: bool = True
    """Whether the provider mails the guests about this change."""
    mirror: str = ""
    """X-BUSYBRIDGE-MIRROR: the mirror whose block it is, unseen as well; empty: it is a booking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What stands at the provider."""

    remote_id: RemoteId
    """The name under which a pull of the calendar reports it (`Series.remote_id`)."""
    etag: ETag | None
    """Of this state; None where the provider has none."""
    series: EventSeries
    """As it would be read: what the provider made of what was desired, replies of guests too."""
    conference: Conference | None = None
    uid: str = ""
    """The iCalendar UID that guests see, where the provider chose another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """An event that says of itself who wrote it: nothing else need be known of it."""

    written: Written
    """As `EventSink.read` gives it."""
    origin: str
    token: str
    """Of the booking or block (`Desired.token`); empty where somebody took that mark away."""
    mirror: str = ""
    """Of a mirrored block, which mirror; empty: it is a booking."""


class EventSink(Protocol):
    """Writes the events of bookings, and the blocks of mirrors."""

    natively: Collection[ConferenceKind]
    """Meetings that it makes itself, the preferred one first."""
    may_be_silent: bool
    """Whether `delete` can keep the provider from telling the guests."""
    keeps_uids: bool
    """Whether guests see the UID of what is desired; else the provider gives one of its own."""

    def ends_by_uid(self, calendar: CalendarId) -> bool:
        """Tell whether guests hear by a UID of ours that an event is gone, whatever `delete` says.

        Another event of that UID, in whichever calendar, is gone for them, too.
        """
        ...

    def find(self, calendar: CalendarId, token: str) -> Written | None:
        """Find what was written under a token, deleted events excepted."""
        ...

    def read(self, calendar: CalendarId, remote_id: RemoteId) -> Written:
        """Read an event as it stands now.

        Raises:
            RemoteNotFound: it is gone, or cancelled.
        """
        ...

    def marked(self, calendar: CalendarId, origin: str) -> Sequence[Marked]:
        """Find everything that an instance wrote into a calendar, by its marks alone.

        Whenever it takes place; a series is one, deleted events are none. Copies that people made
        are among it where the provider copies the marks with them. All of it is read before
        anything is returned, so that it may be deleted on the way: half a list is an error.

        Args:
            calendar: where.
            origin: of the instance (`Desired.origin`).

        Raises:
            RemoteNotFound: the calendar is gone.
        """
        ...

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        """Make an event what is desired.

        Args:
            calendar: where.
            desired: what.
            base: what stands there, as `put`, `find` or `read` gave it last; None: it is new.

        Raises:
            RemoteChanged: the event is not as the base has it any more; nothing was written.
            RemoteNotFound: the calendar, or the event of the base, is gone.
            RemoteRejected: it cannot be said there, or is not allowed.
        """
        ...

    def delete(self, calendar: CalendarId, base: Written, *, notify: bool) -> None:
        """Delete an event, whoever changed it meanwhile; one that is gone already is no error."""
        ...


class ConferenceMaker(Protocol):
    """Makes meetings that belong to no calendar."""

    kind: ConferenceKind

    def find(self, token: str) -> Conference | None:
        """Find the meeting that an earlier try made."""
        ...

    def create(self, token: str, series: EventSeries) -> Conference:
        """Make a meeting for an event; call `find` first where it may have been made.

        Raises:
            RemoteRejected: it cannot be made, for good.
            TemporarilyUnavailable: it may have been made.
        """
        ...

    def update(self, reference: str, series: EventSeries) -> Conference:
        """Bring a meeting in line with its event; its id and link stay.

        Raises:
            RemoteNotFound: it was deleted.
        """
        ...

    def is_in_line(self, reference: str, series: EventSeries) -> bool:
        """Tell whether a meeting has title and times of its event, as far as it can have them.

        Raises:
            RemoteNotFound: it was deleted.
        """
        ...

    def cancel(self, reference: str) -> bool:
        """Delete a meeting; one that is gone already is no error.

        Returns:
            Whether this account had it; True also where it cannot be deleted since it is over.
        """
        ...

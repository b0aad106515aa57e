"""Calendar events as BusyBridge understands them: RFC 5545 words, one VEVENT or one series.

A point in an event's time is one of three things, never a naive datetime:
`date` (all-day), aware `datetime` (UTC or a zone), `Floating` (wall clock without a zone).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import Enum
from typing import TypeAlias


@dataclass(frozen=True, slots=True, order=True)
class Floating:
    """A wall-clock time that has no zone (RFC 5545 section 3.3.5, form 1)."""

    wall: datetime
    """Naive."""


EventTime: TypeAlias = date | datetime | Floating
"""A `datetime` here is always aware; test for it before `date`, which it subclasses."""


class Status(Enum):
    """RFC 5545 section 3.8.1.11."""

    TENTATIVE = "TENTATIVE"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


class Transp(Enum):
    """RFC 5545 section 3.8.2.7."""

    OPAQUE = "OPAQUE"
    TRANSPARENT = "TRANSPARENT"


class Class(Enum):
    """RFC 5545 section 3.8.1.3; an unknown value counts as PRIVATE, as the RFC says."""

    PUBLIC = "PUBLIC"
    PRIVATE = "PRIVATE"
    CONFIDENTIAL = "CONFIDENTIAL"


class PartStat(Enum):
    """RFC 5545 section 3.2.12, as far as events have it."""

    NEEDS_ACTION = "NEEDS-ACTION"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    TENTATIVE = "TENTATIVE"
    DELEGATED = "DELEGATED"


class ShowAs(Enum):
    """How the owner's calendar shows the time, where it says more than TRANSP does."""

    FREE = "free"
    TENTATIVE = "tentative"
    BUSY = "busy"
    OUT_OF_OFFICE = "out_of_office"
    WORKING_ELSEWHERE = "working_elsewhere"


@dataclass(frozen=True, slots=True)
class Attendee:
    """One ATTENDEE or the ORGANIZER."""

    address: str
    """Calendar user address in lower case, `mailto:ann@example.com`."""
    partstat: PartStat = PartStat.NEEDS_ACTION
    common_name: str = ""
    role: str = ""
    """ROLE in upper case, `REQ-PARTICIPANT`; empty when it is not said."""
    cutype: str = ""
    """CUTYPE in upper case, `ROOM`; empty when it is not said."""
    rsvp: bool = False
    schedule_agent: str = ""
    """SCHEDULE-AGENT in upper case, `CLIENT`; empty when it is not said: SERVER (RFC 6638)."""

    @property
    def is_told_elsewhere(self) -> bool:
        """Tell whether no server is to mail them (RFC 6638 section 7.1)."""
        return self.schedule_agent in ("CLIENT", "NONE")


@dataclass(frozen=True, slots=True)
class Alarm:
    """One VALARM, as far as providers know reminders (RFC 5545 section 3.6.6)."""

    before: timedelta
    """How long before the start it goes off; negative: after it."""
    action: str = "DISPLAY"
    """ACTION in upper case, `EMAIL`."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One ATTACH that is a link (RFC 5545 section 3.8.1.1)."""

    url: str
    name: str = ""
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """One RDATE;VALUE=PERIOD: an extra occurrence with a length of its own."""

    start: EventTime
    duration: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One VEVENT: a single event, the master of a series, or an override of one occurrence.

    `end` is exclusive and already settled from DTEND, DURATION or the defaults of RFC 5545 section
    3.6.1 (a date lasts one day, a date-time lasts nothing); it has the same type as `start`.
    """

    uid: str
    start: EventTime
    end: EventTime
    duration: timedelta | None = None
    """Set when DURATION has weeks or days: those are nominal (RFC 5545 section 3.8.5.3), so that an
    occurrence across a change of the clocks ends at the same wall time."""
    exact: timedelta | None = None
    """Set when DURATION has hours, minutes and seconds alone: every occurrence lasts just so long.
    With neither, DTEND says how long."""
    recurrence_id: EventTime | None = None
    this_and_future: bool = False
    """RECURRENCE-ID;RANGE=THISANDFUTURE."""
    rrules: tuple[str, ...] = ()
    """Values of RRULE, `FREQ=WEEKLY;BYDAY=MO`."""
    exrules: tuple[str, ...] = ()
    rdates: tuple[EventTime | Period, ...] = ()
    exdates: tuple[EventTime, ...] = ()
    status: Status | None = None
    transp: Transp = Transp.OPAQUE
    show_as: ShowAs | None = None
    """None when the source has no such notion or is silent."""
    event_type: str = "default"
    """Key of `availability.event_types`."""
    self_partstat: PartStat | None = None
    """Reply of the calendar's owner; None when the owner is not among the attendees."""
    classification: Class = Class.PUBLIC
    summary: str = ""
    description: str = ""
    location: str = ""
    url: str = ""
    conference_url: str = ""
    categories: tuple[str, ...] = ()
    organizer: Attendee | None = None
    attendees: tuple[Attendee, ...] = ()
    alarms: tuple[Alarm, ...] | None = None
    """Of a booking alone: None when it says nothing of them. What is pulled has none."""
    attachments: tuple[Attachment, ...] = ()
    """Of a booking alone."""
    sequence: int = 0
    created: datetime | None = None
    last_modified: datetime | None = None
    """LAST-MODIFIED, else DTSTAMP."""
    origin: str = ""
    """X-BUSYBRIDGE-ORIGIN: the instance that wrote the event."""
    mirror: str = ""
    """X-BUSYBRIDGE-MIRROR: the mirror of that instance whose block the event is; empty: of none."""

    @property
    def is_recurring(self) -> bool:
        """Tell whether the event has more than its first occurrence."""
        return bool(self.rrules or self.rdates)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeries:
    """All VEVENTs of one UID (RFC 4791 section 4.1): a master, overrides, or overrides alone."""

    uid: str
    master: Event | None
    overrides: tuple[Event, ...] = ()
    """In no order; each has a `recurrence_id`. Without a master they stand for themselves."""
    notes: tuple[str, ...] = ()
    """What had to be repaired or guessed while reading, for `explain` and `status`."""

    def __post_init__(self) -> None:
        """Hold what RFC 4791 section 4.1 asks."""
        if self.master is None and not self.overrides:
            raise ValueError("a series needs at least one event")
        if self.master is not None and self.master.recurrence_id is not None:
            raise ValueError("a master has no RECURRENCE-ID")
        if any(override.recurrence_id is None for override in self.overrides):
            raise ValueError("an override needs a RECURRENCE-ID")

    def events(self) -> Sequence[Event]:
        """Return the master, when there is one, then the overrides."""
        return (*((self.master,) if self.master else ()), *self.overrides)

    def each(self, change: Callable[[Event], Event]) -> EventSeries:
        """Return the series with every event changed."""
        master = None if self.master is None else change(self.master)
        return replace(self, master=master, overrides=tuple(map(change, self.overrides)))

    @property
    def is_told_elsewhere(self) -> bool:
        """Tell whether there are guests, and no server is to mail any of them."""
        every = [guest for event in self.events() for guest in event.attendees]
        return bool(every) and all(guest.is_told_elsewhere for guest in every)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One instance of an event on the time line, before any policy."""

    event: Event
    """The VEVENT that describes it: the override where there is one, else the master."""
    original_start: int
    """Instant at which the series has it (RECURRENCE-ID), even if it was moved."""
    start: int
    end: int
    """Instants, half-open. All-day occurrences run from midnight to midnight of the given zone."""
    all_day: bool = False
    notes: tuple[str, ...] = field(default=())

"""What is asked of bookings, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bridge.errors import BridgeError, InvalidCalendarObject
from bridge.model.interval import Window
from bridge.model.resource import ResourceId
from bridge.store.bookings import BookingRow

KEY = "key:"
"""Begins the actor of an API key; others are logins."""


class Act(Enum):
    """What is to be done."""

    PUT = "put"
    """Make a booking, or change the one of that name."""
    DELETE = "delete"
    MOVE = "move"
    """Give a booking another name within its collection; nothing else changes."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: others see no more of a private booking than when it is."""

    login: str
    """Of a person, or `key:<id>`."""
    sees_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write that somebody asks for, who may write to the resource's bookings."""

    resource_id: ResourceId
    viewer: Viewer
    act: Act
    name: str = ""
    """Of the object in its collection: `abc.ics`."""
    booking_id: str = ""
    """Instead of the name, of a booking that exists."""
    octets: bytes = b""
    """As the client sent them."""
    if_match: tuple[str, ...] | None = None
    """Entity tags without quotes, as the viewer was given them; `*` is any. None: not asked."""
    if_none_match: bool = False
    """There must be nothing of that name."""
    if_schedule_tag_match: str = ""
    """RFC 6638 section 8: replies of guests that came meanwhile do no harm."""
    destination: str = ""
    """Of a MOVE: the new name, which nothing may have."""


class Result(Enum):
    """What became of a write."""

    SETTLED = "settled"
    REFUSED = "refused"
    """The provider, or a conflict found late, said no; nothing visible changed."""
    WITHDRAWN = "withdrawn"
    """Nobody had begun with it when the patience ended; it is as if it was never asked."""
    TENTATIVE = "tentative"
    """It is shown as tentative until it is known whether the provider has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A write that was committed and may not be settled yet."""

    resource_id: ResourceId
    booking_id: str
    proposal_id: int
    """0: it was settled at once."""
    viewer: Viewer
    created: bool
    """Readers saw nothing of that name before."""
    sent: str
    """The octets as text."""
    reason: str = ""
    """Why it was settled as it was not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What to answer."""

    result: Result
    booking: BookingRow | None
    """As it stands; None where there is nothing to see."""
    etag: str = ""
    """Of what the viewer would get now."""
    created: bool = False
    verbatim: bool = False
    """A reader would get exactly the octets that were sent: only then an answer may carry an ETag
    (RFC 4791 section 5.3.4)."""
    reason: str = ""
    """For people; names no other event."""
    code: str = ""
    """Of a refusal: stable, snake_case; `conflict` over busy time that was found late."""


class BookingRefused(BridgeError):
    """A write that is refused before anything is done; the text is for the person who booked.

    BookingRefused
    ├ NoSuchBooking         there is nothing of that name, or id
    ├ NotBookable           the resource has no calendar to write to, or is not in use
    ├ NotAllowed            a rule of the resource: too long, too early, endless, somebody else's
    ├ Clash                 over busy time; `periods` says when
    ├ Outdated              If-Match, If-None-Match or the schedule tag do not hold
    ├ NameTaken             a MOVE to a name that another booking has
    └ NotNow                the same may succeed later: too many wait
      └ NotRead             nothing is known of the resource's time yet

    What RFC 4791 section 5.3.2.1 has a name for is `bridge.errors.InvalidCalendarObject`, with
    `precondition`; `UidTaken` is one that also says where.
    """


class NoSuchBooking(BookingRefused):
    """There is no such booking that this viewer sees."""

    def __init__(self) -> None:
        super().__init__("there is no such booking")


class NotBookable(BookingRefused):
    """Nothing can be booked: there is no calendar to write to."""


class NotAllowed(BookingRefused):
    """A rule of the resource forbids it."""


class Clash(BookingRefused):
    """It lies over busy time.

    Attributes:
        periods: the first busy times that it meets, at most three.
    """

    def __init__(self, message: str, periods: tuple[Window, ...]) -> None:
        super().__init__(message)
        self.periods = periods


class Outdated(BookingRefused):
    """What the client knows of the booking is not what there is."""

    def __init__(self, message: str = "the booking was changed meanwhile") -> None:
        super().__init__(message)


class NameTaken(BookingRefused):
    """Another booking has the name."""

    def __init__(self) -> None:
        super().__init__("another booking has this name")


class NotNow(BookingRefused):
    """Nothing can be promised at the moment.

    Attributes:
        retry_after: seconds.
    """

    def __init__(self, message: str, retry_after: int = 30) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotRead(NotNow):
    """No calendar of the resource was read yet, so that nothing of its time may be called free."""

    def __init__(self) -> None:
        super().__init__("the calendars of this resource were not read yet")


class NotSeen(NotNow):
    """The calendar that bookings go to was chosen just now, and not looked at yet."""

    def __init__(self) -> None:
        super().__init__("the calendar that bookings are written to was not read yet")


class UidTaken(InvalidCalendarObject):
    """Another booking of the collection has the UID, or this one has another.

    Attributes:
        name: of the object that has it.
    """

    def __init__(self, name: str) -> None:
        super().__init__("another booking has this UID", precondition="no-uid-conflict")
        self.name = name


def sentence(text: object) -> str:
    """Write a reason as a sentence of its own, for the person who booked."""
    said = str(text).strip() or "it cannot be booked"
    return said[:1].upper() + said[1:] + ("" if said.endswith((".", "!", "?")) else ".")

"""What is read of Graph's JSON, and written of it; everything else is ignored.

https://learn.microsoft.com/graph/api/resources/event. Any text may be null where the documentation
shows one: it is read as empty. Words that Microsoft may add to stay plain text: `translate` decides
what an unknown one means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field


class _Wire(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A missing value is an empty one, on the way in and on the way out."""


class When(_Wire):
    """dateTimeTimeZone: a time without offset, up to seven digits of a second, and its zone."""

    date_time: str = ""
    time_zone: str = ""


class Address(_Wire):
    """emailAddress."""

    name: str = ""
    address: str = ""


class Reply(_Wire):
    """responseStatus."""

    response: str = ""


class Person(_Wire):
    """An attendee or the organizer."""

    email_address: Address | None = None
    type: str = ""
    status: Reply | None = None


class Body(_Wire):
    """itemBody."""

    content_type: str = ""
    content: str = ""


class Location(_Wire):
    """A location, of which the name alone is read."""

    display_name: str = ""


class Meeting(_Wire):
    """onlineMeetingInfo."""

    join_url: str = ""
    conference_id: str = ""
    toll_number: str = ""


class Pattern(_Wire):
    """recurrencePattern; what its type does not use is filler on the way in."""

    type: str = ""
    interval: int = 0
    month: int = 0
    day_of_month: int = 0
    days_of_week: list[str] = []
    first_day_of_week: str = ""
    index: str = ""


class Range(_Wire):
    """recurrenceRange; dates as `2026-03-01`, the last one included."""

    type: str = ""
    start_date: str = ""
    end_date: str = ""
    recurrence_time_zone: str = ""
    number_of_occurrences: int = 0


class Recurrence(_Wire):
    """patternedRecurrence."""

    pattern: Pattern
    range: Range


class Removed(_Wire):
    """Why a line of a delta is a tombstone."""

    reason: str = ""


class Property(_Wire):
    """singleValueLegacyExtendedProperty."""

    id: str = ""
    value: str = ""


class Event(_Wire):
    """A single event, a series, a changed occurrence, or the stub of one that is not changed."""

    id: str = ""
    etag: str = field(default="", name="@odata.etag")
    removed: Removed | None = field(default=None, name="@removed")
    type: str = ""
    series_master_id: str = ""
    ical_uid: str = field(default="", name="iCalUId")
    subject: str = ""
    body: Body | None = None
    location: Location | None = None
    start: When | None = None
    end: When | None = None
    is_all_day: bool = False
    original_start: str = ""
    original_start_time_zone: str = ""
    recurrence: Recurrence | None = None
    cancelled_occurrences: list[str] = []
    is_cancelled: bool = False
    is_organizer: bool = False
    show_as: str = ""
    sensitivity: str = ""
    categories: list[str] = []
    is_reminder_on: bool | None = None
    """None: not said, which is something else than no; as the next one."""
    reminder_minutes_before_start: int | None = None
    response_status: Reply | None = None
    attendees: list[Person] = []
    organizer: Person | None = None
    is_online_meeting: bool = False
    online_meeting: Meeting | None = None
    online_meeting_provider: str = ""
    online_meeting_url: str = ""
    transaction_id: str = ""
    created_date_time: str = ""
    last_modified_date_time: str = ""
    extended_properties: list[Property] = field(
        default_factory=list, name="singleValueExtendedProperties"
    )


class Calendar(_Wire):
    """One calendar of a mailbox."""

    id: str = ""
    name: str = ""
    can_edit: bool = False
    can_view_private_items: bool = False
    is_default_calendar: bool = False
    hex_color: str = ""
    owner: Address | None = None
    allowed_online_meeting_providers: list[str] = []


class CalendarPage(_Wire):
    """A page of calendars."""

    value: list[Calendar]
    """Required, as in each page: an answer without it is no empty page."""
    next_link: str = field(default="", name="@odata.nextLink")


class EventPage(_Wire):
    """A page of events; it may be short or empty although more follows."""

    value: list[Any]
    """Shaped one by one: what is wrong with one says nothing of the others."""
    next_link: str = field(default="", name="@odata.nextLink")
    delta_link: str = field(default="", name="@odata.deltaLink")
    """On the last page of a round only."""
    date: str = field(default="", name="#date")
    """When it was answered, by Graph's clock: not of the body, of its header."""


class Occurrences(_Wire):
    """What a series says of its own occurrences, when it is asked."""

    cancelled_occurrences: list[str] = []
    exception_occurrences: list[Any] = []
    next_link: str = field(default="", name="exceptionOccurrences@odata.nextLink")


class Slot(_Wire):
    """scheduleItem: a time that somebody's calendar shows, and as what."""

    status: str = ""
    start: When | None = None
    end: When | None = None


class Refusal(_Wire):
    """freeBusyError: why one schedule of an answer cannot be told."""

    message: str = ""
    response_code: str = ""


class Schedule(_Wire):
    """scheduleInformation of one person."""

    schedule_id: str = ""
    availability_view: str = ""
    """A digit for each slot of the question: 0 is free."""
    schedule_items: list[Slot] = []
    error: Refusal | None = None


class SchedulePage(_Wire):
    """The answer to getSchedule."""

    value: list[Schedule]


class Question(_Wire):
    """The body of getSchedule."""

    schedules: list[str]
    start_time: When
    end_time: When
    availability_view_interval: int
    """Minutes of a slot."""


class User(_Wire):
    """Whose mailbox it is."""

    id: str = ""
    mail: str = ""
    user_principal_name: str = ""


class UserPage(_Wire):
    """A page of users."""

    value: list[User]


class Subscription(_Wire):
    """A subscription, asked for or made."""

    id: str = ""
    change_type: str = ""
    notification_url: str = ""
    lifecycle_notification_url: str = ""
    resource: str = ""
    expiration_date_time: str = ""
    client_state: str = ""


class Note(_Wire):
    """A changeNotification: of a change, or of what becomes of its subscription."""

    subscription_id: str | None = None
    client_state: str | None = None
    lifecycle_event: str | None = None


class _Notes(_Wire):
    value: list[msgspec.Raw] = []


class Failure(_Wire):
    """The inside of an error."""

    code: str = ""
    message: str = ""

    existing: str = field(default="", name="@event.existingEventId")
    """Of ErrorDuplicateTransactionId: the event that the transaction made."""


class _Failed(_Wire):
    error: Failure | None = None


_Shape = TypeVar("_Shape", bound=_Wire)


class NotThatShape(ValueError):
    """It is no JSON, or not of the shape that it has to have."""


def read(data: bytes, shape: type[_Shape]) -> _Shape:
    """Read JSON; null counts as missing.

    Raises:
        NotThatShape: it is none, or of another shape.
    """
    try:
        return shaped(_without_nulls(msgspec.json.decode(data)), shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise NotThatShape(str(err)) from err


def document(data: bytes) -> dict[str, Any]:
    """Read JSON without giving it a shape yet; null counts as missing.

    Raises:
        NotThatShape: it is none, or no object.
    """
    try:
        found = _without_nulls(msgspec.json.decode(data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise NotThatShape(str(err)) from err
    if not isinstance(found, dict):
        raise NotThatShape("it is no object")
    return found


def shaped(document: Any, shape: type[_Shape]) -> _Shape:
    """Give what was read without a shape one, an item of a page.

    Raises:
        NotThatShape: it has another.
    """
    try:
        return msgspec.convert(document, type=shape, strict=False)
    except msgspec.MsgspecError as err:
        raise NotThatShape(str(err)) from err


def notes(data: bytes, most: int) -> Iterator[Note]:
    """Read so many items of a changeNotificationCollection, one by one.

    Anybody may have sent it: what has another shape is passed over, and nothing is built of it.
    """
    try:
        items = msgspec.json.decode(data, type=_Notes).value[:most]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    for item in items:
        try:
            yield msgspec.json.decode(item, type=Note)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue


def write(document: _Wire) -> bytes:
    """Write JSON, without what is empty."""
    return msgspec.json.encode(document)


def code(body: bytes) -> str:
    """Read the code of an error; empty where the body is something else, a proxy's page."""
    return failure(body).code


def failure(body: bytes) -> Failure:
    """Read an error; its texts are empty where the body is something else."""
    try:
        return read(body, _Failed).error or Failure()
    except NotThatShape:
        return Failure()


def _without_nulls(document: Any) -> Any:
    if isinstance(document, Mapping):
        return {
            name: _without_nulls(value) for name, value in document.items() if value is not None
        }
    if isinstance(document, list):
        # Null in a list stays, and is refused: a line that is missing would be an event that is.
        return [_without_nulls(each) for each in document]
    return document

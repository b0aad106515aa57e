"""What is read of Google's JSON, and written of it; everything else is ignored.

https://developers.google.com/workspace/calendar/api/v3/reference. Words that Google may add to stay
plain text: `translate` decides what an unknown one means.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct, field


class _Wire(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A missing value is an empty one, on the way in and on the way out."""


class When(_Wire):
    """EventDateTime: a day, or a time with its offset and the zone that it recurs in."""

    date: str = ""
    date_time: str = ""
    time_zone: str = ""


class Person(_Wire):
    """An attendee or the organizer."""

    email: str = ""
    display_name: str = ""
    is_self: bool = field(default=False, name="self")
    """It is the calendar that the event was read from."""
    response_status: str = ""
    optional: bool = False
    resource: bool = False
    """It is a room or a thing; Google takes it from whoever adds it, and never again."""
    organizer: bool = False
    comment: str = ""
    additional_guests: int = 0


class EntryPoint(_Wire):
    """One way into a conference."""

    entry_point_type: str = ""
    uri: str = ""
    label: str = ""
    pin: str = ""
    passcode: str = ""


class SolutionKey(_Wire):
    """Whose conference it is: `hangoutsMeet`, `addOn`."""

    type: str = ""


class Solution(_Wire):
    """conferenceSolution."""

    key: SolutionKey | None = None


class RequestStatus(_Wire):
    """What became of a request for a conference: `pending`, `success`, `failure`."""

    status_code: str = ""


class CreateRequest(_Wire):
    """A request for a conference; it stays with the event."""

    request_id: str = ""
    conference_solution_key: SolutionKey | None = None
    status: RequestStatus | None = None


class Conference(_Wire):
    """conferenceData."""

    create_request: CreateRequest | None = None
    conference_id: str = ""
    conference_solution: Solution | None = None
    entry_points: list[EntryPoint] = []


class Source(_Wire):
    """Where an event comes from."""

    title: str = ""
    url: str = ""


class Properties(_Wire):
    """extendedProperties."""

    private: dict[str, str] = {}


class Reminder(_Wire, omit_defaults=False):
    """One reminder; both are always said, 0 minutes too."""

    method: str = ""
    minutes: int = 0


class Reminders(_Wire, omit_defaults=False):
    """What an account is reminded by; without overrides and default it is not.

    Google does not take a default and overrides together, not even none of them.
    """

    use_default: bool = False
    overrides: list[Reminder] | msgspec.UnsetType = msgspec.UNSET


class Attachment(_Wire):
    """A link to a file."""

    file_url: str = ""
    title: str = ""
    mime_type: str = ""


class Event(_Wire):
    """A single event, a series, a changed occurrence, or what is left of a deleted one."""

    id: str = ""
    etag: str = ""
    status: str = ""
    ical_uid: str = field(default="", name="iCalUID")
    summary: str = ""
    description: str = ""
    location: str = ""
    start: When | None = None
    end: When | None = None
    end_time_unspecified: bool = False
    recurrence: list[str] = []
    recurring_event_id: str = ""
    original_start_time: When | None = None
    transparency: str = ""
    visibility: str = ""
    event_type: str = ""
    attendees: list[Person] = []
    attendees_omitted: bool = False
    organizer: Person | None = None
    hangout_link: str = ""
    conference_data: Conference | None = None
    source: Source | None = None
    reminders: Reminders | None = None
    attachments: list[Attachment] = []
    sequence: int = 0
    created: str = ""
    updated: str = ""
    extended_properties: Properties | None = None


class Calendar(_Wire):
    """One entry of the account's list of calendars."""

    id: str = ""
    summary: str = ""
    summary_override: str = ""
    time_zone: str = ""
    access_role: str = ""
    background_color: str = ""
    primary: bool = False
    deleted: bool = False


class CalendarPage(_Wire):
    """A page of calendarList.list."""

    items: list[Calendar] = []
    next_page_token: str = ""


class EventPage(_Wire):
    """A page of events.list; it may be short or empty although more follows."""

    items: list[msgspec.Raw] = []
    """Read one by one: what is wrong with one says nothing of the others."""
    time_zone: str = ""
    next_page_token: str = ""
    next_sync_token: str = ""
    """On the last page only."""


class Busy(_Wire):
    """One busy span of freeBusy.query, RFC 3339."""

    start: str
    end: str


class Reason(_Wire):
    """Why something failed."""

    reason: str = ""


class FreeBusy(_Wire):
    """One calendar of freeBusy.query; with errors its spans mean nothing."""

    busy: list[Busy] = []
    errors: list[Reason] = []


class FreeBusyAnswer(_Wire):
    """freeBusy.query."""

    calendars: dict[str, FreeBusy] = {}


class Item(_Wire):
    """One calendar that freeBusy.query is asked for."""

    id: str


class FreeBusyQuestion(_Wire):
    """The body of freeBusy.query."""

    time_min: str
    time_max: str
    items: list[Item]


class Channel(_Wire):
    """A watch channel, asked for or opened."""

    id: str = ""
    type: str = ""
    address: str = ""
    token: str = ""
    resource_id: str = ""
    expiration: int = 0
    """Milliseconds since 1970; the answer has it as text."""


class Failure(_Wire):
    """The inside of an error; `details` in the form of newer Google services."""

    message: str = ""
    errors: list[Reason] = []
    details: list[Reason] = []


class _Failed(_Wire):
    error: Failure | None = None


_Shape = TypeVar("_Shape", bound=_Wire)


class NotThatShape(ValueError):
    """It is no JSON, or not of the shape that it has to have."""


def read(data: bytes | msgspec.Raw, shape: type[_Shape]) -> _Shape:
    """Read JSON.

    Raises:
        NotThatShape: it is none, or of another shape.
    """
    try:
        return msgspec.json.decode(data, type=shape, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as err:
        raise NotThatShape(str(err)) from err


def write(document: _Wire) -> bytes:
    """Write JSON, without what is empty."""
    return msgspec.json.encode(document)


def properties(document: _Wire) -> dict[str, object]:
    """Give a document's properties in the form that JSON has, without what is empty."""
    made: dict[str, object] = msgspec.to_builtins(document)
    return made


class _Named(_Wire):
    id: str = ""
    recurring_event_id: str = ""
    etag: str = ""


def name(data: msgspec.Raw) -> tuple[str, str, str]:
    """Read of an event that is not understood its id, that of its series, and its etag.

    Raises:
        NotThatShape: not even those can be read.
    """
    named = read(data, _Named)
    return named.id, named.recurring_event_id, named.etag


def reasons(body: bytes) -> list[str]:
    """Read the reasons of an error; none where the body is something else, a proxy's page."""
    error = _failure(body)
    return [each.reason for each in (*error.errors, *error.details) if each.reason]


def message(body: bytes) -> str:
    """Read what an error says to people; empty where the body is something else."""
    return _failure(body).message


def _failure(body: bytes) -> Failure:
    try:
        return read(body, _Failed).error or Failure()
    except NotThatShape:
        return Failure()

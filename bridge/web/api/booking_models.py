"""What the API takes and gives of bookings; unknown keys are refused (T60)."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from bridge.bookings.wishing import Wish, read_time
from bridge.config.booking import Meeting, Reminder, Visibility
from bridge.model.event import Attendee, ShowAs
from bridge.model.interval import Window
from bridge.web.api.models import Moment, PageModel, PageQuery, ResourceName, Strict

_MEETINGS = Literal["none", "google_meet", "teams", "zoom", "auto"]
_SHOWN = Literal["busy", "tentative", "free", "out_of_office"]
_SEEN = Literal["default", "public", "private", "confidential"]
_STATES = Literal["confirmed", "pending", "failed", "cancelled", "leaving"]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as err:
        raise ValueError("is no name of a time zone; write Europe/Berlin") from err
    return name


def _moment(text: str) -> str:
    try:
        read_time(text, ZoneInfo("UTC"))
    except (ValueError, OverflowError) as err:
        raise ValueError(
            "is not a time; write 2026-11-20T09:00:00+01:00, 2026-11-20T09:00:00 as the clock of "
            "time_zone shows it, or a day, 2026-11-20"
        ) from err
    return text


Zone = Annotated[str, StringConstraints(max_length=100), AfterValidator(_zone)]
When = Annotated[str, StringConstraints(max_length=40), AfterValidator(_moment)]
Line = Annotated[str, StringConstraints(max_length=4000)]
Address = Annotated[
    str, StringConstraints(max_length=254, pattern=r"^[^@\s,;:\"<>]+@[^@\s,;:\"<>]+$")
]


class Guest(Strict):
    email: Address
    name: str = Field(default="", max_length=200)
    optional: bool = False

    def attendee(self) -> Attendee:
        """Make it a guest who is to reply."""
        role = "OPT-PARTICIPANT" if self.optional else ""
        return Attendee(f"mailto:{self.email.lower()}", common_name=self.name, role=role, rsvp=True)


class ReminderModel(Strict):
    method: Literal["popup", "email"] = "popup"
    minutes: int = Field(ge=0, le=40320, description="before the start")


class BookingKeys(Strict):
    """Fields of a booking; what is left out is left to the resource, or stays."""

    title: str | None = Field(default=None, max_length=1000)
    start: When | None = Field(
        default=None,
        description="RFC 3339, a wall clock of `time_zone` without an offset, or a day",
    )
    end: When | None = Field(
        default=None, description="exclusive; left out: that of the event type, or the same length"
    )
    time_zone: Zone | None = Field(
        default=None, description="by whose clock it recurs; that of the resource by default"
    )
    all_day: bool | None = Field(default=None, description="start and end are days")
    recurrence: list[Line] | None = Field(
        default=None, max_length=200, description="lines of RFC 5545: `RRULE:FREQ=WEEKLY;COUNT=4`"
    )
    attendees: list[Guest] | None = Field(default=None, max_length=1000)
    location: str | None = Field(default=None, max_length=1000)
    description: str | None = Field(default=None, max_length=30000)
    conference: _MEETINGS | None = Field(
        default=None, description="meeting that it gets; null: as its resource says"
    )
    event_type: str | None = Field(
        default=None, max_length=63, description="id of one of GET /event-types"
    )
    visibility: _SEEN | None = Field(default=None, description="null: as its resource says")
    show_as: _SHOWN | None = Field(default=None, description="null: as its resource says")
    reminders: list[ReminderModel] | None = Field(
        default=None, max_length=20, description="[]: none at all; null: as its resource says"
    )
    notify: bool | None = Field(
        default=None, description="the provider tells the guests; null: as its resource says"
    )

    @model_validator(mode="after")
    def _of_one_kind(self) -> BookingKeys:
        days = {len(it) == 10 for it in (self.start, self.end) if it is not None}
        if len(days) > 1:
            raise ValueError("start and end are both days, or both times")
        if self.all_day is not None and days and self.all_day not in days:
            raise ValueError("all_day goes with days, 2026-11-20")
        if self.all_day is not None and not days:
            raise ValueError("all_day goes with start and end")
        if self.time_zone is not None and self.start is None and self.end is None:
            raise ValueError("time_zone goes with start and end")
        return self

    def wish(self, zone: str) -> Wish:
        """Give what is wished, times by the clock of a zone unless `time_zone` names another."""
        made: Wish = {**self._texts(), **self._people(), **self._shown()}
        clock = ZoneInfo(self.time_zone or zone)
        if self.start is not None:
            made["start"] = read_time(self.start, clock)
        if self.end is not None:
            made["end"] = read_time(self.end, clock)
        if "recurrence" in self.model_fields_set:
            made["recurrence"] = self.recurrence or ()
        return made

    def _texts(self) -> Wish:
        made, given = Wish(), self.model_fields_set
        if "title" in given:
            made["title"] = self.title or ""
        if "location" in given:
            made["location"] = self.location or ""
        if "description" in given:
            made["description"] = self.description or ""
        if "event_type" in given:
            made["event_type"] = self.event_type or ""
        return made

    def _people(self) -> Wish:
        made, given = Wish(), self.model_fields_set
        if "attendees" in given:
            made["guests"] = [it.attendee() for it in self.attendees or ()]
        if "conference" in given:
            made["meeting"] = None if self.conference is None else Meeting(self.conference)
        if "notify" in given:
            made["notify"] = self.notify
        return made

    def _shown(self) -> Wish:
        made, given = Wish(), self.model_fields_set
        if "visibility" in given:
            made["visibility"] = Visibility(self.visibility or "default")
        if "show_as" in given:
            made["show_as"] = None if self.show_as is None else ShowAs(self.show_as)
        if "reminders" in given:
            given_ones = self.reminders
            made["reminders"] = None if given_ones is None else [_reminder(it) for it in given_ones]
        return made


def _reminder(wanted: ReminderModel) -> Reminder:
    return Reminder(method=wanted.method, minutes=wanted.minutes)


class NewBooking(BookingKeys):
    @model_validator(mode="after")
    def _begins(self) -> NewBooking:
        if self.start is None:
            raise ValueError("start is missing")
        return self


class BookingPath(Strict):
    booking_id: ResourceName


class BookingsQuery(PageQuery):
    start: Moment | None = Field(default=None, description="those that end after it")
    end: Moment | None = Field(default=None, description="those that begin before it")
    state: _STATES | None = Field(
        default=None, description="failed: a human has to look; see /bookings/{id}/retry"
    )

    @model_validator(mode="after")
    def _both(self) -> BookingsQuery:
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end go together")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("end is not after start")
        return self

    @property
    def window(self) -> Window | None:
        """The span that is asked for."""
        return None if self.start is None or self.end is None else Window(self.start, self.end)


class GuestModel(BaseModel):
    email: str
    name: str
    optional: bool
    response: Literal["needs_action", "accepted", "declined", "tentative", "delegated"]


class ConferenceModel(BaseModel):
    provider: Literal["google_meet", "teams", "zoom"]
    state: str = Field(description="pending, ready or failing")
    join_url: str | None
    reason: str = Field(description="why there is none yet")


class FailureModel(BaseModel):
    code: str = Field(description="stable; branch on this")
    message: str
    since: str | None = Field(json_schema_extra={"format": "date-time"})
    change: Literal["create", "change", "delete", "meeting", "transfer"] = Field(
        description="what failed"
    )
    attempts: int


class Booking(BaseModel):
    """One booking. Of somebody else's private one there is no more than when it is."""

    id: str
    resource_id: str
    state: _STATES = Field(
        description="confirmed: it stands in the calendar; pending: that is not known yet"
    )
    status: Literal["confirmed", "tentative", "cancelled"]
    start: str = Field(description="RFC 3339, or a day; of a series its first")
    end: str
    all_day: bool
    time_zone: str
    recurrence: list[str]
    visibility: _SEEN
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    updated_at: str = Field(json_schema_extra={"format": "date-time"})
    ical_uid: str | None = None
    title: str | None = None
    location: str | None = None
    description: str | None = None
    attendees: list[GuestModel] | None = None
    conference: ConferenceModel | None = None
    event_type: str | None = None
    show_as: str | None = None
    reminders: list[ReminderModel] | None = None
    connection_id: str | None = None
    reason: str | None = Field(default=None, description="why it is pending or cancelled")
    error: FailureModel | None = Field(default=None, description="what a human has to look at")


class BookingList(PageModel):
    items: list[Booking]


class BookingGone(BaseModel):
    id: str
    state: Literal["removed", "leaving"] = Field(
        description="leaving: its calendar is still to be told"
    )


class ConflictsQuery(Strict):
    start: Moment = Field(description="inclusive")
    end: Moment | None = Field(
        default=None, description="exclusive; left out: as long as the event type lasts"
    )
    event_type: str | None = Field(default=None, max_length=63, description="id of a kind of event")


class ConflictModel(BaseModel):
    start: str = Field(json_schema_extra={"format": "date-time"})
    end: str = Field(json_schema_extra={"format": "date-time"})
    type: Literal["BUSY", "BUSY-TENTATIVE", "BUSY-UNAVAILABLE"]
    source: Literal["calendar", "booking", "unread"] = Field(
        description="unread: a calendar that counts as busy while it cannot be read"
    )
    title: str | None = Field(
        description="as far as the privacy of its calendar lets it show, to keys with bookings:read"
    )


class Conflicts(BaseModel):
    """What a booking would lie over; nothing where it is free."""

    resource_id: str
    start: str = Field(json_schema_extra={"format": "date-time"})
    end: str = Field(json_schema_extra={"format": "date-time"})
    conflicts: list[ConflictModel]


class EventTypeModel(BaseModel):
    """A kind of booking."""

    id: str
    title: str
    duration_minutes: int | None
    conference: _MEETINGS | None
    location: dict[str, str] = Field(description='`{"type": "google_meet"}`, its conference')


class EventTypes(BaseModel):
    items: list[EventTypeModel]

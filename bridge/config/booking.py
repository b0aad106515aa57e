"""Bookings: what may be booked, and what the events that come of it are like."""

from __future__ import annotations

from enum import Enum
from typing import Literal

from pydantic import Field

from bridge.config.section import Section, section, written
from bridge.config.values import Duration


class OnConflict(Enum):
    """What becomes of a booking over busy time."""

    REJECT = "reject"
    DECLINE = "decline"
    WARN = "warn"
    ALLOW = "allow"


class Visibility(Enum):
    """Who may see an event at its provider."""

    DEFAULT = "default"
    PRIVATE = "private"
    CONFIDENTIAL = "confidential"


class Meeting(Enum):
    """Which meeting a booking gets."""

    NONE = "none"
    GOOGLE_MEET = "google_meet"
    TEAMS = "teams"
    ZOOM = "zoom"
    AUTO = "auto"


class Recheck(Section):
    """Calendars are pulled once more before a booking is made or moved."""

    max_age: Duration = written("30s", "fresher ones are not pulled again", least="0")
    timeout: Duration = written("3s", "longest wait for that", least="0", most="60s")


class Bookings(Section):
    """What may be booked, and when it is refused."""

    on_conflict: OnConflict = Field(
        default=OnConflict.REJECT,
        description="over busy time; decline: it is taken and shown as cancelled",
    )
    conflict_with: tuple[Literal["busy", "busy_unavailable", "busy_tentative"], ...] = Field(
        default=("busy", "busy_unavailable"), description="kinds of busy time that conflict"
    )
    on_provider_down: Literal["reject", "queue"] = Field(
        default="reject", description="queue: taken as tentative until the provider has it"
    )
    confirm_within: Duration = written(
        "10s", "how long a client waits for the provider", least="0", most="60s"
    )
    recheck: Recheck = section()
    max_source_age: Duration = written(
        "6h", "a calendar not read for longer counts as on_stale says", least="1m"
    )
    allow_from: Literal["now", "any"] = Field(
        default="now", description="now: nothing may begin in the past"
    )
    max_duration: Duration = written("8h", "longest booking", least="1m")
    endless_series: bool = Field(default=False, description="accept series without an end")
    outside_hours: Literal["allow", "reject"] = Field(
        default="allow", description="bookings outside of working_hours"
    )
    max_attendees: int = Field(default=100, ge=0, le=1000, description="most guests of one booking")


class Reminder(Section):
    """One reminder."""

    method: Literal["popup", "email"] = Field(default="popup", description="how one is reminded")
    minutes: int = Field(ge=0, le=40320, description="before the start", examples=[15])


class EventDefaults(Section):
    """What an event is like where its booking does not say."""

    visibility: Visibility = Field(
        default=Visibility.DEFAULT, description="who may see it; CLASS wins"
    )
    show_as: Literal["busy", "tentative", "free", "out_of_office"] = Field(
        default="busy", description="how its time is shown; TRANSP and STATUS win"
    )
    reminders: tuple[Reminder, ...] | None = Field(
        default=None, description="left out: the calendar's own; VALARM wins"
    )
    notify_attendees: bool = Field(default=True, description="the provider mails the guests")
    conference: Meeting = Field(
        default=Meeting.NONE,
        description="meeting that a booking gets; auto: what its calendar has, else Zoom",
    )


class EventDefaultsOverride(Section):
    """The same for one resource or kind of event; what is left out is inherited."""

    visibility: Visibility | None = None
    show_as: Literal["busy", "tentative", "free", "out_of_office"] | None = None
    reminders: tuple[Reminder, ...] | None = None
    notify_attendees: bool | None = None
    conference: Meeting | None = None


class ZoomMeeting(Section):
    """How meetings at Zoom are made."""

    join_before_host: bool = Field(default=True, description="guests may begin without the host")
    mute_upon_entry: bool = Field(default=True, description="guests come in muted")
    waiting_room: bool = Field(default=False, description="the host lets guests in")
    auto_recording: Literal["none", "local", "cloud"] = Field(
        default="none", description="where it is recorded"
    )


class Zoom(Section):
    """Meetings at Zoom."""

    settings: ZoomMeeting = section()


class Conferences(Section):
    """Meetings of bookings."""

    on_failure: Literal["write_and_retry", "reject"] = Field(
        default="write_and_retry",
        description="a meeting that cannot be made; reject: the booking is refused",
    )
    zoom: Zoom = section()


class EventType(Section):
    """A kind of booking, chosen by X-BUSYBRIDGE-EVENT-TYPE, CATEGORIES or the API."""

    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="its name", examples=["video-call"]
    )
    title: str = Field(
        default="", max_length=200, description="title where none is given", examples=["Video call"]
    )
    duration: Duration | None = Field(
        default=None, description="length where no end is given", examples=["30m"]
    )
    conference: Meeting | None = Field(
        default=None, description="meeting that it gets", examples=["google_meet"]
    )
    event_defaults: EventDefaultsOverride = section()

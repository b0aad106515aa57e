"""Availability and privacy: what events do to their owner's time, and what of them shows."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from pydantic import Field, field_validator

from bridge.config.section import Section, section, written
from bridge.config.values import Duration


class Blocks(Enum):
    """What a kind of event does to the owner's time."""

    BUSY = "busy"
    BUSY_TENTATIVE = "busy_tentative"
    BUSY_UNAVAILABLE = "busy_unavailable"
    FREE = "free"


class AllDay(Enum):
    """What an all-day event does."""

    BUSY = "busy"
    FREE = "free"
    BY_STATUS = "by_status"


class OnStale(Enum):
    """What becomes of a source that could not be read for `max_stale`."""

    KEEP_LAST = "keep_last"
    BUSY = "busy"
    FREE = "free"


class Buffers(Section):
    """Busy time around each event."""

    before: Duration = written("0m", "added before each event", least="0", most="1d")
    after: Duration = written("0m", "added after each event", least="0", most="1d")


EVENT_TYPES = {
    "focusTime": Blocks.BUSY,
    "outOfOffice": Blocks.BUSY_UNAVAILABLE,
    "workingLocation": Blocks.FREE,
    "birthday": Blocks.FREE,
    "fromGmail": Blocks.BUSY,
}


class Availability(Section):
    """What events do to their owner's time; overridable per resource, connection and calendar."""

    all_day: AllDay = Field(
        default=AllDay.BY_STATUS, description="all-day events; by_status: like any other"
    )
    tentative: Blocks = Field(
        default=Blocks.BUSY_TENTATIVE, description="tentative, or accepted as tentative"
    )
    unanswered: Blocks = Field(
        default=Blocks.BUSY_TENTATIVE, description="an invitation without a reply"
    )
    declined: Blocks = Field(
        default=Blocks.FREE, description="an invitation that the owner declined"
    )
    out_of_office: Blocks = Field(
        default=Blocks.BUSY_UNAVAILABLE, description="shown as out of office"
    )
    working_elsewhere: Blocks = Field(default=Blocks.FREE, description="shown as working elsewhere")
    event_types: dict[str, Blocks] = Field(
        default_factory=lambda: dict(EVENT_TYPES),
        description="special kinds of events; those named here join the defaults",
    )
    buffers: Buffers = section()
    on_stale: OnStale = Field(
        default=OnStale.KEEP_LAST, description="time of a source that is stale"
    )
    max_stale: Duration = written("6h", "a source not read for so long is stale", least="1m")

    @field_validator("event_types")
    @classmethod
    def _join_defaults(cls, value: dict[str, Blocks]) -> dict[str, Blocks]:
        return EVENT_TYPES | value


class AvailabilityOverride(Section):
    """The keys of `availability`; one that is left out comes from the level above."""

    all_day: AllDay | None = None
    tentative: Blocks | None = None
    unanswered: Blocks | None = None
    declined: Blocks | None = None
    out_of_office: Blocks | None = None
    working_elsewhere: Blocks | None = None
    event_types: dict[str, Blocks] | None = None
    buffers: Buffers | None = None
    on_stale: OnStale | None = None
    max_stale: Duration | None = Field(default=None, ge=timedelta(minutes=1))


class PrivacyMode(Enum):
    """How much of an event a view with details shows; private events always show times only."""

    BUSY_ONLY = "busy_only"
    """Times only."""
    PRIVATE = "private"
    """What the `show_*` keys allow."""
    FULL = "full"
    """Everything."""


class Privacy(Section):
    """What views with details reveal; overridable per resource, connection and calendar."""

    mode: PrivacyMode = Field(
        default=PrivacyMode.BUSY_ONLY, description="times only, what show_* allows, or everything"
    )
    title: str = Field(
        default="Busy",
        max_length=200,
        description="title of a block; may hold {{calendar_name}} and {{event_name}}",
    )
    show_title: bool = Field(default=False, description="in mode private: the event's title")
    show_description: bool = Field(default=False, description="in mode private: the description")
    show_attendees: bool = Field(
        default=False, description="in mode private: organizer and attendees"
    )
    show_location: bool = Field(
        default=False, description="in mode private: the place; a meeting link counts as place"
    )


class PrivacyOverride(Section):
    """The keys of `privacy`; one that is left out comes from the level above."""

    mode: PrivacyMode | None = None
    title: str | None = Field(default=None, max_length=200)
    show_title: bool | None = None
    show_description: bool | None = None
    show_attendees: bool | None = None
    show_location: bool | None = None

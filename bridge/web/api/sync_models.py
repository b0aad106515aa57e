"""What routes about syncing take and give."""

from __future__ import annotations

from pydantic import BaseModel, Field, model_validator

from bridge.model.interval import Window
from bridge.web.api.calendar_models import CalendarTrouble, State
from bridge.web.api.models import ConnectionTrouble, Moment, Status, Strict


class CalendarFreshness(BaseModel):
    """How fresh one calendar is."""

    id: str
    calendar_id: str | None = Field(description="the provider's id; null: never found")
    name: str
    last_sync_at: str | None = Field(json_schema_extra={"format": "date-time"})
    stale: bool = Field(description="not read for longer than `max_stale`")
    waits_for_confirmation: bool = Field(
        description="it shrank suddenly; what it had stays until a second listing says the same"
    )
    error: CalendarTrouble | None


class SyncStatus(BaseModel):
    """How the reading of a connection goes."""

    connection_id: str
    resource_id: str
    status: Status
    state: State
    last_attempt_at: str | None = Field(json_schema_extra={"format": "date-time"})
    last_sync_at: str | None = Field(
        description="when all of it was read last", json_schema_extra={"format": "date-time"}
    )
    next_sync_at: str | None = Field(
        description="null while it is read, or is not: pending, paused, disconnected",
        json_schema_extra={"format": "date-time"},
    )
    rate_limited: bool = Field(description="its provider asked for a pause")
    rate_limit_resets_at: str | None = Field(json_schema_extra={"format": "date-time"})
    failures: int = Field(description="in a row")
    stale: bool = Field(description="one of its calendars is")
    calendars: list[CalendarFreshness]
    error: ConnectionTrouble | None


class ResyncRequest(Strict):
    full_sync: bool = Field(default=True, description="read everything, not only what changed")


class ResourceSyncRequest(Strict):
    """What has to be fresh."""

    start: Moment | None = Field(default=None, description="inclusive; with `end`")
    end: Moment | None = Field(default=None, description="exclusive; with `start`")
    full: bool = Field(default=False, description="read everything, not only what changed")

    @model_validator(mode="after")
    def _in_order(self) -> ResourceSyncRequest:
        if (self.start is None) is not (self.end is None):
            raise ValueError("start and end come together")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("end is not after start")
        return self

    @property
    def window(self) -> Window | None:
        """What was asked for; None: all that is known."""
        if self.start is None or self.end is None:
            return None
        return Window(self.start, self.end)


class ResourceSync(BaseModel):
    """What came of it."""

    resource_id: str
    start: str | None = Field(
        description="what is read begins here", json_schema_extra={"format": "date-time"}
    )
    end: str | None = Field(description="and ends here", json_schema_extra={"format": "date-time"})
    fresh: bool = Field(description="every source was read; else it goes on, or one cannot be")
    connections: list[SyncStatus]

"""What routes about calendars take and give."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from bridge.web.api.models import (
    ConnectionTrouble,
    PageModel,
    PageQuery,
    ResourceName,
    Status,
    Strict,
)

Role = Literal["free_busy", "read", "write"]
State = Literal["idle", "syncing", "backoff", "rate_limited"]


class RefreshQuery(Strict):
    refresh: bool = Field(
        default=False, description="ask the provider now, instead of what it said last"
    )


class AccountCalendar(BaseModel):
    """One calendar of an account, chosen or not."""

    id: str = Field(description="the provider's; what `read_calendars` may name")
    name: str
    is_primary: bool
    access_role: Role = Field(description="what the account may do with it")
    can_edit: bool = Field(description="it can be the write calendar")
    selected: bool = Field(description="it is read, or written to")
    read: bool = Field(description="it is chosen to block time")
    write: bool = Field(description="bookings go here")
    color: str | None = Field(description="`#rrggbb`")
    time_zone: str | None = Field(description="IANA name; null: the provider does not say")


class AccountCalendars(BaseModel):
    connection_id: str
    provider: str
    calendars: list[AccountCalendar]


class CalendarPath(Strict):
    calendar_id: ResourceName = Field(description="`id` of a calendar in GET /calendars")


class CalendarsQuery(PageQuery):
    resource: ResourceName | None = Field(default=None, description="id of a resource")
    connection_id: ResourceName | None = Field(default=None, description="`room-a.work`")
    provider: str | None = Field(default=None, max_length=40, description="`google`")
    status: Status | None = Field(default=None, description="of its connection")
    calendar_id: str | None = Field(default=None, max_length=1024, description="the provider's id")
    raw_calendar_id: str | None = Field(
        default=None, max_length=1024, description="the same as calendar_id"
    )


class CalendarTrouble(BaseModel):
    code: str = Field(description="stable; branch on this")
    message: str
    since: str | None = Field(json_schema_extra={"format": "date-time"})


class CalendarSync(BaseModel):
    """How its reading goes."""

    state: State = Field(description="of its connection")
    last_sync_at: str | None = Field(
        description="when it was last read to its end", json_schema_extra={"format": "date-time"}
    )
    next_sync_at: str | None = Field(json_schema_extra={"format": "date-time"})
    rate_limited: bool
    rate_limit_resets_at: str | None = Field(json_schema_extra={"format": "date-time"})
    stale: bool = Field(description="not read for longer than `max_stale`")
    error: CalendarTrouble | None


class Calendar(BaseModel):
    """One calendar that is read."""

    id: str = Field(description="stays the same for as long as it is read")
    calendar_id: str | None = Field(
        description="the provider's id; null: it is wanted and was never found"
    )
    connection_id: str
    resource_id: str
    provider: str
    account_email: str
    name: str
    is_primary: bool
    access_role: Role
    read: bool = Field(description="it blocks time")
    write: bool = Field(description="bookings go here")
    color: str | None
    time_zone: str | None
    status: Status = Field(description="of its connection")
    error: ConnectionTrouble | None = Field(description="of its connection")
    sync: CalendarSync


class Calendars(PageModel):
    items: list[Calendar]


class RawRequest(Strict):
    """An account that no connection has: by a refresh token, or by a login at a server."""

    provider: str = Field(max_length=40, description="name or synonym of a kind: `google`")
    refresh_token: SecretStr | None = Field(default=None, min_length=1, max_length=4096)
    client_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=512,
        description="the application that the token was given to; left out: the configured one",
    )
    client_secret: SecretStr | None = Field(default=None, min_length=1, max_length=4096)
    server_url: str | None = Field(
        default=None, max_length=2048, description="left out: the domain of `username` is asked"
    )
    username: str | None = Field(default=None, min_length=1, max_length=512)
    password: SecretStr | None = Field(default=None, min_length=1, max_length=4096)


class RawCalendar(BaseModel):
    """One calendar of an account that is not connected."""

    id: str = Field(description="the provider's; what a connection may name")
    name: str
    is_primary: bool
    access_role: Role
    can_edit: bool
    color: str | None
    time_zone: str | None


class RawCalendars(BaseModel):
    provider: str
    calendars: list[RawCalendar]
    refresh_token: str | None = Field(
        description="the provider gave it in the place of the one that was sent, which is over; "
        "null: that one goes on"
    )

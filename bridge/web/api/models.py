"""What the API takes and gives; unknown keys are refused (T60)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from bridge.model.interval import Window
from bridge.web.times import parse_instant

MOST_RESOURCES = 100


def _instant(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("a time is a string; write 2026-11-20T09:00:00Z")  # noqa: TRY004 - pydantic
    return parse_instant(value)


Moment = Annotated[
    int,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""RFC 3339 with an offset in, an instant inside."""
ResourceName = Annotated[str, StringConstraints(min_length=1, max_length=254)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ResourcePath(Strict):
    resource_id: ResourceName = Field(description="id or mail address of a resource")


class Span(Strict):
    start: Moment = Field(description="inclusive")
    end: Moment = Field(description="exclusive")

    @model_validator(mode="after")
    def _in_order(self) -> Span:
        if self.end <= self.start:
            raise ValueError("end is not after start")
        return self

    @property
    def window(self) -> Window:
        """The span as a half-open window."""
        return Window(self.start, self.end)


class BusyQuery(Span):
    sync: bool = Field(default=False, description="pull the sources first, for a limited time")


class FreeBusyRequest(Span):
    resources: list[ResourceName] = Field(
        min_length=1, max_length=MOST_RESOURCES, description="ids or mail addresses"
    )


class PeriodModel(BaseModel):
    start: str = Field(json_schema_extra={"format": "date-time"})
    end: str = Field(json_schema_extra={"format": "date-time"})
    type: Literal["BUSY", "BUSY-TENTATIVE", "BUSY-UNAVAILABLE"] = Field(
        description="FBTYPE of RFC 5545 section 3.2.9"
    )


class FreshnessModel(BaseModel):
    oldest: str | None = Field(
        description="last success of the source that was read longest ago; null when one never was",
        json_schema_extra={"format": "date-time"},
    )
    stale: int = Field(description="sources that could not be read")


class Busy(BaseModel):
    """Busy time of one resource."""

    resource_id: str
    start: str = Field(json_schema_extra={"format": "date-time"})
    end: str = Field(json_schema_extra={"format": "date-time"})
    periods: list[PeriodModel]
    freshness: FreshnessModel


class ErrorModel(BaseModel):
    code: str
    message: str


class ResourceBusy(BaseModel):
    """Busy time of one of several resources, or why there is none."""

    resource_id: str = Field(description="as it was asked for")
    periods: list[PeriodModel] | None = None
    freshness: FreshnessModel | None = None
    error: ErrorModel | None = None


class FreeBusyAnswer(BaseModel):
    start: str = Field(json_schema_extra={"format": "date-time"})
    end: str = Field(json_schema_extra={"format": "date-time"})
    resources: list[ResourceBusy]


class PageQuery(Strict):
    limit: int = Field(default=100, ge=1, le=500, description="entries of one page")
    cursor: str | None = Field(
        default=None, max_length=1000, description="`next_cursor` of the page before"
    )


class PageModel(BaseModel):
    """One page of a list."""

    total: int = Field(description="of all pages")
    next_cursor: str | None = Field(description="null on the last page")


Status = Literal["pending", "active", "error", "token_expired", "paused", "disconnected"]


class ConnectionsQuery(PageQuery):
    resource: ResourceName | None = Field(default=None, description="id of a resource")
    provider: str | None = Field(default=None, max_length=40, description="`google`")
    status: Status | None = None


class ConnectionPath(Strict):
    connection_id: ResourceName = Field(description="`room-a.work`")


class ProviderPath(Strict):
    provider: str = Field(max_length=40, description="kind of calendar system: `google`")


class Nothing(Strict):
    """An empty object."""


class AuthUrlRequest(Strict):
    redirect_url: str = Field(
        default="",
        max_length=2048,
        description="where the browser goes afterwards; empty: a page of BusyBridge",
    )
    response_mode: Literal["redirect", "popup"] = Field(
        default="redirect",
        description="`popup`: the browser stays on a page of BusyBridge, which sends a message to "
        "the window that opened it, if that is of the origin of `redirect_url`, and closes itself",
    )

    @model_validator(mode="after")
    def _somewhere(self) -> AuthUrlRequest:
        if self.response_mode == "popup" and not self.redirect_url:
            raise ValueError("a popup needs the redirect_url of the page that opens it")
        return self


class AuthUrlWish(AuthUrlRequest):
    set_primary: bool | None = Field(
        default=None,
        description="once connected, its write calendar receives the bookings; left out: as was "
        "said before",
    )


class ReconnectWish(AuthUrlWish):
    allow_account_change: bool = Field(
        default=False,
        description="another account may take the place of the connected one: what was granted to "
        "that one is given back, and what was read of it is forgotten",
    )


class AuthUrlQuery(ReconnectWish):
    resource: ResourceName | None = Field(
        default=None, description="id of a resource; else the header X-BusyBridge-Resource names it"
    )
    connection_id: ResourceName | None = Field(
        default=None, description="needed where the resource has several of this provider"
    )


class AuthUrl(BaseModel):
    auth_url: str
    provider: str
    connection_id: str
    expires_at: str = Field(json_schema_extra={"format": "date-time"})


class ConnectionTrouble(BaseModel):
    code: str = Field(description="stable; branch on this")
    message: str
    since: str | None = Field(json_schema_extra={"format": "date-time"})
    hint: str = Field(description="what helps")


class Push(BaseModel):
    """Whether the provider tells of changes, so that they show at once."""

    state: Literal["on", "partial", "off", "unsupported"]
    reason: str = Field(description="why it is not on")


class Connection(BaseModel):
    """One account of one resource."""

    id: str
    resource_id: str
    provider: str
    account_email: str
    status: Status
    is_primary: bool = Field(description="its write_calendar receives the bookings")
    read_calendars: list[str] | None = Field(description="null: all")
    write_calendar: str | None
    validate_availability: bool
    cancel_if_declined_or_deleted: bool
    notify_attendees: bool | None = Field(description="null: as `event_defaults` says")
    direction: Literal["inbound", "outbound", "both"]
    deduplication_key: str | None
    managed_by: Literal["file", "api"]
    last_sync_at: str | None = Field(json_schema_extra={"format": "date-time"})
    next_sync_at: str | None = Field(
        description="null while it is not read: pending, paused, disconnected",
        json_schema_extra={"format": "date-time"},
    )
    push: Push
    rate_limited: bool
    rate_limit_resets_at: str | None = Field(json_schema_extra={"format": "date-time"})
    error: ConnectionTrouble | None


class Connections(PageModel):
    items: list[Connection]


class FieldError(BaseModel):
    field: str
    message: str


class SpanModel(BaseModel):
    start: str = Field(json_schema_extra={"format": "date-time"})
    end: str = Field(json_schema_extra={"format": "date-time"})


class ProblemModel(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    code: str = Field(description="stable; branch on this")
    detail: str | None = None
    errors: list[FieldError] | None = None
    reason: str | None = Field(default=None, description="what exactly the provider said, stable")
    retry_after: int | None = Field(default=None, description="seconds")
    auth_url: str | None = Field(
        default=None, description="where the owner connects the account; only for keys that may"
    )
    connection_id: str | None = Field(default=None, description="of what is there already")
    resource_id: str | None = Field(default=None, description="of what is there already")
    periods: list[SpanModel] | None = Field(
        default=None, description="busy times that a booking would lie over, the first three"
    )

"""What programs may set, in the words of the configuration file; unknown keys are refused (T60).

A key that is null goes back to what it is without. What the values may be is the configuration's
to say: it checks them as it checks the file, and names the key.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, JsonValue, SecretStr, model_validator

from bridge.config.logins import ID_PATTERN
from bridge.web.api.models import (
    AuthUrlWish,
    Connection,
    PageModel,
    ResourceName,
    Status,
    Strict,
)

Section = dict[str, JsonValue]
_LONG = 2048


class ResourceKeys(Strict):
    name: str | None = Field(default=None, description="name that people see")
    email: str | None = Field(default=None, description="address for free-busy look-ups")
    type: str | None = Field(default=None, description="individual, room, resource or group")
    timezone: str | None = Field(default=None, description="`Europe/Berlin`")
    direction: str | None = Field(default=None, description="inbound, outbound or both")
    availability: Section | None = Field(default=None, description="as in the configuration file")
    privacy: Section | None = Field(default=None, description="as in the configuration file")
    freebusy: Section | None = Field(default=None, description="as in the configuration file")


class NewResource(ResourceKeys):
    id: str = Field(pattern=ID_PATTERN, description="no dots; first part of its URLs")


class Resource(Strict):
    """A person, room or thing whose busy time is published."""

    id: str
    name: str
    email: str
    type: Literal["individual", "room", "resource", "group"]
    timezone: str
    direction: Literal["inbound", "outbound", "both"]
    managed_by: Literal["file", "api"]
    connections: list[str] = Field(description="their ids")


class Resources(PageModel):
    items: list[Resource]


class ConnectionKeys(Strict):
    account_email: str | None = Field(default=None, description="of the owner, whose replies count")
    read_calendars: list[str | Section] | None = Field(
        default=None, description="ids, names or `primary`; []: none; null: all"
    )
    write_calendar: str | None = Field(default=None, description="where bookings go")
    validate_availability: bool | None = Field(
        default=None, description="false: it is pulled, but blocks nothing"
    )
    cancel_if_declined_or_deleted: bool | None = Field(
        default=None,
        description="false: a booking whose event was deleted or declined stays, and is told of",
    )
    notify_attendees: bool | None = Field(
        default=None,
        description="false: guests of bookings are not mailed; null: as `event_defaults` says",
    )
    direction: str | None = Field(
        default=None, description="inbound, outbound or both; null: the resource's"
    )
    sync: Section | None = Field(default=None, description="`interval`")
    availability: Section | None = Field(default=None, description="as in the configuration file")
    privacy: Section | None = Field(default=None, description="as in the configuration file")
    server_url: str | None = Field(default=None, max_length=_LONG, description="of kind caldav")
    username: str | None = Field(default=None, max_length=_LONG)
    password: SecretStr | None = Field(
        default=None, max_length=_LONG, description="best one made for apps; never shown again"
    )
    url: SecretStr | None = Field(
        default=None, max_length=_LONG, description="of kind ics; never shown again"
    )

    def keys(self) -> dict[str, Any]:
        """Give what was said, secrets left out."""
        said = self.model_dump(mode="json", include=set(ConnectionKeys.model_fields))
        return {name: said[name] for name in self.model_fields_set & said.keys() - SECRET}

    def secrets(self) -> dict[str, SecretStr | None]:
        """Give the secrets that were said."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set & SECRET)}


SECRET = frozenset({"password", "url"})
"""What is kept encrypted."""


class ConnectionWish(ConnectionKeys, AuthUrlWish):
    provider: str = Field(min_length=1, max_length=40, description="`google`, `caldav`")
    id: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="within the resource; left out: made of the provider's name",
    )
    deduplication_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=254,
        description="of your choice, one for each account: the same one makes no second connection",
    )
    calendar_id: str | None = Field(
        default=None,
        max_length=1024,
        description="the one calendar to read: `read_calendars: [it]`; null: the primary one",
    )
    raw_calendar_id: str | None = Field(
        default=None, max_length=1024, description="the same as calendar_id"
    )
    code: SecretStr | None = Field(
        default=None, max_length=_LONG, description="that came to your own redirect_uri"
    )
    redirect_uri: str | None = Field(default=None, max_length=_LONG, description="with `code`")
    code_verifier: SecretStr | None = Field(
        default=None, max_length=_LONG, description="of RFC 7636, with `code`"
    )
    refresh_token: SecretStr | None = Field(
        default=None, max_length=8192, description="that your own application was given"
    )
    client_id: str | None = Field(
        default=None, max_length=_LONG, description="of that application, with `refresh_token`"
    )
    client_secret: SecretStr | None = Field(
        default=None, max_length=_LONG, description="of that application; never shown again"
    )

    def keys(self) -> dict[str, Any]:
        """Give what was said, secrets left out, one calendar as the list of it."""
        only = self.calendar_id or self.raw_calendar_id
        named = self.model_fields_set & {"calendar_id", "raw_calendar_id", "read_calendars"}
        if not only and named and "read_calendars" not in named:
            only = "primary"
        return super().keys() | ({"read_calendars": [only]} if only else {})

    @property
    def has_consent(self) -> bool:
        """Whether the owner of the account agreed already, somewhere else."""
        return self.code is not None or self.refresh_token is not None

    @model_validator(mode="after")
    def _together(self) -> ConnectionWish:
        if self.code is not None and self.refresh_token is not None:
            raise ValueError("give code or refresh_token, not both")
        if (self.code is None) != (self.redirect_uri is None):
            raise ValueError("code and redirect_uri belong together")
        if self.code is None and self.code_verifier is not None:
            raise ValueError("code_verifier belongs to code")
        if sum(map(bool, (self.calendar_id, self.raw_calendar_id, self.read_calendars))) > 1:
            raise ValueError(
                "calendar_id, raw_calendar_id and read_calendars are one thing: give one"
            )
        if self.refresh_token is None and (self.client_id or self.client_secret):
            raise ValueError("client_id and client_secret belong to refresh_token")
        return self


class NewConnection(ConnectionWish):
    resource_id: ResourceName = Field(description="whose account it is")


class MadeConnection(Connection):
    """A connection, and where its owner connects the account, where that is needed."""

    auth_url: str | None = None
    expires_at: str | None = Field(default=None, json_schema_extra={"format": "date-time"})


class Removed(Strict):
    """What came of a deletion."""

    id: str
    given_back: bool = Field(description="false: the provider did not take back what was granted")
    message: str = Field(description="why it did not")
    purged: int | None = Field(
        default=None, description="events deleted from its calendars, where `purge_written` asked"
    )


class RemovalQuery(Strict):
    purge_written: bool = Field(
        default=False,
        description="delete first what was written to its calendars, bookings and mirrored blocks",
    )


class StatusQuery(Strict):
    status: Status | None = None


class ConnectionList(Strict):
    items: list[Connection]


class Selection(Strict):
    read_calendar_ids: list[ResourceName] = Field(
        max_length=500, description="ids or `primary`; []: none"
    )
    write_calendar_id: ResourceName | None = Field(
        default=None, description="id or `primary`; null: none"
    )

"""What the configuration says of Google: of all of it, and of one connection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from bridge.config.section import Section
from bridge.config.values import RateLimit, Secret, ServiceUrl
from bridge.model.resource import Direction

_SCOPE = "https://www.googleapis.com/auth"
_READING = (
    f"{_SCOPE}/calendar.calendarlist.readonly",
    f"{_SCOPE}/calendar.events.readonly",
    f"{_SCOPE}/calendar.freebusy",
)
"""Least that reads calendars, their events, and the busy time of those that share no more."""
_WRITING = (
    f"{_SCOPE}/calendar.calendarlist.readonly",
    f"{_SCOPE}/calendar.events",
    f"{_SCOPE}/calendar.freebusy",
)
"""Least that writes events as well."""


class GoogleConnection(Section):
    """Keys of a connection of this kind; its account is connected by its owner, or delegated."""

    consent: bool = Field(
        default=False,
        description="the account's owner is asked, although there is a service account",
    )


class GoogleDefaults(Section):
    """Keys of the section `providers.google`."""

    client_id: str = Field(
        default="",
        description="of the OAuth client, made in the Google Cloud console",
        examples=["1234.apps.googleusercontent.com"],
    )
    client_secret: Secret | None = Field(
        default=None,
        description="of that client",
        examples=["GOOGLE_CLIENT_SECRET"],
    )
    service_account: Secret | None = Field(
        default=None,
        description="JSON key of a service account with domain-wide delegation: it reads the "
        "account_email of each connection, and no owner is asked",
        examples=["service-account.json"],
    )
    scopes: Literal["auto"] | tuple[str, ...] = Field(
        default="auto",
        description="what owners are asked to permit, `calendar.events`; auto: what the direction "
        "of a connection needs",
    )
    api_url: ServiceUrl = Field(
        default="https://www.googleapis.com/calendar/v3", description="root of the Calendar API"
    )
    authorize_url: ServiceUrl = Field(
        default="https://accounts.google.com/o/oauth2/v2/auth",
        description="page on which owners agree",
    )
    token_url: ServiceUrl = Field(
        default="https://oauth2.googleapis.com/token", description="where tokens come from"
    )
    revoke_url: ServiceUrl = Field(
        default="https://oauth2.googleapis.com/revoke", description="where grants are given back"
    )

    # https://developers.google.com/workspace/calendar/api/guides/quota
    requests: RateLimit = Field(
        default="10000/min",
        validate_default=True,
        description="quota of the Cloud project, for all accounts together",
    )
    requests_per_account: RateLimit = Field(
        default="600/min", validate_default=True, description="quota of each account"
    )

    def wanted_scopes(self, direction: Direction) -> tuple[str, ...]:
        """Give what a consent has to cover."""
        if self.scopes != "auto":
            return tuple(map(_whole, self.scopes))
        return _WRITING if direction.writes else _READING

    @field_validator("service_account")
    @classmethod
    def _key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            from bridge.providers.google.delegation import read_key

            read_key(value.get_secret_value())
        return value


_NO_ADDRESS = ("openid", "email", "profile")


def _whole(scope: str) -> str:
    """Write a scope out: `calendar.events` and `userinfo.email` are short for addresses."""
    return scope if "://" in scope or scope in _NO_ADDRESS else f"{_SCOPE}/{scope}"

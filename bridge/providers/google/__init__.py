"""Calendars of Google accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator

from bridge.authorizer import Grant
from bridge.config.section import Section
from bridge.config.values import RateLimit, Secret
from bridge.model.http import Rates
from bridge.model.resource import Direction
from bridge.notifier import Delivery, Notices, unreachable
from bridge.provider import Account, Provider, ProviderKind

if TYPE_CHECKING:
    from bridge.providers.google.consent import GoogleConsent

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
    api_url: str = Field(
        default="https://www.googleapis.com/calendar/v3", description="root of the Calendar API"
    )
    authorize_url: str = Field(
        default="https://accounts.google.com/o/oauth2/v2/auth",
        description="page on which owners agree",
    )
    token_url: str = Field(
        default="https://oauth2.googleapis.com/token", description="where tokens come from"
    )
    revoke_url: str = Field(
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

    @field_validator("api_url", "authorize_url", "token_url", "revoke_url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        parts = urlsplit(value.strip())
        if parts.scheme.lower() not in ("https", "http") or not parts.hostname:
            raise ValueError("is not an https or http URL")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("holds a login, a query or a fragment")
        return value.strip().rstrip("/")


_NO_ADDRESS = ("openid", "email", "profile")


def _whole(scope: str) -> str:
    """Write a scope out: `calendar.events` and `userinfo.email` are short for addresses."""
    return scope if "://" in scope or scope in _NO_ADDRESS else f"{_SCOPE}/{scope}"


def _open(account: Account) -> Provider:
    from bridge.providers.google.adapter import open_account

    if not isinstance(account.defaults, GoogleDefaults):
        raise TypeError("not the section of Google")
    return open_account(account, account.defaults.api_url)


def _consent(account: Account) -> GoogleConsent:
    from bridge.providers.google.consent import GoogleConsent

    if not isinstance(account.defaults, GoogleDefaults):
        raise TypeError("not the section of Google")
    wanted = account.defaults.wanted_scopes(account.direction)
    return GoogleConsent(account.http, account.defaults, wanted)


def _refresh(account: Account, grant: Grant) -> Grant:
    consent = _consent(account)
    if not account.acts_for:
        return consent.refresh(grant)
    from bridge.providers.google.delegation import act_for, read_key

    defaults = account.defaults
    if not isinstance(defaults, GoogleDefaults) or defaults.service_account is None:
        raise TypeError("there is no service account")
    program = read_key(defaults.service_account.get_secret_value())
    scopes = tuple(consent.scopes)
    return act_for(account.http, defaults.token_url, program, account.acts_for, scopes)


def _is_delegated(settings: BaseModel, defaults: BaseModel) -> bool:
    if not isinstance(settings, GoogleConnection) or not isinstance(defaults, GoogleDefaults):
        raise TypeError("not the settings of Google")
    return defaults.service_account is not None and not settings.consent


def _notices(delivery: Delivery) -> Notices:
    from bridge.providers.google.push import notices

    return notices(delivery)


def _unreachable(defaults: BaseModel, address: str) -> str:
    if not isinstance(defaults, GoogleDefaults):
        raise TypeError("not the section of Google")
    return unreachable(address, defaults.api_url)


def _rates(defaults: BaseModel) -> Rates:
    if not isinstance(defaults, GoogleDefaults):
        raise TypeError("not the section of Google")
    return Rates(defaults.requests.per_minute, defaults.requests_per_account.per_minute)


_CAPABILITIES: Mapping[str, str] = {
    "read events": "done; of calendars that share only their busy time, that",
    "incremental": "done: sync tokens",
    "write events": "done: with Meet links",
    "push": "done: watch channels",
}

_ADVICE = (
    "the project of the OAuth client has to have the Google Calendar API enabled, under APIs & "
    "Services of the Google Cloud console",
    'while the project\'s OAuth consent screen has the publishing status "Testing", only the test '
    "users that it lists can agree, and what they permit ends after seven days (token_expired): "
    "publish the app, or make its user type Internal where all accounts are of your Google "
    "Workspace organization; whoever agreed before has to agree once more after that",
)

KIND = ProviderKind(
    name="google",
    title="Google Calendar",
    connection_settings=GoogleConnection,
    provider_settings=GoogleDefaults,
    open=_open,
    refresh=_refresh,
    authorizer=_consent,
    notices=_notices,
    unreachable=_unreachable,
    is_delegated=_is_delegated,
    rates=_rates,
    capabilities=_CAPABILITIES,
    advice=_ADVICE,
)

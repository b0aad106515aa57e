"""Calendars on CalDAV servers (RFC 4791), and Apple's iCloud as a preset of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from bridge.config.section import Section
from bridge.config.values import Secret
from bridge.provider import Account, Provider, ProviderKind

_DOMAIN = re.compile(r"(?:[^\s@/:]+@)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
_ICLOUD = "https://caldav.icloud.com"


def _server(value: str) -> str:
    """Refuse what can never be a server; a login inside a URL would show in messages."""
    text = value.strip()
    if "://" not in text:
        if text and not _DOMAIN.fullmatch(text):
            raise ValueError("is not a URL, a domain or a mail address")
        return text
    parts = urlsplit(text)
    if parts.scheme.lower() not in ("https", "http") or not parts.hostname:
        raise ValueError("is not an https or http URL")
    if "@" in parts.netloc:
        raise ValueError("holds a login; give it as username and password")
    return text


class CaldavConnection(Section):
    """Keys of a connection of this kind."""

    server_url: str = Field(
        default="",
        description="URL of the server or of one calendar, or just a domain or mail address; "
        "left out, the domain of username is asked",
    )
    username: str = Field(description="login", min_length=1)
    password: Secret = Field(description="password of that login, best one made for apps")

    @field_validator("server_url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        return _server(value)

    @model_validator(mode="after")
    def _somewhere(self) -> CaldavConnection:
        if not self.server_url and "@" not in self.username:
            raise ValueError("needs server_url, since username is not a mail address")
        return self


class CaldavDefaults(Section):
    """The section `providers.caldav` has no keys of its own."""


class AppleConnection(Section):
    """Keys of a connection of this kind."""

    username: str = Field(description="Apple ID, a mail address", min_length=1)
    password: Secret = Field(
        description="app-specific password, made at account.apple.com; the Apple ID's own "
        "password never works"
    )


class AppleDefaults(Section):
    """Keys of the section `providers.apple`."""

    server_url: str = Field(default=_ICLOUD, description="URL of iCloud's CalDAV service")

    @field_validator("server_url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        return _server(value)


def _open_caldav(account: Account) -> Provider:
    from bridge.providers.caldav.adapter import open_account
    from bridge.providers.caldav.client import Login

    settings = account.settings
    if not isinstance(settings, CaldavConnection):
        raise TypeError("not the settings of a caldav connection")
    password = settings.password.get_secret_value()
    server = settings.server_url or settings.username
    return open_account(account, server, Login(settings.username, password))


def _open_apple(account: Account) -> Provider:
    from bridge.providers.caldav.adapter import open_account
    from bridge.providers.caldav.client import ICLOUD, Login

    settings, defaults = account.settings, account.defaults
    if not (isinstance(settings, AppleConnection) and isinstance(defaults, AppleDefaults)):
        raise TypeError("not the settings of an apple connection")
    password = settings.password.get_secret_value()
    return open_account(account, defaults.server_url, Login(settings.username, password, ICLOUD))


_CAPABILITIES: Mapping[str, str] = {
    "read events": "done",
    "incremental": "done: sync-collection, else ctag and ETags",
    "write events": "done: guests are mailed where the server does that",
    "push": "exempt: CalDAV servers have no notifications for third parties",
}

KIND = ProviderKind(
    name="caldav",
    title="CalDAV",
    connection_settings=CaldavConnection,
    provider_settings=CaldavDefaults,
    open=_open_caldav,
    capabilities=_CAPABILITIES,
)

APPLE = ProviderKind(
    name="apple",
    title="Apple iCloud",
    connection_settings=AppleConnection,
    provider_settings=AppleDefaults,
    open=_open_apple,
    synonyms=("icloud",),
    capabilities=_CAPABILITIES,
)

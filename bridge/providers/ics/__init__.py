"""Calendars published as one iCalendar file: a feed behind a URL, or a file on this machine."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from bridge.config.section import Section, written
from bridge.config.values import Duration, FilePath, Secret, Size
from bridge.provider import Account, Provider, ProviderKind

_SCHEMES = {"http": "http", "https": "https", "webcal": "https", "webcals": "https"}


class SecretUrl(SecretStr):
    """A URL that is a secret by itself: it may stand in the file, and is shown nowhere."""


class IcsConnection(Section):
    """Keys of a connection of this kind; exactly one of `url` and `path`."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: SecretUrl | None = Field(
        default=None, description="https, http or webcal URL of the feed; kept secret"
    )
    path: FilePath | None = Field(
        default=None, description="instead of url: a file on this machine"
    )
    username: str = Field(default="", description="login, where the URL asks for one")
    password: Secret | None = Field(default=None, description="password of that login")

    @field_validator("url")
    @classmethod
    def _fetchable(cls, value: SecretUrl | None) -> SecretUrl | None:
        """Refuse what can never be fetched; the URL itself stays out of every message."""
        if value is None:
            return None
        scheme, _, rest = value.get_secret_value().strip().partition(":")
        if scheme.lower() == "file":
            raise ValueError("a file: URL is not fetched; give the file's name as path")
        url = f"{_SCHEMES.get(scheme.lower(), '')}:{rest}"
        try:
            parts = urlsplit(url)
        except ValueError:  # brackets that do not match
            parts = urlsplit("")
        if not (parts.scheme and parts.hostname):
            raise ValueError("is not an https, http or webcal URL")
        if "@" in parts.netloc:
            raise ValueError("holds a login; give it as username and password")
        return SecretUrl(url)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url is None) == (self.path is None):
            raise ValueError("needs either url or path")
        if (self.username or self.password) and self.url is None:
            raise ValueError("username and password belong to a url")
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together")
        return self


class IcsDefaults(Section):
    """Keys of the section `providers.ics`."""

    max_size: Size = written("20MiB", "largest calendar that is read")
    timeout: Duration = written("20s", "longest time for fetching one calendar, redirects included")


def _open(account: Account) -> Provider:
    from bridge.providers.ics.adapter import IcsSource
    from bridge.providers.ics.fetch import make_feed

    return Provider(source=IcsSource(make_feed(account), owner=account.owner))


KIND = ProviderKind(
    name="ics",
    title="ICS feed or file",
    connection_settings=IcsConnection,
    provider_settings=IcsDefaults,
    open=_open,
    synonyms=("ical", "icalendar", "webcal"),
    unwritable="is a feed, which can only be read",
    capabilities={
        "read events": "done",
        "incremental": "done: ETag, Last-Modified, else a digest of the content",
        "write events": "exempt: a feed is read-only",
        "push": "exempt: feeds have no notifications",
    },
)

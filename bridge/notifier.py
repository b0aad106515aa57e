"""How providers tell of changes: channels that are opened at them, and what they send. No I/O.

A *channel* watches one calendar until it expires. We name it, and give it a token; its
notifications bring both back, so that they are known for what they are before anything else is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

from bridge.model.conference import ConferenceKind
from bridge.model.interval import Instant

_LOCAL = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test", ".invalid", ".onion")


@dataclass(frozen=True, slots=True)
class Watch:
    """A channel that is asked for."""

    id: str
    """Ours: at most 63 letters, digits and hyphens. Notifications name it so, whatever the provider
    calls it."""
    calendar: str
    """Its `CalendarId`."""
    address: str
    """URL that notifications are posted to."""
    token: SecretStr
    """At most 64 letters, digits and hyphens: who knows it is the provider."""
    asked_at: Instant
    """The present, for providers that want to be told when the channel ends."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that was opened."""

    id: str
    calendar: str
    reference: str
    """By which the provider knows it, or what it watches: needed to stop it, and what its
    notifications have to name."""
    expires: Instant
    confirmed: bool = False
    """The provider has reached the address while it opened it; else a notification tells."""
    is_late: bool = False
    """It takes the place of one that may have ended before: what changed in between was told to
    nobody."""


class Notifier(Protocol):
    """Opens and stops channels; keeps nothing."""

    def watch(self, wanted: Watch) -> Channel:
        """Open a channel, for as long as the provider allows.

        Its first notifications may come before this returns.

        Raises:
            RemoteRejected: this calendar, or this address, will not be told of.
            ProviderError: no channel was opened, or nobody knows.
        """
        ...

    def renew(self, channel: Channel, wanted: Watch) -> Channel:
        """Have a calendar watched for longer, without a gap.

        Returns:
            The same channel with a later end; or a new one, opened as `wanted`, beside which the
            one before lives on until it is stopped.

        Raises:
            ProviderError: as `watch`; the channel goes on to its end.
        """
        ...

    def stop(self, channel: Channel) -> None:
        """End a channel; one that is not there any more counts as stopped.

        Notifications that are under way may still come.

        Raises:
            ProviderError: it may go on.
        """
        ...


class News(Enum):
    """What a notification says."""

    CHANGED = "changed"
    """Something in the calendar is not as it was, or that may have been missed."""
    CONFIRMED = "confirmed"
    """The channel is open, and nothing else."""
    ENDED = "ended"
    """The provider gave the channel up, or will: changes may have been missed."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request that came to the address of a kind."""

    headers: Mapping[str, str]
    """By name in lower case."""
    query: Mapping[str, str]
    body: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class Notice:
    """What a request claims; nothing of it is true before the token was compared."""

    channel: str
    token: SecretStr
    news: News
    reference: str = ""
    number: int | None = None
    """Rises from one notification of a channel to the next, where the provider counts."""


@dataclass(frozen=True, slots=True)
class MeetingNews:
    """A meeting is not as it was, at the one who made it."""

    kind: ConferenceKind
    reference: str
    """See `Conference.reference`."""
    gone: bool
    """It, or one occurrence of it, was deleted."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """The owner of an account took back, at the provider, what an application was permitted."""

    subject: str
    """The account's id at the provider."""
    client_id: str
    """Of the application, which is the one in the settings."""
    at: Instant
    """When that was; what was granted later stands. 0: nobody says."""
    meetings: ConferenceKind
    """What the account makes."""
    may_keep: bool = False
    """Its owner lets us keep what we know of it."""


@dataclass(frozen=True, slots=True)
class Notices:
    """All that one request claims, and what it is answered when some of that is true."""

    claims: Sequence[Notice] = ()
    status: int = 204
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"
    """Of the body."""
    handshake: bool = False
    """It claims nothing and wants its answer: the provider looks whether we are there."""
    taken: bool = False
    """The request is true as it stands: it was signed."""
    meetings: Sequence[MeetingNews] = ()
    """Only of a request that is true; so is the next."""
    farewells: Sequence[Farewell] = ()


def unreachable(address: str, provider_url: str) -> str:
    """Say why a provider out in the world cannot post to an address; empty when it can.

    One that runs on this machine, as the sandbox does, reaches everything here.
    """
    if _is_loopback(urlsplit(provider_url).hostname or ""):
        return ""
    parts = urlsplit(address)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme == "https" and _is_public(host):
        return ""
    return "server.base_url is no https URL of a host that the provider can reach"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_LOCAL)

"""What a provider's client and the transport say to each other; no I/O.

`bridge.transport.Transport` implements `Http`; adapters depend on this Protocol alone, so that the
interface of providers stays free of any HTTP library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Basic:
    """HTTP Basic credentials; sent only to the site of the URL they were given with."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A bearer token; sent only to the site of the URL it was given with."""

    token: str = field(repr=False)


Credentials: TypeAlias = Basic | Bearer


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer: its length was checked, its content decoded."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; repeated headers joined with `, `."""
    body: bytes = field(repr=False)
    url: str = field(repr=False)
    """The URL that answered in the end, after redirects."""


@dataclass(frozen=True, slots=True)
class Service:
    """One SRV target (RFC 2782), best first."""

    host: str
    port: int


class Rates(NamedTuple):
    """What one kind of provider allows, in requests a minute."""

    project: int
    """All accounts together."""
    account: int
    """Each of them."""
    at_once: int | None = None
    """Requests of one account that may be under way at the same time; None where that is not
    counted."""


class Http(Protocol):
    """Sends one request through the guard."""

    def request(  # noqa: PLR0913 - all but the first two are named
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        auth: Credentials | None = None,
        timeout: timedelta | None = None,
        max_size: int | None = None,
        trusted_sites: Sequence[str] = (),
        follow: bool = True,
    ) -> Response:
        """Send, follow at most five redirects with method and body kept, return the whole answer.

        Any status is returned but for followed redirects; see `bridge.transport.raise_for_status`.

        Args:
            method: an HTTP or WebDAV method.
            url: http or https.
            headers: sent as they are.
            content: the body.
            auth: sent to the site (registrable domain) of `url` and to `trusted_sites`, over the
                same or a better scheme; never further.
            timeout: deadline of the whole exchange, redirects included.
            max_size: most bytes of the decoded body.
            trusted_sites: more hosts that may see the credentials, `*.icloud.com`.
            follow: false: a redirect is an answer like any other, for a body that nobody else may
                see.

        Raises:
            AddressRefused: an address, scheme or redirect is not allowed.
            TemporarilyUnavailable: DNS, connection, TLS (code `tls`) or time.
            UnreadableAnswer: cut short, longer than it said, or larger than `max_size`.
        """
        ...

    def services(self, name: str) -> Sequence[Service]:
        """Look up SRV records, `_caldavs._tcp.example.com`; empty when there are none."""
        ...

    def texts(self, name: str) -> Sequence[str]:
        """Look up TXT records; empty when there are none."""
        ...

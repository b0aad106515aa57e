"""Who is asking: the peer, or the client that a trusted proxy names (T58)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from bridge.config.values import Network

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

_MOST_HOPS = 10
_SIGNS = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
    "HTTP_VIA",
)
"""What only a proxy adds."""


_PREFIXES = ("HTTP_X_SCRIPT_NAME", "HTTP_X_FORWARDED_PREFIX")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", re.ASCII)


class Client(NamedTuple):
    """The other end of a request."""

    address: str
    """An IP address, or empty when nobody says it: such a client is in no network."""
    scheme: str
    """http or https, as the client used it."""
    behind_unknown_proxy: bool
    """Somebody whom we do not trust says that the request was forwarded."""

    @property
    def key(self) -> str:
        """What limits count by: the address, or the /64 of an IPv6 address."""
        return key_of(self.address)

    def is_in(self, networks: Sequence[Network]) -> bool:
        """Tell whether the address is known and lies in one of the networks."""
        return not self.behind_unknown_proxy and is_in(self.address, tuple(networks))


def identify(environ: WSGIEnvironment, trusted: Sequence[Network]) -> Client:
    """Read the client from a request; X-Forwarded-* counts only when a trusted proxy sent it.

    A trusted proxy that does not say for whom it asks leaves the client's address empty: its own
    would open to everybody what only its machine may see.
    """
    peer = str(environ.get("REMOTE_ADDR", ""))
    scheme = str(environ.get("wsgi.url_scheme", "http"))
    proxies = tuple(trusted)
    if not is_in(peer, proxies):
        claims = any(header in environ for header in _SIGNS)
        return Client(peer, scheme, behind_unknown_proxy=claims)
    proto = str(environ.get("HTTP_X_FORWARDED_PROTO", "")).strip().lower()
    if proto in {"http", "https"}:
        scheme = proto
    address = _forwarded_for(str(environ.get("HTTP_X_FORWARDED_FOR", "")), proxies)
    return Client(address, scheme, behind_unknown_proxy=False)


def prefix(environ: WSGIEnvironment, trusted: Sequence[Network], base_url: str) -> str:
    """Return the path below which clients see us, without a slash at its end; mostly empty.

    A trusted proxy says it in X-Script-Name, as Radicale's users have it, or X-Forwarded-Prefix;
    else it is the path of `server.base_url`.
    """
    if is_in(str(environ.get("REMOTE_ADDR", "")), tuple(trusted)):
        for header in _PREFIXES:
            given = str(environ.get(header, "")).rstrip("/")
            if given and _PREFIX.fullmatch(given):
                return given
    return _path_of(base_url)


@lru_cache(maxsize=16)
def _path_of(url: str) -> str:
    path = urlsplit(url).path.rstrip("/")
    return path if _PREFIX.fullmatch(path) else ""


def _forwarded_for(header: str, proxies: tuple[Network, ...]) -> str:
    """Return the right-most address that is none of our proxies: left of it all is hearsay."""
    found = ""
    for hop in reversed(header.split(",")[-_MOST_HOPS:]):
        address = _parse(hop)
        if address is None:
            return ""
        found = str(address)
        if not is_in(found, proxies):
            break
    return found


@lru_cache(maxsize=4096)
def _parse(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=4096)
def key_of(address: str) -> str:
    """Return what limits count an address by: itself, or the /64 of an IPv6 address."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, 64), strict=False))
    return address


@lru_cache(maxsize=4096)
def is_in(address: str, networks: tuple[Network, ...]) -> bool:
    """Tell whether an address lies in one of the networks."""
    parsed = _parse(address)
    return parsed is not None and any(parsed in each.network for each in networks)

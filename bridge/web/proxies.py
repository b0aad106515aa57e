"""Who is asking: the peer, or the client that a trusted proxy names (T58)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, NamedTuple

from bridge.config.values import Network

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

_MOST_HOPS = 10


class Client(NamedTuple):
    """The other end of a request."""

    address: str
    """An IP address, or empty when there is none to know (a Unix socket)."""
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
    """Read the client from a request; X-Forwarded-* counts only when a trusted proxy sent it."""
    peer = str(environ.get("REMOTE_ADDR", ""))
    scheme = str(environ.get("wsgi.url_scheme", "http"))
    forwarded = environ.get("HTTP_X_FORWARDED_FOR")
    if not trusted or not is_in(peer, tuple(trusted)):
        claims = forwarded is not None or "HTTP_FORWARDED" in environ
        return Client(peer, scheme, behind_unknown_proxy=claims)
    proto = str(environ.get("HTTP_X_FORWARDED_PROTO", "")).strip().lower()
    if proto in {"http", "https"}:
        scheme = proto
    # The right-most address that is none of our proxies: everything left of it is hearsay.
    for hop in reversed(str(forwarded or "").split(",")[-_MOST_HOPS:]):
        address = _parse(hop)
        if address is None:
            break
        peer = str(address)
        if not is_in(peer, tuple(trusted)):
            break
    return Client(peer, scheme, behind_unknown_proxy=False)


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

"""Which addresses may be connected to: public ones, and those that the admin lists.

`ipaddress.is_global` alone is not enough: Python 3.11 calls multicast, NAT64, 6to4, site-local and
6to4 relay addresses global, and what it knows changes with Python. Both tests must pass. The lists
follow the IANA special-purpose registries of IPv4 and IPv6 (RFC 6890); an address there that is
"globally reachable" is refused as well, since no calendar lives on an anycast relay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Protocol, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_REFUSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier-grade NAT
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, metadata services of clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relay
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarking
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)

# RFC 4291 section 2.4, IANA: global unicast is 2000::/3 and nothing else. So ::/96, ::ffff:0:0/96
# (IPv4 in disguise), 64:ff9b::/96 and 64:ff9b:1::/48 (NAT64), 100::/64, 5f00::/16, fc00::/7,
# fe80::/10, fec0::/10 and ff00::/8 need no line of their own.
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking, anycast
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: carries an IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # 6bone, given back
            "3fff::/20",  # documentation
        ),
    )
)


class Listed(Protocol):
    """One entry of `outbound.allow_networks`."""

    @property
    def network(self) -> IPv4Network | IPv6Network: ...
    @property
    def port(self) -> int | None: ...


def literal(host: str) -> Address | None:
    """Read a host that is an address in its one normal form, without brackets."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Tell whether an address is an ordinary one of the public internet."""
    if not address.is_global:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)


class Allowance:
    """Decides about addresses; knows what the admin lists."""

    def __init__(self, listed: Sequence[Listed]) -> None:
        self._listed = tuple(listed)

    def refused(self, addresses: Iterable[Address], port: int) -> list[Address]:
        """Return the addresses that may not be connected to; one is enough to refuse a name."""
        return [address for address in addresses if not self._permits(address, port)]

    def _permits(self, address: Address, port: int) -> bool:
        return is_public(address) or any(
            address in entry.network and entry.port in (None, port) for entry in self._listed
        )

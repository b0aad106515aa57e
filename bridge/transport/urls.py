"""Reading URLs strictly, naming them without their secrets, and knowing where a site ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import httpx2

from bridge.errors import AddressRefused
from bridge.transport.addresses import literal

if TYPE_CHECKING:
    from tldextract import TLDExtract

_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_PLAIN = re.compile(r"[\x21-\x7e\x80-\U0010ffff]+")


def parse_url(text: str) -> httpx2.URL:
    """Read an absolute http or https URL; the host comes out in ASCII and without a final dot.

    Raises:
        AddressRefused: another scheme, user info, or a host that is neither a name nor an address
            in its normal form (`127.1`, `0x7f000001` and `2130706433` are not).
    """
    try:
        url = httpx2.URL(text) if _PLAIN.fullmatch(text) else None
    except httpx2.InvalidURL:
        url = None
    if url is None:
        raise AddressRefused("this is not a valid URL", hint="write https://host/path")
    if url.scheme not in _PORTS:
        raise AddressRefused("only http and https URLs are fetched", hint="write https://host/path")
    if url.userinfo:
        raise AddressRefused(
            "the URL contains a user name or password",
            hint="give them as username and password, not inside the URL",
        )
    host = url.raw_host.decode("ascii").lower()
    host = host.removesuffix(".")
    if not _is_host(host):
        raise AddressRefused(
            "the URL's host is neither a name nor an IP address in its normal form",
            hint="write a host name, 192.0.2.1 or [2001:db8::1]",
        )
    if url.port is not None and not 0 < url.port < 65536:
        raise AddressRefused("the URL's port is not between 1 and 65535")
    return url.copy_with(host=host, fragment=None)


def _is_host(host: str) -> bool:
    if literal(host):
        return "%" not in host
    labels = host.split(".")
    # WHATWG URL section 3.5, "ends in a number": C libraries read such hosts as IPv4 addresses.
    if _NUMBER.fullmatch(labels[-1]) or len(host) > 253:
        return False
    return all(_LABEL.fullmatch(label) for label in labels)


def port_of(url: httpx2.URL) -> int:
    """Return the port, given or implied."""
    return url.port or _PORTS[url.scheme]


def where(url: httpx2.URL | str) -> str:
    """Name a URL in messages and logs: scheme, host, port; path and query may be secret."""
    url = httpx2.URL(url)
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}" + ("" if url.port is None else f":{url.port}")


def may_share_credentials(home: str, target: str, trusted_sites: Sequence[str] = ()) -> bool:
    """Tell whether credentials given for the URL `home` may be sent to the URL `target`.

    They may within one site (registrable domain by the public suffix list; an address or a bare
    name is a site of its own) and to `trusted_sites`, never from https to http.
    """
    ours, other = parse_url(home), parse_url(target)
    if ours.scheme == "https" and other.scheme != "https":
        return False
    own, host = ours.raw_host.decode("ascii"), other.raw_host.decode("ascii")
    if own == host or any(_matches(host, pattern.lower()) for pattern in trusted_sites):
        return True
    return site(own) == site(host)


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern


def site(host: str) -> str:
    """Return the registrable domain of a host, the host itself where there is none.

    Domains in which anybody may register (`github.io`) are suffixes, too. An unknown top-level
    domain counts as a suffix, as publicsuffix.org's algorithm has it.
    """
    if literal(host) or "." not in host:
        return host
    found = _public_suffixes()(host)
    if found.suffix:
        return found.top_domain_under_public_suffix or host
    return ".".join(host.split(".")[-2:])


@cache
def _public_suffixes() -> TLDExtract:
    # Imported late: it costs 100 ms and only redirects and discovery need it.
    from tldextract import TLDExtract

    # The copy that the package ships, never the network, never a cache on disk.
    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)

"""Following a redirect by our own rules: no worse scheme, no credentials across sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import httpx2

from bridge.errors import AddressRefused
from bridge.model.http import Credentials, Response
from bridge.transport.urls import may_share_credentials, parse_url, where

MAX_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization"}


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of a chain."""

    method: str
    url: httpx2.URL = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)
    auth: Credentials | None


def next_hop(hop: Hop, answer: Response, home: httpx2.URL, trusted: Sequence[str]) -> Hop | None:
    """Return the request that an answer asks for; None when it is no redirect.

    Method and body stay. Credentials that were once dropped do not come back, so that a stranger
    in the chain cannot send them where it likes.

    Args:
        hop: the request that was answered.
        answer: its answer.
        home: the URL that the credentials were given with.
        trusted: further sites that may see them.

    Raises:
        AddressRefused: from https to http, to a URL that is not allowed, or a 303 that would turn
            a WebDAV method into a GET.
    """
    location = answer.headers.get("location")
    if answer.status not in _REDIRECTS or not location:
        return None
    try:
        # URLs are ASCII; servers that forget it send UTF-8, and headers were read as Latin-1.
        target = parse_url(str(hop.url.join(location.encode("latin-1").decode("utf-8"))))
    except (AddressRefused, httpx2.InvalidURL, ValueError) as err:
        raise AddressRefused(f"{where(hop.url)} redirects to a URL that is not allowed") from err
    if hop.url.scheme == "https" and target.scheme != "https":
        raise AddressRefused(f"{where(hop.url)} redirects from https to http")
    following = replace(hop, url=target)
    if answer.status == 303 and hop.method != "HEAD":
        # RFC 9110 section 15.4.4: the answer to a POST is elsewhere, to be read with GET.
        if hop.method not in ("GET", "POST"):
            raise AddressRefused(f"{where(hop.url)} answers {hop.method} with a 303 redirect")
        following = replace(following, method="GET", content=None)
    if not may_share_credentials(str(home), str(target), trusted):
        kept = {k: v for k, v in hop.headers.items() if k.lower() not in _SECRET_HEADERS}
        following = replace(following, auth=None, headers=kept)
    return following

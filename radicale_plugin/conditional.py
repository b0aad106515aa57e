"""Conditional GET and HEAD (RFC 9110 section 13): lists of entity tags, weak ones, and `*`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from radicale.types import WSGIResponse

from radicale_plugin.refusals import Refused
from radicale_plugin.visit import Visit

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_LONGEST = 8192
_KEPT: Sequence[str] = ("ETag", "Cache-Control", "X-BusyBridge-Freshness")
"""RFC 9110 section 15.4.5."""


def answer(visit: Visit, headers: dict[str, str], body: Callable[[], bytes]) -> WSGIResponse:
    """Answer 412, 304, or 200 with a body that is written only when it is sent."""
    etag = headers["ETag"]
    wanted = visit.header("If-Match")
    if wanted and not _names(wanted, etag, weakly=False):
        raise Refused(412, reason="the entity tag is another one")
    known = visit.header("If-None-Match")
    if known and _names(known, etag, weakly=True):
        return 304, {name: headers[name] for name in _KEPT if name in headers}, None, None
    if visit.environ["REQUEST_METHOD"] == "HEAD":
        return 200, headers, None, None
    return 200, headers, body(), None


def _names(header: str, etag: str, *, weakly: bool) -> bool:
    """Tell whether a list of entity tags names one; sections 8.8.3.2, 13.1.1 and 13.1.2."""
    if header.strip() == "*":
        return True
    return any(
        match[2] == etag and (weakly or not match[1]) for match in _TAG.finditer(header[:_LONGEST])
    )

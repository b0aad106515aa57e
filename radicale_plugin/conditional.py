"""Conditional requests (RFC 9110 section 13): lists of entity tags, weak ones, and `*`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from radicale.types import WSGIResponse

from radicale_plugin.refusals import precondition_failed
from radicale_plugin.visit import Visit

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_LONGEST = 8192
_KEPT: Sequence[str] = ("ETag", "Cache-Control", "X-BusyBridge-Freshness", "Schedule-Tag")
"""RFC 9110 section 15.4.5."""


class Wanted(NamedTuple):
    """What must hold for a write; entity tags without quotes."""

    match: tuple[str, ...] | None
    """If-Match; `*` is any, and a weak tag is none (section 13.1.1). None: not asked."""
    none_of: frozenset[str] | None
    """If-None-Match with tags; weak ones match here."""
    nothing: bool
    """If-None-Match with `*`: there must be nothing."""
    schedule_tag: str
    """If-Schedule-Tag-Match (RFC 6638 section 8.3)."""


def read(visit: Visit) -> Wanted:
    """Read the conditions of a write."""
    match, none = visit.header("If-Match").strip(), visit.header("If-None-Match").strip()
    tags: tuple[str, ...] | None = None
    if match:
        strong = (found[2] for found in _TAG.finditer(match[:_LONGEST]) if not found[1])
        tags = ("*",) if match == "*" else tuple(each[1:-1] for each in strong)
    unwanted = {found[2][1:-1] for found in _TAG.finditer(none[:_LONGEST])}
    schedule = visit.header("If-Schedule-Tag-Match").strip()
    return Wanted(
        tags,
        frozenset(unwanted) if none and none != "*" else None,
        none == "*",
        schedule.strip('"'),
    )


def answer(visit: Visit, headers: dict[str, str], body: Callable[[], bytes]) -> WSGIResponse:
    """Answer 412, 304, or 200 with a body that is written only when it is sent."""
    etag = headers["ETag"]
    wanted = visit.header("If-Match")
    if wanted and not _names(wanted, etag, weakly=False):
        raise precondition_failed("the entity tag is another one")
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

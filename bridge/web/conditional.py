"""ETags and conditional GET (RFC 9110 section 13)."""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime
from hashlib import blake2s

from bridge.model.interval import Instant, instant
from bridge.web.exchange import Request

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_LONGEST_LIST = 4096


def make_etag(*parts: object, weak: bool = False) -> str:
    """Return the quoted entity tag of whatever the parts determine."""
    digest = blake2s("\0".join(map(str, parts)).encode(), digest_size=16).hexdigest()
    return f'W/"{digest}"' if weak else f'"{digest}"'


def http_date(when: Instant) -> str:
    """Write an instant as RFC 9110 section 5.6.7 asks."""
    return formatdate(when, usegmt=True)


def is_unchanged(request: Request, etag: str, modified: Instant | None) -> bool:
    """Tell whether the client's copy is still good: 304.

    If-None-Match decides alone when it is there, and compares weakly (section 13.1.2);
    If-Modified-Since counts only without it (section 13.1.3).
    """
    wanted = request.header("If-None-Match")
    if wanted is not None:
        if wanted.strip() == "*":
            return True
        return etag.removeprefix("W/") in _ENTITY_TAG.findall(wanted[:_LONGEST_LIST])
    since = request.header("If-Modified-Since")
    if since is None or modified is None:
        return False
    try:
        return modified <= instant(parsedate_to_datetime(since))
    except (ValueError, OverflowError):
        return False

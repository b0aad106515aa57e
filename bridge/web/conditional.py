"""ETags and conditional GET (RFC 9110 section 13)."""

from __future__ import annotations

import re
from hashlib import blake2s

from bridge.web.exchange import Request

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_LONGEST_LIST = 4096


def make_etag(*parts: object, weak: bool = False) -> str:
    """Return the quoted entity tag of whatever the parts determine."""
    digest = blake2s("\0".join(map(str, parts)).encode(), digest_size=16).hexdigest()
    return f'W/"{digest}"' if weak else f'"{digest}"'


def is_unchanged(request: Request, etag: str) -> bool:
    """Tell whether the client's copy is still good: 304.

    If-None-Match compares weakly (section 13.1.2). If-Modified-Since is not heard, which section
    13.1.3 asks of whoever has no modification date.
    """
    wanted = request.header("If-None-Match")
    if wanted is None:
        return False
    if wanted.strip() == "*":
        return True
    return etag.removeprefix("W/") in _ENTITY_TAG.findall(wanted[:_LONGEST_LIST])

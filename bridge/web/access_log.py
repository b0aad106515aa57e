"""One line per request, without its secrets and in one piece (T31, T35)."""

from __future__ import annotations

import logging
import re

from bridge.web.exchange import Reply, Request

_log = logging.getLogger("bridge.web.access")

# Paths and parameters that are themselves credentials.
_SECRET_PATH = re.compile(r"^(/(?:feeds|connect)/)[^/]+")
_SECRET_PARAMETER = re.compile(
    r"((?:^|[&;])(?:token|code|state|key|password|access_token)=)[^&;]*", re.IGNORECASE
)
_UNSAFE = re.compile(r"[^\x20-\x7e]|\\")
_LONGEST = 512


def redacted(path: str, query: str) -> str:
    """Return path and query for a log: tokens starred out, on one line, of bounded length."""
    shown = _SECRET_PATH.sub(r"\1***", path)
    if query:
        shown += "?" + _SECRET_PARAMETER.sub(r"\1***", query)
    return escaped(shown)


def escaped(text: str) -> str:
    """Return text in printable ASCII, everything else as the escapes of a Python string."""
    return _UNSAFE.sub(
        lambda match: match[0].encode("unicode_escape").decode("ascii"), text[:_LONGEST]
    )


def write(request: Request, reply: Reply, seconds: float) -> None:
    """Log one answered request."""
    if not _log.isEnabledFor(logging.INFO):
        return
    shown = redacted(request.path, request.environ.get("QUERY_STRING", ""))
    _log.info(
        "%s %s %s %d %d bytes %.1f ms [%s]",
        request.client.address or "-",
        request.method,
        shown,
        reply.status,
        len(reply.body),
        seconds * 1000,
        request.id,
        extra={
            "client": request.client.address,
            "method": request.method,
            "path": shown,
            "status": reply.status,
            "request_id": request.id,
        },
    )

"""One line per request, without its secrets and in one piece (T31, T35)."""

from __future__ import annotations

import logging

from bridge.web import redaction
from bridge.web.exchange import Reply, Request

_log = logging.getLogger("bridge.web.access")

_LONGEST = 512


def write(request: Request, reply: Reply, seconds: float) -> None:
    """Log one answered request."""
    if not _log.isEnabledFor(logging.INFO):
        return
    shown = redaction.target(request.path, request.environ.get("QUERY_STRING", ""))[:_LONGEST]
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

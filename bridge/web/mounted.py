"""Calling another WSGI application, Flask or Radicale, from a request that was checked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

from bridge.web.exchange import Headers, Reply, Request

if TYPE_CHECKING:
    from types import TracebackType
    from wsgiref.types import WSGIApplication, WSGIEnvironment

_VARIABLES = (
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "CONTENT_TYPE",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
)
# Headers that an application may see. What a proxy is trusted to say was read by `proxies`; what
# would choose a login, a path or a method (X-Remote-User, X-Script-Name, X-HTTP-Method-Override,
# Proxy) goes no further (T58).
_HEADERS = frozenset(
    {
        "HTTP_" + name.upper().replace("-", "_")
        for name in (
            "Accept",
            "Accept-Encoding",
            "Accept-Language",
            "Authorization",
            "Brief",
            "Cookie",
            "Depth",
            "Destination",
            "Host",
            "Idempotency-Key",
            "If",
            "If-Match",
            "If-Modified-Since",
            "If-None-Match",
            "If-Schedule-Tag-Match",
            "If-Unmodified-Since",
            "Origin",
            "Originator",
            "Overwrite",
            "Prefer",
            "Range",
            "Recipient",
            "Schedule-Reply",
            "Sec-Fetch-Site",
            "Timeout",
            "User-Agent",
            "X-BusyBridge-Resource",
        )
    }
)


def clean_environ(request: Request) -> WSGIEnvironment:
    """Return an environ made from the request alone.

    Some servers copy the environment of the process, with its secrets, into what they pass on; an
    application must get neither that nor headers that only a trusted proxy may set.
    """
    given = request.environ
    environ: WSGIEnvironment = {
        key: str(given[key]) for key in _VARIABLES if given.get(key) is not None
    }
    environ |= {key: value for key, value in given.items() if key in _HEADERS}
    environ |= {
        "SCRIPT_NAME": request.prefix,
        "SERVER_PROTOCOL": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
        "CONTENT_LENGTH": str(len(request.body)),
        "REMOTE_ADDR": request.client.address,
        "REMOTE_HOST": request.client.address,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.client.scheme,
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "busybridge.request": request,
    }
    return environ


def call(app: WSGIApplication, request: Request) -> Reply:
    """Run an application to its end and return its whole answer."""
    started: list[tuple[str, Headers]] = []
    chunks: list[bytes] = []

    def start_response(
        status: str,
        headers: Headers,
        exc_info: tuple[type[BaseException], BaseException, TracebackType]
        | tuple[None, None, None]
        | None = None,
        /,
    ) -> Callable[[bytes], object]:
        del exc_info  # nothing has been sent yet, so a second call simply replaces the first
        started[:] = [(status, headers)]
        return chunks.append

    result = app(clean_environ(request), start_response)
    try:
        chunks.extend(result)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    status, headers = started[0]
    return Reply(int(status.split(" ", 1)[0]), list(headers), b"".join(chunks))

"""The door: every request comes in here, and every answer leaves here.

Routes on the first path segment. The segments of `RESERVED` are ours; every other path belongs to
CalDAV, when something is mounted there. On the way in: a request id, the client behind trusted
proxies, the rate limit, the guard. On the way out: safe headers, security headers, the access log,
and an answer for every error.
"""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from bridge.config.checks import RESERVED
from bridge.errors import BeyondHorizon, NotReadYet, StoreError
from bridge.ical.limits import Limits, check_calendar_body
from bridge.web import access_log, front, guard, proxies, redaction
from bridge.web.context import WebContext
from bridge.web.exchange import BadQuery, Reply, Request, safe_headers
from bridge.web.limiter import Limiter
from bridge.web.mounted import call
from bridge.web.problem import (
    Problem,
    dav_error,
    method_not_allowed,
    not_found,
    nothing_known,
    too_many,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Handler = Callable[[Request], Reply]

_log = logging.getLogger("bridge.web")
_READ = ("GET", "HEAD")
_METHODS = frozenset(
    {
        *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"),
        *("PROPPATCH", "REPORT", "MKCOL", "MKCALENDAR", "MOVE", "COPY", "LOCK", "UNLOCK", "ACL"),
    }
)
# Unless it says otherwise, no page of ours runs a script, is framed, or tells another site where
# the reader came from.
_SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


class Area(NamedTuple):
    """What answers below one first path segment."""

    name: str
    handler: Handler
    methods: tuple[str, ...] | None = _READ
    """None when the handler itself decides."""
    limited: bool = True
    """Whether requests count against `server.rate_limit.per_client`."""
    has_body: bool = False
    """Whether bodies are read although the methods are known."""


def make_wsgi(context: WebContext) -> WSGIApplication:
    """Build the application that a WSGI server calls."""
    from bridge.web.api import Api
    from bridge.web.feeds import Feeds
    from bridge.web.freebusy import FreeBusyUrls
    from bridge.web.health import Health
    from bridge.web.reading import Reader

    reader = Reader(context)
    health = Health(context)
    areas = {
        "api": Area("api", Api(context, reader).answer, methods=None),
        "feeds": Area("feeds", Feeds(context, reader).answer),
        "freebusy": Area("freebusy", FreeBusyUrls(context, reader).answer),
        "healthz": Area("health", health.alive, limited=False),
        "readyz": Area("health", health.ready, limited=False),
        "metrics": Area("health", health.metrics, limited=False),
    }
    if context.connecting is not None and context.invitations is not None:
        from bridge.web.consent import ConnectPage, OAuth

        page = ConnectPage(context.connecting, context.invitations, context.live)
        oauth = OAuth(context.connecting, context.invitations, context.live)
        areas["connect"] = Area("connect", page.answer)
        areas["oauth"] = Area("oauth", oauth.answer, methods=None)
    if context.hearing is not None:
        from bridge.web.hooks import Hooks

        hooks = Hooks(context.hearing, context.live, context.metrics)
        areas["hooks"] = Area("hooks", hooks.answer, ("POST",), limited=False, has_body=True)
    if context.dav is not None:
        areas[".well-known"] = Area("dav", _well_known, methods=None)
    return Dispatcher(context, areas)


class Dispatcher:
    """The WSGI callable."""

    def __init__(self, context: WebContext, areas: Mapping[str, Area]) -> None:
        self._context = context
        self._areas = areas
        dav = context.dav
        if dav is None:
            self._elsewhere = _NOTHING
        else:
            self._elsewhere = Area("dav", partial(self._answer_dav, dav), methods=None)
        self._front = Area("front", front.Front(context.live).answer)
        self._limiter = Limiter()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started = time.perf_counter()
        request, area = self._receive(environ)
        try:
            reply = self._answer(request, area)
        except Problem as problem:
            reply = problem.reply()
        except BadQuery as err:
            reply = Problem(400, "invalid_query", str(err)).reply()
        except (NotReadYet, BeyondHorizon) as err:
            reply = nothing_known(err).reply()
        except StoreError as err:
            reply = _store_trouble(err).reply()
        except Exception:  # noqa: BLE001 - see below
            # The last resort: a fault of ours must not end the connection, nor must the server's
            # own handler log the path, which may be a secret.
            _log.exception("no answer to %s request %s", area.name, request.id)
            reply = Problem(500, "internal_error", f"See the log for {request.id}.").reply()
        seconds = time.perf_counter() - started
        self._context.metrics.request(area.name, request.method, reply.status, seconds)
        access_log.write(request, reply, seconds)
        return _send(request, reply, start_response)

    def _receive(self, environ: WSGIEnvironment) -> tuple[Request, Area]:
        """Read the request line; nothing here can fail, so that every request is logged."""
        trusted = self._context.live.current.server.trusted_proxies
        client = proxies.identify(environ, trusted)
        method = str(environ.get("REQUEST_METHOD", "")).upper()
        prefix = proxies.prefix(environ, trusted, self._context.live.current.server.base_url)
        raw = str(environ.get("PATH_INFO", "")) or "/"
        if prefix and (raw == prefix or raw.startswith(f"{prefix}/")):  # some proxies leave it on
            raw = raw.removeprefix(prefix) or "/"
            environ = {**environ, "PATH_INFO": raw}
        request = Request(
            environ=environ,
            method=method if method in _METHODS else "OTHER",
            path=raw.encode("latin-1", "replace").decode("utf-8", "replace"),
            client=client,
            id=secrets.token_hex(8),
            now=self._context.clock(),
            prefix=prefix,
        )
        segment = request.path.split("/", 2)[1] if request.path.startswith("/") else ""
        return request, self._area(request, segment)

    def _area(self, request: Request, segment: str) -> Area:
        if self._context.dav is not None and front.is_visit(request):
            return self._front
        area = self._areas.get(segment)
        if area is not None:
            return area
        reserved = segment in RESERVED or segment.startswith(".")
        return _NOTHING if reserved else self._elsewhere

    def _answer(self, request: Request, area: Area) -> Reply:
        server = self._context.live.current.server
        environ = request.environ
        if area.limited:
            wait = self._limiter.wait(
                request.client.key, server.rate_limit.per_client, time.monotonic()
            )
            if wait:
                raise too_many(math.ceil(wait), "requests")
        headers = _headers(environ)
        refusal = guard.inspect_target(str(environ.get("PATH_INFO", ""))) or guard.inspect_headers(
            headers, server.max_request_size
        )
        if refusal is not None:
            raise Problem(refusal.status, refusal.code, refusal.detail)
        if area.methods is not None and request.method not in area.methods:
            raise method_not_allowed(area.methods)
        if area.methods is None or area.has_body:
            request.body = _read_body(environ, server.max_request_size)
        return area.handler(request)

    def _answer_dav(self, dav: WSGIApplication, request: Request) -> Reply:
        max_size = self._context.live.current.server.max_request_size
        rules = guard.Inspection(
            max_size=max_size,
            check_calendar=partial(check_calendar_body, limits=Limits(body_size=max_size)),
        )
        refusal = guard.inspect_dav(request.method, _headers(request.environ), request.body, rules)
        if refusal is not None:
            return dav_error(refusal.status, refusal.precondition, refusal.detail)
        return call(dav, request)


def _nothing(_request: Request) -> Reply:
    raise not_found()


_NOTHING = Area("none", _nothing, methods=None)


def _well_known(request: Request) -> Reply:
    """Point CalDAV clients to the root (RFC 6764 section 5), whatever they ask with."""
    if request.path.rstrip("/") != "/.well-known/caldav":
        raise not_found()
    location = f"{request.prefix}/"
    return Reply(301, [("Location", location), ("Cache-Control", "max-age=3600")])


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    """Return the request's headers by lower-case name."""
    headers = {
        key[5:].replace("_", "-").lower(): value
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    for key in ("CONTENT_LENGTH", "CONTENT_TYPE"):
        if environ.get(key):
            headers[key.replace("_", "-").lower()] = environ[key]
    return headers


def _read_body(environ: WSGIEnvironment, max_size: int) -> bytes:
    """Read the body; the server has it whole already, so nothing is waited for here."""
    if not environ.get("CONTENT_LENGTH"):
        return b""
    body: bytes = environ["wsgi.input"].read(min(int(environ["CONTENT_LENGTH"]), max_size + 1))
    return body


def _store_trouble(err: StoreError) -> Problem:
    if err.full:
        return Problem(507, "storage_full", "The server has no room left; reading goes on.")
    if not err.busy:
        _log.error("the database cannot be used: %s", redaction.escaped(str(err)))
    return Problem(
        503,
        "store_unavailable",
        "The server cannot look that up at this moment; ask again.",
        headers=[("Retry-After", "5")],
    )


def _send(request: Request, reply: Reply, start_response: StartResponse) -> Iterable[bytes]:
    headers = safe_headers(reply.headers)
    given = {name.lower() for name, _ in headers}
    headers += [(name, value) for name, value in _SECURITY if name.lower() not in given]
    headers.append(("X-Request-Id", request.id))
    # RFC 9110 section 8.6: no length on 204; on 304, and on a HEAD whose body nobody wrote, it
    # would be that of the answer to a GET.
    unknown = reply.status in {204, 304} or (request.method == "HEAD" and not reply.body)
    if not unknown and "content-length" not in given:
        headers.append(("Content-Length", str(len(reply.body))))
    start_response(f"{reply.status} {_phrase(reply.status)}", headers)
    return [] if request.method == "HEAD" or reply.status in {204, 304} else [reply.body]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"

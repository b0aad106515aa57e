"""Radicale's application, with the methods that a bridge answers itself.

Radicale finds out who asks and what the path is; reading and refusing is done here, straight from
the index. A request sees one snapshot of the store, and what it changes is written after that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from unicodedata import category

from radicale import httputils
from radicale.app import Application as Radicale
from radicale.config import Configuration
from radicale.config import load as load_configuration
from radicale.types import WSGIEnviron, WSGIResponse

from bridge.access.credentials import MalformedCredentials, read_basic
from bridge.errors import NotReadYet, StoreError
from radicale_plugin import (
    get,
    outbox,
    propfind,
    proppatch,
    report,
    scheduling,
    visitor,
    writes,
)
from radicale_plugin.auth import Auth
from radicale_plugin.ground import Ground
from radicale_plugin.refusals import Refused, not_read_yet, storage_trouble, too_many_failures
from radicale_plugin.rights import Rights
from radicale_plugin.storage import Storage
from radicale_plugin.visit import Visit

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

CLASSES = "1, 3, access-control, calendar-access"
"""RFC 4918, RFC 3744 and RFC 4791; nothing is announced that does not work."""

_Answer = Callable[[Visit], WSGIResponse]
_Started = tuple[str, list[tuple[str, str]], Iterable[bytes]]


def make_dav(ground: Ground) -> WSGIApplication:
    """Make the WSGI application that answers CalDAV."""
    # Each request is in the log already, with its status, and what nobody expected goes to the root
    # logger; here every 503 would be called critical.
    logging.getLogger("radicale").setLevel(logging.CRITICAL + 1)
    return Application(_configuration(ground), ground)


def _configuration(ground: Ground) -> Configuration:
    """Configure Radicale in memory: our parts, and none of its sleeps, files and web pages."""
    configuration = load_configuration()
    configuration.update(
        {
            "auth": {"type": lambda made: Auth(made, ground), "delay": 0, "realm": "BusyBridge"},
            "rights": {"type": lambda made: Rights(made, ground)},
            "storage": {"type": lambda made: Storage(made, ground)},
            "web": {"type": "none"},
            "server": {"delay_on_error": 0, "validate_path_value": "none"},
        },
        "busybridge",
        privileged=True,
    )
    return configuration


def _by(answer: _Answer) -> Callable[..., WSGIResponse]:
    """Make one of Radicale's methods, which takes what Radicale knows of a request."""

    def method(  # noqa: PLR0913, PLR0917 - Radicale's arguments
        self: Application,
        environ: WSGIEnviron,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, Any],
    ) -> WSGIResponse:
        del user_groups, request_info
        return self.visited(answer, environ, base_prefix, path, user)

    return method


class Application(Radicale):
    """Answers every CalDAV request of a running bridge."""

    do_GET = do_HEAD = _by(get.answer)  # noqa: N815 - Radicale's names
    do_PROPFIND = _by(propfind.answer)  # noqa: N815
    do_PROPPATCH = _by(proppatch.answer)  # noqa: N815
    do_REPORT = _by(report.answer)  # noqa: N815
    do_PUT = do_DELETE = do_MOVE = do_MKCALENDAR = do_MKCOL = _by(writes.answer)  # noqa: N815
    do_POST = _by(outbox.answer)  # noqa: N815

    def __init__(self, configuration: Configuration, ground: Ground) -> None:
        """Take the configuration that `make_dav` makes."""
        super().__init__(configuration)
        self._ground = ground

    def do_OPTIONS(  # noqa: N802 - Radicale's name and arguments
        self,
        environ: WSGIEnviron,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, Any],
    ) -> WSGIResponse:
        """Say what is understood; nobody needs to log in for it."""
        del environ, base_prefix, user_groups, request_info
        classes = CLASSES
        if scheduling.is_announced(visitor.principal(user), self._ground.directory):
            classes = f"{classes}, {scheduling.FEATURE}"
        return 200, {"Allow": writes.allowed(path), "DAV": classes}, None, None

    def visited(
        self, answer: _Answer, environ: WSGIEnviron, prefix: str, path: str, user: str
    ) -> WSGIResponse:
        """Answer one request of somebody whom Radicale has let in."""
        principal = visitor.principal(user)
        if principal is None:
            return httputils.NOT_ALLOWED  # which Radicale turns into 401
        database = self._ground.database
        try:
            with visitor.snapshot(database) as conn:
                visit = Visit(
                    ground=self._ground,
                    principal=principal,
                    prefix=prefix,
                    path=path,
                    environ=environ,
                    conn=conn,
                )
                found = answer(visit)
            if found[0] == 207 and visit.minimal:
                found = _applied(found)
            if visit.afterwards is not None:
                with database.write() as conn:
                    visit.afterwards(conn)
            if visit.finally_answer is not None:
                found = visit.finally_answer()
        except Refused as err:
            return err.response()
        except NotReadYet:
            return not_read_yet().response()
        except StoreError as err:
            return storage_trouble(err).response()
        return found

    def _handle_request(self, environ: WSGIEnviron) -> _Started:
        """Answer as Radicale does, but 429 to who guesses, and 503 when nothing can be read."""
        path = _path_text(str(environ.get("PATH_INFO", "")))
        if path is None:
            return _started(Refused(400, reason="the path holds what no path may hold").response())
        try:
            answered: _Started = super()._handle_request({**environ, "PATH_INFO": path})
        except StoreError as err:  # while somebody logged in
            return _started(storage_trouble(err).response())
        if answered[0].startswith("401") and (wait := self._must_wait(environ)):
            return _started(too_many_failures(wait).response())
        if answered[0].startswith("405") and not dict(answered[1]).get("Allow"):
            return _started(writes.not_allowed(path=path).response())
        return answered

    def _must_wait(self, environ: WSGIEnviron) -> int:
        """Return for how many seconds nobody is let in by this name from this address."""
        ground = self._ground
        try:
            basic = read_basic(environ.get("HTTP_AUTHORIZATION"))
        except MalformedCredentials:
            return 0
        if basic is None:
            return 0
        return ground.gate.retry_after(basic.name, environ.get("REMOTE_ADDR", ""), ground.clock())


def _applied(answered: WSGIResponse) -> WSGIResponse:
    """Say that a preference was followed (RFC 7240 section 3)."""
    status, headers, body, text = answered
    return status, dict(headers) | {"Preference-Applied": "return=minimal"}, body, text


def _path_text(path: str) -> str | None:
    """Read a path as WSGI has it, bytes as latin-1: Radicale takes text.

    None for what is not UTF-8 and for characters of Unicode's category C, invisible ones among
    them: Radicale refuses those, too, and writes an error into the log for each.
    """
    try:
        text = path.encode("latin-1").decode()
    except UnicodeError:
        return None
    return None if any(category(char)[0] == "C" for char in text) else text


def _started(response: WSGIResponse) -> _Started:
    status, headers, body, _ = response
    octets = body.encode() if isinstance(body, str) else body or b""
    given = dict(headers) | {"Content-Length": str(len(octets))}
    return f"{status} {HTTPStatus(status).phrase}", list(given.items()), [octets]

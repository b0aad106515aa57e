"""Where a request ends, and how long it may take to arrive: waitress, made strict (T54, T57)."""

from __future__ import annotations

import errno
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import create_server
from waitress.task import WSGITask

from bridge.config.values import Network
from bridge.web.proxies import is_in, key_of

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

logger = logging.getLogger(__name__)

MOST_CONNECTIONS = 2000
LONGEST_HEADERS = 32 << 10
PATIENCE = 30.0
"""Seconds from the first byte of a request to its last."""

_FOLDED = re.compile(rb"\n[ \t]")
_HOST = re.compile(r"[A-Za-z0-9._~:%\[\]-]*")
_REMIND = 60.0
_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_REST = 1.0

_STRICT: Mapping[str, Any] = {
    # A connection that says nothing costs a descriptor, never a thread; the default of 100 would
    # let so many of them shut everybody else out.
    "connection_limit": MOST_CONNECTIONS,
    "asyncore_use_poll": True,  # select ends at 1,024 descriptors
    "channel_timeout": 60,
    "cleanup_interval": 10,
    "max_request_header_size": LONGEST_HEADERS,
    # What is longer waits on the disk: thousands may be half-sent at a time.
    "inbuf_overflow": 32 << 10,
    # `bridge.web.proxies` reads what trusted proxies say, and lets no other claim through.
    "clear_untrusted_proxy_headers": False,
    "log_socket_errors": False,
    "ident": None,
}


def open_server(
    application: WSGIApplication, crowd: Crowd, *, patience: float = PATIENCE, **options: Any
) -> Any:
    """Make a waitress server that listens; options are waitress', beside those that keep it strict.

    Args:
        application: answers.
        crowd: counts who is connected.
        patience: seconds that a request may take to arrive.
        options: where to listen, threads, and sizes.
    """
    # Any: the published stubs are those of an older waitress.
    server = cast("Any", create_server(application, **(dict(_STRICT) | options)))
    server.channel_class = partial(StrictChannel, crowd=crowd, patience=patience)
    door = _Door(server)
    server.accept, server.readable = door.accept, door.readable
    return server


class _Door:
    """Lets connections in; rests when the system has no room for another.

    waitress would try the one that waits again at once, and again, for as long as it waits.
    """

    def __init__(self, server: Any) -> None:
        self._accept = server.accept
        self._readable = server.readable
        self._rests_until = self._remind_at = 0.0

    def accept(self) -> Any:
        try:
            return self._accept()
        except OSError as err:
            now = monotonic()
            if err.errno in _SHORT:
                self._rests_until = now + _REST
                if now >= self._remind_at:
                    self._remind_at = now + _REMIND
                    logger.warning(
                        "new connections wait: %s (more files have to be allowed: ulimit -n)",
                        err.strerror,
                    )
            raise

    def readable(self) -> bool:
        return bool(self._readable()) and monotonic() >= self._rests_until


class Crowd:
    """Who is connected: no single address takes the room of everybody else."""

    def __init__(self, most: int, trusted: Sequence[Network]) -> None:
        """Admit so many connections from one address; from trusted proxies any number."""
        self.most = most
        self.trusted = tuple(trusted)
        self._open: Counter[str] = Counter()
        self._remind_at = 0.0

    def enter(self, address: str) -> bool:
        """Count a connection; False for one too many. Every one that entered must `leave`."""
        key = key_of(address)
        self._open[key] += 1
        if self._open[key] <= self.most or is_in(address, self.trusted):
            return True
        if monotonic() >= self._remind_at:
            self._remind_at = monotonic() + _REMIND
            logger.warning(
                "%s has more than %d connections open; more of them are closed at once "
                "(a proxy belongs in server.trusted_proxies)",
                key,
                self.most,
            )
        return False

    def count(self, address: str) -> int:
        """Return how many connections an address holds."""
        return self._open[key_of(address)]

    def leave(self, address: str) -> None:
        """Count the end of a connection."""
        key = key_of(address)
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]


class StrictParser(HTTPRequestParser):
    """Refuses what RFC 9112 lets a server refuse, since a proxy may read it another way."""

    def parse_header(self, header_plus: bytes) -> None:
        """Read the request line and the headers.

        Raises:
            ParsingError: answered with 400, and the connection is closed.
        """
        # Section 5.2: a folded line is one header to us and may be two to somebody else.
        if _FOLDED.search(header_plus):
            raise ParsingError("a folded header")
        super().parse_header(header_plus)
        if self.version not in {"1.0", "1.1"}:
            raise ParsingError("neither HTTP/1.0 nor HTTP/1.1")
        # Section 6.1: both together, or Transfer-Encoding in HTTP/1.0, is how one smuggles.
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length beside Transfer-Encoding")
        if "TRANSFER_ENCODING" in self.headers:
            raise ParsingError("Transfer-Encoding in HTTP/1.0")
        # Section 3.2: one Host, that can be one; waitress joins several with a comma.
        host = self.headers.get("HOST", "" if self.version == "1.0" else None)
        if host is None or not _HOST.fullmatch(host):
            raise ParsingError("not exactly one Host")


class StrictTask(WSGITask):
    """Frames an answer: after the headers of a HEAD nothing follows, and 304 keeps the connection.

    waitress ends a HEAD of unknown length by a chunk, and closes after an answer without a length:
    a program that asks again and again mostly gets 304, and had to connect for each.
    """

    @property
    def has_body(self) -> bool:
        """Tell whether octets follow."""
        request: Any = self.request
        unknown = request.command == "HEAD" and self.content_length is None
        return bool(super().has_body) and not unknown

    def set_close_on_finish(self) -> None:
        """Have the connection closed, where the client asks for it or the answer has no end."""
        headers = cast("Any", self.request).headers
        asked = headers.get("CONNECTION", "").lower() == "close"
        # RFC 9112 section 6.3: what has no body ends where its headers do.
        if self.has_body or asked or self.version == "1.0":
            super().set_close_on_finish()


class StrictChannel(HTTPChannel):
    """A connection whose requests are read by `StrictParser`, each within its time."""

    parser_class = StrictParser
    task_class = StrictTask

    def __init__(self, *args: Any, crowd: Crowd, patience: float, **options: Any) -> None:
        """Take a connection; the arguments are waitress'."""
        super().__init__(*args, **options)
        self._crowd: Crowd | None = crowd
        self._patience = patience
        self._arriving: HTTPRequestParser | None = None
        self._begun = 0.0
        if not crowd.enter(self._peer()):
            self.will_close = True

    def readable(self) -> bool:
        """Tell whether more is read; asked at every turn of the loop, so it also ends what drags.

        Bytes that trickle in do not buy time; while answers are under way, time stands still.
        """
        now = monotonic()
        ready = bool(super().readable())
        if self.request is not self._arriving or not ready:
            self._arriving, self._begun = self.request, now
        elif self.request is not None and now - self._begun > self._patience:
            self.will_close = True
            return False
        return ready

    def handle_close(self) -> None:
        """Close; waitress may do so more than once."""
        super().handle_close()
        crowd, self._crowd = self._crowd, None
        if crowd is not None:
            crowd.leave(self._peer())

    def _peer(self) -> str:
        return str(self.addr[0])

"""The HTTP server: waitress on a thread of its own, ended without cutting an answer short.

Whole bodies are buffered before a thread is taken, so that half-sent requests hold up nobody.
"""

from __future__ import annotations

import errno
import logging
import resource
import socket
from contextlib import suppress
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from waitress import wasyncore

from bridge.config.settings import Server as ServerSettings
from bridge.config.settings import Settings
from bridge.errors import BridgeError
from bridge.web.framing import MOST_CONNECTIONS, Crowd, open_server

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

logger = logging.getLogger(__name__)

_BACKLOG = 1024
_DRAIN_POLL = 0.05


class Server:
    """Listens from the moment it is made, answers from `start` to `stop`."""

    def __init__(self, wsgi: WSGIApplication, settings: Settings) -> None:
        """Take the address.

        Raises:
            BridgeError: the address is in use, or not one of this machine.
        """
        own = settings.server
        listener = _listen(own.bind)
        limit = _connection_limit()
        self._crowd = Crowd(_share(limit), own.trusted_proxies)
        self._map: dict[int, Any] = {}
        self._server = open_server(
            wsgi,
            self._crowd,
            map=self._map,
            sockets=[listener],
            threads=own.threads,
            connection_limit=limit,
            max_request_body_size=_largest_body(own),
        )
        self.address = f"{self._server.effective_host}:{self._server.effective_port}"
        self._stopping = Event()
        self._ending = Lock()
        """Held to wake the loop and to close what wakes it, whose number is soon another file's."""
        self._is_closed = False
        self._timeout = 0.0
        self._thread = Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def follow(self, settings: Settings) -> None:
        """Take threads, sizes and proxies from new settings."""
        self._crowd.trusted = settings.server.trusted_proxies
        self._server.adj.max_request_body_size = _largest_body(settings.server)
        self._server.task_dispatcher.set_thread_count(settings.server.threads)

    def begin_stop(self, timeout: float) -> None:
        """Take no new connection, and end once what was asked is answered, or at the timeout."""
        self._timeout = timeout
        self._stopping.set()
        if self._thread.ident is None:
            self._server.task_dispatcher.shutdown(timeout=0)  # its threads began with the address
            self._close()
        else:
            with self._ending:
                if not self._is_closed:
                    self._server.pull_trigger()

    def wait(self, timeout: float) -> bool:
        """Wait for the end that `begin_stop` began; False at the timeout."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._turn(1.0)
        deadline = monotonic() + self._timeout
        self._server.accepting = False
        self._server.del_channel(self._map)
        self._server.socket.close()
        while self._is_busy() and monotonic() < deadline:
            self._turn(_DRAIN_POLL)
        self._server.task_dispatcher.shutdown(timeout=max(0, int(deadline - monotonic())))
        self._close()

    def _turn(self, timeout: float) -> None:
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._map, count=1)

    def _is_busy(self) -> bool:
        channels = list(self._server.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)

    def _close(self) -> None:
        with self._ending, suppress(OSError):
            self._is_closed = True
            wasyncore.close_all(self._map, ignore_all=True)


def _listen(bind: str) -> socket.socket:
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
        family, *_, address = found[0]
        dual = family == socket.AF_INET6 and host == "::"
        return socket.create_server(
            address[:2],
            family=family,
            backlog=_BACKLOG,
            dualstack_ipv6=dual,
        )
    except OSError as err:
        hint = (
            "another program listens there; stop it, or change server.bind"
            if err.errno == errno.EADDRINUSE
            else "server.bind needs an address of this machine and a port that may be used"
        )
        raise BridgeError(f"cannot listen on {bind}: {err.strerror or err} ({hint})") from err


def _connection_limit() -> int:
    """Leave half of the file descriptors to the database, the providers and large bodies."""
    return min(MOST_CONNECTIONS, _raise_descriptors() // 2)


def _raise_descriptors() -> int:
    """Take as many file descriptors as are wanted and allowed; many systems begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * MOST_CONNECTIONS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    with suppress(OSError, ValueError):  # a sandbox may forbid even that
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


def _share(limit: int) -> int:
    """Return how many connections one address may hold: generous, and never all of them."""
    return max(limit // 4, min(256, limit // 2))


def _largest_body(settings: ServerSettings) -> int:
    # A little more than is allowed, so that the refusal is ours and says what the limit is.
    return settings.max_request_size + (64 << 10)

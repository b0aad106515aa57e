"""The HTTP server: waitress on a thread of its own, ended without cutting an answer short.

Whole bodies are buffered before a thread is taken, so that half-sent requests hold up nobody.
"""

from __future__ import annotations

import errno
import logging
import resource
import socket
from contextlib import suppress
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from waitress import wasyncore
from waitress.server import create_server

from bridge.config.settings import Server as ServerSettings
from bridge.config.settings import Settings
from bridge.errors import BridgeError
from bridge.web.framing import StrictChannel

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

logger = logging.getLogger(__name__)

_MOST_CONNECTIONS = 2000
_IDLE = 60
"""Seconds after which a connection without a request is closed."""
_HEADERS = 32 << 10
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
        # Any: the published stubs are those of an older waitress.
        self._map: Any = {}
        made = create_server(
            wsgi,
            map=self._map,
            sockets=[listener],
            threads=own.threads,
            ident=None,
            connection_limit=_connection_limit(),
            channel_timeout=_IDLE,
            max_request_header_size=_HEADERS,
            max_request_body_size=_largest_body(own),
            asyncore_use_poll=True,
            # `bridge.web.proxies` reads what trusted proxies say, and lets no other claim through.
            clear_untrusted_proxy_headers=False,
            log_socket_errors=False,
        )
        self._server = cast("Any", made)
        self._server.channel_class = StrictChannel
        self.address = f"{self._server.effective_host}:{self._server.effective_port}"
        self._stopping = Event()
        self._timeout = 0.0
        self._thread = Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def follow(self, settings: Settings) -> None:
        """Take threads and sizes from new settings."""
        self._server.adj.max_request_body_size = _largest_body(settings.server)
        self._server.task_dispatcher.set_thread_count(settings.server.threads)

    def begin_stop(self, timeout: float) -> None:
        """Take no new connection, and end once what was asked is answered, or at the timeout."""
        self._timeout = timeout
        self._stopping.set()
        if self._thread.ident is None:
            self._close()
        else:
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
        with suppress(OSError):
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
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        _MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(_MOST_CONNECTIONS, soft // 2)
    )


def _largest_body(settings: ServerSettings) -> int:
    # A little more than is allowed, so that the refusal is ours and says what the limit is.
    return settings.max_request_size + (64 << 10)

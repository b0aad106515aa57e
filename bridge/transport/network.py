"""The network below httpcore: resolve once, check every address, connect to exactly that one."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Iterable, Sequence

import httpcore2

from bridge.errors import AddressRefused
from bridge.transport.addresses import Address, Allowance, literal
from bridge.transport.resolver import Resolver

logger = logging.getLogger(__name__)

_MAX_ADDRESSES = 8  # of one name that are tried in turn


class Exchange(threading.local):
    """The exchange that this thread is in: when it has to be over, and how it went out.

    The timeouts of httpcore bound each single read, so that a server which sends a byte now and
    then holds a thread for ever. An exchange stays in its thread from beginning to end.
    """

    def __init__(self) -> None:
        self._end = 0.0
        self.has_new_connection = False
        """Whether a connection was opened since this was last set to False."""

    def begin(self, seconds: float) -> None:
        """Give the exchange so much time from now on."""
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left, more than none.

        Raises:
            httpcore2.TimeoutException: time is up.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("time is up")
        return left


class HandshakeFailed(httpcore2.ConnectError):
    """No TLS connection; keeps the reason, since the pool drops causes."""

    def __init__(self, error: ssl.SSLError) -> None:
        super().__init__(str(error))
        self.error = error


class PinnedBackend(httpcore2.NetworkBackend):
    """Connects names to addresses that were checked; nothing resolves again after the check."""

    def __init__(self, resolver: Resolver, allowance: Allowance, exchange: Exchange) -> None:
        self._resolver = resolver
        self._allowance = allowance
        self._exchange = exchange
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline of the exchange counts
        local_address: str | None = None,  # noqa: ARG002 - never set by our pools
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of a name that answers.

        Raises:
            AddressRefused: one of the addresses is not public and not listed: then all are refused.
        """
        self._exchange.has_new_connection = True
        addresses = self._addresses(host, port)[:_MAX_ADDRESSES]
        for behind, address in zip(reversed(range(len(addresses))), addresses, strict=True):
            try:
                stream = self._sockets.connect_tcp(
                    str(address),
                    port,
                    timeout=self._exchange.left() / (behind + 1),
                    socket_options=socket_options,
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if not behind:
                    raise
            else:
                return DeadlineStream(stream, self._exchange)
        raise httpcore2.ConnectError("the name has no address")

    def _addresses(self, host: str, port: int) -> Sequence[Address]:
        address = literal(host)
        answer = [address] if address else self._resolver.addresses(host, self._exchange.left())
        if refused := self._allowance.refused(answer, port):
            # The address goes to the log alone: whoever owns a connection need not be told what
            # the names of this network resolve to.
            logger.warning("refused to connect to %s: it is at %s", host, refused[0])
            raise AddressRefused(
                f"{host} is at a private or special address",
                hint="to permit it, list its network in outbound.allow_networks",
            )
        return answer


class DeadlineStream(httpcore2.NetworkStream):
    """A connection each of whose steps ends with the deadline of the exchange it serves."""

    def __init__(self, stream: httpcore2.NetworkStream, exchange: Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read what is there, at most until the deadline."""
        return self._stream.read(max_bytes, self._exchange.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write all of it, at most until the deadline."""
        view = memoryview(buffer)
        while view:
            # In pieces: the timeout below is one of each send, however slowly they are taken.
            self._stream.write(bytes(view[:65536]), self._exchange.left())
            view = view[65536:]

    def close(self) -> None:
        """Close at once."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        """Do the handshake with the name that was asked for, at most until the deadline."""
        try:
            inner = self._stream.start_tls(ssl_context, server_hostname, self._exchange.left())
        except httpcore2.ConnectError as err:
            if isinstance(err.__cause__, ssl.SSLError):
                raise HandshakeFailed(err.__cause__) from err
            raise
        return DeadlineStream(inner, self._exchange)

    def get_extra_info(self, info: str) -> object:
        """See httpcore."""
        return self._stream.get_extra_info(info)

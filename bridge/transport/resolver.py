"""Name resolution, behind a Protocol so that tests bring names of their own."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from ipaddress import ip_address
from threading import Thread
from typing import Any, Protocol

from bridge.errors import TemporarilyUnavailable
from bridge.model.http import Service
from bridge.transport.addresses import Address


class Resolver(Protocol):
    """Answers questions about names; `timeout` is in seconds.

    Raises:
        TemporarilyUnavailable: no answer, code `dns`.
    """

    def addresses(self, host: str, timeout: float, /) -> Sequence[Address]:
        """Return every address of a host, best first; a host without one raises."""
        ...

    def services(self, name: str, timeout: float, /) -> Sequence[Service]:
        """Return the targets of a name's SRV records, best first; empty without records."""
        ...

    def texts(self, name: str, timeout: float, /) -> Sequence[str]:
        """Return a name's TXT records; empty without records."""
        ...


class SystemResolver:
    """Hosts by the system's own lookup (hosts file, search order), records by its name servers."""

    def __init__(self, *, servers: Sequence[str] = (), port: int = 53) -> None:
        """Make a resolver; `servers` are asked for records instead of those of resolv.conf."""
        self._servers = list(servers)
        self._port = port

    def addresses(self, host: str, timeout: float) -> Sequence[Address]:
        """See `Resolver`."""
        answer: Future[list[Address]] = Future()
        # getaddrinfo has no timeout; a thread that outlives the question ends with the process.
        Thread(target=_look_up, args=(host, answer), name="resolve", daemon=True).start()
        try:
            return answer.result(timeout)
        except (OSError, TimeoutError) as err:
            raise unresolved(host) from err

    def services(self, name: str, timeout: float) -> Sequence[Service]:
        """See `Resolver`; of equal priority the heavier first (RFC 2782 would draw lots)."""
        records = sorted(
            self._records(name, "SRV", timeout),
            key=lambda record: (record.priority, -record.weight),
        )
        targets = [(str(record.target).rstrip("."), record.port) for record in records]
        # RFC 2782: the target "." says that the service is decidedly not there.
        return [Service(host, port) for host, port in targets if host]

    def texts(self, name: str, timeout: float) -> Sequence[str]:
        """See `Resolver`; the strings of one record are joined (RFC 6763 section 6.1)."""
        return [
            b"".join(record.strings).decode("utf-8", "replace")
            for record in self._records(name, "TXT", timeout)
        ]

    def _records(self, name: str, kind: str, timeout: float) -> Iterable[Any]:
        """Return SRV or TXT data; dnspython's types name only their base class."""
        from dns.exception import DNSException
        from dns.resolver import NXDOMAIN, NoAnswer
        from dns.resolver import Resolver as Stub

        try:
            # Made for each question, so that a changed resolv.conf is seen.
            stub = Stub(configure=not self._servers)
            if self._servers:
                stub.nameservers, stub.port = self._servers, self._port
            return stub.resolve(name, kind, lifetime=timeout, search=False)
        except (NXDOMAIN, NoAnswer):
            return ()
        except DNSException as err:
            raise unresolved(name) from err


def unresolved(host: str) -> TemporarilyUnavailable:
    """Make the error for a name without an answer."""
    return TemporarilyUnavailable(
        f"the name {host} could not be resolved",
        code="dns",
        hint="check the spelling of the host name and this machine's DNS",
    )


def _look_up(host: str, answer: Future[list[Address]]) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        answer.set_result(list(dict.fromkeys(ip_address(entry[4][0]) for entry in found)))
    except (OSError, ValueError) as err:  # ValueError: a name that no DNS message can carry
        answer.set_exception(OSError(str(err)))

"""A serving process and many connections that never say what they want."""

from __future__ import annotations

import resource as limits
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.app.running import Running, configuration, resource

MANY = 700
BODY = 500_000


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    """Connections of one client, more than many systems let a process begin with."""
    soft, hard = limits.getrlimit(limits.RLIMIT_NOFILE)
    limits.setrlimit(limits.RLIMIT_NOFILE, (min(8192, hard), hard))
    with ExitStack() as stack:
        yield stack
    limits.setrlimit(limits.RLIMIT_NOFILE, (soft, hard))


def connect(served: Running, crowd: ExitStack, source: str = "127.0.0.1") -> socket.socket:
    host, _, port = served.address.rpartition(":")
    made = socket.create_connection((host, int(port)), 30, source_address=(source, 0))
    return crowd.enter_context(made)


def memory(served: Running) -> int:
    """Resident bytes of the process."""
    pages = int(Path(f"/proc/{served.pid}/statm").read_text().split()[1])
    return pages * limits.getpagesize()


@pytest.mark.covers("T54")
def test_half_open_connections_of_one_address_shut_nobody_out(origin, run, crowd) -> None:
    served = run(configuration(resource("room-a", origin.url("/busy.ics"))))
    # As many systems start a service: few descriptors at first, more for whoever asks.
    served.wrapper = ["sh", "-c", 'ulimit -S -n 1024; exec "$0" "$@"']
    served.start()
    for _ in range(MANY):
        connect(served, crowd).sendall(b"GET /freebusy/room-a.ifb HT")
    other = connect(served, crowd, source="127.0.0.2")
    other.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert other.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.covers("T54")
def test_half_sent_bodies_do_not_fill_the_memory(origin, run, crowd) -> None:
    served = run(configuration(resource("room-a", origin.url("/busy.ics")))).start()
    served.get("/healthz")
    before = memory(served)
    head = b"POST /api/v1/free-busy HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n"
    for _ in range(200):
        connect(served, crowd).sendall(head + b"x" * BODY)
    assert served.get("/healthz")[0] == 200
    assert memory(served) - before < 40 << 20

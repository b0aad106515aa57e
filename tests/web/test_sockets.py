"""What arrives on the socket: ambiguous framing, half requests, many of them."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from bridge.config.values import parse_network
from bridge.store.database import Database
from bridge.web import framing
from bridge.web.framing import LONGEST_HEADERS
from tests.web.site import Site, site_settings

HEAD = b"Host: localhost\r\n"
INNER = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


def answers(raw: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.\d (\d{3}) ", raw)]


@pytest.mark.covers("T57")
@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: 4\r\nContent-Length: 4\r\n",
        b"Content-Length: 4, 4\r\n",
        b"Content-Length: +4\r\n",
        b"Content-Length: -4\r\n",
        b"Content-Length: 0x4\r\n",
        b"Content-Length: 4 4\r\n",
        b"Content-Length: \r\n",
        b"Content-Length : 4\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b" Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"X: y\nTransfer-Encoding: chunked\r\n",
        b"X: y\rTransfer-Encoding: chunked\r\n",
        b"Host: other\r\n",
        b"No-Colon\r\n",
        b"Bad Name: x\r\n",
        b"X: \x00\r\n",
    ],
)
def test_a_request_whose_end_is_in_doubt_is_refused_and_nothing_after_it_is_read(
    site: Site, headers: bytes
) -> None:
    for body in (b"0\r\n\r\n" + INNER, b"aaaa" + INNER, INNER):
        raw = site.raw(
            b"POST /freebusy/room-b HTTP/1.1\r\n" + HEAD + headers + b"\r\n" + body, whole=False
        )
        statuses = answers(raw)
        assert statuses, headers
        assert statuses[0] in {400, 501}
        assert len(statuses) == 1


@pytest.mark.covers("T57")
@pytest.mark.parametrize(
    "start",
    [
        b"GET /healthz HTTP/1.1\r\n",  # no Host
        b"GET /healthz\r\n" + HEAD,
        b"GET  /healthz HTTP/1.1\r\n" + HEAD,
        b"GET /healthz HTTP/1.1 x\r\n" + HEAD,
        b"GET /healthz HTTP/9\r\n" + HEAD,
        b"\x16\x03\x01\x02\x00\x01\x00\r\n" + HEAD,
        b"POST /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" + HEAD,
        b"POST /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n" + HEAD,
    ],
)
def test_a_start_that_is_no_http_is_400(site: Site, start: bytes) -> None:
    assert answers(site.raw(start + b"\r\n", whole=False)) == [400]


def test_chunked_bodies_that_are_what_they_say_are_read(site: Site) -> None:
    raw = site.raw(
        b"POST /api/v1/free-busy HTTP/1.1\r\n"
        + HEAD
        + b"Authorization: Bearer "
        + site.key().encode()
        + b"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        + b"Connection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    )
    assert answers(raw) == [422]


@pytest.mark.covers("T57")
def test_pipelined_requests_are_answered_one_by_one_in_order(site: Site) -> None:
    one = b"GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    last = one % (b"/healthz", b"Connection: close\r\n")
    raw = site.raw(one % (b"/healthz", b"") + one % (b"/nothing", b"") + last, whole=False)
    assert answers(raw) == [200, 404, 200]


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.covers("T54")
@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"GET /freebusy/room-b HT",
        b"GET /freebusy/room-b HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /api/v1/free-busy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
        b"PUT /x.ics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nB",
    ],
)
def test_200_half_requests_hold_up_nobody(site: Site, crowd: ExitStack, half: bytes) -> None:
    for _ in range(200):
        client = crowd.enter_context(socket.create_connection(("127.0.0.1", site.port), 60))
        client.sendall(half)
    times = []
    for _ in range(100):
        started = time.perf_counter()
        assert site.get("/freebusy/room-b").status == 200
        times.append(time.perf_counter() - started)
    assert sorted(times)[98] < 1


@pytest.mark.covers("T54")
def test_headers_without_end_are_refused(site: Site) -> None:
    start = b"GET /healthz HTTP/1.1\r\n" + HEAD + b"X-Filler: "
    # Not a byte more: what the server leaves unread would reset the connection.
    raw = site.raw(start.ljust(LONGEST_HEADERS, b"x"), whole=False)
    assert answers(raw) == [431]


def ended(client: socket.socket, within: float) -> bool:
    """Whether the other side closes the connection in time."""
    client.settimeout(within)
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


@pytest.fixture
def hurried(sqlite_database: Database) -> Iterator[Site]:
    """A site where a request has one second to arrive, and an address five connections."""
    site = Site(sqlite_database, site_settings())
    site.patience = 1.0
    site.crowd.most = 5
    with site:
        yield site


@pytest.mark.covers("T54")
@pytest.mark.parametrize(
    "start",
    [
        b"\r\n",
        b"GET /freebusy/room-b HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /api/v1/free-busy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
    ],
)
def test_a_byte_now_and_then_does_not_keep_a_request_for_ever(
    hurried: Site, crowd: ExitStack, start: bytes
) -> None:
    began = time.monotonic()
    client = crowd.enter_context(socket.create_connection(("127.0.0.1", hurried.port), 60))
    client.sendall(start)
    with suppress(ConnectionError):
        while not ended(client, 0.2) and time.monotonic() - began < 30:
            client.sendall(b"x")
    assert 1.0 <= time.monotonic() - began < 30


def test_a_connection_that_asks_again_and_again_stays(
    hurried: Site, crowd: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(framing, "monotonic", lambda: now)
    client = crowd.enter_context(socket.create_connection(("127.0.0.1", hurried.port), 60))
    answers = crowd.enter_context(client.makefile("rb"))

    def is_answered() -> None:
        assert answers.readline().startswith(b"HTTP/1.1 200")
        while answers.readline() != b"\r\n":
            pass
        assert answers.read(len(b'{"status":"ok"}')) == b'{"status":"ok"}'

    for _ in range(8):
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea")
        is_answered()
        now += 0.4
        client.sendall(b"lthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        is_answered()


def test_a_connection_stays_after_unchanged(site: Site, crowd: ExitStack) -> None:
    tag = site.get("/freebusy/room-b").headers["etag"]
    client = crowd.enter_context(socket.create_connection(("127.0.0.1", site.port), 60))
    answers = crowd.enter_context(client.makefile("rb"))

    def ask(version: str, *headers: str) -> list[bytes]:
        lines = [f"GET /freebusy/room-b HTTP/{version}", f"If-None-Match: {tag}"]
        client.sendall("\r\n".join([*lines, "Host: localhost", *headers, "", ""]).encode())
        said = [*iter(answers.readline, b"\r\n")]
        assert said[0].startswith(f"HTTP/{version} 304 ".encode())
        return said

    for _ in range(3):
        assert b"Connection: close\r\n" not in ask("1.1")
    assert b"Connection: close\r\n" in ask("1.1", "Connection: Close")
    assert answers.read() == b""


def test_a_client_of_http_1_0_sees_the_end_of_unchanged(site: Site) -> None:
    tag = site.get("/freebusy/room-b").headers["etag"]
    request = f"GET /freebusy/room-b HTTP/1.0\r\nIf-None-Match: {tag}\r\n\r\n"
    assert answers(site.raw(request.encode(), whole=False)) == [304]


@pytest.mark.covers("T54")
def test_one_address_cannot_take_every_connection(hurried: Site, crowd: ExitStack) -> None:
    def connected() -> socket.socket:
        return crowd.enter_context(socket.create_connection(("127.0.0.1", hurried.port), 60))

    held = [connected() for _ in range(5)]
    assert ended(connected(), 30)
    assert not ended(held[0], 0.2)
    hurried.crowd.trusted = (parse_network("127.0.0.1/32"),)
    assert hurried.get("/healthz").status == 200
    hurried.crowd.trusted = ()
    for each in held:
        each.close()
    deadline = time.monotonic() + 30
    while hurried.crowd.count("127.0.0.1"):
        assert time.monotonic() < deadline
    assert hurried.get("/healthz").status == 200

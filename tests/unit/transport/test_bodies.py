"""T55, F21, F22: an answer is whole, of bounded size, and there in time, or it is none."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from bridge.config.settings import Outbound
from bridge.errors import ProviderError, TemporarilyUnavailable, UnreadableAnswer
from bridge.transport import Transport, raise_for_status
from tests.servers.origin import (
    Answer,
    Origin,
    Request,
    compressed,
    gzip_bomb,
    half,
    half_chunked,
    half_gzip,
    overlong,
    redirect,
    slow,
    slow_headers,
)

TEXT = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n" * 1000
SHORT = timedelta(seconds=0.4)


def answered(origin: Origin, transport: Transport, answer: Answer) -> bytes:
    origin.routes["/"] = answer
    return transport.request("GET", origin.url(host="cal.example.com")).body


@pytest.mark.covers("T55")
def test_a_gzip_bomb_of_ten_gigabytes_is_given_up_at_the_limit(
    origin: Origin, transport: Transport
) -> None:
    tracemalloc.start()
    began = time.thread_time()
    try:
        with pytest.raises(UnreadableAnswer) as caught:
            answered(origin, transport, gzip_bomb(10 << 30))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code == "too_large"
    assert "max_size" in caught.value.hint
    assert time.thread_time() - began < 2
    assert peak < 64 << 20


@pytest.mark.covers("T55")
@pytest.mark.parametrize("make", [compressed, lambda body: Answer(body=body)])
def test_the_limit_counts_the_decoded_body(make, origin: Origin, transport: Transport) -> None:
    origin.routes["/"] = make(TEXT)
    whole = transport.request("GET", origin.url(), max_size=len(TEXT))
    assert whole.body == TEXT
    with pytest.raises(UnreadableAnswer) as caught:
        transport.request("GET", origin.url(), max_size=len(TEXT) - 1)
    assert caught.value.code == "too_large"


def test_an_announced_length_beyond_the_limit_is_not_waited_for(
    origin: Origin, transport: Transport
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
    with pytest.raises(UnreadableAnswer) as caught:
        answered(origin, transport, Answer(raw=[head, 60.0]))
    assert caught.value.code == "too_large"


@pytest.mark.covers("F21")
@pytest.mark.parametrize(
    "answer",
    [
        half(TEXT),
        half_gzip(TEXT),
        half_chunked(TEXT),
        overlong(TEXT, b"X"),
        overlong(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Answer(304, body=b""),  # sends nothing more: control of the next
        Answer(raw=[b"HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 60.0]),
        Answer(raw=[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello12"]),
        Answer(raw=[b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"]),
        Answer(raw=[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"]),
        Answer(headers={"Content-Encoding": "gzip"}, body=TEXT),
        Answer(headers={"Content-Encoding": "br"}, body=TEXT),
        Answer(headers={"Content-Encoding": "gzip, gzip"}, body=TEXT),
        Answer(headers={"Content-Encoding": "gzip"}, body=compressed(TEXT).body + b"more"),
        Answer(headers={"Content-Encoding": "gzip"}, body=compressed(TEXT).body * 2),
    ],
)
def test_an_answer_of_the_wrong_length_or_coding_is_rejected_whole(
    answer: Answer, origin: Origin, transport: Transport
) -> None:
    if answer == Answer(304):
        assert answered(origin, transport, answer) == b""
    else:
        with pytest.raises((UnreadableAnswer, TemporarilyUnavailable)):
            answered(origin, transport, answer)
    assert answered(origin, transport, Answer(body=b"next")) == b"next"


def test_an_empty_body_needs_no_gzip_header(origin: Origin, transport: Transport) -> None:
    assert answered(origin, transport, Answer(headers={"Content-Encoding": "gzip"})) == b""


def test_a_body_that_ends_with_the_connection_is_taken_as_it_is(
    origin: Origin, transport: Transport
) -> None:
    answer = Answer(raw=[b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo"])
    assert answered(origin, transport, answer) == b"hello"


def test_repeated_headers_are_joined_and_names_are_lower_case(
    origin: Origin, transport: Transport
) -> None:
    origin.routes["/"] = Answer(
        raw=[b"HTTP/1.1 200 OK\r\nDAV: 1\r\ndav: calendar-access\r\nContent-Length: 0\r\n\r\n"]
    )
    assert transport.request("OPTIONS", origin.url()).headers["dav"] == "1, calendar-access"


@pytest.mark.covers("F22")
@pytest.mark.parametrize(
    "answer",
    [
        slow(TEXT, 0.05),
        slow_headers(0.05),
        Answer(raw=[600.0]),
        Answer(raw=[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 600.0]),
    ],
    ids=["slow body", "slow headers", "silence", "silence after the headers"],
)
def test_a_slow_provider_is_given_up_at_the_deadline_of_the_whole_exchange(
    answer: Answer, origin: Origin, transport: Transport
) -> None:
    origin.routes["/"] = answer
    began = time.monotonic()
    with pytest.raises(TemporarilyUnavailable) as caught:
        transport.request("GET", origin.url(), timeout=SHORT)
    assert caught.value.code == "timeout"
    assert time.monotonic() - began < 10  # on a noisy machine; the server would take minutes


@pytest.mark.covers("F22")
def test_redirects_do_not_extend_the_deadline(origin: Origin, transport: Transport) -> None:
    never = threading.Event()

    def late(request: Request) -> Answer:
        never.wait(0.15)
        return redirect("/")

    origin.routes["/"] = late
    with pytest.raises(TemporarilyUnavailable) as caught:
        transport.request("GET", origin.url(), timeout=SHORT)
    assert caught.value.code == "timeout"
    assert len(origin.requests) <= 3


@pytest.mark.covers("F22")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_reads_is_given_up_at_the_deadline(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        outbound = Outbound.model_validate({"allow_networks": [f"127.0.0.1/32:{port}"]})
        transport = Transport(outbound, user_agent="BusyBridge/test")
        with pytest.raises(TemporarilyUnavailable) as caught:
            transport.request(
                "PUT", f"{scheme}://127.0.0.1:{port}/", content=bytes(64 << 20), timeout=SHORT
            )
        transport.close()
    assert caught.value.code == "timeout"


def test_a_kept_connection_that_was_closed_is_replaced_for_reading_and_never_for_writing(
    origin: Origin, transport: Transport
) -> None:
    answers = [Answer(), Answer(raw=[]), Answer(body=b"new"), Answer(raw=[]), Answer()]
    origin.routes["/"] = lambda _: answers[len(origin.requests) - 1]
    transport.request("GET", origin.url())
    assert transport.request("PROPFIND", origin.url(), content=b"<x/>").body == b"new"
    assert [request.body for request in origin.requests] == [b"", b"<x/>", b"<x/>"]
    with pytest.raises(TemporarilyUnavailable):
        transport.request("PUT", origin.url(), content=b"event")
    assert len(origin.requests) == 4


HEADS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://[::1\xc3\xa4\xff\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 No\r\nRetry-After: 5\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    head=st.sampled_from(HEADS),
    place=st.integers(min_value=0, max_value=120),
    cut=st.integers(min_value=0, max_value=8),
    junk=st.binary(max_size=8),
)
def test_whatever_a_server_sends_nothing_but_our_errors_comes_out(
    head: bytes, place: int, cut: int, junk: bytes, origin: Origin, transport: Transport
) -> None:
    origin.routes["/"] = Answer(raw=[head[:place] + junk + head[place + cut :]])
    try:
        answer = transport.request("GET", origin.url(), timeout=timedelta(seconds=5))
        raise_for_status(answer, what="the feed")
    except ProviderError:
        pass


def test_a_server_that_hangs_up_or_speaks_something_else_is_unavailable(
    origin: Origin, transport: Transport
) -> None:
    for raw in ([], [b"SSH-2.0-OpenSSH_9.9\r\n"], [b"HTTP/1.1 200"]):
        with pytest.raises(TemporarilyUnavailable) as caught:
            answered(origin, transport, Answer(raw=raw))
        assert caught.value.code == "connect"

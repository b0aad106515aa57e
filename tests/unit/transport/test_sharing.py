"""One transport for all threads: concurrency, limits of the pools, and nothing told to the log."""

from __future__ import annotations

import logging
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.errors import BridgeError, RemoteRejected
from bridge.model.http import Basic, Bearer
from bridge.transport import Transport
from tests.servers.origin import Answer, Origin, Request, half, redirect
from tests.servers.tls import Authority
from tests.unit.transport.conftest import MakeTransport

CANARY = "canary-7f3a"


def test_twenty_requests_to_one_host_are_under_way_at_the_same_time(
    origin: Origin, transport: Transport
) -> None:
    together = threading.Barrier(20)

    def meet(request: Request) -> Answer:
        together.wait(30)
        return Answer(body=request.path.encode())

    paths = [f"/{number}" for number in range(100)]
    origin.routes |= dict.fromkeys(paths, meet)
    with ThreadPoolExecutor(20) as threads:
        bodies = list(
            threads.map(lambda path: transport.request("GET", origin.url(path)).body, paths)
        )
    assert bodies == [path.encode() for path in paths]
    assert origin.accepts <= 20, "connections are kept and used again"


def test_a_pool_never_has_more_than_twenty_connections(
    origin: Origin, transport: Transport
) -> None:
    guard, now, most = threading.Lock(), 0, 0
    pause = threading.Event()

    def count(request: Request) -> Answer:
        nonlocal now, most
        with guard:
            now, most = now + 1, max(most, now + 1)
        pause.wait(0.05)
        with guard:
            now -= 1
        return Answer(headers={"Connection": "close"})

    origin.routes["/"] = count
    with ThreadPoolExecutor(40) as threads:
        list(threads.map(lambda _: transport.request("GET", origin.url()), range(80)))
    assert most <= 20


def test_deadlines_of_threads_do_not_touch_each_other(origin: Origin, transport: Transport) -> None:
    short, late = threading.Semaphore(0), threading.Event()
    origin.routes["/late"] = lambda _: Answer(body=b"late" if late.wait(120) else b"")

    def ask(seconds: float) -> str:
        try:
            url = origin.url("/late")
            return transport.request("GET", url, timeout=timedelta(seconds=seconds)).body.decode()
        except BridgeError as err:
            return getattr(err, "code", "")
        finally:
            short.release()

    with ThreadPoolExecutor(10) as threads:
        results = threads.map(ask, [0.1, 120] * 5)
        for _ in range(5):
            assert short.acquire(timeout=60)
        late.set()
        assert list(results) == ["timeout", "late"] * 5


def test_a_failed_exchange_leaves_the_pool_usable(origin: Origin, transport: Transport) -> None:
    origin.routes |= {"/half": half(b"x" * 100), "/": Answer(body=b"fine")}
    for _ in range(50):
        with pytest.raises(BridgeError):
            transport.request("GET", origin.url("/half"))
    assert transport.request("GET", origin.url()).body == b"fine"


@pytest.mark.parametrize(
    "headers",
    [
        {"If-None-Match": f'"{CANARY}\r\nX-Evil: 1"'},
        {"If-None-Match": f"{CANARY}\n"},
        {"If-None-Match": f"{CANARY}\0"},
        {"If-None-Match": f"{CANARY}\N{SNOWMAN}"},
        {f"X\r\nEvil: {CANARY}": "1"},
        {"": CANARY},
    ],
)
def test_a_header_that_would_break_the_request_is_not_sent(
    headers: dict[str, str], origin: Origin, transport: Transport
) -> None:
    with pytest.raises(RemoteRejected) as caught:
        transport.request("GET", origin.url(), headers=headers)
    assert CANARY not in str(caught.value) or headers.keys() != {"If-None-Match"}
    with pytest.raises(RemoteRejected):
        transport.request("GET / HTTP/1.1\r\nX:", origin.url())
    assert origin.accepts == 0


def test_no_secret_reaches_a_message_a_traceback_or_the_log(
    origin: Origin,
    trap: Origin,
    make_transport: MakeTransport,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = f"/{CANARY}/basic.ics?token={CANARY}"
    path = f"/{CANARY}/basic.ics"
    origin.routes |= {
        path: Answer(headers={"Set-Cookie": CANARY, "ETag": CANARY}, body=CANARY.encode()),
        f"{path}/half": half(CANARY.encode() * 9, {"ETag": CANARY}),
        f"{path}/loop": redirect(f"loop?{CANARY}"),
        f"{path}/away": redirect(trap.url(secret)),
        f"{path}/odd": redirect(f"ftp://{CANARY}/"),
    }
    authority = Authority(tmp_path)
    told: list[str] = []
    with Origin(authority.server("dav.example.com")) as secure:
        transport = make_transport(origin, secure)
        urls = [origin.url(path + tail + f"?{CANARY}") for tail in ("", "/half", "/loop", "/away")]
        urls += [
            origin.url(f"{path}/odd"),
            trap.url(secret),
            secure.url(secret, "cal.example.com"),
            f"http://nowhere.example.com{secret}",
            f"http://ann:{CANARY}@cal.example.com/",
            f"ftp://cal.example.com{secret}",
            f"http://cal.example.com:{origin.port}0000{secret}",
        ]
        for url in urls:
            for auth in (Basic("ann", CANARY), Bearer(CANARY)):
                headers = {"X-Secret": CANARY}
                try:
                    answer = transport.request("GET", url, headers=headers, auth=auth)
                except BridgeError as err:
                    told += ["".join(traceback.format_exception(err)), getattr(err, "hint", "")]
                else:
                    told.append(repr(answer.body == CANARY.encode()))
                told.append(repr(auth))
    assert len(told) > len(urls) * 4
    own_code = (line for text in told for line in text.splitlines() if "CANARY" not in line)
    assert [line for line in own_code if CANARY in line] == []
    assert CANARY not in caplog.text

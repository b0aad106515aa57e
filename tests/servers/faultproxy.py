"""A proxy in front of a real server that does, on command, what the server itself never does.

A fault is a function of the call and of the way on: it may answer itself, change the call, or
change the answer. Faults wrap each other, the latest outermost, and end with their `with` block.
"""

from __future__ import annotations

import base64
import http.client
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def is_report(self, name: str) -> bool:
        """Tell whether this is a REPORT of that element, `sync-collection`."""
        return self.method == "REPORT" and name.encode() in self.body

    def is_listing(self) -> bool:
        """Tell whether this is a PROPFIND of the members of a collection."""
        return self.method == "PROPFIND" and self.headers.get("depth") == "1"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    half: bool = False
    """Announces the whole body, sends half of it and closes."""


Forward = Callable[[Call], Answer]
Fault = Callable[[Call, Forward], Answer]
When = Callable[[Call], bool]

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}
_XML = {"Content-Type": "application/xml; charset=utf-8"}


class FaultProxy:
    """Listens on a loopback port; use as a context manager.

    Args:
        upstream: URL of the real server.
        context: makes the proxy speak TLS.
        login: `user:password` that it asks for, where the real server has no logins.
    """

    def __init__(
        self, upstream: str, *, context: ssl.SSLContext | None = None, login: str = ""
    ) -> None:
        self.calls: list[Call] = []
        self._faults: list[Fault] = []
        self._upstream = urlsplit(upstream).netloc
        self._login = "Basic " + base64.b64encode(login.encode()).decode() if login else ""
        self._scheme = "https" if context else "http"
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        if context:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    @contextmanager
    def fault(self, fault: Fault) -> Iterator[None]:
        self._faults.append(fault)
        try:
            yield
        finally:
            self._faults.remove(fault)

    def count(self, when: When) -> int:
        """Return how many calls so far were such."""
        return sum(when(call) for call in self.calls)

    def handle(self, call: Call) -> Answer:
        self.calls.append(call)
        if self._login and call.headers.get("authorization") != self._login:
            return Answer(401, b"who are you?", {"WWW-Authenticate": 'Basic realm="calendars"'})
        return self._through(call, tuple(self._faults))

    def _through(self, call: Call, faults: tuple[Fault, ...]) -> Answer:
        if not faults:
            return self._forward(call)
        return faults[-1](call, lambda inner: self._through(inner, faults[:-1]))

    def _forward(self, call: Call) -> Answer:
        connection = http.client.HTTPConnection(self._upstream, timeout=30)
        try:
            # Plain bodies, so that faults can change them.
            headers = {k: v for k, v in call.headers.items() if k != "accept-encoding"}
            connection.request(call.method, call.path, call.body, headers)
            answer = connection.getresponse()
            headers = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP_BY_HOP}
            return Answer(answer.status, answer.read(), headers)
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    """Of five at a time, the sixth would try again a second later."""


def _handler(proxy: FaultProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self._answer
            raise AttributeError(name)

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = proxy.handle(Call(self.command, self.path, headers, body))
            self.send_response_only(answer.status)
            for name, value in {**answer.headers, "Content-Length": len(answer.body)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.half else answer.body)
            self.close_connection |= answer.half

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def always(_: Call) -> bool:
    return True


def report(name: str) -> When:
    return lambda call: call.is_report(name)


def listing(call: Call) -> bool:
    return call.is_listing()


def answering(
    status: int,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    when: When = always,
    times: int = 10**9,
) -> Fault:
    """Answer so many calls without asking the server."""
    left = [times]

    def fault(call: Call, forward: Forward) -> Answer:
        if not when(call) or left[0] == 0:
            return forward(call)
        left[0] -= 1
        return Answer(status, body, {**_XML, **(headers or {})})

    return fault


def rewriting(change: Callable[[bytes], bytes], *, when: When = always) -> Fault:
    """Change the bodies of the server's answers."""

    def fault(call: Call, forward: Forward) -> Answer:
        answer = forward(call)
        return replace(answer, body=change(answer.body)) if when(call) else answer

    return fault


def halving(*, when: When = always) -> Fault:
    """Send half of each answer's body."""

    def fault(call: Call, forward: Forward) -> Answer:
        return replace(forward(call), half=True) if when(call) else forward(call)

    return fault


def without(*names: str) -> Fault:
    """Take elements out of the XML, with what is in them, whatever their prefix."""
    tags = "|".join(re.escape(name) for name in names)
    element = re.compile(rf"<((?:\w+:)?(?:{tags}))(?:\s[^>]*)?(?:/>|>.*?</\1>)".encode(), re.DOTALL)
    return rewriting(lambda body: element.sub(b"", body))


def without_sync() -> Fault:
    """Make the server one that knows ctag and ETags alone."""
    return without("sync-collection", "sync-token")


def invalid_token(status: int) -> Fault:
    """Refuse every sync token in the form that some servers have."""
    body = b'<?xml version="1.0"?><error xmlns="DAV:"><valid-sync-token/></error>'
    return answering(status, body, when=lambda call: call.is_report("sync-collection"))

"""A loopback HTTP origin that answers as a test says, the forbidden ways included.

It writes raw bytes, so that lengths can be wrong and bodies can stop half-way. It counts accepted
connections, which makes it a trap as well: `accepts == 0` means that nobody came.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple


class Request(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(frozen=True)
class Answer:
    """One answer; as long as it says unless `raw` replaces what follows the header."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: Iterable[bytes | float] | None = None
    """Bytes to write and seconds to wait, written as they are; then the connection is closed."""


def redirect(url: str, status: int = 302) -> Answer:
    return Answer(status, {"Location": url})


def html(title: str = "Sign in") -> Answer:
    page = f"<!DOCTYPE html><html><title>{title}</title><form></form></html>"
    return Answer(200, {"Content-Type": "text/html; charset=utf-8"}, page.encode())


def compressed(body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(200, {**(headers or {}), "Content-Encoding": "gzip"}, gzip.compress(body))


def half(body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Announces all of the body and sends half of it."""
    head = _head(200, {**(headers or {}), "Content-Length": str(len(body))})
    return Answer(raw=[head, body[: len(body) // 2]])


def half_gzip(body: bytes) -> Answer:
    """Sends half of the compressed stream under a length that fits the half."""
    packed = gzip.compress(body)
    return Answer(200, {"Content-Encoding": "gzip"}, packed[: len(packed) // 2])


def half_chunked(body: bytes) -> Answer:
    """Sends chunks and closes without the last one."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return Answer(raw=[head, b"%x\r\n%s\r\n" % (len(body), body)])


def overlong(body: bytes, extra: bytes) -> Answer:
    """Sends more than it announced, and keeps the connection."""
    # In one piece: what comes after the answer was read is another matter.
    return Answer(raw=[_head(200, {"Content-Length": str(len(body))}) + body + extra, 60.0])


def slow(body: bytes, pause: float, size: int = 1) -> Answer:
    """Sends the body in pieces with a pause before each."""
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    head = _head(200, {"Content-Length": str(len(body))})
    return Answer(raw=[head, *(part for piece in pieces for part in (pause, piece))])


def slow_headers(pause: float) -> Answer:
    """Sends one header byte at a time, for ever."""

    def drip() -> Iterator[bytes | float]:
        yield b"HTTP/1.1 200 OK\r\nX-Slow: "
        while True:
            yield pause
            yield b"a"

    return Answer(raw=drip())


def gzip_bomb(size: int) -> Answer:
    """Announces gzip and sends zeros that inflate to `size` bytes, compressed as they go."""

    def stream() -> Iterator[bytes]:
        yield _head(200, {"Content-Encoding": "gzip", "Connection": "close"})
        packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        block = bytes(1 << 20)
        for _ in range(size >> 20):
            if packed := packer.compress(block):
                yield packed
        yield packer.flush()

    return Answer(raw=stream())


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Answer", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


Handler = Callable[[Request], Answer]


class Origin:
    """Answers by path; unknown paths get 404. Use as a context manager.

    `routes[path]` is an `Answer` or a function of the request. With `context` it speaks TLS.
    """

    def __init__(
        self, context: ssl.SSLContext | None = None, *, address: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.routes: dict[str, Answer | Handler] = {}
        self.requests: list[Request] = []
        self.accepts = 0
        self._context = context
        self._stop = threading.Event()
        self._open: set[socket.socket] = set()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), family=family, backlog=256)
        self.address = address
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Origin:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        # A close alone would not wake a thread that waits in accept or recv.
        for sock in (self._listener, *tuple(self._open)):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def url(self, path: str = "/", host: str | None = None) -> str:
        scheme = "https" if self._context else "http"
        own = f"[{self.address}]" if ":" in self.address else self.address
        return f"{scheme}://{host or own}:{self.port}{path}"

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepts += 1
            self._open.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        sock = client
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context:
                sock = self._context.wrap_socket(client, server_side=True)
                self._open.add(sock)
            with sock, sock.makefile("rb") as reader:
                while (request := _read(reader)) and self._answer(sock, request):
                    pass
        except (OSError, ValueError):  # the client went away, or the test is over
            pass
        finally:
            sock.close()
            self._open -= {client, sock}

    def _answer(self, sock: socket.socket, request: Request) -> bool:
        self.requests.append(request)
        found = self.routes.get(request.path, Answer(404))
        answer = found if isinstance(found, Answer) else found(request)
        if answer.raw is not None:
            for part in answer.raw:
                if isinstance(part, bytes):
                    sock.sendall(part)
                elif self._stop.wait(part):
                    break
            # FIN, so that what was sent arrives before the connection is gone.
            sock.shutdown(socket.SHUT_WR)
            return False
        headers = dict(answer.headers)
        if answer.status not in (204, 304):
            headers.setdefault("Content-Length", str(len(answer.body)))
        body = b"" if request.method == "HEAD" else answer.body
        sock.sendall(_head(answer.status, headers) + body)
        return headers.get("Connection") != "close"


def _read(reader) -> Request | None:
    line = reader.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (field_line := reader.readline().decode("latin-1").rstrip("\r\n")) != "":
        name, _, value = field_line.partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", "0")))
    return Request(line[0], line[1], headers, body)


@contextmanager
def side_by_side() -> Iterator[tuple[Origin, Origin]]:
    """Start two on one port, of 127.0.0.2 and of 127.0.0.1, wherever both are free."""
    with ExitStack() as held:
        for _ in range(50):
            first, second = held.enter_context(Origin(address="127.0.0.2")), None
            with suppress(OSError):
                second = held.enter_context(Origin(port=first.port))
            if second is not None:
                break
        else:
            raise AssertionError("no port is free on both addresses")
        yield first, second

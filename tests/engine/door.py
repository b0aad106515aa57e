"""Where a stand-in posts its notifications: taken at once, and heard when the test says so.

A real address, so that everything goes over HTTP; but what is posted changes nothing before it is
heard, so that a seed repeats its run. Only a provider that looks whether we are there has its
answer at once.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from bridge.notifier import Delivery
from bridge.registry import KINDS


class Door:
    """An address on loopback."""

    def __init__(self, provider: str) -> None:
        self.waiting: list[Delivery] = []
        door, notices = self, KINDS[provider].notices
        assert notices is not None

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                query = dict(parse_qsl(urlsplit(self.path).query))
                delivery = Delivery(headers, query, body)
                answer = notices(delivery)
                if not answer.handshake:
                    door.waiting.append(delivery)
                self.send_response(answer.status)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def taken(self) -> list[Delivery]:
        """Give what was posted since the last time."""
        found, self.waiting = self.waiting, []
        return found

"""The address of a program that Zoom tells of changes."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.sandbox.zoom.people import Json

SECRET = "a-secret-token-of-the-marketplace"


class Receiver:
    """A program's address: proves itself, and keeps what is genuine apart from what is not."""

    def __init__(self) -> None:
        self.got: list[Json] = []
        self.times: list[int] = []
        self.forged = 0
        self.challenges = 0
        self.answers: list[int] = []
        self.secret = SECRET
        me = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                answer = me.take(raw, self.headers)
                self.send_response(me.answers.pop(0) if me.answers else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks/zoom"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def hmac(self, message: bytes) -> str:
        return hmac.new(self.secret.encode(), message, hashlib.sha256).hexdigest()

    def take(self, raw: bytes, headers) -> bytes:
        stamp = headers["x-zm-request-timestamp"]
        message = f"v0:{stamp}:{raw.decode()}".encode()
        if headers["x-zm-signature"] != f"v0={self.hmac(message)}":
            self.forged += 1
            return b""
        document = json.loads(raw)
        if document["event"] == "endpoint.url_validation":
            self.challenges += 1
            plain = document["payload"]["plainToken"]
            proof = {"plainToken": plain, "encryptedToken": self.hmac(plain.encode())}
            return json.dumps(proof).encode()
        self.got.append(document)
        self.times.append(int(stamp))
        return b""

    @property
    def events(self) -> list[str]:
        return [each["event"] for each in self.got]

    @property
    def last(self) -> Json:
        return dict(self.got[-1]["payload"])

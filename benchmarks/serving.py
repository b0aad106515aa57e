"""Whole servers, ours and Radicale, with the same events behind the same login."""

from __future__ import annotations

import base64
import http.client
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import bcrypt

from benchmarks.calendars import DAY, calendar, event, in_utc, utc_calendar
from bridge.merge import coalesce
from bridge.model.interval import Window
from tests.e2e.served import Served, rfc3339
from tests.servers.process import Server
from tests.servers.radicale import start_radicale

Spans = list[tuple[int, int]]
COLLECTION = "/ann/work/"
ROOM = "room-a"
PASSWORD = "secret"
_TIMES = re.compile(
    rb"^DTSTART:(\d{8}T\d{6})Z\r?$.*?^DTEND:(\d{8}T\d{6})Z\r?$", re.MULTILINE | re.DOTALL
)
_PERIODS = re.compile(rb"(\d{8}T\d{6})Z/(\d{8}T\d{6})Z")


class Answer(NamedTuple):
    seconds: float
    status: int
    etag: str
    body: bytes


class Client:
    """One connection, kept alive where the server lets it; closed and opened again elsewhere."""

    def __init__(self, url: str, password: str = PASSWORD) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=600)
        self._headers = basic(password)

    def get(self, target: str, **headers: str) -> Answer:
        """Fetch a path or URL."""
        return self.ask("GET", target, **headers)

    def ask(self, method: str, target: str, body: str | None = None, **headers: str) -> Answer:
        """Send one request about a path or URL; `_` in a header's name means `-`."""
        parts = urlsplit(target)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        before = time.perf_counter()
        self._connection.request(method, path, body, {**self._headers, **sent})
        answer = self._connection.getresponse()
        received = answer.read()
        taken = time.perf_counter() - before
        return Answer(taken, answer.status, answer.headers.get("ETag", ""), received)

    def close(self) -> None:
        self._connection.close()


def basic(password: str) -> dict[str, str]:
    """Log in as `ann`."""
    return {"Authorization": "Basic " + base64.b64encode(f"ann:{password}".encode()).decode()}


def now() -> int:
    return int(time.time())


def horizon(days: int = 380) -> Window:
    """Give a span that is inside the default window, with whole minutes."""
    start = now() // 3600 * 3600 + DAY
    return Window(start, start + days * DAY)


def free_busy(resource: str, window: Window) -> str:
    return f"/freebusy/{resource}.ifb?start={rfc3339(window.start)}&end={rfc3339(window.end)}"


def spans_of(body: bytes) -> Spans:
    """Read the spans of an iCalendar text, joined where they touch: ours are cut at months."""
    found = _PERIODS.findall(body) or _TIMES.findall(body)
    return [*map(tuple, coalesce(Window(_instant(start), _instant(end)) for start, end in found))]


def _instant(text: bytes) -> int:
    return int(datetime.strptime(text.decode(), "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp())


@contextmanager
def bridge(resources: list[dict[str, Any]], **sections: Any) -> Iterator[Served]:
    """Prepare a bridge with the login `ann`, who may see everything; it is not started."""
    with TemporaryDirectory(prefix="busybridge-") as folder:
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()
        ann = {"name": "ann", "password_hash": hashed, "access": {"*": "read"}}
        limit = {"per_client": "1000000/min"}  # one client asks for all
        config = {
            "server": {"rate_limit": limit},
            "allow_inline_secrets": True,
            "auth": {"users": [ann]},
            "resources": resources,
            **sections,
        }
        served = Served(Path(folder), config)
        try:
            yield served
        finally:
            served.__exit__()


def room(folder: Path, spans: Iterable[tuple[int, int]], name: str = ROOM) -> dict[str, Any]:
    """Configure a resource that reads single events from a file, with a feed of all of them."""
    path = folder / f"{name}.ics"
    path.write_text(utc_calendar(spans), newline="")
    return {
        "id": name,
        "feeds": [{"name": "all", "window": {"past": "7d", "future": "400d"}}],
        "connections": [{"id": "work", "provider": "ics", "path": str(path)}],
    }


def launch(served: Served) -> float:
    """Start the server, and give the seconds until it takes connections; nothing is asked yet."""
    before = time.perf_counter()
    with (served.folder / "log").open("ab") as log:
        served.process = subprocess.Popen(
            [sys.executable, "-m", "bridge", "serve"],
            cwd=served.folder,
            env=served.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    while True:
        assert served.process.poll() is None, served.log
        try:
            connection.connect()
        except ConnectionRefusedError:
            time.sleep(0.005)
        else:
            connection.close()
            return time.perf_counter() - before


def fill_radicale(folder: Path, spans: Iterable[tuple[int, int]]) -> None:
    """Put events into the storage of a Radicale that is not running; it has no caches yet."""
    collection = folder / "data/collection-root/ann/work"
    collection.mkdir(parents=True)
    (collection / ".Radicale.props").write_text('{"tag": "VCALENDAR"}')
    for number, span in enumerate(spans):
        text = calendar([event(number, in_utc(*span))])
        (collection / f"event-{number}.ics").write_text(text, newline="")


@contextmanager
def radicale(folder: Path) -> Iterator[Server]:
    """Run a Radicale on the storage of a folder."""
    server = start_radicale(folder)
    try:
        yield server
    finally:
        server.stop()

"""The CalDAV servers that the demo reads from: `python -m radicale` processes, filled over HTTP."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event
from urllib.parse import quote

from bridge.demo.calendars import DemoCalendar
from bridge.errors import BridgeError, ProviderError
from bridge.model.http import Basic, Http

LOGIN = Basic("demo", "demo")
_START_TIMEOUT = 30.0
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Source:
    """One running CalDAV server."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Its root, with a slash at the end."""
        return f"http://127.0.0.1:{self.port}/"

    def calendar_url(self, name: str) -> str:
        """URL of one of its calendars."""
        return f"{self.url}{LOGIN.username}/{quote(name)}/"


def free_port(wanted: int, taken: Sequence[int] = ()) -> int:
    """Return the wanted port of 127.0.0.1, or any free one where it is in use."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            if found not in taken:
                return found
    raise BridgeError("no free port on 127.0.0.1")


def _command(folder: Path, port: int) -> list[str]:
    options = {
        "server-hosts": f"127.0.0.1:{port}",
        "auth-type": "none",
        "rights-type": "authenticated",
        "storage-filesystem-folder": str(folder),
        "web-type": "none",
        "logging-level": "error",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [sys.executable, "-m", "bridge.demo.child", "--config", "", *flags]


@contextlib.contextmanager
def running(folder: Path, ports: Sequence[int]) -> Iterator[list[Source]]:
    """Start one server for each port; end them, and only them, when the block is left."""
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    sources: list[Source] = []
    try:
        for port in ports:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                _command(folder / str(port), port),
                stdin=subprocess.PIPE,  # its end tells the child that the demo is gone
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the bridge; it ends its children itself
            )
            sources.append(Source(port, process))
        yield sources
    finally:
        for source in sources:
            source.process.send_signal(signal.SIGTERM)
        for source in sources:
            try:
                source.process.wait(5)
            except subprocess.TimeoutExpired:
                source.process.kill()
                source.process.wait()
            if source.process.stdin:
                source.process.stdin.close()


def wait_until_ready(http: Http, source: Source, deadline: float = _START_TIMEOUT) -> None:
    """Return once the server answers; its death or silence is an error."""
    pause = Event()
    for _ in range(int(deadline / 0.1)):
        if source.process.poll() is not None:
            raise BridgeError(f"the demo's CalDAV server on port {source.port} ended by itself")
        with contextlib.suppress(ProviderError):
            http.request("OPTIONS", source.url, auth=LOGIN, timeout=timedelta(seconds=5))
            return
        pause.wait(0.1)
    raise BridgeError(f"the demo's CalDAV server on port {source.port} does not answer")


def fill(http: Http, source: Source, calendar: DemoCalendar) -> None:
    """Create a calendar with all its events in one request (Radicale takes a whole collection)."""
    response = http.request(
        "PUT",
        source.calendar_url(calendar.name),
        headers={"Content-Type": "text/calendar; charset=utf-8"},
        content=calendar.text.encode(),
        auth=LOGIN,
    )
    if response.status not in (201, 204):
        raise BridgeError(f"the demo's CalDAV server answered {response.status} to a calendar")

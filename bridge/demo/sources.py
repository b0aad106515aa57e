"""The CalDAV servers that the demo reads from: `python -m radicale`, filled over HTTP."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event
from urllib.parse import quote

from bridge.demo.calendars import DemoCalendar
from bridge.demo.children import Child, Children
from bridge.errors import BridgeError, ProviderError
from bridge.model.http import Basic, Http

LOGIN = Basic("demo", "demo")
_START_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Source:
    """One running CalDAV server."""

    port: int
    process: Child

    @property
    def url(self) -> str:
        """Its root, with a slash at the end."""
        return f"http://127.0.0.1:{self.port}/"

    def calendar_url(self, name: str) -> str:
        """URL of one of its calendars."""
        return f"{self.url}{LOGIN.username}/{quote(name)}/"


def start(children: Children, folder: Path, port: int) -> Source:
    """Start one; its calendars are files in a folder."""
    options = {
        "server-hosts": f"127.0.0.1:{port}",
        "auth-type": "none",
        "rights-type": "authenticated",
        "storage-filesystem-folder": str(folder),
        "web-type": "none",
        "logging-level": "error",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return Source(port, children.start("radicale", "--config", "", *flags))


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


def fill(http: Http, source: Source, calendar: DemoCalendar) -> str:
    """Create a calendar with all its events in one request (Radicale takes a whole collection).

    Returns:
        Its URL.
    """
    url = source.calendar_url(calendar.name)
    response = http.request(
        "PUT",
        url,
        headers={"Content-Type": "text/calendar; charset=utf-8"},
        content=calendar.text.encode(),
        auth=LOGIN,
    )
    if response.status not in (201, 204):
        raise BridgeError(f"the demo's CalDAV server answered {response.status} to a calendar")
    return url

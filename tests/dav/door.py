"""The whole WSGI application, door, guard and CalDAV, called without sockets, and its log."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from wsgiref.types import WSGIApplication
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from bridge.model.interval import FBType
from bridge.store.database import Database
from bridge.store.schema import resources
from tests.access.people import user
from tests.web.site import DAY, TODAY, Site, basic, site_settings

CANARY = "canary-5d1e"
"""Stands in everything that alice may not see."""
ALICE = basic("alice", "alice's password")
D, C, CS = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}", "{http://calendarserver.org/ns/}"
HOUR = 3600


class Sent(NamedTuple):
    """One request, as WSGI has it: text is latin-1 of the bytes that came in."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = {}
    query: str = ""


class Got(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    cpu: float
    """Seconds of this thread."""

    @property
    def xml(self) -> Element:
        return fromstring(self.body)

    def texts(self, name: str) -> list[str]:
        return [each.text or "" for each in self.xml.iter(name)]


class Log(logging.Handler):
    """Keeps what nobody may have to read: records of errors, and tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.bad: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.bad.append(f"{record.name}: {record.getMessage()}\n{record.exc_info}")


@contextmanager
def watched_log() -> Iterator[Log]:
    """Collect every bad record of every logger."""
    log = Log()
    loggers = [logging.getLogger(name) for name in (None, "radicale")]
    for logger in loggers:
        logger.addHandler(log)
    try:
        yield log
    finally:
        for logger in loggers:
            logger.removeHandler(log)


@dataclass
class Door:
    """Sends requests to an application as alice, unless they say otherwise."""

    wsgi: WSGIApplication
    authorization: str = ALICE

    def send(self, sent: Sent) -> Got:
        headers = {"authorization": self.authorization} | {
            name.lower(): value for name, value in sent.headers.items()
        }
        environ = {
            "HTTP_" + name.upper().replace("-", "_"): value
            for name, value in headers.items()
            if name not in ("content-type", "content-length")
        } | {
            "REQUEST_METHOD": sent.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": sent.path,
            "QUERY_STRING": sent.query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "5232",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "192.0.2.1",
            "CONTENT_LENGTH": headers.get("content-length", str(len(sent.body))),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(sent.body),
            "wsgi.errors": sys.stderr,
        }
        if "content-type" in headers:
            environ["CONTENT_TYPE"] = headers["content-type"]
        answered: list[tuple[str, list[tuple[str, str]]]] = []
        began = time.thread_time()
        chunks = self.wsgi(environ, lambda *started: answered.append(started[:2]))
        body = b"".join(chunks)
        cpu = time.thread_time() - began
        [(status, given)] = answered
        found = {name.lower(): value for name, value in given}
        assert not any(re.search(r"[\r\n\0]", value) for value in found.values()), given
        return Got(int(status.split()[0]), found, body, cpu)

    def propfind(self, path: str, *props: str, depth: str = "0") -> Got:
        inner = "".join(
            f'<x:{each[each.find("}") + 1 :]} xmlns:x="{each[1 : each.find("}")]}"/>'
            for each in props
        )
        body = f'<propfind xmlns="DAV:"><prop>{inner}</prop></propfind>'
        return self.send(Sent("PROPFIND", path, body.encode(), {"depth": depth}))

    def objects(self, path: str) -> dict[str, str]:
        """The entity tag of every object of a calendar, by href."""
        answer = self.propfind(path, f"{D}getetag", depth="1")
        assert answer.status == 207
        found = {
            each.findtext(f"{D}href") or "": each.findtext(f".//{D}getetag") or ""
            for each in answer.xml.findall(f"{D}response")
        }
        del found[path]
        return found

    def sync(self, path: str, token: str = "", more: str = "") -> Got:
        body = (
            f'<sync-collection xmlns="DAV:"><sync-token>{token}</sync-token>{more}'
            "<sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
        )
        return self.send(Sent("REPORT", path, body.encode(), {"depth": "1"}))


def changes_in(answer: Got) -> tuple[set[str], set[str], str]:
    """What a sync-collection lists: hrefs that changed, hrefs that are gone, the next token."""
    assert answer.status == 207, answer.body
    changed, gone = set(), set()
    for each in answer.xml.findall(f"{D}response"):
        status = (each.findtext(f"{D}status") or "- 200").split()[1]
        if status != "507":  # of the calendar itself: there is more
            (gone if status == "404" else changed).add(each.findtext(f"{D}href") or "")
    return changed, gone, answer.xml.findtext(f"{D}sync-token") or ""


def open_door(database: Database, *, blocks: int = 24) -> Door:
    """A site with two calendars of alice's and two that she may not even know of."""
    settings = site_settings(
        server={"rate_limit": {"per_client": "100000000/min", "login_failures": "100000000/min"}},
        auth={
            "users": [
                user("alice", "alice's password", access={"room-a": "free-busy", "room-b": "read"}),
                user("bob", "bob's password", access={"vault": "read"}),
            ]
        },
        resources=[
            {"id": "room-a", "name": "Room A", "email": "room-a@example.com"},
            {
                "id": "room-b",
                "name": "Room Bé",
                "email": "room-b@example.com",
                "privacy": {"mode": "full", "show_title": True},
            },
            {"id": "vault", "name": f"Vault {CANARY}", "email": f"{CANARY}@example.com"},
        ],
    )
    site = Site(database, settings, caldav=True)
    step = min(5 * HOUR, 375 * DAY // blocks)
    spans = [(TODAY + n * step, TODAY + n * step + step // 3) for n in range(blocks)]
    site.fill("room-a", spans, title=f"title {CANARY}")
    site.fill("room-b", spans, FBType.BUSY_TENTATIVE, title="Board; meeting, on <b>\u202eRTL")
    site.fill("vault", spans, title=f"title {CANARY}")
    with database.write() as conn:  # so that the same seed sends the same tokens
        conn.execute(resources.update().values(epoch="0123456789abcdef"))
    return Door(site.wsgi)


def peak_memory() -> int:
    """Return the highest memory of this process since `forget_peak`, bytes."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) << 10


def forget_peak() -> int:
    """Begin to watch the memory; return what is used now, bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()


HOME = "/alice/"
TIMES, DETAILS = "/alice/room-a.busy/", "/alice/room-b.busy/"
BOOKINGS = "/alice/room-b.bookings/"
END = TODAY + 30 * DAY

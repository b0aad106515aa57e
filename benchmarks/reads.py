"""What calendar clients ask of a CalDAV calendar, and what each answer must say on every server."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from benchmarks.serving import spans_of
from bridge.model.interval import Window

_ETAG = "<D:prop><D:getetag/></D:prop>"
_SPACES = (
    'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" '
    'xmlns:CS="http://calendarserver.org/ns/"'
)
_HREF = re.compile(rb"<(?:\w+:)?href>")
_TAG = re.compile(rb"<(?:\w+:)?getetag>[^<]")
_STATE = re.compile(rb"<(?:\w+:)?getctag>[^<]")
_TOKEN = re.compile(rb"<(?:\w+:)?sync-token>([^<]+)<")


class Read(NamedTuple):
    """One request, and how many times faster than Radicale it is to be answered."""

    name: str
    method: str
    depth: str
    body: str
    """`{token}` stands for the sync token of the server that is asked."""
    says: Callable[[bytes], object]
    """What two servers with the same events must agree on."""
    small: float
    """The target for calendars of less than 10,000 events."""
    large: float


def _count(pattern: re.Pattern[bytes]) -> Callable[[bytes], object]:
    return lambda body: len(pattern.findall(body))


def _objects(body: bytes) -> object:
    return len(_HREF.findall(body)), len(_TAG.findall(body))


def _sync(token: str) -> str:
    return (
        f"<D:sync-collection {_SPACES}><D:sync-token>{token}</D:sync-token>"
        f"<D:sync-level>1</D:sync-level>{_ETAG}</D:sync-collection>"
    )


GETCTAG = Read(
    "getctag",
    "PROPFIND",
    "0",
    f"<D:propfind {_SPACES}><D:prop><CS:getctag/></D:prop></D:propfind>",
    _count(_STATE),
    20,
    100,
)
LISTING = Read(
    "PROPFIND depth 1, getetag",
    "PROPFIND",
    "1",
    f"<D:propfind {_SPACES}>{_ETAG}</D:propfind>",
    _objects,
    2,
    2,
)
INITIAL = Read("initial sync-collection", "REPORT", "1", _sync(""), _objects, 2, 2)
UNCHANGED = Read("sync-collection, no change", "REPORT", "1", _sync("{token}"), _objects, 20, 100)


def of_window(window: Window) -> tuple[Read, Read]:
    """Ask for the events of a window with their data, and for its busy time."""
    start, end = (datetime.fromtimestamp(each, UTC).strftime("%Y%m%dT%H%M%SZ") for each in window)
    span = f'<C:time-range start="{start}" end="{end}"/>'
    query = (
        f"<C:calendar-query {_SPACES}><D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter>"
        f'<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">{span}</C:comp-filter>'
        "</C:comp-filter></C:filter></C:calendar-query>"
    )
    busy = f"<C:free-busy-query {_SPACES}>{span}</C:free-busy-query>"
    return (
        Read("calendar-query 30 days, data", "REPORT", "1", query, _with_times, 8, 20),
        Read("free-busy-query 30 days", "REPORT", "1", busy, spans_of, 10, 100),
    )


def _with_times(body: bytes) -> object:
    return _objects(body), spans_of(body)


def sync_token(body: bytes) -> str:
    """Read the token of a sync-collection answer."""
    found = _TOKEN.findall(body)
    assert len(found) == 1, body[-500:]
    return found[0].decode()

"""Hostile requests are refused quickly and clearly, at every path and by every method."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.store.database import Database
from tests.dav import hostile
from tests.dav.door import (
    BOOKINGS,
    DETAILS,
    HOME,
    TIMES,
    Door,
    Got,
    Log,
    Sent,
    forget_peak,
    open_door,
    peak_memory,
    watched_log,
)

METHODS = (
    *("PROPFIND", "PROPPATCH", "REPORT", "PUT", "DELETE", "MOVE", "COPY", "MKCALENDAR", "MKCOL"),
    *("POST", "GET", "HEAD", "OPTIONS", "LOCK", "UNLOCK", "ACL", "PATCH", "TRACE", "BREW"),
)
PLACES = (
    *("/", HOME, "/room-b/", TIMES, DETAILS, BOOKINGS, BOOKINGS + "new.ics", "/bob/", "/nowhere/"),
    *("/alice/vault.busy/", "/alice/room-b.busy/" + "0" * 40 + ".ics"),
)
MIB = 1 << 20
LARGE = 50_000
"""Bodies from here on go to every method once, and to every path by three methods."""
PAIRS = [(method, path) for method in METHODS for path in PLACES]
SOME = [pair for pair in PAIRS if pair[1] == DETAILS or pair[0] in ("PROPFIND", "REPORT", "PUT")]


@pytest.fixture
def door(sqlite_database: Database) -> Door:
    return open_door(sqlite_database)


@pytest.fixture(autouse=True)
def log() -> Iterator[Log]:
    """Nothing hostile may leave a traceback."""
    with watched_log() as watched:
        yield watched
        assert not watched.bad


def refused(door: Door, sent: Sent) -> Got:
    """Send what must be refused; the better of two counts, so that nothing else is measured."""
    got = door.send(sent)
    context = f"{sent.method} {sent.path[:80]!r} -> {got.status} {got.body[:300]!r}"
    assert 400 <= got.status < 500, context
    assert got.cpu < 0.2 or door.send(sent).cpu < 0.2, f"{got.cpu} s; {context}"
    assert is_clear(sent, got), context
    return got


def is_clear(sent: Sent, got: Got) -> bool:
    """A refusal says why, in XML or JSON; nothing of the server's files is in it."""
    if sent.method == "HEAD":
        return True
    said = any(
        word in got.body
        for word in (b"reason>", b"responsedescription>", b"detail", b"not allowed")
    )
    return said and b"root:" not in got.body and b"Traceback" not in got.body


@pytest.mark.covers("T17", "T18", "T19", "T23", "P9")
@pytest.mark.parametrize("name", hostile.XML_BODIES)
def test_hostile_xml_is_refused_everywhere(door: Door, name: str) -> None:
    body = hostile.XML_BODIES[name]
    for method, path in SOME if len(body) > LARGE else PAIRS:
        refused(door, Sent(method, path, body, hostile.XML_TYPE))


@pytest.mark.covers("T21", "T22", "T23", "A-34", "P9")
@pytest.mark.parametrize("name", hostile.ICS_BODIES)
def test_hostile_calendars_are_refused_everywhere(door: Door, name: str) -> None:
    body = hostile.ICS_BODIES[name]
    for method, path in SOME if len(body) > LARGE else PAIRS:
        refused(door, Sent(method, path, body, hostile.ICS_TYPE))
    assert door.send(Sent("GET", DETAILS)).status == 200, "the calendar is readable after it"


@pytest.mark.parametrize("name", hostile.HEADERS)
def test_malformed_headers_are_refused_everywhere(door: Door, name: str) -> None:
    for method, path in PAIRS:
        refused(door, Sent(method, path, b"x", hostile.HEADERS[name]))


@pytest.mark.covers("T25", "T26")
@pytest.mark.parametrize("name", hostile.PATHS)
def test_paths_that_no_client_means_are_refused_by_every_method(door: Door, name: str) -> None:
    for method in METHODS:
        refused(door, Sent(method, hostile.PATHS[name]))


@pytest.mark.covers("T24", "P9")
@pytest.mark.parametrize("name", hostile.BOUNDED)
def test_calendars_that_are_bounded_where_they_are_read_cost_nothing(door: Door, name: str) -> None:
    for method, path in PAIRS:
        sent = Sent(method, path, hostile.BOUNDED[name], hostile.ICS_TYPE)
        got = door.send(sent)
        assert got.status < 500
        assert got.cpu < 0.2 or door.send(sent).cpu < 0.2
        assert b"root:" not in got.body


@pytest.mark.covers("T18", "T19", "T22")
def test_hostile_bodies_take_little_memory(door: Door) -> None:
    bodies = [*hostile.XML_BODIES.values(), *hostile.ICS_BODIES.values()]
    door.send(Sent("PUT", DETAILS, bodies[0]))
    before = forget_peak()
    for body in bodies:
        for method in ("REPORT", "PUT"):
            door.send(Sent(method, DETAILS, body))
    assert peak_memory() - before < 50 * MIB

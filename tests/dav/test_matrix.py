"""Everybody asks for everything of every resource in every way (T49)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from bridge.store.database import Database
from tests.access.people import user
from tests.dav.client import (
    Client,
    ask_busy,
    change,
    free_busy,
    multiget,
    propfind,
    query,
    search,
    sync,
    update,
)
from tests.dav.house import EVERYBODY, House, hours, house_settings
from tests.web.site import Response, basic

ROOMS = ("room-a", "room-b", "room-c")
GHOST = "room-z"
"""Does not exist, and has a name as long as the others."""
FREE_BUSY, READ = {"alice", "gil", "room-b"}, {"bob", "carol", "dora", "root", "lia"}
SEES = {
    "room-a": (FREE_BUSY, READ),
    "room-b": ({"gil"}, {"room-b", "root", "lia"}),
    "room-c": ({"gil"}, {"root", "lia"}),
}
"""Who may see the times of a resource, and who its details."""
DATA = "<D:getetag/><C:calendar-data/>"
EVERY = "<D:allprop/>"


class Ask(NamedTuple):
    method: str
    path: str
    body: str = ""
    headers: tuple[tuple[str, str], ...] = (("Depth", "1"),)


class Known(NamedTuple):
    """What somebody may have learned elsewhere, to try it here."""

    names: list[str]
    tokens: list[str]


@pytest.fixture
def rooms(sqlite_database: Database) -> Iterator[House]:
    """Each room with its own canaries in title, name and address."""
    described = [
        {
            "id": room,
            "name": f"name-canary-of-{room}",
            "email": f"mail-canary-of-{room}@example.com",
            "privacy": {"mode": "full"},
        }
        for room in ROOMS
    ]
    users = [*house_settings().auth.users, user("mallory")]
    settings = house_settings(resources=described, auth={"users": users})
    with House(sqlite_database, settings) as house:
        for room in ROOMS:
            house.fill(
                room,
                hours(3),
                title=f"title-canary-of-{room}",
                location=f"title-canary-of-{room}",
                url=f"https://example.com/title-canary-of-{room}",
            )
        yield house


def learn(house: House, room: str) -> Known:
    """Take names and tokens of both views from those who may have them."""
    lia, gil = house.client("lia"), house.client("gil")
    paths = [(lia, f"/lia/{room}.busy/"), (gil, f"/gil/{room}.busy/")]
    return Known(
        [next(iter(client.listing(path))) for client, path in paths],
        [client.sync(path).sync_token for client, path in paths],
    )


def everything(login: str, room: str, known: Known) -> Iterator[Ask]:
    """Every method and report on every path that could lead to a resource, and from elsewhere."""
    calendars = [
        f"/{login}/{room}.busy/",
        f"/{login}/{room}.bookings/",
        f"/{room}/busy/",
        f"/lia/{room}.busy/",
        f"/root/{room}.bookings/",
    ]
    objects = [calendar + name for calendar in calendars for name in known.names]
    reports = [
        query(prop=DATA),
        multiget(*objects, prop=DATA),
        *(sync(token, prop=DATA) for token in ("", *known.tokens)),
        free_busy("20261101T000000Z", "20261201T000000Z"),
    ]
    for path in (*calendars, f"/{room}/", f"/{room}", objects[0], f"/{room}/{known.names[0]}"):
        yield from on_path(path)
    for path in calendars[:2]:
        yield from (Ask("REPORT", path, report) for report in reports)
    asked = ask_busy(
        "mailto:x@example.com", f"/{room}/", start="20261101T000000Z", end="20261201T000000Z"
    )
    for path in (f"/{login}/outbox/", f"/{room}/outbox/"):
        yield Ask("POST", path, asked, (("Content-Type", "text/calendar"),))
    # From what is one's own to what is not.
    for path in ("/", f"/{login}/", f"/{login}/room-a.busy/", f"/{login}/busy/"):
        yield from (Ask("REPORT", path, report) for report in reports)
        for name in ("D:displayname", "C:calendar-user-address-set"):
            yield Ask("REPORT", path, search((name, f"of-{room}"), prop=EVERY))
        for target in (calendars[0], objects[0], objects[-1]):
            yield Ask("MOVE", f"{path}x.ics", headers=(("Destination", target), ("Overwrite", "T")))
            yield Ask("COPY", path, headers=(("Destination", target),))


def on_path(path: str) -> Iterator[Ask]:
    for method in ("GET", "HEAD", "PUT", "DELETE", "MKCALENDAR", "MKCOL", "POST", "LOCK"):
        yield Ask(method, path)
    yield Ask("GET", f"{path}?view=freebusy")
    yield Ask("GET", path, headers=(("If-None-Match", "*"),))
    yield Ask("DELETE", path, headers=(("If-Match", '"x"'),))
    for depth in ("0", "1", "infinity"):
        yield Ask("PROPFIND", path, propfind(EVERY), (("Depth", depth),))
    yield Ask("PROPFIND", path, propfind("<D:propname/>"))
    yield Ask("PROPPATCH", path, update(change("set", D_displayname="x")))
    yield Ask("MOVE", path, headers=(("Destination", "/alice/x.ics"),))
    yield Ask("REPORT", path, "<nonsense/>")


def answer_to(client: Client, ask: Ask) -> Response:
    return client.send(ask.method, ask.path, ask.body, **dict(ask.headers))


def said(answer: Response) -> bytes:
    """All of an answer that is not about this one request."""
    unlike = ("date", "x-request-id")
    headers = sorted(item for item in answer.headers.items() if item[0] not in unlike)
    return repr((answer.status, headers)).encode() + answer.body


def may_see(login: str, room: str) -> set[str]:
    times, details = SEES[room]
    if login in details:
        return {"title", "name", "mail"}
    return {"name", "mail"} if login in times else set()


def leaks(login: str, answer: Response) -> set[str]:
    """Canaries in an answer that this login may not see."""
    octets = said(answer).decode()
    return {
        f"{kind} of {room}"
        for room in ROOMS
        for kind in {"title", "name", "mail"} - may_see(login, room)
        if f"{kind}-canary-of-{room}" in octets
    }


@pytest.mark.covers("T49")
@pytest.mark.parametrize("login", [*EVERYBODY, "mallory"])
def test_no_request_of_anybody_shows_anything_of_a_resource_they_may_not_see(
    rooms: House, login: str
) -> None:
    client = rooms.client(login)
    seen: set[str] = set()
    for room in ROOMS:
        known = learn(rooms, room)
        hidden = not may_see(login, room)
        for ask in everything(login, room, known):
            answer = answer_to(client, ask)
            assert leaks(login, answer) == set(), ask
            assert answer.status < 500, ask
            seen |= {
                kind
                for kind in ("title", "name")
                if f"{kind}-canary-of-{room}".encode() in answer.body
            }
            if hidden:
                ghost = Ask(
                    ask.method,
                    ask.path.replace(room, GHOST),
                    ask.body.replace(room, GHOST),
                    tuple((name, value.replace(room, GHOST)) for name, value in ask.headers),
                )
                twin = said(answer_to(client, ghost))
                assert twin.replace(GHOST.encode(), room.encode()) == said(answer), ask
    # The test can fail: what may be seen is found by the same requests.
    assert seen == set().union(*(may_see(login, room) - {"mail"} for room in ROOMS))


@pytest.mark.covers("T49")
@pytest.mark.parametrize("authorization", ["", "Bearer x", basic("lia", "wrong")])
def test_nobody_sees_anything_without_a_login(rooms: House, authorization: str) -> None:
    stranger = Client(rooms.port, authorization)
    for room in ROOMS:
        known = learn(rooms, room)
        for ask in everything("lia", room, known):
            answer = answer_to(stranger, ask)
            assert answer.status in {400, 401, 403, 405, 429}, ask
            assert b"canary" not in said(answer)
    stranger.close()


@pytest.mark.covers("T49")
def test_a_login_cannot_tell_which_other_logins_there_are(rooms: House) -> None:
    client = rooms.client("alice")
    for there, nowhere in (("carol", "zzzzz"), ("lia", "zzz"), ("root", "zzzz")):
        for path in (f"/{there}/", f"/{there}/room-a.busy/", f"/{there}/room-a.bookings/"):
            for ask in on_path(path):
                twin = Ask(ask.method, ask.path.replace(there, nowhere), *ask[2:])
                assert said(answer_to(client, ask)) == said(answer_to(client, twin)).replace(
                    nowhere.encode(), there.encode()
                ), ask

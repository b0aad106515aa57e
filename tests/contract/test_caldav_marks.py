"""A calendar that is looked at again delivers what changed in it, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from icalendar import Component

from bridge.errors import RemoteNotFound, TemporarilyUnavailable
from bridge.model.http import Http, Response
from bridge.provider import CalendarId, RemoteId
from bridge.providers.caldav.client import Client, Login
from bridge.providers.caldav.home import Home
from bridge.providers.caldav.marks import Marks
from bridge.providers.caldav.sink import ORIGIN as ORIGIN_MARK
from bridge.providers.caldav.sink import CaldavSink
from bridge.sink import EventSink, Marked
from tests.contract.caldav_sink_world import EMAIL, CaldavSinkWorld
from tests.contract.google_world import transport
from tests.contract.sink_calendar import ORIGIN, booking, wanted
from tests.servers.radicale import radicale_account, shared_radicale

_CTAG = re.compile(rb"(<[^<>/]*getctag[^<>]*>)[^<]*(</)")
OURS = [f"{number:032x}" for number in range(6)]


@dataclass
class Overheard:
    """An `Http` of which is known what it carried, and which fails on command."""

    http: Http
    asked: list[str] = field(default_factory=list)
    octets: int = 0
    bodies: int = 0
    """Calendar objects that were delivered."""
    fails: str = ""
    """Method of the requests that get no answer."""
    late: bytes = b""
    """A ctag that is told in the place of the one that is true by now."""

    def request(self, method: str, url: str, **options: Any) -> Response:
        if method == self.fails:
            raise TemporarilyUnavailable("the answer did not come")
        response = self.http.request(method, url, **options)
        if self.late:
            late = _CTAG.sub(rb"\g<1>" + self.late + rb"\g<2>", response.body)
            response = replace(response, body=late)
        self.asked.append(method)
        self.octets += len(response.body)
        self.bodies += response.body.count(b"BEGIN:VCALENDAR")
        return response

    def services(self, name: str) -> Any:
        return self.http.services(name)

    def texts(self, name: str) -> Any:
        return self.http.texts(name)

    def heard(self) -> tuple[list[str], int]:
        """What was asked, and how many objects came, since the last time."""
        found = self.asked, self.bodies
        self.asked, self.bodies = [], 0
        return found


class Desk:
    """One calendar, a sink that stays open, and another client that is at it."""

    def __init__(self, world: CaldavSinkWorld, http: Http) -> None:
        self.world, self.http = world, Overheard(http)
        self.id = world.new_calendar()
        self.sink = self.open(Marks())

    def open(self, marks: Marks) -> CaldavSink:
        server = self.world.account.url
        client = Client(self.http, Login("ann", "secret"), server)
        return CaldavSink(Home(client, server, EMAIL), marks)

    def fill(self, number: int) -> None:
        """Have so many events of other people stand in it."""
        events = "".join(
            f"BEGIN:VEVENT\r\nUID:of-{each}\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Talk {each}\r\n"
            f"DTSTART:20261123T090000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"
            for each in range(number)
        )
        text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\n{events}END:VCALENDAR\r\n"
        self.world.account.send("PUT", self.id, text, {"Content-Type": "text/calendar"})

    def write(self, *tokens: str, sink: EventSink | None = None) -> None:
        for token in tokens:
            series = booking(f"{token}@example.com")
            (sink or self.sink).put(self.id, wanted(series, token=token, mirror="ab"), None)

    def look(self) -> dict[str, Marked]:
        """What the sink finds, which is what one finds that remembers nothing."""
        self.http.heard()
        found = named(self.sink, self.id)
        heard, bodies = self.http.heard()
        assert found == named(self.open(Marks()), self.id)
        self.http.asked, self.http.bodies = heard, bodies
        return found


def named(sink: EventSink, calendar: CalendarId, origin: str = ORIGIN) -> dict[str, Marked]:
    return {each.token: each for each in sink.marked(calendar, origin)}


def name_of(token: str) -> RemoteId:
    return RemoteId(f"{token}.ics")


def title(marked: Marked) -> str:
    return marked.written.series.events()[0].summary


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    server = shared_radicale(tmp_path_factory.getbasetemp() / "radicale")
    http = transport()
    world = CaldavSinkWorld(radicale_account(server), http)
    yield Desk(world, http)
    world.clean_up()
    http.close()


def test_a_calendar_that_did_not_change_is_asked_one_thing_and_delivers_nothing(desk: Desk) -> None:
    desk.fill(150)
    desk.write(*OURS)
    before = desk.http.octets
    desk.http.heard()
    assert sorted(named(desk.sink, desk.id)) == OURS
    first = desk.http.octets - before
    assert desk.http.heard()[1] == 156
    before = desk.http.octets
    assert sorted(named(desk.sink, desk.id)) == OURS
    assert desk.http.heard() == (["PROPFIND"], 0)
    assert (desk.http.octets - before) * 20 < first


def unmark(event: Component) -> None:
    del event[ORIGIN_MARK]


NEW = "f" * 32
CHANGES: list[tuple[Callable[[Desk], object], list[str]]] = [
    (lambda _: None, OURS),
    (lambda it: it.world.write(it.id, "theirs"), OURS),
    (lambda it: it.world.rename(it.id, name_of(OURS[5]), "New"), OURS),
    (lambda it: it.world.remove(it.id, name_of(OURS[0])), OURS[1:]),
    (lambda it: it.world.edit(it.id, name_of(OURS[1]), unmark), OURS[2:]),
    (lambda it: it.write(NEW, sink=it.open(Marks())), [*OURS[2:], NEW]),
    (lambda it: it.fill(1), []),
]


def test_what_another_client_changes_is_seen_and_nothing_else_is_fetched(desk: Desk) -> None:
    desk.fill(10)
    desk.write(*OURS)
    desk.look()
    seen = list[str]()
    for change, left in CHANGES:
        change(desk)
        found = desk.look()
        assert sorted(found) == left
        assert desk.http.heard()[1] <= 1
        seen.append(title(found[OURS[5]]) if OURS[5] in found else "")
    assert seen == ["Meeting", "Meeting", "New", "New", "New", "New", ""]


def test_what_was_written_is_seen_also_where_a_ctag_comes_late(desk: Desk) -> None:
    desk.write(*OURS[:3])
    desk.look()
    desk.http.late = b"&quot;before&quot;"
    desk.look()
    desk.write(*OURS[3:])
    first = desk.look()[OURS[0]]
    desk.sink.delete(desk.id, first.written, notify=False)
    assert sorted(desk.look()) == OURS[1:]


def test_a_look_that_fails_on_its_way_forgets_no_change(desk: Desk) -> None:
    desk.write(*OURS)
    desk.look()
    desk.world.rename(desk.id, name_of(OURS[0]), "New")
    desk.world.remove(desk.id, name_of(OURS[1]))
    desk.http.fails = "REPORT"
    for _ in range(2):
        with pytest.raises(TemporarilyUnavailable):
            desk.sink.marked(desk.id, ORIGIN)
    desk.http.fails = ""
    found = desk.look()
    assert title(found[OURS[0]]) == "New"
    assert OURS[1] not in found
    assert desk.http.heard()[1] == 1


def test_instances_are_told_apart_in_one_calendar(desk: Desk) -> None:
    desk.write(OURS[0])
    desk.sink.put(desk.id, wanted(booking("o@example.com"), token=OURS[1], origin="other"), None)
    for _ in range(2):
        assert list(named(desk.sink, desk.id)) == [OURS[0]]
        assert list(named(desk.sink, desk.id, "other")) == [OURS[1]]


def test_a_calendar_that_was_deleted_and_made_anew_is_read_anew(desk: Desk) -> None:
    desk.write(*OURS)
    desk.look()
    desk.world.account.delete(desk.id)
    with pytest.raises(RemoteNotFound):
        desk.sink.marked(desk.id, ORIGIN)
    desk.world.account.make_calendar(desk.id.rstrip("/").rpartition("/")[2])
    assert desk.look() == {}
    desk.write(OURS[0])
    assert list(desk.look()) == [OURS[0]]


def test_more_than_is_to_be_remembered_is_found_all_the_same(desk: Desk) -> None:
    """Of two calendars that do not both fit, the one looked at last is remembered."""
    desk.write(*OURS)
    other = desk.world.new_calendar()
    series = booking("o@example.com")
    desk.sink.put(other, wanted(series, token=OURS[0]), None)
    one = len(desk.world.account.send("GET", desk.id + name_of(OURS[0])))
    for most, spared in ((100 * one, [0, 0, 0]), (7 * one, [0, 6, 0]), (one // 2, [1, 6, 6])):
        desk.sink = desk.open(Marks(most))
        bodies = list[int]()
        for calendar in (desk.id, other, other, desk.id, desk.id):
            desk.http.heard()
            found = named(desk.sink, calendar)
            assert sorted(found) == (OURS if calendar == desk.id else OURS[:1])
            bodies.append(desk.http.heard()[1])
        assert bodies[:2] == [6, 1]
        assert bodies[2:] == spared, most

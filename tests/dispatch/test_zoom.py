"""Bookings with a meeting at Zoom, from the client's write to what its host sees there.

Zoom is the stand-in, over HTTP, as a Server-to-Server app; the calendar is in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge import points
from bridge.accounts import Accounts
from bridge.bookings.words import Result
from bridge.config.live import Live
from bridge.dispatch import putting_back
from bridge.dispatch.points import Point
from bridge.dispatch.told import Told
from bridge.model.conference import ConferenceKind
from bridge.model.http import Http
from bridge.model.interval import utc
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.notifier import MeetingNews
from bridge.provider import Account, CalendarId
from bridge.providers import memory, zoom
from bridge.providers.zoom import ZoomConnection, ZoomDefaults
from bridge.sandbox.server import Sandbox
from bridge.sandbox.zoom.directory import ACCOUNT_ID, Meeting
from bridge.sandbox.zoom.scenario import SERVER_ID, SERVER_SECRET
from bridge.store import bookings, connections
from bridge.store.database import Database
from tests.bookings.hall import NOW
from tests.builders import make_settings
from tests.contract.caldav_sink_world import CaldavSinkWorld
from tests.contract.google_world import Signed, transport
from tests.contract.sink_calendar import Calendar
from tests.dispatch.stage import Killed, Stage, event
from tests.servers.radicale import radicale_account, shared_radicale

HOST, ROOM = "host@example.com", "room@example.com"
ELSEWHERE, OTHERS_APP = "host@example.org", "another-organisation"
PEOPLE = {
    "zoom": {
        "accounts": [{"email": HOST}, {"email": ROOM}, {"email": ELSEWHERE, "account_id": "other"}],
        "clients": [{"id": OTHERS_APP, "secret": "sandbox-secret", "account_id": "other"}],
    }
}
WORK = {
    "id": "work",
    "account_email": "room@example.com",
    "write_calendar": "main",
    "primary": True,
}
SERIES = ("20261123T090000Z", "20261123T100000Z")
NINE, TWO = datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 11, 23, 14, tzinfo=UTC)


def meeting(start: str = "20261123T090000Z", end: str = "20261123T100000Z", *more: str) -> bytes:
    return event(start, end, "X-BUSYBRIDGE-CONFERENCE:zoom", *more)


def moved() -> bytes:
    return meeting("20261123T140000Z", "20261123T150000Z")


@dataclass
class Booked:
    """A resource whose bookings have meetings at Zoom."""

    stage: Stage
    running: Sandbox
    host: str = ROOM

    @property
    def meetings(self) -> list[Meeting]:
        found: list[Meeting] = self.running.zoom.person(self.host).meetings
        return found

    def meeting(self) -> Meeting:
        [found] = self.meetings
        return found

    def deeds(self) -> list[str]:
        return [each.kind for each in self.running.zoom.person(self.host).deeds()]

    def misbehave(self, fault: str, value: Any = True, times: int | None = None) -> None:
        self.running.zoom.misbehave(self.host, fault, value, times)


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """One kind of database will do: what Zoom does is the same to both."""
    return sqlite_database


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Sandbox]:
    with Sandbox(PEOPLE, clock=lambda: utc(NOW), seed=1) as started:
        yield started
        assert started.world.defects == []


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    made = transport()
    yield made
    made.close()


@pytest.fixture
def running(stand_in: Sandbox) -> Iterator[Sandbox]:
    yield stand_in
    with stand_in.world.lock:
        stand_in.zoom.behave()
        for user in stand_in.zoom.directory.users.values():
            user.meetings.clear()
            user.deeds.clear()


@pytest.fixture
def open_booked(
    open_stage: Callable[..., Stage], running: Sandbox, http: Http
) -> Iterator[Callable[..., Booked]]:
    """Opens a resource; the account of `providers.zoom` is everybody's."""
    opened: list[Accounts] = []

    def open_it(
        *connections: dict[str, Any],
        zoom_section: Any = None,
        desk: tuple[CaldavSinkWorld, CalendarId] | None = None,
        **conference: Any,
    ) -> Booked:
        """`desk` receives the bookings instead of a calendar in this process."""
        resource: dict[str, Any] = {"email": ROOM, "more": connections}
        opened_desk = None if desk is None else desk[0].open(desk[1])
        if desk is not None:
            resource |= {"opened": opened_desk, "calendar": desk[1]}
        stage = open_stage(sections={"conference": conference}, **resource)
        given = {
            "account_id": ACCOUNT_ID,
            "client_id": SERVER_ID,
            "client_secret": SERVER_SECRET,
            "api_url": f"{running.url}/v2",
            "token_url": f"{running.url}/oauth/token",
        }
        section = ZoomDefaults.model_validate(given if zoom_section is None else zoom_section)
        entries = [{"provider": "memory"} | each for each in (WORK, *connections)]
        settings = make_settings(
            conference=conference,
            providers={"zoom": section},
            resources=[{"id": "room-a", "email": ROOM, "connections": entries}],
        )
        kind = memory.kind(stage.house.accounts.memories)
        if opened_desk is not None:
            kind = replace(kind, open=lambda _: opened_desk)
        kinds = {"zoom": zoom.KIND, "memory": kind}
        accounts = Accounts(Live(settings), http, kinds)
        opened.append(accounts)
        stage.dispatch = replace(stage.dispatch, accounts=accounts)
        return Booked(stage, running)

    yield open_it
    for each in opened:
        each.close()


@pytest.fixture
def booked(open_booked: Callable[..., Booked]) -> Booked:
    return open_booked()


@pytest.fixture
def desk(
    http: Http, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[CaldavSinkWorld, CalendarId]]:
    """A calendar on a real CalDAV server, as iCloud is one."""
    server = shared_radicale(tmp_path_factory.getbasetemp() / "radicale")
    world = CaldavSinkWorld(radicale_account(server), http)
    yield world, world.new_calendar()
    world.clean_up()


@pytest.mark.covers("A-15", "A-17", "S0-29")
def test_an_event_on_a_caldav_server_has_its_meeting_at_zoom(
    open_booked: Callable[..., Booked], desk: tuple[CaldavSinkWorld, CalendarId]
) -> None:
    booked = open_booked(desk=desk, zoom={"settings": {"waiting_room": True}})
    stage, calendar = booked.stage, Calendar(*desk)
    assert stage.done(stage.put(meeting())).result is Result.SETTLED
    made = booked.meeting()
    assert made.settings["waiting_room"]

    def held() -> Any:
        (series,) = calendar.holds().values()
        return series.master

    link = held().location
    assert link.startswith(f"https://us05web.zoom.us/j/{made.id}?")
    assert f"Passcode: {made.password}" in held().description
    assert f":{link}" in stage.text()
    assert stage.done(stage.put(moved())).result is Result.SETTLED
    assert (booked.meeting().id, booked.meeting().start) == (made.id, TWO)
    assert (held().location, held().start.astimezone(UTC)) == (link, TWO)
    booked.misbehave("delete_gone", times=1)
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert (booked.meetings, calendar.holds()) == ([], {})
    assert all(not each.state.is_open for each in stage.proposals())


@pytest.mark.covers("S0-29")
def test_a_booking_gets_its_meeting_and_the_link_stands_in_the_event(booked: Booked) -> None:
    outcome = booked.stage.done(booked.stage.put(meeting()))
    assert outcome.result is Result.SETTLED
    made = booked.meeting()
    assert (made.topic, made.start, made.duration) == ("Talk", NINE, 60)
    link = booked.stage.event().location
    assert link.startswith(f"https://us05web.zoom.us/j/{made.id}?pwd=")
    assert f":{link}" in booked.stage.text()
    assert f"Passcode: {made.password}" in booked.stage.event().description


@pytest.mark.covers("A-17", "S0-29")
def test_a_meeting_moves_and_goes_with_its_event(booked: Booked) -> None:
    booked.stage.done(booked.stage.put(meeting()))
    before, link = booked.meeting().id, booked.stage.event().location
    booked.stage.done(booked.stage.put(moved()))
    assert (booked.meeting().id, booked.meeting().start) == (before, TWO)
    assert booked.stage.event().location == link
    assert booked.stage.done(booked.stage.delete()).result is Result.SETTLED
    assert (booked.meetings, booked.stage.events()) == ([], [])
    assert booked.deeds() == ["created", "updated", "deleted"]


@pytest.mark.covers("A-17")
def test_a_meeting_that_its_host_deleted_is_no_obstacle_to_a_deletion(booked: Booked) -> None:
    booked.stage.done(booked.stage.put(meeting()))
    booked.running.zoom.person(ROOM).delete(booked.meeting().id)
    assert booked.stage.done(booked.stage.delete()).result is Result.SETTLED
    assert booked.stage.events() == []
    assert all(not each.state.is_open for each in booked.stage.proposals())


def test_a_meeting_that_its_host_deleted_is_made_anew_when_its_event_moves(booked: Booked) -> None:
    booked.stage.done(booked.stage.put(meeting()))
    old = booked.meeting().id
    booked.running.zoom.person(ROOM).delete(old)
    booked.stage.done(booked.stage.put(moved()))
    assert booked.meeting().id != old
    assert f"/j/{booked.meeting().id}?" in booked.stage.event().location


def test_a_meeting_of_which_zoom_says_that_it_was_deleted_is_made_anew(booked: Booked) -> None:
    stage = booked.stage
    stage.done(stage.put(meeting()))
    old = booked.meeting().id
    booked.running.zoom.person(ROOM).delete(old)
    told = tells(booked)
    for gone in (False, True, True):
        told(old, gone=gone)
    stage.work()
    assert booked.meeting().id != old
    assert f"/j/{booked.meeting().id}?" in stage.event().location
    assert stage.event().location in stage.text()
    told(old, gone=True)
    assert stage.work() == [], "nobody has that one any more"


def tells(booked: Booked) -> Callable[..., None]:
    """Give what takes Zoom's news."""
    stage = booked.stage
    told = Told(stage.database, stage.wake, lambda: stage.now)
    return lambda meeting, gone: told(MeetingNews(ConferenceKind.ZOOM, str(meeting), gone=gone))


def test_a_meeting_that_its_host_changed_is_put_back_once_and_keeps_its_link(
    booked: Booked,
) -> None:
    stage, told = booked.stage, tells(booked)
    stage.done(stage.put(meeting()))
    made, link = booked.meeting(), stage.event().location
    booked.running.zoom.person(ROOM).change(
        made.id, topic="Mine", start_time="2026-11-23T20:00:00Z"
    )
    for _ in range(2):  # the second one is of our own change
        told(made.id, gone=False)
        stage.work()
    assert (booked.meeting().topic, booked.meeting().start) == ("Talk", NINE)
    assert booked.deeds() == ["created", "updated", "updated"], "the host's, and one of ours"
    assert stage.event().location == link
    assert (stage.event().summary, stage.event().start) == ("Talk", NINE)
    assert "booking.updated" not in stage.told()


def test_what_is_only_the_hosts_own_business_is_not_put_back(booked: Booked) -> None:
    stage, told = booked.stage, tells(booked)
    stage.done(stage.put(meeting()))
    booked.running.zoom.person(ROOM).change(
        booked.meeting().id, settings={"waiting_room": True}, agenda="Bring cake"
    )
    told(booked.meeting().id, gone=False)
    stage.work()
    assert booked.deeds() == ["created", "updated"]
    assert booked.meeting().agenda == "Bring cake"


def test_a_meeting_that_its_host_tidies_away_when_it_is_over_stays_so(booked: Booked) -> None:
    stage, told = booked.stage, tells(booked)
    stage.done(stage.put(meeting()))
    old, before = booked.meeting().id, stage.event()
    booked.running.zoom.person(ROOM).delete(old)
    told(old, gone=True)
    assert [each.outcome for each in stage.later(30 * 86400)] == ["settled"]
    assert (booked.meetings, stage.event()) == ([], before)


def test_a_meeting_that_could_not_be_made_in_time_is_not_made_any_more(
    booked: Booked,
) -> None:
    stage = booked.stage
    booked.misbehave("unavailable")
    stage.put(meeting())
    stage.work()
    stage.house.now = int(TWO.timestamp())
    booked.running.zoom.behave()
    stage.persist()
    assert (booked.meetings, stage.event().location) == ([], "")
    assert all(not each.state.is_open for each in stage.proposals())


def test_a_meeting_that_is_over_is_not_put_back(booked: Booked) -> None:
    stage, told = booked.stage, tells(booked)
    stage.done(stage.put(meeting()))
    booked.running.zoom.person(ROOM).change(booked.meeting().id, topic="What we decided")
    told(booked.meeting().id, gone=False)
    stage.later(30 * 86400)
    assert booked.meeting().topic == "What we decided"


def test_a_meeting_that_is_changed_again_and_again_is_let_be_until_the_next_day(
    booked: Booked,
) -> None:
    stage, told, host = booked.stage, tells(booked), booked.running.zoom.person(ROOM)
    stage.done(stage.put(meeting()))
    for _ in range(putting_back.MOST + 1):
        host.change(booked.meeting().id, topic="Mine")
        told(booked.meeting().id, gone=False)
        stage.later(60)
    assert booked.meeting().topic == "Mine"
    stage.house.now += 86400
    told(booked.meeting().id, gone=False)
    stage.work()
    assert booked.meeting().topic == "Talk"


def test_a_series_that_its_host_moved_is_put_back(booked: Booked) -> None:
    stage, told = booked.stage, tells(booked)
    stage.done(stage.put(meeting(SERIES[0], SERIES[1], "RRULE:FREQ=WEEKLY;COUNT=3")))
    made = booked.meeting()
    assert len(made.occurrences) == 3
    told(made.id, gone=False)
    stage.work()
    assert booked.deeds() == ["created"]
    before = [it.start for it in made.occurrences]
    booked.running.zoom.person(ROOM).move(made.id, TWO)
    told(made.id, gone=False)
    stage.work()
    assert [it.start for it in booked.meeting().occurrences] == before
    assert f"/j/{made.id}?" in stage.event().location


def test_a_meeting_that_was_deleted_with_its_booking_stays_so(booked: Booked) -> None:
    stage = booked.stage
    stage.done(stage.put(meeting()))
    old = booked.meeting().id
    stage.done(stage.delete())
    tells(booked)(old, gone=True)
    assert stage.work() == []
    assert booked.meetings == []


def test_a_series_that_zoom_cannot_have_and_then_can_again_keeps_its_meeting(
    booked: Booked,
) -> None:
    stage, weekly = booked.stage, "RRULE:FREQ=WEEKLY;COUNT=3"
    stage.done(stage.put(meeting(*SERIES, weekly)))
    made, link = booked.meeting(), stage.event().location
    kinds = [made.type]
    for more in (("EXDATE:20261130T090000Z",), (), ("RDATE:20261201T090000Z",), ()):
        assert stage.done(stage.put(meeting(*SERIES, weekly, *more))).result is Result.SETTLED
        kinds.append(booked.meeting().type)
        assert (booked.meeting().id, stage.event().location) == (made.id, link)
    assert kinds == [8, 3, 8, 3, 8]
    assert [it.start for it in booked.meeting().occurrences] == [
        NINE + timedelta(weeks=week) for week in range(3)
    ]
    stage.done(stage.put(meeting()))
    assert (booked.meeting().type, booked.meeting().start) == (2, NINE)
    stage.done(stage.put(meeting(*SERIES, weekly)))
    assert (booked.meeting().id, booked.meeting().type) == (made.id, 8)


def test_an_occurrence_that_its_host_deleted_at_zoom_comes_back(booked: Booked) -> None:
    stage, told, host = booked.stage, tells(booked), booked.running.zoom.person(ROOM)
    stage.done(stage.put(meeting(*SERIES, "RRULE:FREQ=WEEKLY;COUNT=3")))
    made = booked.meeting().id
    host.delete(made, host.occurrence(made, NINE + timedelta(weeks=1)))
    told(made, gone=True)
    stage.work()
    assert (booked.meeting().id, f"/j/{made}?" in stage.event().location) == (made, True)
    assert [it.is_deleted for it in booked.meeting().occurrences] == [False] * 3


def test_a_booking_goes_on_whose_meeting_had_to_be_forgotten(booked: Booked) -> None:
    stage = booked.stage
    stage.done(stage.put(meeting()))
    link, kept = stage.event().location, booked.meeting()
    maker = stage.booking().meeting_maker
    with stage.database.write() as conn:
        bookings.forget_meetings(conn, "room-a", "zoom", maker)
    assert stage.done(stage.put(moved())).result is Result.SETTLED
    assert (stage.event().location, stage.event().start) == (link, TWO)
    assert "Passcode" not in stage.event().description
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert (stage.events(), booked.meetings) == ([], [kept]), "it is its host's own by now"
    assert all(not each.state.is_open for each in stage.proposals())


@pytest.mark.covers("F5")
@pytest.mark.parametrize("point", [Point.MEETING_WANTED, Point.MEETING_MADE])
def test_a_process_that_dies_before_it_has_noted_a_meeting_leaves_one(
    booked: Booked, point: Point
) -> None:
    def act(reached: Point) -> None:
        if reached is point:
            raise Killed

    booked.stage.put(meeting())
    points.arm(act)
    try:
        booked.stage.die()
    finally:
        points.arm(None)
    booked.stage.work()
    assert booked.deeds() == ["created"]
    assert f"/j/{booked.meeting().id}?" in booked.stage.event().location


def test_a_title_that_becomes_private_is_taken_from_zoom_too(booked: Booked) -> None:
    booked.stage.done(booked.stage.put(meeting()))
    assert booked.meeting().topic == "Talk"
    private = meeting("20261123T090000Z", "20261123T100000Z", "CLASS:PRIVATE")
    assert booked.stage.done(booked.stage.put(private)).result is Result.SETTLED
    assert booked.meeting().topic == "Meeting"


@pytest.mark.covers("F5")
@pytest.mark.parametrize("fault", ["create_lost", "create_error", "cut", "html"])
def test_whatever_becomes_of_the_answer_there_is_one_meeting(booked: Booked, fault: str) -> None:
    booked.misbehave(fault, times=1)
    assert booked.stage.done(booked.stage.put(meeting())).result is Result.SETTLED
    booked.stage.later()
    assert booked.deeds() == ["created"]
    assert f"/j/{booked.meeting().id}?" in booked.stage.event().location


@pytest.mark.covers("F5")
def test_who_insists_gets_one_meeting_although_listings_are_late(
    open_booked: Callable[..., Booked],
) -> None:
    booked = open_booked(on_failure="reject")
    booked.misbehave("create_lost", times=1)
    booked.misbehave("lists_late", 30)
    booked.stage.put(meeting())
    for _ in range(20):
        booked.stage.later(5)
        booked.running.world.advance(timedelta(seconds=5))
    assert booked.deeds() == ["created"]
    assert f"/j/{booked.meeting().id}?" in booked.stage.event().location


@pytest.mark.covers("A-16", "F59")
@pytest.mark.parametrize(
    "fault", ["insufficient_scopes", "forbidden", "unavailable", "daily_limit"]
)
def test_an_event_is_written_without_its_meeting_and_gets_it_later(
    booked: Booked, fault: str
) -> None:
    booked.misbehave(fault)
    assert booked.stage.done(booked.stage.put(meeting())).result is Result.SETTLED
    assert booked.stage.event().location == ""
    assert "booking.conference_failing" in booked.stage.told()
    assert booked.meetings == []
    booked.running.zoom.behave()
    booked.stage.persist()
    assert f"/j/{booked.meeting().id}?" in booked.stage.event().location
    assert booked.stage.told()[-1] == "booking.conference_assigned"


@pytest.mark.covers("A-16")
def test_a_host_who_has_had_enough_for_the_day_is_left_alone_and_the_booking_says_until_when(
    booked: Booked,
) -> None:
    booked.misbehave("daily_limit")
    stage, began = booked.stage, booked.stage.now
    midnight = (began // 86400 + 1) * 86400
    stage.done(stage.put(meeting()))
    until = f"before {utc(midnight):%Y-%m-%d} 00:00 UTC"
    assert until in stage.text()
    tries = [each for _ in range((midnight - began) // 600) for each in stage.later(600)]
    assert len(tries) <= 4, "every six hours, and after midnight"
    booked.running.zoom.behave()
    stage.persist(8)
    assert f"/j/{booked.meeting().id}?" in stage.event().location
    assert until not in stage.text()


def test_a_move_that_is_one_too_many_for_the_day_is_made_up_for_after_midnight(
    booked: Booked,
) -> None:
    stage = booked.stage
    stage.done(stage.put(meeting()))
    booked.misbehave("daily_limit")
    assert stage.done(stage.put(moved())).result is Result.SETTLED
    tries = [each for _ in range(12) for each in stage.later(600)]
    assert len(tries) <= 1
    [owed] = [it for it in stage.proposals() if it.state.is_open]
    assert (owed.error_code, "00:00 UTC" in owed.error_message) == ("rate_limited", True)
    booked.running.zoom.behave()
    stage.persist()
    assert booked.meeting().start == TWO


@pytest.mark.covers("A-16")
@pytest.mark.parametrize("fault", ["insufficient_scopes", "forbidden", "user_gone"])
def test_who_insists_on_meetings_is_refused_and_nothing_is_left_behind(
    open_booked: Callable[..., Booked], fault: str
) -> None:
    booked = open_booked(on_failure="reject")
    booked.misbehave(fault)
    outcome = booked.stage.done(booked.stage.put(meeting()))
    assert outcome.result is Result.REFUSED
    assert "no Zoom meeting" in outcome.reason
    assert (booked.meetings, booked.stage.events()) == ([], [])


def test_without_any_account_the_booking_says_what_is_missing(
    open_booked: Callable[..., Booked],
) -> None:
    booked = open_booked(zoom_section={})
    booked.stage.done(booked.stage.put(meeting()))
    assert "Zoom is not set up" in booked.stage.text()
    assert booked.stage.event().location == ""


def test_who_insists_is_refused_where_nothing_is_set_up(open_booked: Callable[..., Booked]) -> None:
    booked = open_booked(zoom_section={}, on_failure="reject")
    outcome = booked.stage.done(booked.stage.put(meeting()))
    assert outcome.result is Result.REFUSED
    assert "Zoom is not set up" in outcome.reason


@pytest.mark.covers("S0-05")
def test_a_resource_has_the_host_that_its_own_connection_names(
    open_booked: Callable[..., Booked],
) -> None:
    own = {"id": "zoom", "provider": "zoom", "account_email": HOST, "acts_for": HOST}
    booked = replace(open_booked(own), host=HOST)
    booked.stage.done(booked.stage.put(meeting()))
    assert f"/j/{booked.meeting().id}?" in booked.stage.event().location


@pytest.mark.covers("S0-25", "S0-26", "S0-27", "S0-28")
def test_meetings_are_held_as_the_file_says(open_booked: Callable[..., Booked]) -> None:
    wanted = {
        "join_before_host": False,
        "mute_upon_entry": False,
        "waiting_room": True,
        "auto_recording": "cloud",
    }
    booked = open_booked(zoom={"settings": wanted})
    booked.stage.done(booked.stage.put(meeting()))
    settings = booked.meeting().settings
    assert {name: settings[name] for name in wanted} == wanted


# Two accounts


@dataclass
class Two:
    """A resource with a Zoom account, to which another is added in front; neither knows the other.

    `zoom` is the account at which the booking's meeting was made.
    """

    stage: Stage
    running: Sandbox
    http: Http

    def book(self) -> None:
        """Have the meeting made, then add the account in front."""
        self.connect("zoom", ROOM, SERVER_ID)
        assert self.stage.done(self.stage.put(meeting())).result is Result.SETTLED
        self.connect("front", ELSEWHERE, OTHERS_APP)

    def connect(self, name: str, host: str, client: str) -> None:
        signed = Signed(self.http, self.running.zoom.app_token(client))
        given = ZoomDefaults.model_validate({"api_url": f"{self.running.url}/v2"})
        account = Account(f"room-a.{name}", ZoomConnection(), given, signed, acts_for=host)
        self.stage.house.accounts.providers[f"room-a.{name}"] = zoom.KIND.open(account)

    def status(self, status: ConnectionStatus, name: str = "zoom") -> None:
        with self.stage.database.write() as conn:
            connections.set_status(conn, ConnectionId(f"room-a.{name}"), status)

    def starts(self, host: str = ROOM) -> list[datetime | None]:
        return [each.start for each in self.running.zoom.person(host).meetings]


@pytest.fixture
def two(open_stage: Callable[..., Stage], running: Sandbox, http: Http) -> Two:
    return Two(open_stage(more=[{"id": "front"}, {"id": "zoom"}]), running, http)


def booked_at(two: Two) -> tuple[Stage, str]:
    """Book, and give the link."""
    two.book()
    return two.stage, two.stage.event().location


def test_a_meeting_stays_with_its_account_when_another_is_added_in_front(two: Two) -> None:
    stage, link = booked_at(two)
    assert stage.done(stage.put(moved())).result is Result.SETTLED
    assert (two.starts(), two.starts(ELSEWHERE)) == ([TWO], [])
    assert stage.event().location == link
    two.running.zoom.person(ROOM).change(int(stage.booking().meeting_reference), topic="Mine")
    told = tells(Booked(stage, two.running))
    told(stage.booking().meeting_reference, gone=False)
    stage.work()
    assert [it.topic for it in two.running.zoom.person(ROOM).meetings] == ["Talk"]
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert (two.starts(), two.starts(ELSEWHERE)) == ([], [])


def test_what_is_owed_to_a_meeting_waits_for_its_own_account(two: Two) -> None:
    stage, link = booked_at(two)
    two.running.zoom.misbehave(ROOM, "unavailable", True, None)
    assert stage.done(stage.put(moved())).result is Result.SETTLED
    assert (two.starts(), two.starts(ELSEWHERE)) == ([NINE], [])
    two.running.zoom.behave()
    stage.later()
    assert (two.starts(), two.starts(ELSEWHERE)) == ([TWO], [])
    assert stage.event().location == link
    two.running.zoom.misbehave(ROOM, "unavailable", True, None)
    assert stage.done(stage.delete()).result is Result.SETTLED
    two.running.zoom.behave()
    stage.later()
    assert two.starts() == []


@pytest.mark.parametrize("status", [ConnectionStatus.DISCONNECTED, ConnectionStatus.PAUSED])
def test_a_meeting_whose_account_is_away_keeps_its_link_and_the_booking_says_whose_it_is(
    two: Two, status: ConnectionStatus
) -> None:
    stage, link = booked_at(two)
    two.status(status)
    assert stage.done(stage.put(moved())).result is Result.SETTLED
    assert (stage.event().start, stage.event().location) == (TWO, link)
    assert two.starts(ELSEWHERE) == [], "there is no second meeting"
    stage.later()
    [owed] = [it for it in stage.proposals() if it.state.is_open]
    assert "the meeting was made at room-a.zoom" in owed.error_message
    assert stage.done(stage.delete()).result is Result.SETTLED
    stage.persist()
    assert two.starts() != [], "nobody says that it is gone"
    two.status(ConnectionStatus.ACTIVE)
    stage.persist()
    assert two.starts() == []
    assert all(not each.state.is_open for each in stage.proposals())


def test_an_account_that_has_the_meetings_of_one_that_is_gone_looks_after_them(two: Two) -> None:
    stage, link = booked_at(two)
    two.status(ConnectionStatus.DISCONNECTED)
    two.connect("front", HOST, SERVER_ID)
    assert stage.done(stage.put(moved())).result is Result.SETTLED
    assert (two.starts(), stage.event().location) == ([TWO], link)
    assert stage.booking().meeting_maker == "room-a.front"
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert two.starts() == []


def test_an_account_that_looks_after_the_meetings_of_another_and_is_down_is_asked_again(
    two: Two,
) -> None:
    stage, _ = booked_at(two)
    two.status(ConnectionStatus.DISCONNECTED)
    two.connect("front", HOST, SERVER_ID)
    two.running.zoom.misbehave(ROOM, "unavailable", True, None)
    assert stage.done(stage.put(moved())).result is Result.SETTLED
    [owed] = [it for it in stage.proposals() if it.state.is_open]
    assert "connect that account again" not in owed.error_message, "it is only down"
    two.running.zoom.behave()
    stage.later(120)
    assert two.starts() == [TWO]


def test_a_meeting_whose_answer_was_lost_is_found_although_another_account_came_in_front(
    two: Two,
) -> None:
    stage = two.stage
    two.connect("zoom", ROOM, SERVER_ID)
    two.running.zoom.misbehave(ROOM, "create_lost", True, 1)
    stage.done(stage.put(meeting()))
    two.connect("front", ELSEWHERE, OTHERS_APP)
    stage.persist(3)
    assert (two.starts(), two.starts(ELSEWHERE)) == ([NINE], [])
    assert stage.booking().meeting_maker == "room-a.zoom"

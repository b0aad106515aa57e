"""From a client's octets to a provider and back: stand-ins over HTTP, and a real CalDAV server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.app.outlet import Outlet
from bridge.bookings.words import Result
from bridge.config.settings import Outbound
from bridge.errors import RemoteRejected, TemporarilyUnavailable
from bridge.model.conference import ConferenceKind
from bridge.model.event import EventSeries, PartStat
from bridge.model.http import Http, Response
from bridge.provider import CalendarId, RemoteId
from bridge.transport import Transport
from tests.contract import microsoft_world
from tests.contract.caldav_sink_world import CaldavSinkWorld
from tests.contract.google_sink_world import GoogleSinkWorld
from tests.contract.google_world import ANN, Signed, sandbox
from tests.contract.microsoft_sink_world import MicrosoftSinkWorld
from tests.contract.sink_calendar import Calendar, taking_place
from tests.dispatch.stage import LEASE, Stage, event, kill
from tests.flawless import flawless
from tests.servers.radicale import radicale_account, shared_radicale

GUEST = "mailto:bob@example.net"
BOOKER = "mailto:alice@example.com"
"""Who books by another address than the account's is a guest of her own meeting."""
ATTENDEE = f"ATTENDEE:{GUEST}"
WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=4"


@dataclass
class Passing:
    """An `Http` in whose requests something happens."""

    http: Http
    each: Callable[[str], object] = lambda _: None
    """Told the method, before it is sent."""

    def request(self, method: str, url: str, **options: Any) -> Response:
        self.each(method)
        return self.http.request(method, url, **options)

    def services(self, name: str) -> Any:
        return self.http.services(name)

    def texts(self, name: str) -> Any:
        return self.http.texts(name)


class Place:
    """A provider's calendar, and the stage that writes to it."""

    def __init__(self, world: Any, open_stage: Callable[..., Stage], http: Passing) -> None:
        self.world = world
        self.http = http
        self.id: CalendarId = world.new_calendar()
        self.calendar = Calendar(world, self.id)
        # Others hold what other tests booked.
        account = {"opened": world.open(self.id), "calendar": self.id, "reads": [self.id]}
        self.stage = open_stage(**account, zoom=True)

    def book(self, *more: str, **fields: Any) -> Result:
        times = [fields.pop(name, "") for name in ("start", "end")]
        start, end = times[0] or "20261123T090000Z", times[1] or "20261123T100000Z"
        return self.stage.done(self.stage.put(event(start, end, *more, **fields))).result

    @property
    def remote_id(self) -> RemoteId:
        return RemoteId(self.stage.booking().remote_id)

    def held(self) -> EventSeries:
        (series,) = self.calendar.holds().values()
        return series


@pytest.fixture(scope="module")
def google() -> Iterator[Any]:
    with flawless(sandbox()) as running:
        yield running


@pytest.fixture(scope="module")
def microsoft() -> Iterator[Any]:
    with flawless(microsoft_world.sandbox()) as running:
        yield running


@pytest.fixture(params=["google", "caldav", "microsoft"])
def place(
    request: pytest.FixtureRequest,
    open_stage: Callable[..., Stage],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    outbound = Outbound.model_validate({"allow_networks": ["127.0.0.1/32"]})
    outlet = Outlet(Transport(outbound, user_agent="BusyBridge/test"))
    http = Passing(outlet)
    if request.param == "microsoft":
        running = request.getfixturevalue("microsoft")
        signed = microsoft_world.signed(running, http)
        yield Place(MicrosoftSinkWorld(running, signed), open_stage, http)
    elif request.param == "google":
        running = request.getfixturevalue("google")
        signed_in = Signed(http, running.access_token(ANN))
        yield Place(GoogleSinkWorld(running, signed_in), open_stage, http)
    else:
        server = shared_radicale(tmp_path_factory.getbasetemp() / "radicale")
        world = CaldavSinkWorld(radicale_account(server), http)
        yield Place(world, open_stage, http)
        world.clean_up()
    outlet.close()


def test_a_booking_lives_at_its_provider(place: Place) -> None:
    stage = place.stage
    assert place.book(ATTENDEE, "LOCATION:Hall", "DESCRIPTION:one\\ntwo <b>") is Result.SETTLED
    assert taking_place(place.held())[0][2] == "Talk"
    assert stage.house.pull()
    assert stage.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")], "counted once"
    moved = {"start": "20261124T140000Z", "end": "20261124T150000Z", "title": "Later"}
    first = place.remote_id
    assert place.book(ATTENDEE, "LOCATION:Hall", "DESCRIPTION:one\\ntwo <b>", **moved)
    assert place.remote_id == first
    assert taking_place(place.held())[0][2] == "Later"
    master = place.held().master
    assert master is not None
    assert master.description == "one\ntwo <b>"
    assert stage.done(stage.delete()).result is Result.SETTLED
    assert place.calendar.holds() == {}
    stage.house.pull()
    assert stage.busy() == []


def test_a_series_is_changed_in_place_and_in_parts(place: Place) -> None:
    assert place.book(WEEKLY) is Result.SETTLED
    assert place.book(WEEKLY, "EXDATE:20261130T090000Z") is Result.SETTLED
    assert len(taking_place(place.held())) == 3
    place.stage.house.pull()
    assert len(place.stage.busy()) == 3


def test_what_a_person_changed_there_stays_beside_a_change_of_ours(place: Place) -> None:
    place.book(ATTENDEE, "DESCRIPTION:As agreed")
    place.world.colour(place.id, place.remote_id, "3")
    place.world.answer(place.id, place.remote_id, GUEST, PartStat.ACCEPTED)
    renamed = place.book(ATTENDEE, "DESCRIPTION:As agreed", title="Other")
    assert renamed is Result.SETTLED
    assert place.world.coloured(place.id, place.remote_id) == "3"
    master = place.held().master
    assert master is not None
    assert [it.partstat for it in master.attendees if it.address == GUEST] == [PartStat.ACCEPTED]


def test_what_a_person_changes_in_the_second_of_a_write_is_followed_by_the_next_pull(
    place: Place,
) -> None:
    assert place.book() is Result.SETTLED
    place.world.rename(place.id, place.remote_id, "Renamed")
    place.stage.house.pull(later=0)
    assert "SUMMARY:Talk" in place.stage.text(), "it may be older than what was written"
    place.stage.house.pull()
    assert "SUMMARY:Renamed" in place.stage.text()


DANGEROUS = (
    "javascript:alert(1)",
    "file:///etc/passwd",
    "//server/share/x",
    r"\\server\share",
    "data:text/html,x",
)


@pytest.mark.covers("T30")
@pytest.mark.parametrize("url", DANGEROUS)
def test_a_link_that_does_harm_does_not_reach_its_provider(place: Place, url: str) -> None:
    conference = f"CONFERENCE;VALUE=URI;FEATURE=VIDEO:{url}"
    assert place.book(f"URL:{url}", f"ATTACH:{url}", conference) is Result.SETTLED
    master = place.held().master
    assert master is not None
    assert (master.url, master.conference_url, master.attachments) == ("", "", ())


def test_a_meeting_at_zoom_stands_in_the_event_and_goes_with_it(place: Place) -> None:
    place.book("X-BUSYBRIDGE-CONFERENCE:zoom")
    (reference,) = place.stage.meetings()
    master = place.held().master
    assert master is not None
    assert reference in master.location
    moved = {"start": "20261123T140000Z", "end": "20261123T150000Z"}
    assert place.book("X-BUSYBRIDGE-CONFERENCE:zoom", **moved) is Result.SETTLED
    assert place.stage.meetings() == [reference]
    place.stage.done(place.stage.delete())
    assert place.stage.meetings() == []


def test_an_answer_that_was_lost_makes_no_second_event(place: Place) -> None:
    with place.world.interrupted(1, done=True):
        assert place.book(ATTENDEE) is Result.TENTATIVE
    place.stage.later()
    assert len(place.calendar.holds()) == 1
    assert place.stage.busy() == [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]
    mails = place.world.mailed(place.id)
    assert mails is None or sorted(mails) == [(each, "invited") for each in (BOOKER, GUEST)]


def test_a_deletion_there_wins_over_a_change(place: Place) -> None:
    place.book()
    place.world.remove(place.id, place.remote_id)
    assert place.book(title="Later") is Result.REFUSED
    assert place.calendar.holds() == {}


@pytest.mark.covers("S0-19")
def test_a_meeting_of_the_calendar_itself_keeps_its_link(place: Place) -> None:
    natively = place.calendar.ask(lambda sink: tuple(sink.natively))
    if not natively:
        result = place.book("X-BUSYBRIDGE-CONFERENCE:google_meet")
        assert result is Result.REFUSED
        return
    wanted = f"X-BUSYBRIDGE-CONFERENCE:{natively[0].value}"
    assert place.book(wanted) is Result.SETTLED
    place.stage.later(120)
    link = place.stage.booking().meeting_url
    assert link.startswith("https://")
    said = place.stage.text().splitlines()
    assert f"LOCATION:{link}" in said
    assert any(line.startswith("CONFERENCE;") and line.endswith(f":{link}") for line in said)
    # What Google's own calendar writes.
    is_meet = natively[0] is ConferenceKind.GOOGLE_MEET
    assert (f"X-GOOGLE-CONFERENCE:{link}" in said) == is_meet
    moved = {"start": "20261123T140000Z", "end": "20261123T150000Z"}
    assert place.book(wanted, **moved) is Result.SETTLED
    assert place.stage.booking().meeting_url == link
    assert place.book("X-BUSYBRIDGE-CONFERENCE:none", *gives_back(said), **moved) is Result.SETTLED
    assert link not in place.stage.text()


HOSTED = pytest.mark.parametrize("place", ["google", "microsoft"], indirect=True)


@HOSTED
@pytest.mark.covers("F56")
def test_a_link_that_its_provider_never_gives_is_said_to_be_missing(place: Place) -> None:
    stage = place.stage
    (kind,) = place.calendar.ask(lambda sink: tuple(sink.natively))
    never = {"google_meet": ("meet_pending", 10**6), "teams": ("online_meeting_fails", True)}
    place.world.faults.switch(*never[kind.value])
    assert place.book(f"X-BUSYBRIDGE-CONFERENCE:{kind.value}", ATTENDEE) is Result.SETTLED
    place.world.faults.clear()
    for _ in range(12):
        stage.later(60)
    assert stage.booking().meeting_state == "failing"
    assert "the meeting was not there after 10 minutes" in stage.text()
    assert stage.told() == ["booking.created", "booking.conference_failing"]
    assert list(place.calendar.holds()) == [place.remote_id]
    assert len(place.world.mailed(place.id)) == 2, "each guest, once"


# Series of which each occurrence is a request of its own


def series(number: int, title: str = "Talk") -> bytes:
    """A daily series of which every occurrence is another one."""
    first = datetime(2026, 11, 23, 9, tzinfo=UTC)
    changed = [
        "\r\n".join(
            (
                "BEGIN:VEVENT",
                "UID:one",
                "DTSTAMP:20261101T000000Z",
                f"RECURRENCE-ID:{first + timedelta(days=day):%Y%m%dT%H%M%SZ}",
                f"DTSTART:{first + timedelta(days=day, hours=1):%Y%m%dT%H%M%SZ}",
                f"DTEND:{first + timedelta(days=day, hours=2):%Y%m%dT%H%M%SZ}",
                f"SUMMARY:{title} {day}",
                "END:VEVENT\r\n",
            )
        )
        for day in range(number)
    ]
    whole = event("20261123T090000Z", "20261123T100000Z", f"RRULE:FREQ=DAILY;COUNT={number}")
    head, end = whole.decode().split("END:VCALENDAR")
    return f"{head}{''.join(changed)}END:VCALENDAR{end}".encode()


def titles(place: Place) -> set[str]:
    return {it[2] for it in taking_place(place.held())}


def written_in_time(place: Place, number: int, each: int) -> None:
    """Have requests take so many seconds each, while somebody else is after the booking."""
    stage = place.stage
    began = stage.now

    def pass_time(_: str) -> None:
        stage.house.now += each
        assert stage.claims() == [], "somebody else has it"

    ticket = stage.put(series(number))
    place.http.each = pass_time
    assert stage.done(ticket).result is Result.SETTLED
    assert stage.now - began > 2 * LEASE
    assert titles(place) == {f"Talk {day}" for day in range(number)}


@HOSTED
def test_a_series_that_takes_longer_than_a_lease_is_written_by_one_alone(place: Place) -> None:
    written_in_time(place, 6, LEASE // 3)


@pytest.mark.soak
@HOSTED
def test_a_series_with_hundreds_of_changed_occurrences_is_written_by_one_alone(
    place: Place,
) -> None:
    written_in_time(place, 290, 2)


def at_the_fourth(act: Callable[[], object]) -> Callable[[str], None]:
    """Have something happen instead of the fourth request that writes."""
    writing = iter(range(1, 100))

    def count(method: str) -> None:
        if method not in ("GET", "HEAD") and next(writing) == 4:
            act()

    return count


@HOSTED
def test_a_series_that_was_half_written_is_gone_on_with(place: Place) -> None:
    stage = place.stage
    stage.put(series(6))
    place.http.each = at_the_fourth(kill)
    stage.die()
    assert 1 < len(titles(place)) < 6
    assert stage.outcomes() == ["settled"]
    assert titles(place) == {f"Talk {day}" for day in range(6)}


@HOSTED
def test_of_a_series_that_is_refused_on_the_way_nothing_stays(place: Place) -> None:
    def refuse() -> None:
        raise RemoteRejected("no more of them")

    place.http.each = at_the_fourth(refuse)
    outcome = place.stage.done(place.stage.put(series(6)))
    assert (outcome.result, outcome.reason) == (Result.REFUSED, "no more of them")
    assert place.calendar.holds() == {}
    assert place.stage.busy() == []


@HOSTED
@pytest.mark.parametrize("shown", [False, True], ids=["at once", "when it was shown as tentative"])
def test_a_series_whose_change_is_refused_on_the_way_is_as_it_was_before(
    place: Place, shown: bool
) -> None:
    def refuse() -> None:
        raise RemoteRejected("no more of them")

    def down(_: str) -> None:
        raise TemporarilyUnavailable("no answer")

    stage = place.stage
    assert stage.done(stage.put(series(6))).result is Result.SETTLED
    before = taking_place(place.held())
    assert stage.outcomes() == []
    if shown:
        place.http.each = down
        assert stage.done(stage.put(series(6, title="Other"))).result is Result.TENTATIVE
        place.http.each = at_the_fourth(refuse)
        assert [it.outcome for it in stage.later()] == ["refused"]
    else:
        place.http.each = at_the_fourth(refuse)
        outcome = stage.done(stage.put(series(6, title="Other")))
        assert (outcome.result, outcome.reason) == (Result.REFUSED, "no more of them")
    assert taking_place(place.held()) == before
    text = stage.text()
    assert "Other" not in text
    stage.house.pull()
    assert stage.outcomes() == []
    assert stage.text() == text, "nobody took our half of it for somebody's change"


def gives_back(said: list[str]) -> list[str]:
    """What a client sends of what it was given."""
    return [line for line in said if line.partition(":")[0] in {"LOCATION", "X-GOOGLE-CONFERENCE"}]

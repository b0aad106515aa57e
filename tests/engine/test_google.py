"""A Google account in the stand-in, pulled by the engine into published busy time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from bridge.errors import (
    ProviderError,
    RateLimited,
    RemoteNotFound,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.interval import FBType, Window, utc
from bridge.model.resource import Projection
from bridge.provider import CalendarId
from bridge.providers.google import KIND
from bridge.sandbox.google.person import Person
from bridge.sandbox.server import Sandbox
from tests.contract.google_world import ANN, BOB, GoogleWorld, Signed, account, transport
from tests.engine.house import BERLIN, DAY, NOW, House
from tests.flawless import flawless

WORK = "room-a.work"
ALWAYS_KNOWN = Window(NOW - 30 * DAY, NOW + 400 * DAY)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    people = {
        "accounts": [
            {"email": ANN, "timezone": "Europe/Berlin"},
            {"email": BOB, "timezone": "America/New_York"},
        ],
        "rooms": [{"summary": "Room", "id": "room@resource.calendar.google.com"}],
    }
    with flawless(Sandbox(people, clock=lambda: utc(NOW), seed=1)) as running:
        yield running


@pytest.fixture
def world(sandbox: Sandbox, house: House) -> Iterator[GoogleWorld]:
    """The house's one connection is Ann's account; only her first calendar is read."""
    http = transport()
    signed = Signed(http, sandbox.access_token(ANN))
    house.configure(connections=[{"id": "work", "read_calendars": ["primary"]}], email=ANN)
    house.accounts.providers[WORK] = KIND.open(account(sandbox, signed))
    yield GoogleWorld(sandbox, signed)
    http.close()


@pytest.fixture
def ann(world: GoogleWorld) -> Person:
    return world.running.person(ANN)


@pytest.fixture
def bob(world: GoogleWorld) -> Person:
    return world.running.person(BOB)


def at(day: int, hour: int = 10, minute: int = 0, month: int = 11) -> datetime:
    """A time in Berlin, 2026."""
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


def busy(house: House) -> list[str]:
    """Starts and ends of what is busy, in Berlin; with its type where it is not BUSY."""
    found = []
    for start, end, fbtype in house.periods():
        first, last = (datetime.fromtimestamp(it, BERLIN) for it in (start, end))
        until = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%d.%m. %H:%M}"
        kind = "" if fbtype.rfc == "BUSY" else f" {fbtype.rfc}"
        found.append(f"{first:%d.%m. %H:%M}-{until}{kind}")
    return found


def hours(house: House) -> list[str]:
    """Starts alone."""
    return [f"{datetime.fromtimestamp(it.start, BERLIN):%d.%m. %H:%M}" for it in house.periods()]


@pytest.mark.covers("A-05", "A-06")
def test_a_series_with_moved_and_cancelled_occurrences(house: House, ann: Person) -> None:
    series = ann.create("Daily", at(23), recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    ann.move(ann.instance(series, at(24)), at(24, 15))
    ann.delete(ann.instance(series, at(25)))
    house.pull()
    assert hours(house) == ["23.11. 10:00", "24.11. 15:00", "26.11. 10:00"]
    ann.move(ann.instance(series, at(26)), at(27, 8))
    house.pull()
    assert hours(house) == ["23.11. 10:00", "24.11. 15:00", "27.11. 08:00"]
    ann.delete(ann.instance(series, at(23)))
    report = house.pull()
    assert hours(house) == ["24.11. 15:00", "27.11. 08:00"]
    assert not report.calendars[0].full


def test_a_series_whose_rule_changes_keeps_its_exceptions(house: House, ann: Person) -> None:
    series = ann.create("Daily", at(23), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    ann.move(ann.instance(series, at(24)), at(24, 15))
    ann.delete(ann.instance(series, at(25)))
    house.pull()
    ann.change(series, summary="Renamed")
    house.pull()
    assert hours(house) == ["23.11. 10:00", "24.11. 15:00"]
    ann.make_recurring(series, "RRULE:FREQ=DAILY;COUNT=5")
    report = house.pull()
    assert hours(house) == ["23.11. 10:00", "24.11. 15:00", "26.11. 10:00", "27.11. 10:00"]
    assert not report.calendars[0].full


def test_deleted_occurrences_that_google_does_not_tell_are_busy_until_the_next_full_listing(
    house: House, ann: Person, world: GoogleWorld
) -> None:
    """Nobody says whether a listing by iCalUID has them."""
    series = ann.create("Daily", at(23), recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    ann.move(ann.instance(series, at(24)), at(24, 15))
    ann.delete(ann.instance(series, at(25)))
    house.pull()
    world.running.world.account(ANN).faults.switch("uid_without_deleted")
    ann.delete(ann.instance(series, at(26)))
    ann.change(series, summary="Renamed")
    assert not house.pull().calendars[0].full
    assert hours(house) == ["23.11. 10:00", "24.11. 15:00", "25.11. 10:00"]
    assert house.pull(later=DAY).calendars[0].full
    assert hours(house) == ["23.11. 10:00", "24.11. 15:00"]


def test_a_series_that_is_not_found_any_more_is_looked_for_in_a_full_listing(
    house: House, ann: Person, world: GoogleWorld
) -> None:
    """It was deleted between the listing and the question for it; or its UID does not find it."""
    series = ann.create("Daily", at(23), recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    ann.create("Talk", at(30))
    house.pull()
    ann.change(series, summary="Renamed")
    world.running.world.account(ANN).faults.switch("uid_without_deleted")
    question = world.http.request

    def later(method: str, url: str, **options: Any) -> Any:
        if "iCalUID" in url:
            ann.delete(series)
        return question(method, url, **options)

    world.http.request = later  # type: ignore[method-assign]
    report = house.pull()
    assert report.calendars[0].full
    assert hours(house) == ["30.11. 10:00"]


def test_a_series_that_becomes_a_single_event_stays_busy(house: House, ann: Person) -> None:
    """Google cancels the exceptions, also the one at whose time the event is now."""
    series = ann.create("Daily", at(23), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    ann.move(ann.instance(series, at(23)), at(23, 15))
    house.pull()
    ann.change(series, recurrence=None)
    house.pull()
    assert hours(house) == ["23.11. 10:00"]
    house.pull(full=True)
    assert hours(house) == ["23.11. 10:00"]


def test_a_changed_occurrence_that_outlives_its_series_is_busy(
    house: House, ann: Person, world: GoogleWorld
) -> None:
    """Nobody says that Google cancels every one of them."""
    series = ann.create("Daily", at(23), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    moved = ann.instance(series, at(24))
    ann.move(moved, at(24, 15))
    house.pull()
    ann.change(series, recurrence=None)
    there = world.running.world
    calendar = there.calendar(ANN)
    there.put(calendar, {**calendar.records[moved].event, "status": "confirmed"})
    for whole in (False, True):
        house.pull(full=whole)
        assert hours(house) == ["23.11. 10:00", "24.11. 15:00"]
    ann.delete(moved)
    house.pull()
    assert hours(house) == ["23.11. 10:00"]


@pytest.mark.parametrize("whole", [False, True])
def test_one_occurrence_that_is_left_of_a_series_is_all_that_stays_busy(
    house: House, ann: Person, whole: bool
) -> None:
    """As when somebody is invited to a series, and then to one of its meetings alone."""
    series = ann.create("Daily", at(23), recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    ann.create("Talk", at(30))
    third = ann.instance(series, at(25))
    ann.move(third, at(25, 15))
    house.pull()
    ann.delete(series)
    ann.change(third, status="confirmed")
    house.pull(full=whole)
    assert hours(house) == ["25.11. 15:00", "30.11. 10:00"]
    ann.delete(third)
    house.pull(full=whole)
    assert hours(house) == ["30.11. 10:00"]


def test_this_and_following(house: House, ann: Person) -> None:
    series = ann.create("Daily", at(23), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    house.pull()
    ann.split(series, at(24), summary="Later")
    house.pull()
    assert hours(house)[:3] == ["23.11. 10:00", "24.11. 10:00", "25.11. 10:00"]


@pytest.mark.parametrize("fault", [None, "bare_tombstones", "lone_masters", "short_pages"])
def test_what_is_deleted_is_free(
    house: House, ann: Person, world: GoogleWorld, fault: str | None
) -> None:
    single = ann.create("Talk", at(23))
    series = ann.create("Daily", at(24), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    ann.move(ann.instance(series, at(25)), at(25, 15))
    kept = ann.create("Kept", at(30))
    house.pull()
    assert len(house.periods()) == 5
    if fault:
        world.running.world.account(ANN).faults.switch(fault)
    ann.delete(single)
    ann.delete(series)
    house.pull()
    assert hours(house) == ["30.11. 10:00"]
    ann.delete(kept)
    house.pull()
    assert hours(house) == []


KINDS: list[tuple[dict[str, Any], str | None, str]] = [
    ({}, "", "busy"),
    ({"transparency": "transparent"}, None, "transparent"),
    ({"status": "tentative"}, " BUSY-TENTATIVE", "tentative"),
    ({"eventType": "outOfOffice"}, " BUSY-UNAVAILABLE", "event type outOfOffice"),
    ({"eventType": "focusTime"}, "", "event type focusTime"),
    ({"eventType": "workingLocation"}, None, "event type workingLocation"),
    ({"visibility": "private"}, "", "busy"),
]


@pytest.mark.parametrize(("more", "shown", "reason"), KINDS)
def test_what_kind_of_event_it_is_decides(
    house: House, ann: Person, more: dict[str, Any], shown: str | None, reason: str
) -> None:
    ann.create("Talk", at(23), **more)
    house.pull()
    assert busy(house) == ([] if shown is None else [f"23.11. 10:00-11:00{shown}"])
    (told,) = house.explain(at=int(at(23, 10, 30).timestamp()))
    assert told.reason == reason


def test_days_run_between_the_resources_midnights(house: House, ann: Person) -> None:
    ann.create("Fair", date(2026, 11, 23), date(2026, 11, 25))
    ann.create("Home office", date(2026, 11, 26), eventType="workingLocation")
    house.pull()
    assert busy(house) == ["23.11. 00:00-25.11. 00:00"]


@pytest.mark.parametrize(
    ("answer", "shown"),
    [(None, " BUSY-TENTATIVE"), ("tentative", " BUSY-TENTATIVE"), ("accepted", ""),
     ("declined", None)],
)  # fmt: skip
@pytest.mark.parametrize("omitted", [False, True])
def test_the_reply_to_an_invitation_decides(
    house: House,
    world: GoogleWorld,
    ann: Person,
    bob: Person,
    answer: str | None,
    shown: str | None,
    omitted: bool,
) -> None:
    if omitted:
        world.running.world.account(ANN).faults.switch("attendees_omitted")
    invitation = bob.create("Talk", at(23), attendees=[{"email": ANN}])
    house.pull()
    assert busy(house) == ["23.11. 10:00-11:00 BUSY-TENTATIVE"]
    if answer:
        ann.answer(invitation, answer)
    house.pull()
    assert busy(house) == ([] if shown is None else [f"23.11. 10:00-11:00{shown}"])


def test_an_invitation_to_one_occurrence_blocks_that_one(
    house: House, ann: Person, bob: Person
) -> None:
    series = bob.create("Daily", at(23), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    house.pull()
    bob.change(bob.instance(series, at(24)), attendees=[{"email": ANN}])
    house.pull()
    assert hours(house) == ["24.11. 10:00"]
    bob.change(bob.instance(series, at(24)), attendees=[])
    house.pull()
    assert hours(house) == []


@pytest.mark.covers("A-29")
@pytest.mark.parametrize("fault", ["sync_gone", "shared"])
def test_a_sync_token_that_is_gone_costs_a_full_listing_and_nothing_flaps(
    house: House, world: GoogleWorld, ann: Person, fault: str
) -> None:
    series = ann.create("Daily", at(23), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    ann.delete(ann.instance(series, at(24)))
    gone = ann.create("Talk", at(26))
    house.pull()
    seq = house.state().seq
    ann.delete(gone)
    if fault == "shared":
        ann.share(BOB, "reader")  # with that all tokens end
    else:
        world.running.world.account(ANN).faults.switch(fault)
    report = house.pull()
    assert report.calendars[0].full
    assert hours(house) == ["23.11. 10:00", "25.11. 10:00"]
    assert len(house.changes(seq)) == 1, "only the deleted event's block changed"


def test_recurrences_that_google_breaks_mean_the_same(
    house: House, world: GoogleWorld, ann: Person
) -> None:
    ann.create("Yearly", at(23), recurrence=["RRULE:FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=23"])
    ann.create("Daily", at(24), recurrence=["RRULE:FREQ=DAILY;UNTIL=20261126T090000Z"])
    ann.create("Dates", at(28), recurrence=["RRULE:FREQ=DAILY;COUNT=1", "RDATE:20261130T090000Z"])
    world.running.world.account(ANN).faults.switch("invalid_recurrence")
    house.pull()
    days = ["23.11.", "24.11.", "25.11.", "26.11.", "28.11.", "30.11.", "23.11."]
    assert hours(house) == [f"{day} 10:00" for day in days]
    (told,) = house.explain(at=int(at(23, 10, 30).timestamp()))
    assert any("a day without its month" in note for note in told.notes)


def test_an_event_that_ends_before_it_begins_blocks_half_an_hour(
    house: House, world: GoogleWorld, ann: Person
) -> None:
    ann.create("Talk", at(23))
    ann.create("Fair", date(2026, 11, 25))
    world.running.world.account(ANN).faults.switch("inverted_times")
    house.pull()
    assert busy(house) == ["23.11. 10:00-10:30", "25.11. 00:00-26.11. 00:00"]
    (told,) = house.explain(at=int(at(23, 10, 15).timestamp()))
    assert told.notes == ("it ends before it begins: 30 minutes assumed",)


@pytest.mark.covers("A-36")
def test_a_private_event_shows_its_times_alone(house: House, ann: Person) -> None:
    house.configure(
        connections=[{"id": "work", "read_calendars": ["primary"]}],
        email=ANN,
        privacy={"mode": "full"},
    )
    ann.create("Secret merger", at(23), visibility="private", location="Bank", description="x")
    ann.create("Open talk", at(24), description="Agenda")
    house.pull()
    shown = " ".join(block.details for block in house.blocks(Projection.DETAILS))
    assert "Open talk" in shown
    assert not any(word in shown for word in ("Secret", "merger", "Bank"))


def test_a_room_is_busy_for_whole_days(house: House, world: GoogleWorld, ann: Person) -> None:
    room = "room@resource.calendar.google.com"
    with world.running.world.lock:
        there = world.running.world.calendar(room)
        world.running.world.share(there, ANN, "writer")
    house.configure(connections=[{"id": "work", "read_calendars": [room]}], email=ANN)
    ann.create("Fair", date(2026, 11, 23), date(2026, 11, 25), attendees=[{"email": room}])
    ann.create("Talk", at(26), attendees=[{"email": room}])
    house.pull()
    assert busy(house) == ["23.11. 00:00-25.11. 00:00", "26.11. 10:00-11:00"]


class TestFreeBusyOnly:
    """Bob shares when he is busy, and nothing else."""

    @pytest.fixture(autouse=True)
    def _shared(self, house: House, bob: Person) -> None:
        bob.share(ANN, "freeBusyReader")
        house.configure(connections=[{"id": "work", "read_calendars": [BOB]}], email=ANN)

    def test_its_busy_time_is_read_and_followed(self, house: House, bob: Person) -> None:
        series = bob.create("Secret", at(23), recurrence=["RRULE:FREQ=WEEKLY;COUNT=30"])
        bob.create("Free", at(24), transparency="transparent")
        house.pull()
        assert len(house.periods()) == 30, "over many questions of ninety days"
        assert hours(house)[0] == "23.11. 10:00"
        bob.make_recurring(series, "RRULE:FREQ=WEEKLY;COUNT=2")
        house.pull()
        house.pull(later=3600)  # so much less is believed the second time
        assert hours(house) == ["23.11. 10:00", "30.11. 10:00"]

    def test_a_long_absence_is_one_period(self, house: House, bob: Person) -> None:
        bob.create("Sabbatical", date(2026, 12, 1), date(2027, 7, 1))
        house.pull()
        busy = house.accounts.providers[WORK].busy
        assert busy is not None
        (period,) = busy.busy(CalendarId(BOB), ALWAYS_KNOWN)
        assert utc(period.end).month == 7

    def test_nothing_of_it_shows_but_times(self, house: House, bob: Person) -> None:
        bob.create("Secret", at(23))
        house.pull()
        (told,) = house.explain(at=int(at(23, 10, 30).timestamp()))
        assert (told.calendar, told.blocks) == ("Bob", FBType.BUSY)
        assert "Secret" not in " ".join(block.details for block in house.blocks(Projection.DETAILS))

    def test_an_error_is_never_free_time(
        self, house: House, world: GoogleWorld, bob: Person
    ) -> None:
        bob.create("Talk", at(23))
        house.pull()
        world.running.world.account(ANN).faults.switch("freebusy_errors")
        with pytest.raises(TemporarilyUnavailable):
            house.pull()
        assert hours(house) == ["23.11. 10:00"]
        assert house.calendar_rows()["Bob"].error_code == "unavailable"

    def test_one_that_is_shared_wholly_again_is_read_by_its_events(
        self, house: House, bob: Person
    ) -> None:
        bob.create("Talk", at(23))
        house.pull()
        bob.share(ANN, "reader")
        house.pull()
        house.pull(later=3600)
        assert hours(house) == ["23.11. 10:00"]
        (told,) = house.explain(at=int(at(23, 10, 30).timestamp()))
        assert told.summary == "Talk"


@pytest.mark.covers("A-30", "F14", "F21", "F26")
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("user_rate_limited", RateLimited),
        ("calendar_gone", RemoteNotFound),
        ("cut", UnreadableAnswer),
        ("endless_pages", UnreadableAnswer),
    ],
)
def test_a_refusal_leaves_what_was_known(
    house: House, world: GoogleWorld, ann: Person, fault: str, error: type[ProviderError]
) -> None:
    ann.create("Talk", at(23))
    house.pull()
    world.running.world.account(ANN).faults.switch(fault)
    with pytest.raises(error):
        house.pull()
    assert hours(house) == ["23.11. 10:00"]
    world.running.world.account(ANN).faults.clear()
    ann.create("Another", at(24))
    house.pull()
    assert hours(house) == ["23.11. 10:00", "24.11. 10:00"]


def test_hundreds_of_changed_series_cost_one_full_listing(
    house: House, world: GoogleWorld, ann: Person
) -> None:
    made = [ann.create("Daily", at(23), recurrence=["RRULE:FREQ=DAILY;COUNT=2"]) for _ in range(60)]
    house.pull()
    for series in made:
        ann.move(series, at(24))
    before = len(world.http.asked)
    assert house.pull().calendars[0].full
    assert len(world.http.asked) - before <= 4
    assert hours(house) == ["24.11. 10:00", "25.11. 10:00"]

"""A Microsoft account in the stand-in, pulled by the engine into published busy time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from bridge.errors import ProviderError, RateLimited, RemoteNotFound, UnreadableAnswer
from bridge.ingest.report import CalendarPull
from bridge.model.interval import Window, instant, utc
from bridge.providers.microsoft.adapter import open_account
from bridge.sandbox.microsoft.person import Person
from bridge.sandbox.microsoft.scenario import CLIENT_ID
from bridge.sandbox.server import Sandbox
from tests.contract.microsoft_world import ANN, BOB, MicrosoftWorld, account, signed, transport
from tests.engine.house import BERLIN, DAY, House
from tests.engine.test_google import at, hours
from tests.flawless import flawless

WORK = "room-a.work"
DAILY = {"type": "daily", "interval": 1}
WEEKLY = {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]}


@pytest.fixture
def sandbox(house: House) -> Iterator[Sandbox]:
    people = {"accounts": [{"email": ANN, "timezone": "Europe/Berlin"}, {"email": BOB}]}
    with flawless(Sandbox({"microsoft": people}, clock=lambda: utc(house.now), seed=1)) as running:
        yield running


@pytest.fixture
def world(sandbox: Sandbox, house: House) -> Iterator[MicrosoftWorld]:
    """The house's one connection is Ann's account."""
    http = transport()
    made = signed(sandbox, http)
    house.configure(connections=[{"id": "work", "read_calendars": ["primary"]}], email=ANN)
    house.accounts.providers[WORK] = open_account(account(sandbox, made), f"{sandbox.url}/v1.0")
    yield MicrosoftWorld(sandbox, made)
    http.close()


@pytest.fixture
def ann(world: MicrosoftWorld) -> Person:
    return world.microsoft.person(ANN)


def pull(house: House, world: MicrosoftWorld, later: int = 60) -> list[CalendarPull]:
    """Pull some time later, with a token that is not over by then."""
    house.now += later
    world.http.token = world.microsoft.access_token(ANN, CLIENT_ID)
    return house.pull(later=0).calendars


def recurring(ann: Person, day: int, count: int = 0, subject: str = "Daily") -> str:
    series = ann.create(subject, at(day))
    span = {"type": "numbered", "numberOfOccurrences": count} if count else {}
    ann.make_recurring(series, DAILY, **span)
    return series


@pytest.mark.covers("A-05", "A-06")
@pytest.mark.parametrize("fault", [None, "single_occurrences", "lone_masters", "custom_zones"])
def test_a_series_with_moved_and_deleted_occurrences(
    house: House, ann: Person, world: MicrosoftWorld, fault: str | None
) -> None:
    if fault:
        world.faults.switch(fault)
    series = recurring(ann, 23, 4)
    ann.move(ann.instance(series, at(24)), at(24, 15))
    ann.delete(ann.instance(series, at(25)))
    house.pull()
    assert hours(house) == ["23.11. 10:00", "24.11. 15:00", "26.11. 10:00"]
    ann.move(ann.instance(series, at(26)), at(27, 8))
    house.pull()
    assert hours(house) == ["23.11. 10:00", "24.11. 15:00", "27.11. 08:00"]
    ann.delete(ann.instance(series, at(23)))
    house.pull()
    assert hours(house) == ["24.11. 15:00", "27.11. 08:00"]
    ann.delete(series)
    house.pull()
    assert hours(house) == []


@pytest.mark.parametrize("fault", [None, "typed_tombstones", "occurrence_tombstones"])
def test_what_is_deleted_is_free(
    house: House, ann: Person, world: MicrosoftWorld, fault: str | None
) -> None:
    single = ann.create("Talk", at(23))
    series = recurring(ann, 24, 3)
    ann.move(ann.instance(series, at(25)), at(25, 15))
    kept = ann.create("Kept", at(30))
    house.pull()
    assert len(house.periods()) == 5
    if fault:
        world.faults.switch(fault)
    ann.delete(single)
    ann.delete(series)
    assert not house.pull().calendars[0].full
    assert hours(house) == ["30.11. 10:00"]
    ann.delete(kept)
    assert not house.pull().calendars[0].full
    assert hours(house) == []


@pytest.mark.covers("A-10")
def test_who_works_elsewhere_is_as_busy_as_the_settings_say_in_calendars_without_events(
    house: House, world: MicrosoftWorld
) -> None:
    bob = world.microsoft.person(BOB)
    bob.share(ANN, "freeBusyRead")
    bob.create("At home", at(23), showAs="workingElsewhere")
    bob.create("Talk", at(24))
    shared = world.microsoft.directory.mailbox(BOB).default.id
    reading = [{"id": "work", "read_calendars": [shared]}]
    token = world.microsoft.access_token(ANN, CLIENT_ID, "Calendars.Read", "User.Read")
    house.configure(connections=reading, email=ANN)
    world.http.token = token
    house.pull()
    assert hours(house) == ["24.11. 10:00"]
    busy = {"availability": {"working_elsewhere": "busy"}}
    house.configure(sections=busy, connections=reading, email=ANN)
    house.pull()
    assert hours(house) == ["23.11. 10:00", "24.11. 10:00"]


def test_days_run_between_the_resources_midnights(house: House, ann: Person) -> None:
    """Whatever zone somebody was in when they were entered."""
    ann.create("Fair", date(2026, 11, 23), date(2026, 11, 25), zone="Pacific/Auckland")
    weekly = ann.create("Day off", date(2026, 11, 30), zone="America/Los_Angeles")
    ann.make_recurring(weekly, WEEKLY, type="numbered", numberOfOccurrences=3)
    ann.move(ann.instance(weekly, date(2026, 12, 7)), date(2026, 12, 8), date(2026, 12, 9))
    house.pull()
    assert hours(house) == [
        *("23.11. 00:00", "30.11. 00:00", "08.12. 00:00", "14.12. 00:00"),
    ]


@pytest.mark.covers("A-07")
def test_a_series_in_a_zone_that_somebody_made_keeps_its_hour_and_says_so(
    house: House, ann: Person, world: MicrosoftWorld
) -> None:
    """Outlook gives no definition of such a zone; the clocks of this one changed on 25 October."""
    world.faults.switch("custom_zones")
    series = ann.create("Weekly", at(19, month=10))
    ann.make_recurring(series, WEEKLY, type="numbered", numberOfOccurrences=7)
    house.pull()
    assert hours(house)[-3:] == ["16.11. 10:00", "23.11. 10:00", "30.11. 10:00"]
    (told,) = house.explain(at=instant(at(23)))
    assert told.notes == ("time zone 'tzone://Microsoft/Custom' is unknown: UTC is used",)


def test_hundreds_of_changed_series_cost_one_full_listing(
    house: House, world: MicrosoftWorld, ann: Person
) -> None:
    world.faults.switch("lone_masters")
    made = [recurring(ann, 23, 2) for _ in range(60)]
    house.pull()
    for series in made:
        ann.move(series, at(24))
    before = len(world.http.asked)
    assert house.pull().calendars[0].full
    assert len(world.http.asked) - before <= 4
    assert hours(house) == ["24.11. 10:00", "25.11. 10:00"]


@pytest.mark.covers("A-30", "F14", "F21", "F26")
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("concurrency", RateLimited),
        ("calendar_gone", RemoteNotFound),
        ("cut", UnreadableAnswer),
        ("endless_pages", UnreadableAnswer),
        ("gateway_timeout", ProviderError),
    ],
)
def test_a_refusal_leaves_what_was_known(
    house: House, world: MicrosoftWorld, ann: Person, fault: str, error: type[ProviderError]
) -> None:
    ann.create("Talk", at(23))
    house.pull()
    world.faults.switch(fault)
    with pytest.raises(error):
        house.pull()
    assert hours(house) == ["23.11. 10:00"]
    world.faults.clear()
    ann.create("Another", at(24))
    house.pull()
    assert hours(house) == ["23.11. 10:00", "24.11. 10:00"]


def masters(world: MicrosoftWorld) -> int:
    """How often a series was asked for by its id."""
    return sum("/events/" in each and "/instances" not in each for each in world.http.asked)


def test_a_deleted_occurrence_that_is_named_costs_no_more_than_its_series(
    house: House, ann: Person, world: MicrosoftWorld
) -> None:
    world.faults.switch("single_occurrences")
    series, other = (recurring(ann, day, 3) for day in (23, 27))
    house.pull()
    ann.delete(ann.instance(series, at(24)))
    before = len(world.http.asked)
    assert not house.pull().calendars[0].full
    assert len(world.http.asked) - before == 4, "calendars, round, series, instances"
    assert not any(other in each for each in world.http.asked[before:])
    assert hours(house)[:3] == ["23.11. 10:00", "25.11. 10:00", "27.11. 10:00"]


def endless(house: House, world: MicrosoftWorld, ann: Person) -> str:
    """Read an endless series of which Graph cannot give a round."""
    world.faults.switch("endless_series_times_out")
    series = ann.create("Weekly", at(23))
    ann.make_recurring(series, WEEKLY)
    house.configure(
        sections={"sync": {"full_reconcile": "3650d"}},
        connections=[{"id": "work", "read_calendars": ["primary"]}],
        email=ANN,
    )
    house.pull()
    assert hours(house)[:3] == ["23.11. 10:00", "30.11. 10:00", "07.12. 10:00"]
    return series


def test_a_calendar_that_graph_cannot_give_a_round_of_is_read_all_the_same(
    house: House, world: MicrosoftWorld, ann: Person
) -> None:
    """And asked for one again now and then, in case that it can by now."""
    series = endless(house, world, ann)
    ann.delete(ann.instance(series, at(30)))
    house.pull()
    assert hours(house)[:2] == ["23.11. 10:00", "07.12. 10:00"]
    begun = []
    for _ in range(48):
        before = world.http.listings
        pull(house, world, 3600)
        begun.append(world.http.listings - before)
    assert sum(begun) in range(4, 7), "what takes a minute to fail is tried ever less often"
    world.faults.clear()
    pull(house, world, DAY)
    pull(house, world)
    assert not pull(house, world)[0].full
    assert hours(house)[:2] == ["23.11. 10:00", "07.12. 10:00"]


def test_where_graph_gives_no_round_series_are_asked_for_when_they_changed(
    house: House, world: MicrosoftWorld, ann: Person
) -> None:
    endless(house, world, ann)
    series = [recurring(ann, day) for day in (24, 25, 26)]
    house.pull()
    before = masters(world)
    house.pull()
    assert masters(world) == before
    ann.move(series[1], at(25, 15))
    ann.delete(ann.instance(series[2], at(27)))
    house.pull()
    assert masters(world) == before + 2
    assert "25.11. 15:00" in hours(house)
    assert "25.11. 10:00" in hours(house), "that of another series"


def test_one_round_that_fails_costs_a_new_one_and_no_more(
    house: House, world: MicrosoftWorld, ann: Person
) -> None:
    for day in (23, 24, 25):
        recurring(ann, day)
    house.pull()
    world.faults.switch("endless_series_times_out", times=1)
    ann.create("Talk", at(24, 15))
    before = masters(world)
    assert house.pull().calendars[0].full
    assert "24.11. 15:00" in hours(house)
    assert not house.pull().calendars[0].full
    assert masters(world) == before


def test_a_window_that_is_longer_than_those_of_graph_is_read_to_its_end(
    house: House, ann: Person
) -> None:
    ann.create("Soon", at(23))
    ann.create("Far", datetime(2033, 5, 2, 10, tzinfo=BERLIN))
    house.configure(
        sections={"sync": {"window": {"past": "7d", "future": "3000d"}}},
        connections=[{"id": "work", "read_calendars": ["primary"]}],
        email=ANN,
    )
    for _ in range(2):
        house.pull()
        assert hours(house) == ["23.11. 10:00", "02.05. 10:00"]


@pytest.mark.covers("F16", "F25")
def test_a_year_of_rounds_loses_nothing_and_asks_for_no_confirmation(
    house: House, world: MicrosoftWorld, ann: Person
) -> None:
    """A link is of one window for ever: what leaves it behind, and what lies beyond its end."""
    house.configure(
        sections={"sync": {"full_reconcile": "3650d"}},
        connections=[{"id": "work"}],
        email=ANN,
    )
    with world.running.world.lock:
        box = world.microsoft.directory.mailbox(ANN)
        more = [world.microsoft.directory.add_calendar(box, f"Team {n}").id for n in range(3)]
    start = at(23)
    talks = [start + timedelta(days=15 * number) for number in range(40)]
    for when in talks:
        ann.create("Talk", when)
    series = ann.create("Weekly", start + timedelta(hours=3))
    ann.make_recurring(series, WEEKLY)
    for name in more:
        ann.create("Elsewhere", start + timedelta(days=600), calendar=name)
    begun: dict[str, list[int]] = {}
    for week in range(0, 53, 2):
        house.ingest.advance_horizons(house.now)
        for each in pull(house, world, 0):
            if each.full:
                begun.setdefault(each.name, []).append(week)
        rows = house.calendar_rows()
        assert not any(row.shrink for row in rows.values())
        coming = Window(house.now, house.now + 400 * DAY)
        first = coming.start - (coming.start - instant(start)) % (7 * DAY) + 3 * 3600
        weekly = {when for when in range(first, coming.end, 7 * DAY) if when > coming.start}
        expected = {
            instant(each) for each in talks if coming.overlaps(instant(each), instant(each) + 1)
        }
        shown = {it.start for it in house.periods() if coming.start < it.start < coming.end}
        assert expected <= shown
        assert len(shown - expected) in range(len(weekly) - 1, len(weekly) + 2)
        house.now += 14 * DAY
    assert len(begun) == 4
    for weeks in begun.values():
        between = [after - before for before, after in pairwise(weeks)]
        assert all(4 <= each <= 12 for each in between), "a month before it would have to"
    assert len({tuple(weeks) for weeks in begun.values()}) == 4, "not together"

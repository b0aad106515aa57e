"""From events at a provider to published busy time."""

from __future__ import annotations

from datetime import date

import pytest

from bridge.model.event import Status, Transp
from bridge.model.interval import Window
from tests.engine.house import BERLIN, House, at, instant_at, make_event, make_series

NINE = [("2026-11-23 09:00", "2026-11-23 10:00", "BUSY")]

PUBLISHED = f"{40 * 'a'}@busybridge"


def test_an_event_is_busy_after_the_pull(house: House) -> None:
    house.calendar().put("a", make_series("2026-11-23 09:00"))
    report = house.pull()
    assert house.busy() == NINE
    assert (report.objects, report.calendars[0].full) == (1, True)


def test_a_moved_event_leaves_its_old_time(house: House) -> None:
    house.calendar().put("a", make_series("2026-11-23 09:00"))
    house.pull()
    house.calendar().put("a", make_series("2026-11-24 15:00"))
    report = house.pull()
    assert house.busy() == [("2026-11-24 15:00", "2026-11-24 16:00", "BUSY")]
    assert not report.calendars[0].full, "the second pull is incremental"


def test_a_deleted_event_is_free(house: House) -> None:
    house.calendar().put("a", make_series("2026-11-23 09:00"))
    house.calendar().put("b", make_series("2026-11-23 12:00", uid="b"))
    house.pull()
    house.calendar().delete("b")
    house.pull()
    assert house.busy() == NINE


@pytest.mark.covers("A-03")
def test_calendars_of_several_connections_are_merged(house: House) -> None:
    house.configure(connections=[{"id": "work"}, {"id": "team"}, {"id": "home"}])
    house.calendar(connection="work").put("a", make_series("2026-11-23 09:00", 1))
    house.calendar(connection="team").put("b", make_series("2026-11-23 09:30", 1.5))
    house.calendar(connection="home").put("c", make_series("2026-11-23 13:00", 1))
    for name in ("work", "team", "home"):
        house.pull(name)
    assert house.busy() == [
        ("2026-11-23 09:00", "2026-11-23 11:00", "BUSY"),
        ("2026-11-23 13:00", "2026-11-23 14:00", "BUSY"),
    ]


@pytest.mark.covers("A-12")
def test_one_meeting_in_two_accounts_is_one_busy_period(house: House) -> None:
    house.configure(connections=[{"id": "work"}, {"id": "team"}])
    for name in ("work", "team"):
        house.calendar(connection=name).put("a", make_series(uid="same@example.com"))
        house.pull(name)
    assert house.busy() == NINE


@pytest.mark.covers("A-05", "A-06")
def test_a_weekly_series_of_2019_with_changes_crosses_the_clock_change(house: House) -> None:
    master = {"uid": "weekly", "rrules": ("FREQ=WEEKLY",)}
    exceptions = [
        make_event(
            at("2027-11-02 14:00", BERLIN),
            uid="weekly",
            recurrence_id=at("2027-11-01 09:00", BERLIN),
        ),
        make_event(
            at("2027-11-08 09:00", BERLIN),
            uid="weekly",
            recurrence_id=at("2027-11-08 09:00", BERLIN),
            transp=Transp.TRANSPARENT,
        ),
    ]
    gone = (at("2027-11-15 09:00", BERLIN),)
    house.calendar().put(
        "weekly",
        make_series(at("2019-01-07 09:00", BERLIN), overrides=exceptions, exdates=gone, **master),
    )
    house.pull()
    window = Window(instant_at("2027-10-21 00:00"), instant_at("2027-11-26 00:00"))
    assert [start for start, _, _ in house.busy(window)] == [
        "2027-10-25 07:00",
        "2027-11-02 13:00",  # moved, and after the change to winter time
        "2027-11-22 08:00",
    ]


@pytest.mark.covers("A-08")
@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("America/Los_Angeles", "2026-11-23 08:00", "2026-11-24 08:00"),
        ("Pacific/Tongatapu", "2026-11-22 11:00", "2026-11-23 11:00"),
    ],
)
def test_an_all_day_event_runs_between_the_resources_midnights(
    house: House, zone: str, start: str, end: str
) -> None:
    house.configure(timezone=zone, connections=[{"id": "work"}])
    house.calendar().put("a", make_series(date(2026, 11, 23)))
    house.pull()
    assert house.busy() == [(start, end, "BUSY")]


@pytest.mark.covers("A-10")
def test_an_event_that_becomes_cancelled_is_free_and_explained(house: House) -> None:
    house.calendar().put("a", make_series())
    house.pull()
    house.calendar().put("a", make_series(status=Status.CANCELLED))
    house.pull()
    assert house.busy() == []
    (told,) = house.explain(at=instant_at("2026-11-23 09:30"))
    assert (told.calendar, told.summary, told.blocks, told.reason) == (
        "Main",
        "An event",
        None,
        "cancelled",
    )


def test_buffers_widen_what_blocks_and_nothing_else(house: House) -> None:
    house.configure(
        connections=[{"id": "work"}],
        availability={"buffers": {"before": "15m", "after": "5m"}},
    )
    house.calendar().put("a", make_series("2026-11-23 09:00"))
    house.calendar().put("b", make_series("2026-11-23 12:00", uid="b", transp=Transp.TRANSPARENT))
    house.pull()
    assert house.busy() == [("2026-11-23 08:45", "2026-11-23 10:05", "BUSY")]
    (told,) = house.explain(uid="event")
    assert told.reason == "busy; 15 min before and 5 min after added"


def test_an_unchanged_pull_changes_nothing(house: House) -> None:
    house.calendar().put("a", make_series())
    house.pull()
    state, blocks = house.state(), house.blocks()
    house.pull()
    house.pull(full=True)
    assert (house.state(), house.blocks()) == (state, blocks)


def test_what_this_instance_published_is_no_source_and_a_foreign_bridges_is(house: House) -> None:
    own = "0123456789abcdef"
    house.calendar().put("a", make_series("2026-11-23 09:00", uid=PUBLISHED, origin=own))
    house.calendar().put("b", make_series("2026-11-23 12:00", uid="b", origin="another"))
    house.pull()
    assert house.busy() == [("2026-11-23 12:00", "2026-11-23 13:00", "BUSY")]
    assert house.explain(uid=PUBLISHED)[0].reason == "written by this BusyBridge"

"""Which calendars of an account block time, and what becomes of those that come and go."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.config.section import Section
from bridge.errors import RemoteNotFound, TemporarilyUnavailable, UnreadableAnswer
from bridge.provider import CalendarId
from tests.engine.house import DAY, House, make_series


@pytest.fixture
def full_house(house: House) -> House:
    """An account with three calendars, an event in each: at 9, 12 and 15."""
    house.calendar("main", is_primary=True).put("a", make_series("2026-11-23 09:00", uid="a"))
    house.calendar("team").put("b", make_series("2026-11-23 12:00", uid="b"))
    house.calendar("home").put("c", make_series("2026-11-23 15:00", uid="c"))
    return house


def hours(house: House) -> list[str]:
    return [start[11:13] for start, _, _ in house.busy()]


def connect(house: House, **keys: Any) -> None:
    house.configure(connections=[{"id": "work"} | keys])


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, ["09", "12", "15"]),
        ({"read_calendars": []}, []),
        ({"read_calendars": ["primary"]}, ["09"]),
        ({"read_calendars": ["team", "Home"]}, ["12", "15"]),
        ({"read_calendars": ["primary"], "write_calendar": "team"}, ["09", "12"]),
        ({"validate_availability": False}, []),
        ({"direction": "inbound"}, ["09", "12", "15"]),
        ({"direction": "OUTBOUND"}, []),
        ({"direction": "outbound", "read_calendars": ["team"], "write_calendar": "team"}, []),
    ],
)
def test_the_named_calendars_block(
    full_house: House, keys: dict[str, Any], expected: list[str]
) -> None:
    connect(full_house, **keys)
    full_house.pull()
    assert hours(full_house) == expected
    assert full_house.freshness().stale == 0


def test_a_name_without_a_calendar_is_an_error_and_the_others_go_on(full_house: House) -> None:
    connect(full_house, read_calendars=["Maintenance", "main"])
    report = full_house.pull()
    assert hours(full_house) == ["09"]
    assert report.error is not None
    assert (report.error.code, "'Maintenance'" in str(report.error)) == ("calendar_not_found", True)
    row = full_house.calendar_rows()["Maintenance"]
    assert row.error_code == "calendar_not_found"
    assert full_house.freshness().stale == 1

    full_house.calendar("x", name="Maintenance").put("d", make_series("2026-11-23 18:00", uid="d"))
    assert full_house.pull().error is None
    assert hours(full_house) == ["09", "18"]
    assert full_house.freshness().stale == 0


def test_a_connection_whose_only_name_is_wrong_fails(full_house: House) -> None:
    connect(full_house, read_calendars=["Maintenance"])
    with pytest.raises(RemoteNotFound, match="'Maintenance'"):
        full_house.pull()


@pytest.mark.covers("F14")
def test_a_named_calendar_that_is_gone_keeps_blocking_and_is_marked(full_house: House) -> None:
    connect(full_house, read_calendars=["team", "main"])
    full_house.pull()
    del full_house.memory().calendars["team"]
    for _ in range(3):
        report = full_house.pull(later=DAY)
    assert report.error is not None
    assert hours(full_house) == ["09", "12"]
    assert full_house.calendar_rows()["Team"].error_code == "calendar_not_found"
    assert full_house.freshness().stale == 1


def test_of_a_whole_account_a_calendar_that_stays_away_for_a_day_is_let_go(
    full_house: House,
) -> None:
    full_house.pull()
    del full_house.memory().calendars["team"]
    full_house.pull()
    full_house.pull()
    assert hours(full_house) == ["09", "12", "15"]
    full_house.pull(later=DAY)
    assert hours(full_house) == ["09", "15"]
    assert set(full_house.calendar_rows()) == {"Main", "Home"}


def test_a_calendar_that_left_the_file_stops_blocking_at_once(full_house: House) -> None:
    full_house.pull()
    connect(full_house, read_calendars=["main", "home"])
    assert hours(full_house) == ["09", "15"]


def test_a_connection_that_left_the_file_stops_blocking_at_once(full_house: House) -> None:
    full_house.configure(connections=[{"id": "work"}, {"id": "other"}])
    full_house.calendar("x", "other").put("d", make_series("2026-11-23 18:00", uid="d"))
    full_house.pull()
    full_house.pull("other")
    full_house.configure(connections=[{"id": "work"}])
    assert hours(full_house) == ["09", "12", "15"]


def test_a_calendar_whose_owner_says_it_does_not_block_does_not(full_house: House) -> None:
    full_house.calendar("holidays", ignores_busy=True).put(
        "d", make_series("2026-11-23 18:00", uid="d")
    )
    full_house.pull()
    assert hours(full_house) == ["09", "12", "15"]
    told = full_house.explain(uid="d")
    assert [it.reason for it in told] == ["the calendar does not block time"]


def test_a_reload_with_other_rules_needs_no_provider(full_house: House) -> None:
    full_house.pull()
    asked = full_house.memory().listings
    connect(full_house, availability={"buffers": {"before": "30m"}})
    assert full_house.busy()[0] == ("2026-11-23 08:30", "2026-11-23 10:00", "BUSY")
    connect(full_house, validate_availability=False)
    assert full_house.busy() == []
    connect(full_house)
    assert hours(full_house) == ["09", "12", "15"]
    assert full_house.memory().listings == asked


def test_a_policy_of_one_calendar_leaves_the_others_alone(full_house: House) -> None:
    override = {"calendar": "team", "availability": {"buffers": {"after": "1h"}}}
    connect(full_house, read_calendars=["main", override])
    full_house.pull()
    assert full_house.busy() == [
        ("2026-11-23 09:00", "2026-11-23 10:00", "BUSY"),
        ("2026-11-23 12:00", "2026-11-23 14:00", "BUSY"),
    ]


def test_two_calendars_of_one_name_both_block(full_house: House) -> None:
    full_house.calendar("second", name="Team").put("d", make_series("2026-11-23 18:00", uid="d"))
    connect(full_house, read_calendars=["Team"])
    full_house.pull()
    assert hours(full_house) == ["12", "18"]


class Options(Section):
    """What tells one account of a kind from another."""

    url: str


def test_another_account_takes_over_only_when_it_was_read(full_house: House) -> None:
    connect(full_house, options=Options(url="https://old.example/"))
    full_house.pull()
    assert hours(full_house) == ["09", "12", "15"]

    connect(full_house, options=Options(url="https://new.example/"))
    memory = full_house.memory()
    memory.calendars.clear()
    full_house.calendar("new").put("d", make_series("2026-11-23 18:00", uid="d"))
    memory.fail(UnreadableAnswer("half a page"))
    with pytest.raises(UnreadableAnswer):
        full_house.pull()
    assert hours(full_house) == ["09", "12", "15"], "an unread account is not an empty one"

    memory.fail(None)
    full_house.pull()
    assert hours(full_house) == ["18"]
    assert set(full_house.calendar_rows()) == {"New"}


def test_a_reload_to_a_calendar_that_was_not_read_yet_is_neither_free_nor_fresh(
    full_house: House,
) -> None:
    connect(full_house, read_calendars=["main"])
    full_house.pull()
    connect(full_house, read_calendars=["team"])
    assert hours(full_house) == ["09"], "it goes when the other one was read"
    freshness = full_house.freshness()
    assert (freshness.oldest, freshness.stale) == (None, 1)
    connect(full_house, read_calendars=["home"])
    assert set(full_house.calendar_rows()) == {"Main", "home"}
    full_house.pull()
    assert hours(full_house) == ["15"]
    assert full_house.freshness()[:2] == (full_house.now, 0)
    assert set(full_house.calendar_rows()) == {"Home"}


def test_a_reload_to_the_whole_account_is_not_fresh_before_all_of_it_was_read(
    full_house: House,
) -> None:
    connect(full_house, read_calendars=["main"])
    full_house.pull()
    connect(full_house)
    connect(full_house, availability={"buffers": {"before": "30m"}})
    assert len(full_house.busy()) == 1
    assert full_house.freshness()[:2] == (None, 1), "team and home may be busy"
    full_house.pull()
    assert len(full_house.busy()) == 3
    assert full_house.freshness()[:2] == (full_house.now, 0)
    connect(full_house)
    assert full_house.freshness()[:2] == (full_house.now, 0)


@pytest.mark.parametrize("keys", [{}, {"read_calendars": ["main"]}])
def test_a_reload_to_another_account_is_not_fresh_before_it_was_read(
    full_house: House, keys: dict[str, Any]
) -> None:
    connect(full_house, options=Options(url="https://old.example/"), **keys)
    full_house.pull()
    before = full_house.busy()
    connect(full_house, options=Options(url="https://new.example/"), **keys)
    assert full_house.busy() == before
    assert full_house.freshness()[:2] == (None, 1)
    full_house.pull()
    assert full_house.freshness()[:2] == (full_house.now, 0)
    assert full_house.busy() == before


def test_a_calendar_that_is_missing_after_an_outage_is_awaited_for_a_day(full_house: House) -> None:
    full_house.pull()
    full_house.memory().fail(TemporarilyUnavailable("503"))
    with pytest.raises(TemporarilyUnavailable):
        full_house.pull()
    with pytest.raises(TemporarilyUnavailable):
        full_house.pull(later=3 * DAY)
    full_house.memory().fail(None)
    kept = full_house.memory().calendars.pop(CalendarId("team"))
    full_house.pull()
    full_house.pull(later=DAY // 2)
    assert hours(full_house) == ["09", "12", "15"]
    full_house.memory().calendars[CalendarId("team")] = kept
    full_house.pull()
    assert full_house.freshness().stale == 0
    del full_house.memory().calendars[CalendarId("team")]
    full_house.pull()
    full_house.pull(later=DAY + 60)
    assert hours(full_house) == ["09", "15"]

"""The table of `availability`: one line of it, one test row."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.availability import verdict
from bridge.config.policy import AllDay, Availability, Blocks
from bridge.model.event import Event, PartStat, ShowAs, Status, Transp

BUSY, TENTATIVE, UNAVAILABLE = "BUSY", "BUSY-TENTATIVE", "BUSY-UNAVAILABLE"
DEFAULT = Availability()


def make_event(**changes: Any) -> Event:
    start, end = datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 11, 23, 10, tzinfo=UTC)
    return Event(**{"uid": "a", "start": start, "end": end} | changes)


def make_day(**changes: Any) -> Event:
    return make_event(**{"start": date(2026, 11, 23), "end": date(2026, 11, 24)} | changes)


def told(event: Event, policy: Availability = DEFAULT, **more: bool) -> tuple[str | None, str]:
    all_day = not isinstance(event.start, datetime)
    fbtype, reason = verdict(event, all_day=all_day, policy=policy, **more)
    return (fbtype.rfc if fbtype else None), reason


@pytest.mark.covers("A-10")
@pytest.mark.parametrize(
    ("changes", "fbtype", "reason"),
    [
        ({}, BUSY, "busy"),
        ({"status": Status.CONFIRMED}, BUSY, "busy"),
        ({"status": Status.CANCELLED}, None, "cancelled"),
        ({"self_partstat": PartStat.DECLINED}, None, "declined"),
        ({"self_partstat": PartStat.DELEGATED}, None, "delegated to someone else"),
        ({"self_partstat": PartStat.ACCEPTED}, BUSY, "busy"),
        ({"self_partstat": PartStat.NEEDS_ACTION}, TENTATIVE, "invitation without a reply"),
        ({"self_partstat": PartStat.TENTATIVE}, TENTATIVE, "tentative"),
        ({"status": Status.TENTATIVE}, TENTATIVE, "tentative"),
        ({"show_as": ShowAs.TENTATIVE}, TENTATIVE, "tentative"),
        ({"transp": Transp.TRANSPARENT}, None, "transparent"),
        ({"show_as": ShowAs.FREE}, None, "shown as free"),
        ({"show_as": ShowAs.BUSY}, BUSY, "busy"),
        ({"show_as": ShowAs.OUT_OF_OFFICE}, UNAVAILABLE, "out of office"),
        ({"show_as": ShowAs.WORKING_ELSEWHERE}, None, "working elsewhere"),
        ({"event_type": "focusTime"}, BUSY, "event type focusTime"),
        ({"event_type": "outOfOffice"}, UNAVAILABLE, "event type outOfOffice"),
        ({"event_type": "workingLocation"}, None, "event type workingLocation"),
        ({"event_type": "birthday"}, None, "event type birthday"),
        ({"event_type": "fromGmail"}, BUSY, "event type fromGmail"),
        ({"event_type": "somethingNew"}, BUSY, "busy"),
        ({"end": datetime(2026, 11, 23, 9, tzinfo=UTC)}, None, "lasts no time"),
    ],
)
def test_the_default_table(changes: dict[str, Any], fbtype: str | None, reason: str) -> None:
    assert told(make_event(**changes)) == (fbtype, reason)


def test_an_hour_that_a_clock_shows_twice_lasts_an_hour() -> None:
    once = datetime(2027, 11, 7, 1, tzinfo=ZoneInfo("America/New_York"))
    assert told(make_event(start=once, end=once.replace(fold=1)))[0] == BUSY
    assert told(make_event(start=once, end=once)) == (None, "lasts no time")


def test_what_outlook_shows_outranks_transp() -> None:
    assert told(make_event(show_as=ShowAs.FREE, transp=Transp.OPAQUE))[0] is None
    assert told(make_event(show_as=ShowAs.BUSY, transp=Transp.TRANSPARENT))[0] == BUSY
    away = make_event(show_as=ShowAs.OUT_OF_OFFICE, transp=Transp.TRANSPARENT)
    assert told(away)[0] == UNAVAILABLE


def test_cancelled_and_declined_outrank_out_of_office() -> None:
    away = {"show_as": ShowAs.OUT_OF_OFFICE}
    assert told(make_event(status=Status.CANCELLED, **away))[0] is None
    assert told(make_event(self_partstat=PartStat.DECLINED, **away))[0] is None


def test_a_reply_that_is_missing_outranks_a_tentative_show() -> None:
    policy = Availability(unanswered=Blocks.FREE)
    event = make_event(self_partstat=PartStat.NEEDS_ACTION, show_as=ShowAs.TENTATIVE)
    assert told(event, policy) == (None, "invitation without a reply")


def test_a_focus_time_that_the_owner_shows_as_free_is_free() -> None:
    event = make_event(event_type="focusTime", transp=Transp.TRANSPARENT)
    assert told(event) == (None, "focusTime, shown as free")


@pytest.mark.covers("A-09")
@pytest.mark.parametrize(
    ("policy", "opaque", "transparent"),
    [(AllDay.BY_STATUS, BUSY, None), (AllDay.BUSY, BUSY, BUSY), (AllDay.FREE, None, None)],
)
def test_all_day_policy(policy: AllDay, opaque: str | None, transparent: str | None) -> None:
    rules = Availability(all_day=policy)
    assert told(make_day(), rules)[0] == opaque
    assert told(make_day(transp=Transp.TRANSPARENT), rules)[0] == transparent
    assert told(make_day(show_as=ShowAs.FREE), rules)[0] == transparent
    assert told(make_event(), rules)[0] == BUSY, "events with a time of day are not touched"


def test_what_an_all_day_event_is_outranks_its_being_all_day() -> None:
    free, busy = Availability(all_day=AllDay.FREE), Availability(all_day=AllDay.BUSY)
    assert told(make_day(show_as=ShowAs.OUT_OF_OFFICE), free)[0] == UNAVAILABLE
    assert told(make_day(event_type="birthday"), busy)[0] is None
    assert told(make_day(status=Status.CANCELLED), busy)[0] is None


@pytest.mark.parametrize("choice", Blocks)
@pytest.mark.parametrize(
    ("key", "event"),
    [
        ("tentative", make_event(status=Status.TENTATIVE)),
        ("unanswered", make_event(self_partstat=PartStat.NEEDS_ACTION)),
        ("declined", make_event(self_partstat=PartStat.DECLINED)),
        ("out_of_office", make_event(show_as=ShowAs.OUT_OF_OFFICE)),
        ("working_elsewhere", make_event(show_as=ShowAs.WORKING_ELSEWHERE)),
    ],
)
def test_each_key_of_the_table_decides_its_line(key: str, event: Event, choice: Blocks) -> None:
    expected = None if choice is Blocks.FREE else choice.value.upper().replace("_", "-")
    assert told(event, Availability(**{key: choice}))[0] == expected


def test_a_kind_named_in_the_file_joins_the_defaults() -> None:
    policy = Availability(event_types={"lunch": Blocks.BUSY_TENTATIVE})
    assert told(make_event(event_type="lunch"), policy)[0] == TENTATIVE
    assert told(make_event(event_type="birthday"), policy)[0] is None


def test_nothing_blocks_in_a_calendar_that_does_not() -> None:
    assert told(make_event(), blocks=False) == (None, "the calendar does not block time")


def test_an_event_that_this_instance_wrote_is_no_source() -> None:
    assert told(make_event(), own=True) == (None, "written by this BusyBridge")

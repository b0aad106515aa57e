"""Why a moment is busy or free, and that a rebuild tells the same story as the pull."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from bridge.ical.parse import parse_calendar
from bridge.model.event import Event, EventSeries, Floating, PartStat, ShowAs, Transp
from bridge.model.interval import FBType
from bridge.provider import CalendarId, CalendarInfo, Page, Provider, RemoteId, Series, SyncToken
from tests.engine.house import BERLIN, House, at, instant_at, make_event, make_series

NINE = instant_at("2026-11-23 09:30")

PUBLISHED = f"{40 * 'a'}@busybridge"


def test_every_event_at_a_moment_is_told_with_its_verdict(house: House) -> None:
    house.calendar().put("a", make_series(uid="a", summary="Planning"))
    house.calendar().put("b", make_series(uid="b", transp=Transp.TRANSPARENT, summary="Reminder"))
    house.calendar().put("c", make_series(uid="c", self_partstat=PartStat.NEEDS_ACTION))
    house.calendar().put("d", make_series("2026-11-23 12:00", uid="d"))
    house.pull()
    told = {it.uid: (it.summary, it.blocks, it.reason) for it in house.explain(at=NINE)}
    assert told == {
        "a": ("Planning", FBType.BUSY, "busy"),
        "b": ("Reminder", None, "transparent"),
        "c": ("An event", FBType.BUSY_TENTATIVE, "invitation without a reply"),
    }


def test_a_changed_occurrence_is_told_by_its_own_title(house: House) -> None:
    moved = make_event("2026-11-24 15:00", recurrence_id=at("2026-11-24 09:00"), summary="Moved")
    series = make_series(rrules=("FREQ=DAILY;COUNT=3",), overrides=[moved], summary="Daily")
    house.calendar().put("a", series)
    house.pull()
    assert [(it.summary, it.start) for it in house.explain(uid="event")] == [
        ("Daily", instant_at("2026-11-23 09:00")),
        ("Moved", instant_at("2026-11-24 15:00")),
        ("Daily", instant_at("2026-11-25 09:00")),
    ]


@pytest.mark.covers("A-07")
def test_a_zone_that_had_to_be_guessed_is_told_and_survives_a_rebuild(house: House) -> None:
    text = """BEGIN:VCALENDAR
VERSION:2.0
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VEVENT
UID:guess
DTSTART;TZID=Nowhere/Special:20261123T090000
DTEND;TZID=Nowhere/Special:20261123T100000
SUMMARY:Somewhere
END:VEVENT
END:VCALENDAR
"""

    class Text:
        def list_calendars(self):
            return [CalendarInfo(CalendarId("main"), "Main")]

        def changes(self, *_):
            parsed = parse_calendar(text)
            (found,) = parsed.series
            item = Series(RemoteId("guess"), found.series, None, found.text)
            yield Page([item], SyncToken("t"), full=True, time_zone=parsed.time_zone)

    house.configure(timezone="Asia/Tokyo", connections=[{"id": "work"}])
    house.accounts.providers["room-a.work"] = Provider(source=Text())
    house.pull()
    assert house.busy() == [("2026-11-23 08:00", "2026-11-23 09:00", "BUSY")], "the calendar's zone"
    (before,) = house.explain(uid="guess")
    assert any("Nowhere/Special" in note for note in before.notes)
    house.configure(
        timezone="Asia/Tokyo", connections=[{"id": "work"}], availability={"tentative": "free"}
    )
    assert house.explain(uid="guess") == [before]


def test_a_rebuild_finds_everything_that_the_pull_knew(house: House) -> None:
    day = date(2026, 11, 30)
    nine, ten = datetime(2026, 12, 2, 9), datetime(2026, 12, 2, 10)  # noqa: DTZ001 - walls
    house.calendar().put("a", make_series(uid="a", event_type="focusTime"))
    house.calendar().put("b", make_series("2026-11-24 09:00", uid="b", event_type="birthday"))
    house.calendar().put(
        "c", make_series("2026-11-25 09:00", uid="c", show_as=ShowAs.OUT_OF_OFFICE)
    )
    house.calendar().put("d", make_series("2026-11-26 09:00", uid="d", origin="0123456789abcdef"))
    published = make_series("2026-11-26 12:00", uid=PUBLISHED, origin="0123456789abcdef")
    house.calendar().put("p", published)
    house.calendar().put(
        "e", make_series("2026-11-27 09:00", uid="e", self_partstat=PartStat.DECLINED)
    )
    house.calendar().put("f", make_series(day, uid="f"))
    house.calendar().put("g", make_series(at("2026-12-01 09:00", BERLIN), uid="g"))
    floating = Event(uid="h", start=Floating(nine), end=Floating(ten))
    house.calendar().put("h", EventSeries(uid="h", master=floating))
    house.pull()
    uids = [*"abcdefgh", PUBLISHED]
    before, blocks = [house.explain(uid=it) for it in uids], house.blocks()
    state = house.state()
    house.ingest.rebuild("room-a", house.now)
    assert [house.explain(uid=it) for it in uids] == before
    assert (house.blocks(), house.state()) == (blocks, state)
    assert [it[0].reason for it in before] == [
        "event type focusTime",
        "event type birthday",
        "out of office",
        "busy; written by this BusyBridge, but for no booking of this resource that it knows",
        "declined",
        "busy",
        "busy",
        "busy",
        "written by this BusyBridge",
    ]
    assert datetime.fromtimestamp(before[5][0].start or 0, UTC).hour == 23
